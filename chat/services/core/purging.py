"""Messages of servers and conversations, and whole servers, purged for good in batches.

And what has expired.

No service for an actor: nobody is asked for a permission but the role of the database, which has
to be the owner of the tables to purge. Each batch is a transaction of its own, so whatever stops
between two keeps what was done, and the next run begins at the lowest number that is left.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from django.db import connections, transaction

from chat.db.distributed import is_distributed
from chat.db.statements import Statement, read_sql
from chat.services.core.use_case import use_case, write_alias

# Channels that one statement looks into, and conversations that a batch may lock. Each in a
# transaction of its own, 5,000 with four old messages each took five times the processor time.
_PLACES_AT_ONCE = 100


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

    And the time of the database, by which rows are dated: this machine's clock may be wrong.
    """

    role: str
    owner: str
    may_purge: bool
    now: datetime


class OldMessages(NamedTuple):
    """How many messages of a channel with numbers after one and up to another are old.

    And the last number that was looked at for that, and how many there were.
    """

    space_id: UUID
    channel_id: UUID
    after: int
    upto: int
    messages: int
    last: int
    seen: int


class HeldError(Exception):
    """The space is under a legal hold, is kept longer, is not deleted any more, or is gone."""


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


def spaces_at_once() -> int:
    """Return of how many conversations a batch may take messages: on a cluster, of one."""
    return 1 if is_distributed(write_alias()) else _PLACES_AT_ONCE


def old_messages(
    spaces: Sequence[UUID], *, before: datetime | None, batch: int
) -> Iterator[OldMessages]:
    """Yield the messages of spaces that are older than a moment, or all, `batch` or less each time.

    A channel is left at the first `batch` numbers of which none is older: numbers follow the order
    of time. A message that says an earlier time than those before it goes when they go. One
    statement for the channels, and one for each `batch` numbers of a hundred of them.
    """
    using = write_alias()
    channels = iter(_CHANNELS.tuples({"spaces": list(spaces)}, using=using))
    while places := list(islice(channels, _PLACES_AT_ONCE)):
        while places:
            of_spaces, of_channels, after = map(list, zip(*places, strict=True))
            found = _OLD_MESSAGES.rows(
                {
                    "spaces": of_spaces,
                    "channels": of_channels,
                    "after": after,
                    "before": before,
                    "limit": batch,
                },
                using=using,
            )
            yield from found
            places = [
                (part.space_id, part.channel_id, part.last) for part in found if part.seen == batch
            ]


def batches(parts: Iterable[OldMessages], *, most: int) -> Iterator[list[OldMessages]]:
    """Yield the parts in their order, together as many as have no more messages than `most`."""
    batch: list[OldMessages] = []
    messages = 0
    for part in parts:
        messages += part.messages
        if messages > most and batch:
            yield batch
            batch, messages = [], part.messages
        batch.append(part)
    if batch:
        yield batch


@use_case
def purge_messages(
    batch: Sequence[OldMessages], *, before: datetime | None, retention_days: int | None = None
) -> int:
    """Purge what `old_messages` found, in one transaction, and return how many messages that were.

    `retention_days` are those of the server's policy, where the moment comes from it: whoever makes
    them more, or takes them away, while this runs is heeded. Locks the servers FOR SHARE by id, the
    conversations likewise, the counters of the channels by id, for which sends wait, and then the
    messages. Raises: HeldError, when one of the spaces may not be purged any more; as `use_case`.
    """
    using = write_alias()
    places = {
        "spaces": [part.space_id for part in batch],
        "channels": [part.channel_id for part in batch],
    }
    _begin_purge(set(places["spaces"]), is_whole=before is None, retention_days=retention_days)
    _LOCK_COUNTERS.run(places, using=using)
    return _PURGE.run(
        {
            **places,
            "after": [part.after for part in batch],
            "upto": [part.upto for part in batch],
            "before": before,
        },
        using=using,
    )


def purge_emptied_server(space: UUID, *, batch: int) -> None:
    """Purge a deleted server without messages, with all else that is in it, in batches.

    Only the keys of its files stay. Raises: HeldError, when it is not deleted, or held; as
    `use_case`.
    """
    for statement in _IN_BATCHES:
        while _purge_rows(statement, space, batch=batch) == batch:
            pass
    _purge_rows(_SERVER, space, batch=1)


@use_case
def _purge_rows(statement: Statement[Any], space: UUID, *, batch: int) -> int:
    _begin_purge({space}, is_whole=True)
    return statement.run({"space": space, "limit": batch}, using=write_alias())


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


def _begin_purge(
    spaces: Collection[UUID], *, is_whole: bool, retention_days: int | None = None
) -> None:
    using = write_alias()
    with connections[using].cursor() as cursor:
        cursor.execute("SET LOCAL chat.purge = 'on'")
    where = {"spaces": list(spaces), "days": retention_days}
    deleted = _LOCK_SERVERS.values(where, using=using)
    if len(deleted) < len(spaces):
        deleted += _LOCK_CONVERSATIONS.values(where, using=using)
    if len(deleted) < len(spaces) or (is_whole and not all(deleted)):
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
# Marks for a cluster: a statement about several spaces runs once for each.
_LOCK_SERVERS = Statement(
    """
    -- spaces on a cluster: SELECT unnest(%(spaces)s::uuid[])
    SELECT deleted_at IS NOT NULL
    FROM public.servers
    WHERE
        space_id = ANY (%(spaces)s::uuid[])
        -- on a cluster: AND space_id = %(space)s
        AND legal_hold_at IS NULL
        AND (%(days)s::integer IS NULL OR retention_days <= %(days)s)
    ORDER BY space_id
    FOR SHARE
    """
)
_LOCK_CONVERSATIONS = Statement(
    """
    -- spaces on a cluster: SELECT unnest(%(spaces)s::uuid[])
    SELECT deleted_at IS NOT NULL
    FROM public.channels
    WHERE
        space_id = ANY (%(spaces)s::uuid[])
        -- on a cluster: AND space_id = %(space)s
        AND id = space_id
        AND server_id IS NULL
        AND legal_hold_at IS NULL
    ORDER BY space_id
    FOR SHARE
    """
)
_CHANNELS = Statement(
    """
    -- spaces on a cluster: SELECT unnest(%(spaces)s::uuid[])
    SELECT space_id, channel_id, first_seq - 1
    FROM public.channel_counters
    WHERE
        space_id = ANY (%(spaces)s::uuid[])
        -- on a cluster: AND space_id = %(space)s
        AND first_seq <= last_seq
    ORDER BY channel_id
    """
)
_OLD_MESSAGES = Statement(read_sql("services/sql/old_messages.sql"), OldMessages)
# Before the messages: whoever sends an answer holds the counter when they come to the message. In
# the order of imports, and of the trigger that moves first_seq.
_LOCK_COUNTERS = Statement(
    """
    -- spaces on a cluster: SELECT DISTINCT unnest(%(spaces)s::uuid[]) ORDER BY 1
    SELECT
    FROM
        unnest(%(spaces)s::uuid[], %(channels)s::uuid[]) AS place (space_id, channel_id)
        INNER JOIN public.channel_counters AS counter
            ON
                counter.space_id = place.space_id
                AND counter.channel_id = place.channel_id
    ORDER BY counter.channel_id
    FOR NO KEY UPDATE OF counter
    """
)
_PURGE = Statement(
    """
    -- spaces on a cluster: SELECT DISTINCT unnest(%(spaces)s::uuid[])
    DELETE FROM public.messages AS message
    USING
        unnest(%(spaces)s::uuid[], %(channels)s::uuid[], %(after)s::bigint[], %(upto)s::bigint[])
            AS place (space_id, channel_id, after, upto)
    WHERE
        message.space_id = place.space_id
        AND message.channel_id = place.channel_id
        AND message.seq > place.after
        AND message.seq <= place.upto
        AND (%(before)s::timestamptz IS NULL OR message.created_at < %(before)s)
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
