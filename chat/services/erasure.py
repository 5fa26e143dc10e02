"""What becomes of each thing that points at a user who is erased, and how that is done and proved.

The row of the user stays, empty, so that what others did with them keeps its sense; the id then
leads to nobody. Taken as the person's: their account and settings, what they wrote, said and
uploaded anywhere, the events that tell of them, and what moderators wrote about them. Words are
always somebody's: the database keeps none without an author. Left as it is: what others wrote, even
where they name them, and the names of servers, channels, roles and groups, which are a community's.

Every foreign key to users has a line in POLICY, and a test asks the database for the list of them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, LiteralString

from psycopg import sql

from chat.models.users import ERASED_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from django.db.backends.base.base import BaseDatabaseWrapper


class Policy(StrEnum):
    """What happens to a reference to the user."""

    # It stays and leads to the empty row; what was personal beside it is blanked by STEPS.
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
    ("direct_conversations", "owner_id"): Policy.BLANK,
    ("direct_conversations", "pair_high_id"): Policy.KEEP,
    ("direct_conversations", "pair_low_id"): Policy.KEEP,
    ("direct_messages", "author_id"): Policy.KEEP,
    ("direct_messages", "deleted_by_id"): Policy.KEEP,
    ("direct_messages", "pinned_by_id"): Policy.KEEP,
    ("direct_participants", "user_id"): Policy.KEEP,
    ("django_admin_log", "user_id"): Policy.DELETE,
    ("invites", "creator_id"): Policy.DELETE,
    ("member_roles", "user_id"): Policy.DELETE,
    ("mentions", "user_id"): Policy.DELETE,
    ("message_attachments", "uploader_id"): Policy.DELETE,
    ("message_revisions", "editor_id"): Policy.KEEP,
    ("messages", "author_id"): Policy.KEEP,
    ("messages", "deleted_by_id"): Policy.KEEP,
    ("messages", "pinned_by_id"): Policy.KEEP,
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
"""

# Those that the user uploaded, and whatever else hangs on their messages.
_FILES: LiteralString = """
    DELETE FROM message_attachments
    WHERE id IN (
        SELECT id FROM message_attachments WHERE uploader_id = %(user)s
        UNION ALL
        SELECT file.id
        FROM messages AS post
        INNER JOIN message_attachments AS file
            ON file.space_id = post.server_id AND file.message_id = post.id
        WHERE post.author_id = %(user)s
        UNION ALL
        SELECT file.id
        FROM direct_messages AS post
        INNER JOIN message_attachments AS file
            ON file.space_id = post.conversation_id AND file.direct_message_id = post.id
        WHERE post.author_id = %(user)s
    )
    RETURNING id::text, storage_key
"""
_INVITES: LiteralString = "DELETE FROM invites WHERE creator_id = %(user)s RETURNING id::text"
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
    RETURNING
        CASE
            WHEN
                titled.object_id = %(user)s::text
                AND NOT EXISTS (
                    SELECT
                    FROM users AS other
                    WHERE other.username = lower(titled.object_repr) AND other.id <> %(user)s
                )
            THEN titled.object_repr
            ELSE ''
        END
"""

_STEPS: tuple[LiteralString, ...] = (
    # What moderators wrote of the user, of their invites and messages, or where an entry names them
    # among its changes; and the user of others. First, for it asks whose messages they speak of.
    """
    UPDATE audit_log
    SET reason = ''
    WHERE
        reason <> ''
        AND (
            actor_id = %(user)s
            OR (target_type = 'user' AND target_id = %(user)s)
            OR jsonb_path_exists(
                changes, '$.*[*] ? (@ == $user)', jsonb_build_object('user', %(user)s::uuid)
            )
            OR target_id = ANY (%(invites)s::uuid[])
            OR target_id IN (
                SELECT id FROM messages WHERE author_id = %(user)s
                UNION ALL
                SELECT id FROM direct_messages WHERE author_id = %(user)s
            )
        )
    """,
    "UPDATE bans SET reason = '' WHERE actor_id = %(user)s AND reason <> ''",
    # Messages keep their place, deleted and empty; then what the trigger keeps of an edit.
    """
    UPDATE messages
    SET
        content = '',
        pinned_at = NULL,
        pinned_by_id = NULL,
        deleted_at = coalesce(deleted_at, statement_timestamp())
    WHERE
        author_id = %(user)s
        AND (content <> '' OR deleted_at IS NULL OR pinned_at IS NOT NULL)
    """,
    """
    UPDATE direct_messages
    SET
        content = '',
        pinned_at = NULL,
        pinned_by_id = NULL,
        deleted_at = coalesce(deleted_at, statement_timestamp())
    WHERE
        author_id = %(user)s
        AND (content <> '' OR deleted_at IS NULL OR pinned_at IS NOT NULL)
    """,
    """
    DELETE FROM message_revisions AS revision
    USING messages AS post
    WHERE
        post.author_id = %(user)s
        AND revision.space_id = post.server_id
        AND revision.message_id = post.id
    """,
    """
    DELETE FROM message_revisions AS revision
    USING direct_messages AS post
    WHERE
        post.author_id = %(user)s
        AND revision.space_id = post.conversation_id
        AND revision.direct_message_id = post.id
    """,
    """
    DELETE FROM mentions AS mention
    USING messages AS post
    WHERE
        post.author_id = %(user)s
        AND mention.server_id = post.server_id
        AND mention.channel_id = post.channel_id
        AND mention.seq = post.seq
    """,
    # A group goes on under whoever has been in it the longest.
    """
    UPDATE direct_conversations AS conversation
    SET owner_id = (
        SELECT participant.user_id
        FROM direct_participants AS participant
        WHERE
            participant.conversation_id = conversation.id
            AND participant.user_id <> %(user)s
            AND participant.left_at IS NULL
        ORDER BY participant.created_at, participant.id
        LIMIT 1
    )
    WHERE conversation.owner_id = %(user)s
    """,
    """
    UPDATE direct_participants
    SET left_at = coalesce(left_at, statement_timestamp()), muted_until = NULL
    WHERE user_id = %(user)s AND (left_at IS NULL OR muted_until IS NOT NULL)
    """,
    # A deleted server has its owner for a member still: the key asks for it.
    """
    DELETE FROM server_members AS member
    WHERE
        user_id = %(user)s
        AND NOT EXISTS (
            SELECT
            FROM servers
            WHERE servers.id = member.server_id AND servers.owner_id = member.user_id
        )
    """,
    """
    UPDATE server_members
    SET nickname = NULL, timed_out_until = NULL
    WHERE user_id = %(user)s AND num_nonnulls(nickname, timed_out_until) > 0
    """,
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

# Each gives the name of a place where something is left; the columns of POLICY that are blanked or
# deleted are looked at beside them.
_LEFT: tuple[LiteralString, ...] = (
    """
    SELECT 'users' WHERE EXISTS (SELECT FROM users WHERE id = %(user)s AND erased_at IS NULL)
    """,
    """
    SELECT 'messages' WHERE EXISTS (
        SELECT FROM messages
        WHERE author_id = %(user)s AND (content <> '' OR deleted_at IS NULL)
    )
    """,
    """
    SELECT 'direct_messages' WHERE EXISTS (
        SELECT FROM direct_messages
        WHERE author_id = %(user)s AND (content <> '' OR deleted_at IS NULL)
    )
    """,
    """
    SELECT 'message_revisions' WHERE EXISTS (
        SELECT
        FROM messages AS post
        INNER JOIN message_revisions AS revision
            ON revision.space_id = post.server_id AND revision.message_id = post.id
        WHERE post.author_id = %(user)s
    )
    """,
    """
    SELECT 'message_revisions of direct messages' WHERE EXISTS (
        SELECT
        FROM direct_messages AS post
        INNER JOIN message_revisions AS revision
            ON revision.space_id = post.conversation_id AND revision.direct_message_id = post.id
        WHERE post.author_id = %(user)s
    )
    """,
    """
    SELECT 'message_attachments' WHERE EXISTS (
        SELECT
        FROM messages AS post
        INNER JOIN message_attachments AS file
            ON file.space_id = post.server_id AND file.message_id = post.id
        WHERE post.author_id = %(user)s
    )
    """,
    """
    SELECT 'mentions of messages' WHERE EXISTS (
        SELECT
        FROM messages AS post
        INNER JOIN mentions AS mention
            ON
                mention.server_id = post.server_id
                AND mention.channel_id = post.channel_id
                AND mention.seq = post.seq
        WHERE post.author_id = %(user)s
    )
    """,
    """
    SELECT 'server_members' WHERE EXISTS (
        SELECT
        FROM server_members AS member
        INNER JOIN servers AS server ON server.id = member.server_id
        WHERE
            member.user_id = %(user)s
            AND (
                server.owner_id <> member.user_id
                OR server.deleted_at IS NULL
                OR num_nonnulls(member.nickname, member.timed_out_until) > 0
            )
    )
    """,
    """
    SELECT 'direct_participants' WHERE EXISTS (
        SELECT FROM direct_participants WHERE user_id = %(user)s AND left_at IS NULL
    )
    """,
    """
    SELECT 'audit_log' WHERE EXISTS (
        SELECT FROM audit_log
        WHERE
            reason <> ''
            AND (
                actor_id = %(user)s
                OR (target_type = 'user' AND target_id = %(user)s)
                OR jsonb_path_exists(
                    changes, '$.*[*] ? (@ == $user)', jsonb_build_object('user', %(user)s::uuid)
                )
            )
    )
    """,
    """
    SELECT 'bans' WHERE EXISTS (
        SELECT FROM bans WHERE actor_id = %(user)s AND reason <> ''
    )
    """,
    # Not in the database but in the file store, where nobody would look for it again.
    """
    SELECT 'the file store (discarded_files lacks a key: is a trigger off?)' WHERE EXISTS (
        SELECT
        FROM unnest(%(files)s::text[]) AS file (storage_key)
        WHERE
            file.storage_key <> ''
            AND NOT EXISTS (
                SELECT FROM discarded_files AS known WHERE known.storage_key = file.storage_key
            )
    )
    """,
)


def empty_everything(
    connection: BaseDatabaseWrapper, user: UUID, *, names: Sequence[str]
) -> list[str]:
    """Carry out the policy, the user's own row last, and return the keys of files to remove.

    `names` are what the user logs in by; earlier ones are added where the admin's log has them.

    The caller has locked the user's row, so that nothing new comes to point at it. Locks each row
    that it changes.
    """
    params = {"user": user}
    with connection.cursor() as cursor:
        # Lets what an edit replaced be deleted, and the reasons in the audit log be emptied.
        cursor.execute("SELECT set_config('chat.purge', 'on', true)")
        cursor.execute(_FILES, params)
        files = dict(cursor.fetchall())
        cursor.execute(_INVITES, params)
        invites = [row[0] for row in cursor.fetchall()]
        cursor.execute(_ADMIN_TITLES, {**params, "objects": [str(user), *files, *invites]})
        known_names = {name.lower() for name in [*names, *(row[0] for row in cursor.fetchall())]}
        for step in _STEPS:
            cursor.execute(step, {**params, "invites": invites})
        for (table, column), policy in POLICY.items():
            if policy is Policy.DELETE:
                cursor.execute(_delete(table, column), params)
        for step in _LOGIN_STEPS:
            cursor.execute(step, {"names": sorted(known_names - {""})})
        cursor.execute("SELECT set_config('chat.purge', 'off', true)")
        cursor.execute(_ACCOUNT, {**params, "prefix": ERASED_PREFIX})
    return list(files.values())


def what_is_left(
    connection: BaseDatabaseWrapper, user: UUID, *, files: Sequence[str] = ()
) -> list[str]:
    """Return where something personal is left, which is nowhere: one statement.

    `files` are the keys that `discarded_files` has to know.
    """
    references = [
        _where_found(table, column)
        for (table, column), policy in POLICY.items()
        if policy is not Policy.KEEP
    ]
    query = sql.SQL(" UNION ALL ").join([*references, *map(sql.SQL, _LEFT)])
    with connection.cursor() as cursor:
        cursor.execute(query, {"user": user, "files": list(files)})
        return sorted(row[0] for row in cursor.fetchall())


def _delete(table: str, column: str) -> sql.Composed:
    return sql.SQL("DELETE FROM {} WHERE {} = {}").format(
        sql.Identifier(table), sql.Identifier(column), sql.Placeholder("user")
    )


def _where_found(table: str, column: str) -> sql.Composed:
    return sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {} WHERE {} = {})").format(
        sql.Literal(f"{table}.{column}"),
        sql.Identifier(table),
        sql.Identifier(column),
        sql.Placeholder("user"),
    )
