"""View, function, fragment and Python say the same, of any server and any conversation.

That is `channel_access`, `channel_permissions`, sql/places.sql and `rules.resolution.resolve`.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from random import Random, SystemRandom
from uuid import UUID

import pytest
from django.db import IntegrityError, connection

from chat.db.statements import Statement, read_sql
from chat.queries.source import of_space
from chat.rules.permissions import Permission
from tests.access.questions import Question, branches, questions
from tests.access.servers import random_conversations, random_servers
from tests.access.storage import store
from tests.chat.sql import execute

pytestmark = pytest.mark.django_db

FIXED_SEED = 20240229
# Every rule that must decide at least so many of the questions, lest a test prove nothing.
ENOUGH = 100
BRANCHES = {
    "administrator by a role",
    "administrator by everyone's role",
    "administrator in a timeout",
    "administrator in an overwrite",
    "bit 47 in a role",
    "bit 47 in an overwrite",
    "channel deleted",
    "channel in a deleted category",
    "channel with the right to send",
    "channel without the right to send",
    "conversation deleted",
    "everyone's role given",
    "four roles",
    "in announcement",
    "in category",
    "in group",
    "in pair",
    "in text",
    "in thread",
    "in voice",
    "left the conversation",
    "member's allows what a role denies",
    "member's denies what a role allows",
    "no overwrite",
    "no role",
    "no view",
    "nothing by roles",
    "overwrites on the thread",
    "owner",
    "owner in a timeout",
    "parent of the thread deleted",
    "role allows what another role denies",
    "role allows what everyone's denies",
    "role denies what everyone's allows",
    "server deleted",
    "server without everyone's role",
    "several role overwrites",
    "takes no part in the conversation",
    "thread with it, without SEND_MESSAGES",
    "thread with the right to send in threads",
    "thread without it, with SEND_MESSAGES",
    "thread without the right to send in threads",
    "timeout",
    "timeout that is over",
    "view allowed by an overwrite",
    "view denied by an overwrite",
    "voice with the right to connect",
    "voice without the right to connect",
}

Pair = tuple[UUID, UUID]


def test_view_function_fragment_and_python_agree_on_known_servers() -> None:
    assert_all_agree(seed=FIXED_SEED)


def test_view_function_fragment_and_python_agree_on_servers_never_seen_before() -> None:
    seed = int(os.environ.get("MELO_TEST_SEED") or SystemRandom().getrandbits(32))

    assert_all_agree(seed=seed, part=4)


def test_function_equals_the_view() -> None:
    servers = random_servers(seed=FIXED_SEED, count=6, users=60)
    store(servers)
    # Every user with every channel: in their own servers and in those of others.
    users = sorted({member.user_id for server in servers for member in server.members})
    channels = [channel.id for server in servers for channel in server.channels]
    sample = Random(FIXED_SEED).sample([(u, c) for u in users for c in channels], 2000)
    spaces = {channel.id: server.id for server in servers for channel in server.channels}

    answers = ask_function([(user_id, spaces[channel], channel) for user_id, channel in sample])

    seen = view()
    assert answers == [seen.get(pair, 0) for pair in sample]
    assert sum(answer == 0 for answer in answers) > ENOUGH
    assert sum(answer != 0 for answer in answers) > ENOUGH


def test_fragment_has_the_rows_of_the_view() -> None:
    servers = random_servers(seed=FIXED_SEED, count=6, users=60)
    users = sorted({member.user_id for server in servers for member in server.members})
    conversations = random_conversations(seed=FIXED_SEED, count=40, user_ids=users)
    store(servers, conversations)
    execute(
        "INSERT INTO messages (space_id, channel_id, author_id, content) "
        "SELECT counter.space_id, counter.channel_id, server.owner_id, 'ahoy' "
        "FROM channel_counters AS counter "
        "INNER JOIN servers AS server ON server.space_id = counter.space_id "
        "WHERE NOT counter.closed"
    )
    execute("UPDATE channels SET archived_at = now() WHERE position = 0")
    expected = full_rows(
        "SELECT user_id, space_id, channel_id, permissions, last_seq, last_message_at, role_ids "
        "FROM channel_access"
    )

    everywhere = places_of(users, spaces=[None])
    space_by_space = places_of(
        users, spaces=[*(at.id for at in servers), *(at.id for at in conversations)]
    )

    assert len(expected) > 1000
    assert everywhere == expected
    assert space_by_space == expected


def test_function_gives_nothing_where_user_channel_or_space_is_another() -> None:
    server, other = random_servers(seed=1, count=2, users=30)
    store([server, other])
    owner, space, channel, unknown = server.owner_id, server.id, server.channels[0].id, UUID(int=1)

    answers = ask_function(
        [
            (unknown, space, channel),
            (owner, space, unknown),
            (owner, other.id, channel),
            (owner, unknown, unknown),
            (None, space, channel),
            (owner, None, channel),
            (owner, space, None),
            (None, None, None),
        ]
    )

    assert answers == [0] * 8


@pytest.mark.parametrize("mask", [1 << 53, 1 << 62, -1])
def test_mask_beyond_53_bits_is_refused_in_a_role(mask: int) -> None:
    store(random_servers(seed=1, count=1, users=30))

    with pytest.raises(IntegrityError, match="roles_permissions_ck"), connection.cursor() as cursor:
        cursor.execute("UPDATE roles SET permissions = %s", [mask])


@pytest.mark.parametrize("mask", [1 << 53, 1 << 62, -1])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE channel_permissions SET allow = %s, deny = 0",
        "UPDATE channel_permissions SET allow = 0, deny = %s",
    ],
)
def test_mask_beyond_53_bits_is_refused_in_an_overwrite(statement: str, mask: int) -> None:
    store(random_servers(seed=1, count=1, users=30))

    with (
        pytest.raises(IntegrityError, match="channel_permissions_mask_ck"),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, [mask])


# --- what the tests above share ---


def assert_all_agree(*, seed: int, part: int = 1) -> None:
    """Compare all answers; of one `part` of the servers no longer every rule must decide many."""
    print(f"MELO_TEST_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    servers = random_servers(seed=seed, count=60 // part, users=180 // part)
    users = sorted({member.user_id for server in servers for member in server.members})
    conversations = random_conversations(seed=seed, count=200 // part, user_ids=users)
    store(servers, conversations)
    asked = {(q.user_id, q.channel_id): q for q in questions(servers, conversations)}

    expected = {pair: int(answer) for pair, q in asked.items() if (answer := q.answer())}
    answers = zip(
        asked,
        ask_function([(q.user_id, q.space_id, q.channel_id) for q in asked.values()]),
        strict=True,
    )
    said = {
        "view": view(),
        "function": {pair: answer for pair, answer in answers if answer},
        "fragment": fragment(users),
    }

    for who, actual in said.items():
        if actual != expected:
            pytest.fail(explain(who, seed=seed, asked=asked, expected=expected, actual=actual))
    if part > 1:
        return
    assert len(asked) >= 20_000
    hits = Counter(name for question in asked.values() for name in branches(question))
    assert set(hits) == BRANCHES
    assert {name: count for name, count in hits.items() if count <= ENOUGH} == {}


def view() -> dict[Pair, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT user_id, channel_id, permissions FROM channel_access")
        rows = cursor.fetchall()
    seen = {(user_id, channel_id): permissions for user_id, channel_id, permissions in rows}
    assert len(seen) == len(rows), "the view has a member twice in one channel"
    return seen


def fragment(users: Iterable[UUID]) -> dict[Pair, int]:
    places = Statement(read_sql("queries/sql/places.sql"))
    seen: dict[Pair, int] = {}
    for user_id in users:
        rows = places.tuples(
            {"user": user_id, **of_space(None, with_archived=True)}, using="default"
        )
        own = {(user_id, channel_id): permissions for _, channel_id, permissions, *_ in rows}
        assert len(own) == len(rows), "the fragment has a place twice"
        seen |= own
    return seen


def full_rows(statement: str) -> dict[Pair, tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return {
            (user_id, channel_id): (space_id, *rest, set(role_ids or ()))
            for user_id, space_id, channel_id, *rest, role_ids in cursor.fetchall()
        }


def places_of(
    users: Iterable[UUID], *, spaces: Sequence[UUID | None]
) -> dict[Pair, tuple[object, ...]]:
    """Return what the fragment has of these users, in the form of `full_rows`."""
    places = read_sql("queries/sql/places.sql").removesuffix(";")
    asked = Statement(
        "SELECT channel_id, space_id, permissions, last_seq, last_message_at, role_ids "
        f"FROM ({places}) AS place"
    )
    return {
        (user_id, channel_id): (*rest, set(role_ids or ()))
        for user_id in users
        for space in spaces
        for channel_id, *rest, role_ids in (
            asked.tuples({"user": user_id, **of_space(space, with_archived=True)}, using="default")
        )
    }


def ask_function(asked: Sequence[tuple[UUID | None, UUID | None, UUID | None]]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT channel_permissions(asked.of_user, asked.in_space, asked.in_channel) "
            "FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) WITH ORDINALITY "
            "AS asked (of_user, in_space, in_channel, place) ORDER BY asked.place",
            [list(column) for column in zip(*asked, strict=True)],
        )
        return [row[0] for row in cursor.fetchall()]


def explain(
    who: str,
    *,
    seed: int,
    asked: Mapping[Pair, Question],
    expected: Mapping[Pair, int],
    actual: Mapping[Pair, int],
) -> str:
    """Say how many differ, and of the first all that it takes to see why."""
    differing = sorted(
        pair
        for pair in expected.keys() | actual.keys()
        if expected.get(pair, 0) != actual.get(pair, 0)
    )
    if not differing:
        return f"the {who} has rows without any permission (MELO_TEST_SEED={seed})"
    first = differing[0]
    python, sql = Permission(expected.get(first, 0)), Permission(actual.get(first, 0))
    return (
        f"{len(differing)} of {len(asked)} pairs differ between {who} and python; again with "
        f"MELO_TEST_SEED={seed}. The first:\n"
        f"{asked[first].describe() if first in asked else f'{first}, nobody of it'}\n"
        f"python only: {python & ~sql!r}\n"
        f"{who} only: {sql & ~python!r}"
    )
