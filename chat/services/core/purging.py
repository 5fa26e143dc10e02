"""Messages of servers and conversations, and whole servers, purged for good in batches.

And what has expired.

No service for an actor: nobody is asked for a permission but the role of the database, which has
to be the owner of the tables to purge. Each batch is a transaction of its own, so whatever stops
between two keeps what was done, and the next run begins at the lowest number that is left.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from django.db import connections, transaction

from chat.db.statements import Statement, read_sql
from chat.services.core.use_case import write_alias


class Policy(NamedTuple):
    """For how many days a server keeps its messages, and whether it is held, or deleted.

    A conversation has no days of its own.
    """

    kind: str
    space_id: UUID
    retention_days: int | None
    is_held: bool
    is_deleted: bool


class Purger(NamedTuple):
    """The role that this is, the owner of the tables, and whether the role has its rights.

    And the time of the database, by which messages are dated: this machine's clock may be wrong.
    """

    role: str
    owner: str
    may_purge: bool
    now: datetime


class HeldError(Exception):
    """The server or conversation is under a legal hold, is not deleted any more, or is gone."""


def purger() -> Purger:
    """Return who would purge: one statement."""
    (found,) = _PURGER.rows({}, using=write_alias())
    return found


def policies(*, server: UUID | None = None) -> list[Policy]:
    """Return the policy of one server, or of all, in the order of their ids: one statement."""
    return _POLICIES.rows({"only": server}, using=write_alias())


def old_conversations(
    *, before: datetime, conversation: UUID | None = None, page: int = 1000
) -> Iterator[Policy]:
    """Yield the policy of each conversation whose first message is older than a moment, or of one.

    In the order of their ids; one statement for each page.
    """
    after = _BEFORE_ALL
    while True:
        found = _CONVERSATIONS.rows(
            {"before": before, "only": conversation, "after": after, "limit": page},
            using=write_alias(),
        )
        yield from found
        if len(found) < page:
            return
        after = found[-1].space_id


def purge_messages(
    space: UUID, *, before: datetime | None, batch: int, dry_run: bool = False
) -> Iterator[int]:
    """Purge the messages of a space that are older than a moment, or all; yield each batch's size.

    A channel is left at the first `batch` numbers of which none is older: numbers follow the order
    of time. A message that says an earlier time than those before it goes when they go.

    Locks in each batch the server or conversation FOR SHARE, the channel's counter, which a send
    waits for, and the messages. Raises: HeldError, before a batch, when it may not be purged any
    more.
    """
    using = write_alias()
    for channel, first in _CHANNELS.rows({"space": space}, using=using):
        after = first - 1
        while True:
            where = {"space": space, "channel": channel, "before": before, "after": after}
            with transaction.atomic(using=using):
                if not dry_run:
                    _begin_purge(space, is_whole=before is None)
                    _LOCK_COUNTER.run(where, using=using)
                seen, old, upto = _WINDOW.rows({**where, "limit": batch}, using=using)[0]
                if old and not dry_run:
                    _PURGE.run({**where, "upto": upto}, using=using)
            if old:
                yield old
            if not old or seen < batch:
                break
            after = upto


def purge_server(space: UUID, *, batch: int) -> Iterator[int]:
    """Purge a deleted server with all that is in it; yield each batch's number of messages.

    Only the keys of its files stay. Raises: HeldError, when it is not deleted, or held.
    """
    yield from purge_messages(space, before=None, batch=batch)
    using = write_alias()
    for statement in _IN_BATCHES:
        while True:
            with transaction.atomic(using=using):
                _begin_purge(space, is_whole=True)
                gone = statement.run({"space": space, "limit": batch}, using=using)
            if gone < batch:
                break
    with transaction.atomic(using=using):
        _begin_purge(space, is_whole=True)
        _SERVER.run({"space": space}, using=using)


def remove_expired_sessions() -> int:
    """Remove the sessions of users that have expired; return how many: one statement."""
    with transaction.atomic(using=write_alias()):
        return _EXPIRED_SESSIONS.run({}, using=write_alias())


def remove_expired_invites() -> int:
    """Remove the invites that have expired, but for those of a held server; return how many.

    Their codes stay known, so each leads nowhere, and is not given again. One statement.
    """
    with transaction.atomic(using=write_alias()):
        return _EXPIRED_INVITES.run({}, using=write_alias())


def _begin_purge(space: UUID, *, is_whole: bool) -> None:
    using = write_alias()
    with connections[using].cursor() as cursor:
        cursor.execute("SET LOCAL chat.purge = 'on'")
    where = {"space": space}
    deleted = _LOCK_SERVER.values(where, using=using) or _LOCK_CONVERSATION.values(
        where, using=using
    )
    if not deleted or (is_whole and not deleted[0]):
        raise HeldError


_PURGER = Statement(
    """
    SELECT
        current_user::text,
        pg_get_userbyid(relowner)::text,
        pg_has_role(relowner, 'USAGE'),
        statement_timestamp()
    FROM pg_class
    WHERE oid = 'public.messages'::regclass
    """,
    Purger,
)
# Of all servers at once, also on a cluster: so what may be given is not called the space.
_POLICIES = Statement(
    """
    SELECT
        'server', space_id, retention_days, legal_hold_at IS NOT NULL, deleted_at IS NOT NULL
    FROM public.servers
    WHERE %(only)s::uuid IS NULL OR space_id = %(only)s
    ORDER BY space_id
    """,
    Policy,
)
_BEFORE_ALL = UUID(int=0)
_CONVERSATIONS = Statement(read_sql("services/sql/old_conversations.sql"), Policy)
_LOCK_SERVER = Statement(
    """
    SELECT deleted_at IS NOT NULL
    FROM public.servers
    WHERE space_id = %(space)s AND legal_hold_at IS NULL
    FOR SHARE
    """
)
_CHANNELS = Statement(
    """
    SELECT channel_id, first_seq
    FROM public.channel_counters
    WHERE space_id = %(space)s AND first_seq <= last_seq
    ORDER BY channel_id
    """
)
_LOCK_CONVERSATION = Statement(
    """
    SELECT deleted_at IS NOT NULL
    FROM public.channels
    WHERE
        space_id = %(space)s AND id = %(space)s AND server_id IS NULL AND legal_hold_at IS NULL
    FOR SHARE
    """
)
# Before the messages: whoever sends an answer holds the counter when they come to the message.
_LOCK_COUNTER = Statement(
    """
    SELECT
    FROM public.channel_counters
    WHERE space_id = %(space)s AND channel_id = %(channel)s
    FOR NO KEY UPDATE
    """
)
# Along messages_seq_uq: how many of the next there are, how many are older, and up to which number.
_WINDOW = Statement(
    """
    SELECT
        count(*),
        count(*) FILTER (WHERE %(before)s::timestamptz IS NULL OR created_at < %(before)s),
        max(seq)
    FROM (
        SELECT seq, created_at FROM public.messages
        WHERE space_id = %(space)s AND channel_id = %(channel)s AND seq > %(after)s
        ORDER BY seq
        LIMIT %(limit)s
    ) AS next
    """
)
_PURGE = Statement(
    """
    DELETE FROM public.messages
    WHERE
        space_id = %(space)s
        AND channel_id = %(channel)s
        AND seq > %(after)s
        AND seq <= %(upto)s
        AND (%(before)s::timestamptz IS NULL OR created_at < %(before)s)
    """
)


# What there may be very many of; the rest goes with the server. In this order: marks go before the
# members whose they are, channels before what they are in, codes when no invite has them.
_BATCH_OF: LiteralString = """
    DELETE FROM public.{table}
    WHERE
        space_id = %(space)s
        AND {key} IN (
            SELECT {key} FROM public.{table}
            WHERE space_id = %(space)s {others}
            LIMIT %(limit)s
        )
"""
_IN_BATCHES = tuple(
    Statement(_BATCH_OF.replace("{table}", table).replace("{key}", key).replace("{others}", others))
    for table, key, others in (
        ("message_attachments", "id", ""),
        ("audit_log", "id", ""),
        ("invites", "id", ""),
        ("invite_codes", "code", ""),
        ("bans", "id", ""),
        ("read_states", "id", ""),
        ("member_roles", "id", ""),
        (
            "server_members",
            "user_id",
            # The key asks for the owner to the end.
            "AND user_id <> (SELECT owner_id FROM public.servers WHERE space_id = %(space)s)",
        ),
        ("channels", "id", "ORDER BY level DESC"),
    )
)
_SERVER = Statement("DELETE FROM public.servers WHERE space_id = %(space)s")

_EXPIRED_SESSIONS = Statement("DELETE FROM public.user_sessions WHERE expires_at < now()")
_EXPIRED_INVITES = Statement(
    """
    DELETE FROM public.invites AS invite
    USING public.servers AS server
    WHERE
        server.space_id = invite.space_id
        AND invite.expires_at < now()
        AND server.legal_hold_at IS NULL
    """
)
