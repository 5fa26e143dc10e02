"""Random servers and conversations, written into the database with COPY."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

from django.db import connection

from tests.access.servers import Channel, Conversation, Server


def store(servers: Sequence[Server], conversations: Sequence[Conversation] = ()) -> None:
    """Write the servers, conversations and their users; to be called in a transaction."""
    users = {user_id for server in servers for user_id in _people(server)}
    _copy(
        "COPY users (id, username) FROM STDIN",
        ((user_id, f"user_{number}") for number, user_id in enumerate(sorted(users))),
    )
    _copy(
        "COPY servers (id, space_id, name, owner_id) FROM STDIN",
        ((at.id, at.id, "Server", at.owner_id) for at in servers),
    )
    # The owners are members by the servers' own trigger.
    _copy(
        "COPY server_members (space_id, user_id, timed_out_until) FROM STDIN",
        (
            (at.id, member.user_id, member.timed_out_until)
            for at in servers
            for member in at.members
            if member.user_id != at.owner_id
        ),
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE server_members SET timed_out_until = %s WHERE space_id = %s AND user_id = %s",
            [
                (member.timed_out_until, at.id, member.user_id)
                for at in servers
                for member in at.members
                if member.user_id == at.owner_id
            ],
        )
    _copy(
        "COPY roles (space_id, id, name, position, permissions) FROM STDIN",
        (
            (at.id, role.id, "role", role.position, role.permissions)
            for at in servers
            for role in at.roles
        ),
    )
    _copy(
        "COPY member_roles (space_id, user_id, role_id) FROM STDIN",
        (
            (at.id, member.user_id, role_id)
            for at in servers
            for member in at.members
            for role_id in member.role_ids
        ),
    )
    _copy(
        "COPY channels (space_id, server_id, id, name, kind, parent_id, deleted_at) FROM STDIN",
        (
            (
                *(at.id, at.id, channel.id, "channel", channel.kind, channel.parent_id),
                _deleted_at(channel),
            )
            for at in servers
            for channel in at.channels
        ),
    )
    _copy(
        "COPY channels (space_id, id, kind, pair_low_id, pair_high_id, name, deleted_at) "
        "FROM STDIN",
        (
            (
                *(at.id, at.id, at.kind),
                *(sorted(at.present) if at.kind == "pair" else (None, None)),
                *("", _deleted_at(at)),
            )
            for at in conversations
        ),
    )
    _copy(
        "COPY participants (space_id, user_id, left_at) FROM STDIN",
        (
            (at.id, user_id, left_at)
            for at in conversations
            for people, left_at in ((at.present, None), (at.left, datetime.now(UTC)))
            for user_id in people
        ),
    )
    _copy(
        "COPY channel_permissions (space_id, channel_id, role_id, user_id, allow, deny) FROM STDIN",
        (
            (at.id, channel.id, *target, overwrite.allow, overwrite.deny)
            for at in servers
            for channel in at.channels
            for target, overwrite in [
                *(((role_id, None), rule) for role_id, rule in channel.of_roles.items()),
                *(((None, user_id), rule) for user_id, rule in channel.of_users.items()),
            ]
        ),
    )
    # Nobody joins a deleted server, and it gets no channel.
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE servers SET deleted_at = %s WHERE id = ANY (%s)",
            [datetime.now(UTC) - timedelta(days=1), [at.id for at in servers if at.is_deleted]],
        )


def _copy(statement: LiteralString, rows: Iterable[Sequence[object]]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _people(server: Server) -> Iterable[UUID]:
    for member in server.members:
        yield member.user_id
    for channel in server.channels:
        yield from channel.of_users


def _deleted_at(what: Channel | Conversation) -> datetime | None:
    return datetime.now(UTC) - timedelta(days=1) if what.is_deleted else None
