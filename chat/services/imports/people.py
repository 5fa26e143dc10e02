"""Users, memberships and read marks in bulk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connections

from chat.errors import InvalidInput, NotVisible
from chat.inputs import check_number, identify
from chat.models import Server
from chat.models.users import ERASED_PREFIX, USERNAME_PATTERN
from chat.rules.limits import (
    BIO_LENGTH,
    DISPLAY_NAME_LENGTH,
    LARGEST_BIGINT,
    NICKNAME_LENGTH,
    USERNAME_LENGTH,
    USERNAME_MINIMUM,
)
from chat.services.core.use_case import alias, use_case
from chat.services.imports.checks import (
    check_ids,
    check_moments,
    check_names,
    check_rows,
    check_texts,
    check_unique,
)
from chat.services.imports.copying import copy_rows, row_batches
from chat.services.imports.rows import MemberRow, ReadStateRow, UserRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_USERNAME = re.compile(USERNAME_PATTERN)


@use_case
def import_users(*, users: Sequence[UserRow]) -> int:
    """Add users, all of them or none, and return how many are new.

    A user whose id is there already is left as it is. Two statements for each
    10,000, three when only some have a created_at. Raises:
    InvalidInput; DatabaseRefused, when a name is somebody else's.
    """
    done = start = 0
    for batch in row_batches("users", users, UserRow):
        _check_users(batch, start=start)
        start += len(batch)
        there = _ids("SELECT id FROM users WHERE id = ANY (%s)", [row.id for row in batch])
        news = [row for row in batch if row.id not in there]
        _copy_users([row for row in news if row.created_at is None], with_moment=False)
        _copy_users([row for row in news if row.created_at is not None], with_moment=True)
        done += len(news)
    return done


@use_case
def import_members(*, server: Server | UUID, members: Sequence[MemberRow]) -> int:
    """Add members to a server with their roles, all of them or none; return how many are new.

    Who is a member already stays as they are and keeps the roles that they have. One statement, and
    for each 10,000 members two to four: by whether some have roles, and only some a joined_at.
    Raises: InvalidInput; NotVisible, when there is no such server; DatabaseRefused, for somebody
    banned, an unknown user, or a role of another server.
    """
    server_id = identify("server", server, Server)
    if not _ids("SELECT id FROM servers WHERE id = ANY (%s)", [server_id]):
        raise NotVisible("server", server_id)
    done = start = 0
    for batch in row_batches("members", members, MemberRow):
        _check_members(batch, start=start)
        start += len(batch)
        there = _ids(
            "SELECT user_id FROM server_members WHERE space_id = %s AND user_id = ANY (%s)",
            server_id,
            [row.user for row in batch],
        )
        news = [row for row in batch if row.user not in there]
        for has_moment in (False, True):
            _copy_members(
                server_id,
                [row for row in news if bool(row.joined_at) is has_moment],
                has_moment=has_moment,
            )
        given = [(server_id, row.user, role) for row in news for role in dict.fromkeys(row.roles)]
        if given:
            copy_rows("member_roles", ["space_id", "user_id", "role_id"], given, using=alias())
        done += len(news)
    return done


@use_case
def import_read_states(*, states: Iterable[ReadStateRow]) -> int:
    """Set how far people have read in channels and conversations without a mark; return how many.

    Two statements for each 10,000. Raises: InvalidInput; NotVisible, when there is no such channel;
    DatabaseRefused, for a mark that is there already, that passes the newest message, or that is of
    somebody who is not in the server or the conversation.
    """
    done = 0
    for batch in row_batches("states", states, ReadStateRow):
        check_ids("states.user", [row.user for row in batch], start=done)
        check_ids("states.channel", [row.channel for row in batch], start=done)
        for place, row in enumerate(batch, done):
            check_number(
                f"states[{place}].last_read_seq", row.last_read_seq, least=0, most=LARGEST_BIGINT
            )
        channels = {row.channel for row in batch}
        spaces = _spaces(channels)
        for channel in channels - spaces.keys():
            raise NotVisible("channel", channel)
        copy_rows(
            "read_states",
            ["space_id", "user_id", "channel_id", "last_read_seq"],
            ((spaces[row.channel], *row) for row in batch),
            using=alias(),
        )
        done += len(batch)
    return done


def _check_users(batch: Sequence[UserRow], *, start: int) -> None:
    check_ids("users.id", [row.id for row in batch], start=start)
    check_unique("users.id", [row.id for row in batch], start=start)
    check_texts(
        "users.username",
        [row.username for row in batch],
        least=USERNAME_MINIMUM,
        most=USERNAME_LENGTH,
        start=start,
    )
    check_unique("users.username", [row.username for row in batch], start=start)
    check_names(
        "users.display_name",
        [row.display_name for row in batch],
        least=0,
        most=DISPLAY_NAME_LENGTH,
        start=start,
    )
    check_texts("users.kind", [row.kind for row in batch], least=1, most=8, start=start)
    check_texts("users.bio", [row.bio for row in batch], most=BIO_LENGTH, start=start)
    check_moments("users.created_at", [row.created_at for row in batch], start=start)
    for place, row in enumerate(batch, start):
        if not _USERNAME.fullmatch(row.username) or row.username.startswith(ERASED_PREFIX):
            raise InvalidInput(
                f"users[{place}].username",
                seen=repr(row.username),
                expected="lower-case letters, digits, underscores or dots, and not 'erased_…'",
            )


def _check_members(batch: Sequence[MemberRow], *, start: int) -> None:
    check_ids("members.user", [row.user for row in batch], start=start)
    check_unique("members.user", [row.user for row in batch], start=start)
    check_names(
        "members.nickname",
        [row.nickname for row in batch],
        most=NICKNAME_LENGTH,
        start=start,
        optional=True,
    )
    check_moments("members.joined_at", [row.joined_at for row in batch], start=start)
    for place, row in enumerate(batch, start):
        check_rows(f"members[{place}].roles", row.roles, UUID)


def _copy_users(rows: Sequence[UserRow], *, with_moment: bool) -> None:
    if not rows:
        return
    # COPY gives a column its default only where the column is not named.
    moments = ["created_at", "updated_at"] if with_moment else []
    copy_rows(
        "users",
        ["id", "username", "display_name", "kind", "bio", *moments],
        (
            (row.id, row.username, row.display_name, row.kind, row.bio)
            + ((row.created_at, row.created_at) if with_moment else ())
            for row in rows
        ),
        using=alias(),
    )


def _copy_members(server_id: UUID, rows: Sequence[MemberRow], *, has_moment: bool) -> None:
    if not rows:
        return
    moments = ["joined_at"] if has_moment else []
    copy_rows(
        "server_members",
        ["space_id", "user_id", "nickname", *moments],
        (
            (server_id, row.user, row.nickname) + ((row.joined_at,) if has_moment else ())
            for row in rows
        ),
        using=alias(),
    )


def _ids(statement: str, *params: Any) -> set[UUID]:
    with connections[alias()].cursor() as cursor:
        cursor.execute(statement, params)
        return {row[0] for row in cursor.fetchall()}


def _spaces(channels: set[UUID]) -> dict[UUID, UUID]:
    with connections[alias()].cursor() as cursor:
        cursor.execute("SELECT id, space_id FROM channels WHERE id = ANY (%s)", [list(channels)])
        return dict(cursor.fetchall())
