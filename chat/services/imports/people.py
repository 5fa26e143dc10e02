"""Importing users, memberships and read marks."""

import re
from collections.abc import Iterable, Sequence
from uuid import UUID

from chat.db.statements import Statement
from chat.errors import InvalidInput, NotVisible
from chat.inputs import check_moment, check_name, check_number, check_text, check_uuid, id_of
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
from chat.services.core.use_case import unrepeated_use_case, write_alias
from chat.services.imports.checks import check_rows, check_unique
from chat.services.imports.copying import BEGIN_IMPORT, END_IMPORT, copy_rows, row_batches
from chat.services.imports.rows import MemberRow, ReadStateRow, UserRow

_USERNAME = re.compile(USERNAME_PATTERN)


@unrepeated_use_case
def import_users(*, users: Sequence[UserRow]) -> int:
    """Insert users, all of them or none, and return how many are new.

    A user whose id is known already is skipped. Two statements for each 10,000, three when only
    some have a created_at. Raises: InvalidInput; DatabaseRefused, when a name is somebody else's;
    Conflict, which is never retried here, because an iterable cannot be read twice.
    """
    done = start = 0
    for batch in row_batches("users", users, UserRow, _check_user):
        check_unique("users", [row.id for row in batch], column="id", start=start)
        check_unique("users", [row.username for row in batch], column="username", start=start)
        start += len(batch)
        there = set(_USERS.values({"ids": [row.id for row in batch]}, using=write_alias()))
        news = [row for row in batch if row.id not in there]
        _copy_users([row for row in news if row.created_at is None], with_moment=False)
        _copy_users([row for row in news if row.created_at is not None], with_moment=True)
        done += len(news)
    return done


@unrepeated_use_case
def import_members(*, server: Server | UUID, members: Sequence[MemberRow]) -> int:
    """Insert members of a server with their roles, all of them or none; return how many are new.

    A user who is a member already is skipped, with their roles. For a new one everything is unread,
    until import_read_states says how far they have read. One statement, and for each 10,000 members
    two to six: by whether some have roles, and only some a joined_at. Raises: InvalidInput;
    NotVisible, when there is no such server; DatabaseRefused, for somebody banned, an unknown user,
    or a role of another server.
    """
    server_id = id_of("server", server, Server)
    if not Server.objects.using(write_alias()).filter(pk=server_id).exists():
        raise NotVisible("server", server_id)
    done = start = 0
    for batch in row_batches("members", members, MemberRow, _check_member):
        check_unique("members", [row.user for row in batch], column="user", start=start)
        start += len(batch)
        params = {"server": server_id, "users": [row.user for row in batch]}
        there = set(_MEMBERS.values(params, using=write_alias()))
        news = [row for row in batch if row.user not in there]
        for has_moment in (False, True):
            _copy_members(
                server_id,
                [row for row in news if bool(row.joined_at) is has_moment],
                has_moment=has_moment,
            )
        given = [(server_id, row.user, role) for row in news for role in dict.fromkeys(row.roles)]
        if given:
            BEGIN_IMPORT.run({}, using=write_alias())
            copy_rows(
                "member_roles", ["space_id", "user_id", "role_id"], given, using=write_alias()
            )
            END_IMPORT.run({}, using=write_alias())
        done += len(news)
    return done


@unrepeated_use_case
def import_read_states(*, states: Iterable[ReadStateRow]) -> int:
    """Insert read marks of users in channels and conversations; return how many.

    Two statements for each 10,000. Raises: InvalidInput; NotVisible, when there is no such channel;
    DatabaseRefused, for a mark that is there already, that passes the newest message, or that is of
    somebody who is not in the server or the conversation.
    """
    done = 0
    for batch in row_batches("states", states, ReadStateRow, _check_read_state):
        channels = {row.channel for row in batch}
        spaces = dict(_SPACES.tuples({"channels": list(channels)}, using=write_alias()))
        for channel in channels - spaces.keys():
            raise NotVisible("channel", channel)
        copy_rows(
            "read_states",
            ["space_id", "user_id", "channel_id", "last_read_seq"],
            ((spaces[row.channel], *row) for row in batch),
            using=write_alias(),
        )
        done += len(batch)
    return done


def _check_user(user: UserRow) -> None:
    check_uuid("id", user.id)
    check_text("username", user.username, least=USERNAME_MINIMUM, most=USERNAME_LENGTH)
    if not _USERNAME.fullmatch(user.username) or user.username.startswith(ERASED_PREFIX):
        raise InvalidInput(
            "username",
            seen=repr(user.username),
            expected="lower-case letters, digits, underscores or dots, and not 'erased_…'",
        )
    check_name("display_name", user.display_name, least=0, most=DISPLAY_NAME_LENGTH)
    check_text("kind", user.kind, least=1, most=8)
    check_text("bio", user.bio, most=BIO_LENGTH)
    if user.created_at is not None:
        check_moment("created_at", user.created_at)


def _check_member(member: MemberRow) -> None:
    check_uuid("user", member.user)
    if member.nickname is not None:
        check_name("nickname", member.nickname, most=NICKNAME_LENGTH)
    if member.joined_at is not None:
        check_moment("joined_at", member.joined_at)
    check_rows("roles", member.roles, UUID, lambda role: role)


def _check_read_state(state: ReadStateRow) -> None:
    check_uuid("user", state.user)
    check_uuid("channel", state.channel)
    check_number("last_read_seq", state.last_read_seq, least=0, most=LARGEST_BIGINT)


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
        using=write_alias(),
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
        using=write_alias(),
    )


_USERS = Statement("SELECT id FROM users WHERE id = ANY (%(ids)s)")
_MEMBERS = Statement(
    "SELECT user_id FROM server_members WHERE space_id = %(server)s AND user_id = ANY (%(users)s)"
)
_SPACES = Statement("SELECT id, space_id FROM channels WHERE id = ANY (%(channels)s)")
