"""What becomes of each thing that points at a user who is erased, and how that is done and proved.

The row of the user stays, empty, so that what others did with them keeps its sense; the id then
leads to nobody. Taken as the person's: their account and settings, what they wrote, said and
uploaded anywhere, the events that tell of them, and what moderators wrote about them. Words are
always somebody's: the database keeps none without an author. Left as it is: what others wrote, even
where they name them, and the names of servers, channels, roles and groups, which are a community's.

Every foreign key to users has a line in POLICY, and a test asks the database for the list of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from chat.models.users import ERASED_PREFIX


class Policy(StrEnum):
    """What happens to a reference to the user."""

    # It stays and leads to the empty row; what was personal beside it is blanked by _TRACES.
    KEEP = "keep"
    # It becomes NULL, or names another.
    BLANK = "blank"
    # The row goes.
    DELETE = "delete"


POLICY: Mapping[tuple[str, str], Policy] = {
    ("admin_access_log", "actor_id"): Policy.KEEP,
    ("audit_log", "actor_id"): Policy.KEEP,
    ("bans", "actor_id"): Policy.KEEP,
    ("bans", "user_id"): Policy.DELETE,
    ("channel_permissions", "user_id"): Policy.DELETE,
    ("channels", "owner_id"): Policy.BLANK,
    ("channels", "pair_high_id"): Policy.KEEP,
    ("channels", "pair_low_id"): Policy.KEEP,
    ("django_admin_log", "user_id"): Policy.DELETE,
    ("invites", "creator_id"): Policy.DELETE,
    ("member_roles", "user_id"): Policy.DELETE,
    ("mentions", "user_id"): Policy.DELETE,
    ("message_attachments", "uploader_id"): Policy.DELETE,
    ("message_revisions", "editor_id"): Policy.KEEP,
    ("messages", "author_id"): Policy.KEEP,
    ("messages", "deleted_by_id"): Policy.KEEP,
    ("messages", "pinned_by_id"): Policy.KEEP,
    ("participants", "user_id"): Policy.KEEP,
    ("reactions", "user_id"): Policy.DELETE,
    ("read_states", "user_id"): Policy.DELETE,
    # Except in a deleted server of their own, whose owner has to be a member: emptied there.
    ("server_members", "user_id"): Policy.KEEP,
    ("servers", "owner_id"): Policy.KEEP,
    ("user_preferences", "user_id"): Policy.DELETE,
    ("user_sessions", "user_id"): Policy.DELETE,
    ("users_groups", "user_id"): Policy.DELETE,
    ("users_user_permissions", "user_id"): Policy.DELETE,
}


@dataclass(frozen=True, slots=True)
class _Trace:
    """Rows with something personal: the statement that empties or deletes them, and the proof.

    What nobody may take back is emptied by the function purge_erased_user(), and only proved here.
    """

    deed: sql.Composed
    proof: sql.Composed


def _trace(
    table: str,
    found: LiteralString | sql.Composable,
    *,
    emptied: LiteralString = "",
    left: LiteralString = "true",
    returning: LiteralString = "",
    name: str = "",
) -> _Trace:
    """Return the trace for the rows that `found` finds: set to what is `emptied`, or deleted.

    Of rows that stay, those that also meet `left` still hold something.
    """
    rows = found if isinstance(found, sql.Composable) else sql.SQL(found)
    known = sql.Identifier(table)
    deed = (
        sql.SQL("UPDATE {} SET {} WHERE {}").format(known, sql.SQL(emptied), rows)
        if emptied
        else sql.SQL("DELETE FROM {} WHERE {}").format(known, rows)
    )
    if returning:
        deed += sql.SQL(" RETURNING ") + sql.SQL(returning)
    proof = sql.SQL("(SELECT {} FROM {} WHERE {} AND {} LIMIT 1)").format(
        sql.Literal(name or table), known, rows, sql.SQL(left)
    )
    return _Trace(deed=deed, proof=proof)


_SPACES: LiteralString = """
    SELECT space_id FROM server_members WHERE user_id = %(user)s
    UNION ALL
    SELECT space_id FROM participants WHERE user_id = %(user)s
"""

# The name above all: for the change of a unique key alone, on every copy of the row that a cluster
# has, waits whoever is just writing a row that leads to the user. What was written before is there
# for the steps that follow; what comes after is refused by triggers.
_ACCOUNT: LiteralString = """
    UPDATE users
    SET
        username = %(prefix)s || left(replace(id::text, '-', ''), 25),
        display_name = '',
        email = NULL,
        bio = '',
        avatar_key = NULL,
        password = '!',
        last_login = NULL,
        is_active = false,
        is_staff = false,
        is_superuser = false,
        updated_at = statement_timestamp(),
        erased_at = statement_timestamp()
    WHERE id = %(user)s
    RETURNING erased_at
"""

# Those that the user uploaded, and whatever else hangs on their messages.
_FILES = _trace(
    "message_attachments",
    """
    id IN (
        SELECT id FROM message_attachments WHERE uploader_id = %(user)s
        UNION ALL
        SELECT file.id
        FROM messages AS message
        INNER JOIN message_attachments AS file
            ON file.space_id = message.space_id AND file.message_id = message.id
        WHERE message.author_id = %(user)s
    )
    """,
    returning="id, storage_key",
)
# Invites with their codes, what edits replaced, and reasons in the audit log: from what nobody else
# may take anything back (0005_guard_people). Last, after all for which a moderator is waited.
_PURGE: LiteralString = "SELECT purge_erased_user(%(user)s)"
_PURGED: tuple[_Trace, ...] = (
    _trace("invites", "creator_id = %(user)s"),
    _trace(
        "message_revisions",
        """
            (space_id, message_id) IN (
                SELECT space_id, id FROM messages WHERE author_id = %(user)s
            )
        """,
    ),
    _trace(
        "audit_log",
        """
            reason <> ''
            AND (
                actor_id = %(user)s
                OR (target_type = 'user' AND target_id = %(user)s)
                OR jsonb_path_exists(
                    changes, '$.*[*] ? (@ == $user)', jsonb_build_object('user', %(user)s::uuid)
                )
                OR target_id IN (SELECT id FROM messages WHERE author_id = %(user)s)
            )
        """,
        emptied="reason = ''",
    ),
)
# Django's admin keeps what each object was called, in the log of whoever looked after it: of a user
# the name at that time, which may be an earlier one, and somebody else's by now.
_ADMIN_TITLES: LiteralString = """
    WITH titled AS MATERIALIZED (
        SELECT id, object_id, object_repr
        FROM django_admin_log
        WHERE object_id = ANY (%(objects)s)
        FOR UPDATE
    )
    UPDATE django_admin_log AS entry
    SET object_repr = '', change_message = ''
    FROM titled
    WHERE entry.id = titled.id
    RETURNING CASE WHEN titled.object_id = %(user)s::text THEN lower(titled.object_repr) ELSE '' END
"""
# By itself: on a cluster the log of the admin is on one machine, and users are on each.
_OTHERS_NAMES: LiteralString = """
    SELECT username FROM users WHERE username = ANY (%(names)s) AND id <> %(user)s
"""

# In this order: a mark is written under the lock on the row by which its reader is there.
_TRACES: tuple[_Trace, ...] = (
    _trace(
        "participants",
        "user_id = %(user)s",
        emptied="left_at = coalesce(left_at, %(now)s::timestamptz)",
        left="left_at IS NULL",
    ),
    # A deleted server has its owner for a member still: the key asks for it.
    _trace(
        "server_members",
        """
            user_id = %(user)s
            AND NOT EXISTS (
                SELECT
                FROM servers AS own
                WHERE
                    own.space_id = server_members.space_id
                    AND own.owner_id = %(user)s
                    AND own.deleted_at IS NOT NULL
            )
        """,
    ),
    _trace(
        "server_members",
        "user_id = %(user)s",
        emptied="nickname = NULL, timed_out_until = NULL",
        left="num_nonnulls(nickname, timed_out_until) > 0",
    ),
    # A group goes on under whoever has been in it the longest.
    _trace(
        "channels",
        "owner_id = %(user)s AND space_id = ANY (%(spaces)s::uuid[])",
        emptied="""
            owner_id = (
                SELECT participant.user_id
                FROM participants AS participant
                WHERE
                    participant.space_id = channels.space_id
                    AND participant.user_id <> %(user)s
                    AND participant.left_at IS NULL
                ORDER BY participant.created_at, participant.id
                LIMIT 1
            )
        """,
        name="channels.owner_id",
    ),
    # Messages keep their place, deleted and empty.
    _trace(
        "messages",
        """
            author_id = %(user)s
            AND (content <> '' OR deleted_at IS NULL OR pinned_at IS NOT NULL)
        """,
        emptied="""
            content = '',
            pinned_at = NULL,
            pinned_by_id = NULL,
            deleted_at = coalesce(deleted_at, %(now)s::timestamptz)
        """,
    ),
    _trace(
        "mentions",
        """
            (space_id, channel_id, seq) IN (
                SELECT space_id, channel_id, seq FROM messages WHERE author_id = %(user)s
            )
        """,
    ),
    _trace("bans", "actor_id = %(user)s AND reason <> ''", emptied="reason = ''"),
)

# Looked for in the user's spaces: no index leads to them by the user alone.
_BY_SPACE = {"member_roles", "read_states"}
# What returns something has a trace of its own.
_OWN = {"invites", "message_attachments"}

_REFERENCES = tuple(
    _trace(
        table,
        sql.SQL("{} = %(user)s").format(sql.Identifier(column))
        + sql.SQL(" AND space_id = ANY (%(spaces)s::uuid[])" if table in _BY_SPACE else ""),
        name=f"{table}.{column}",
    )
    for (table, column), policy in POLICY.items()
    if policy is Policy.DELETE and table not in _OWN
)

# Failed log-ins, which django-axes keeps by the name that was typed, and removes when they count
# no more.
_LOGIN_STEPS: tuple[LiteralString, ...] = (
    """
    DELETE FROM axes_accessattemptexpiration AS expiration
    USING axes_accessattempt AS attempt
    WHERE attempt.id = expiration.access_attempt_id AND lower(attempt.username) = ANY (%(names)s)
    """,
    "DELETE FROM axes_accessattempt WHERE lower(username) = ANY (%(names)s)",
    "DELETE FROM axes_accessfailurelog WHERE lower(username) = ANY (%(names)s)",
    "DELETE FROM axes_accesslog WHERE lower(username) = ANY (%(names)s)",
)

_ACCOUNT_LEFT: LiteralString = """
    SELECT 'users' FROM users WHERE id = %(user)s AND erased_at IS NULL
"""
# Not in the database but in the file store, where nobody would look for it again.
_FILES_LEFT: LiteralString = """
    SELECT 'the file store (discarded_files lacks a key: is a trigger off?)' WHERE (
        SELECT count(DISTINCT storage_key)
        FROM discarded_files
        WHERE storage_key = ANY (%(files)s) AND storage_key <> ''
    ) < (
        SELECT count(DISTINCT storage_key)
        FROM unnest(%(files)s::text[]) AS file (storage_key)
        WHERE storage_key <> ''
    )
"""


def empty_account(connection: BaseDatabaseWrapper, user: UUID) -> datetime:
    """Empty the user's own row, so that nothing new comes to point at it: one statement.

    Returns the moment of the erasure.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNT, {"user": user, "prefix": ERASED_PREFIX})
        moment: datetime = cursor.fetchone()[0]
    return moment


def empty_everything(
    connection: BaseDatabaseWrapper, user: UUID, *, now: datetime, names: Sequence[str]
) -> tuple[list[UUID], list[str]]:
    """Carry out the policy; return the spaces where the user was, and the keys of files to remove.

    `names` are what the user logged in by; earlier ones are added where the admin's log has them.

    The caller has emptied the user's own row. Locks each row that it changes.
    """
    spaces = _spaces_of(connection, user)
    params: dict[str, Any] = {"user": user, "spaces": spaces, "now": now}
    with connection.cursor() as cursor:
        for trace in _TRACES:
            cursor.execute(trace.deed, params)
        cursor.execute(_PURGE, params)
        invites = cursor.fetchone()[0]
        cursor.execute(_FILES.deed, params)
        files = dict(cursor.fetchall())
        for trace in _REFERENCES:
            cursor.execute(trace.deed, params)
        objects = [str(each) for each in (user, *files, *invites)]
        cursor.execute(_ADMIN_TITLES, {**params, "objects": objects})
        known_names = {name.lower() for name in names}
        earlier = {title for (title,) in cursor.fetchall()} - known_names - {""}
        if earlier:
            cursor.execute(_OTHERS_NAMES, {"user": user, "names": sorted(earlier)})
            known_names |= earlier.difference(name for (name,) in cursor.fetchall())
        for step in _LOGIN_STEPS:
            cursor.execute(step, {"names": sorted(known_names)})
    return spaces, list(files.values())


def what_is_left(
    connection: BaseDatabaseWrapper,
    user: UUID,
    *,
    spaces: Sequence[UUID] | None = None,
    files: Sequence[str] = (),
) -> list[str]:
    """Return where something personal is left, which is nowhere: one statement.

    `spaces` are those where the user was, without which one statement more asks for where they
    are; `files` the keys that `discarded_files` has to know.
    """
    params: dict[str, Any] = {
        "user": user,
        "spaces": _spaces_of(connection, user) if spaces is None else list(spaces),
        "files": list(files),
    }
    traces = (_FILES, *_TRACES, *_PURGED, *_REFERENCES)
    proofs = [*(trace.proof for trace in traces), sql.SQL(_ACCOUNT_LEFT), sql.SQL(_FILES_LEFT)]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ").join(proofs), params)
        return sorted(row[0] for row in cursor.fetchall())


def _spaces_of(connection: BaseDatabaseWrapper, user: UUID) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_SPACES, {"user": user})
        return [row[0] for row in cursor.fetchall()]
