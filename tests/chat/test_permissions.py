"""The permission algebra: one rule a test, then what holds for every server one can think of."""

import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.rules.permissions import (
    ADMIN,
    ALL,
    DEFAULT_EVERYONE,
    FALLS_WITH_CONNECT,
    FALLS_WITH_SEND_MESSAGES,
    IN_CONVERSATION,
    KEPT_IN_TIMEOUT,
    MODERATOR,
    NONE,
    OVERWRITABLE,
    OWNER_RANK,
    VOICE,
    Permission,
    Rank,
    highest_rank,
    outranks,
)
from chat.rules.resolution import (
    CONVERSATIONS,
    ChannelKind,
    Overwrite,
    can_grant,
    resolve,
    resolve_in_server,
)

ADMINISTRATOR = 1 << 3
MANAGE_CHANNELS = 1 << 4
ADD_REACTIONS = 1 << 6
VIEW = 1 << 10
SEND = 1 << 11
ATTACH_FILES = 1 << 15
READ_HISTORY = 1 << 16
CONNECT = 1 << 20
SPEAK = 1 << 21
MANAGE_ROLES = 1 << 28
SEND_IN_THREADS = 1 << 38
BIT_47 = 1 << 47
BIT_60 = 1 << 60

OLDER_ID = UUID("01890000-0000-7000-8000-000000000001")
YOUNGER_ID = UUID("01990000-0000-7000-8000-000000000000")


class Situation(NamedTuple):
    """What `resolve` is asked; by default, everyone may see and send in a text channel."""

    is_owner: bool = False
    everyone: int = VIEW | SEND
    roles: Sequence[int] = ()
    everyone_overwrite: Overwrite | None = None
    role_overwrites: Sequence[Overwrite] = ()
    member_overwrite: Overwrite | None = None
    kind: ChannelKind = ChannelKind.TEXT
    is_timed_out: bool = False

    def answer(self) -> Permission:
        return resolve(**self._asdict())


# --- the bits ---


def test_all_is_every_named_bit_without_bit_47() -> None:
    assert ALL == 8866461766385663
    assert ALL & BIT_47 == 0


def test_none_is_no_bit() -> None:
    assert NONE == 0


@pytest.mark.parametrize(
    ("name", "bit"),
    [
        ("CREATE_INSTANT_INVITE", 0),
        ("ADMINISTRATOR", 3),
        ("VIEW_CHANNEL", 10),
        ("SEND_MESSAGES", 11),
        ("MENTION_EVERYONE", 17),
        ("CONNECT", 20),
        ("MANAGE_ROLES", 28),
        ("USE_APPLICATION_COMMANDS", 31),
        ("SEND_MESSAGES_IN_THREADS", 38),
        ("MODERATE_MEMBERS", 40),
        ("SEND_VOICE_MESSAGES", 46),
        ("SET_VOICE_CHANNEL_STATUS", 48),
        ("BYPASS_SLOWMODE", 52),
    ],
)
def test_permission_has_the_public_bit_position(name: str, bit: int) -> None:
    assert Permission[name] == 1 << bit


def test_unnamed_bits_are_kept_by_the_type() -> None:
    assert Permission(VIEW | BIT_47 | BIT_60) == VIEW | BIT_47 | BIT_60


@pytest.mark.parametrize(
    ("mask", "value"),
    [
        (OVERWRITABLE, 8866461766385655),
        (KEPT_IN_TIMEOUT, 66560),
        (FALLS_WITH_SEND_MESSAGES, 184320),
        (VOICE, 321611511104256),
        (FALLS_WITH_CONNECT, 321611779539728),
        (DEFAULT_EVERYONE, 673904095252033),
        (MODERATOR, 7430489110998983),
        (ADMIN, 8),
        (IN_CONVERSATION, 2251799813803072),
    ],
)
def test_mask_is_the_number_that_the_database_holds(mask: Permission, value: int) -> None:
    assert mask == value


def test_new_members_cannot_mention_everyone() -> None:
    assert Permission.MENTION_EVERYONE not in DEFAULT_EVERYONE


def test_moderators_cannot_change_roles_or_channels() -> None:
    assert MODERATOR & (ADMINISTRATOR | MANAGE_ROLES | MANAGE_CHANNELS) == 0


def test_channel_kinds_are_the_stored_words() -> None:
    kinds = [str(kind) for kind in ChannelKind]

    assert kinds == ["text", "voice", "category", "announcement", "thread", "pair", "group"]


def test_room_is_imported_without_django() -> None:
    program = "import sys, chat.rules.permissions; sys.exit('django' in sys.modules)"

    imported = subprocess.run([sys.executable, "-c", program], check=False)

    assert imported.returncode == 0


# --- 1 and 2: owner, base, administrators ---


def test_owner_has_everything_whatever_is_denied() -> None:
    situation = Situation(
        is_owner=True,
        everyone=0,
        member_overwrite=Overwrite(deny=VIEW),
        is_timed_out=True,
    )

    assert situation.answer() == 8866461766385663


def test_base_is_everyones_role_and_all_own_roles() -> None:
    situation = Situation(everyone=VIEW | SEND, roles=[ADD_REACTIONS, SPEAK])

    assert situation.answer() == VIEW | SEND | ADD_REACTIONS | SPEAK


@pytest.mark.parametrize(
    "situation",
    [
        Situation(everyone=ADMINISTRATOR),
        Situation(roles=[SPEAK, ADMINISTRATOR]),
        Situation(everyone=ADMINISTRATOR, member_overwrite=Overwrite(deny=VIEW | ADMINISTRATOR)),
        Situation(everyone=ADMINISTRATOR, is_timed_out=True),
        Situation(everyone=ADMINISTRATOR, kind=ChannelKind.THREAD),
    ],
)
def test_administrator_has_everything(situation: Situation) -> None:
    assert situation.answer() == 8866461766385663


# --- 3: overwrites ---


def test_everyones_overwrite_denies_what_a_role_gives() -> None:
    situation = Situation(roles=[ADD_REACTIONS], everyone_overwrite=Overwrite(deny=ADD_REACTIONS))

    assert situation.answer() == VIEW | SEND


def test_everyones_overwrite_allows() -> None:
    situation = Situation(everyone_overwrite=Overwrite(allow=ADD_REACTIONS))

    assert situation.answer() == VIEW | SEND | ADD_REACTIONS


def test_role_overwrite_beats_everyones() -> None:
    situation = Situation(
        everyone_overwrite=Overwrite(allow=ADD_REACTIONS, deny=VIEW),
        role_overwrites=[Overwrite(allow=VIEW, deny=ADD_REACTIONS)],
    )

    assert situation.answer() == VIEW | SEND


@pytest.mark.parametrize(
    "role_overwrites",
    [
        [Overwrite(allow=ADD_REACTIONS), Overwrite(deny=ADD_REACTIONS)],
        [Overwrite(deny=ADD_REACTIONS), Overwrite(allow=ADD_REACTIONS)],
    ],
)
def test_among_role_overwrites_allow_beats_deny(role_overwrites: list[Overwrite]) -> None:
    situation = Situation(role_overwrites=role_overwrites)

    assert situation.answer() == VIEW | SEND | ADD_REACTIONS


def test_members_overwrite_beats_the_roles() -> None:
    situation = Situation(
        role_overwrites=[Overwrite(allow=ADD_REACTIONS, deny=VIEW)],
        member_overwrite=Overwrite(allow=VIEW, deny=ADD_REACTIONS),
    )

    assert situation.answer() == VIEW | SEND


@pytest.mark.parametrize(
    "situation",
    [
        Situation(everyone_overwrite=Overwrite(allow=ADMINISTRATOR)),
        Situation(role_overwrites=[Overwrite(allow=ADMINISTRATOR)]),
        Situation(member_overwrite=Overwrite(allow=ADMINISTRATOR)),
    ],
)
def test_overwrite_cannot_make_an_administrator(situation: Situation) -> None:
    assert situation.answer() == VIEW | SEND


def test_roles_and_overwrites_may_come_from_generators() -> None:
    answer = resolve(
        is_owner=False,
        everyone=VIEW | SEND,
        roles=(role for role in (ADD_REACTIONS, SPEAK)),
        everyone_overwrite=None,
        role_overwrites=(given for given in (Overwrite(deny=SPEAK), Overwrite(allow=CONNECT))),
        member_overwrite=None,
        kind=ChannelKind.TEXT,
        is_timed_out=False,
    )

    assert answer == VIEW | SEND | ADD_REACTIONS | CONNECT


@pytest.mark.parametrize(
    "situation",
    [
        Situation(everyone=VIEW | SEND | BIT_47),
        Situation(roles=[BIT_60]),
        Situation(member_overwrite=Overwrite(allow=BIT_47 | BIT_60)),
        Situation(member_overwrite=Overwrite(deny=BIT_47 | BIT_60)),
    ],
)
def test_unnamed_bits_are_dropped(situation: Situation) -> None:
    assert situation.answer() == VIEW | SEND


# --- 4: threads ---


def test_in_a_thread_sending_is_sending_in_threads() -> None:
    situation = Situation(everyone=VIEW | SEND_IN_THREADS, kind=ChannelKind.THREAD)

    assert situation.answer() == VIEW | SEND_IN_THREADS | SEND


def test_sending_in_the_channel_is_not_sending_in_its_threads() -> None:
    situation = Situation(everyone=VIEW | SEND, kind=ChannelKind.THREAD)

    assert situation.answer() == VIEW


def test_sending_in_threads_is_not_sending_in_the_channel() -> None:
    situation = Situation(everyone=VIEW | SEND_IN_THREADS)

    assert situation.answer() == VIEW | SEND_IN_THREADS


def test_who_cannot_send_in_threads_attaches_nothing_there() -> None:
    situation = Situation(everyone=VIEW | SEND | ATTACH_FILES, kind=ChannelKind.THREAD)

    assert situation.answer() == VIEW


def test_who_can_send_in_threads_only_attaches_there() -> None:
    situation = Situation(everyone=VIEW | SEND_IN_THREADS | ATTACH_FILES, kind=ChannelKind.THREAD)

    assert situation.answer() == VIEW | SEND_IN_THREADS | SEND | ATTACH_FILES


def test_parents_overwrite_decides_on_sending_in_its_threads() -> None:
    situation = Situation(
        everyone_overwrite=Overwrite(allow=SEND_IN_THREADS, deny=SEND), kind=ChannelKind.THREAD
    )

    assert situation.answer() == VIEW | SEND_IN_THREADS | SEND


# --- 5: seeing ---


def test_who_cannot_see_a_channel_has_nothing_there() -> None:
    situation = Situation(everyone=SEND | ADD_REACTIONS | READ_HISTORY)

    assert situation.answer() == 0


# --- 6: timeout ---


def test_timed_out_member_only_sees_and_reads() -> None:
    situation = Situation(everyone=VIEW | SEND | READ_HISTORY | ADD_REACTIONS, is_timed_out=True)

    assert situation.answer() == VIEW | READ_HISTORY


def test_timeout_gives_nothing() -> None:
    situation = Situation(everyone=VIEW | SEND, is_timed_out=True)

    assert situation.answer() == VIEW


def test_timeout_does_not_show_a_hidden_channel() -> None:
    situation = Situation(everyone=SEND | READ_HISTORY, is_timed_out=True)

    assert situation.answer() == 0


# --- 7: what falls with sending ---


@pytest.mark.parametrize("bit", [12, 14, 15, 17])
@pytest.mark.parametrize("kind", ["text", "voice", "category", "announcement", "thread"])
def test_ways_of_sending_fall_with_sending(bit: int, kind: str) -> None:
    situation = Situation(everyone=VIEW | CONNECT | 1 << bit, kind=ChannelKind(kind))

    assert situation.answer() == VIEW | CONNECT


def test_reactions_do_not_fall_with_sending() -> None:
    situation = Situation(everyone=VIEW | ADD_REACTIONS)

    assert situation.answer() == VIEW | ADD_REACTIONS


# --- 8: what falls with connecting ---


@pytest.mark.parametrize("bit", [4, 8, 9, 21, 22, 23, 24, 25, 28, 32, 39, 42, 45, 48])
def test_in_a_voice_channel_this_falls_with_connecting(bit: int) -> None:
    situation = Situation(everyone=VIEW | SEND | 1 << bit, kind=ChannelKind.VOICE)

    assert situation.answer() == VIEW | SEND


def test_who_can_connect_keeps_voice_and_management() -> None:
    held = VIEW | SEND | CONNECT | SPEAK | MANAGE_CHANNELS | MANAGE_ROLES

    assert Situation(everyone=held, kind=ChannelKind.VOICE).answer() == held


@pytest.mark.parametrize("kind", ["text", "category", "announcement"])
def test_elsewhere_nothing_falls_with_connecting(kind: str) -> None:
    held = VIEW | SEND | SPEAK | MANAGE_CHANNELS | MANAGE_ROLES

    assert Situation(everyone=held, kind=ChannelKind(kind)).answer() == held


def test_unknown_kind_of_channel_is_refused() -> None:
    situation = Situation(kind=cast("ChannelKind", "stage"))

    with pytest.raises(ValueError, match="'stage' is not a valid ChannelKind"):
        situation.answer()


# --- in the server itself ---


def test_in_the_server_roles_add_up_without_seeing_a_channel() -> None:
    answer = resolve_in_server(
        is_owner=False, everyone=ADD_REACTIONS, roles=[MANAGE_ROLES, BIT_60], is_timed_out=False
    )

    assert answer == ADD_REACTIONS | MANAGE_ROLES


def test_timed_out_moderator_manages_nothing() -> None:
    answer = resolve_in_server(
        is_owner=False, everyone=VIEW | SEND, roles=[MANAGE_ROLES], is_timed_out=True
    )

    assert answer == VIEW


@pytest.mark.parametrize(("is_owner", "roles"), [(True, []), (False, [ADMINISTRATOR])])
def test_owner_and_administrator_have_everything_in_the_server(
    is_owner: bool, roles: list[int]
) -> None:
    answer = resolve_in_server(is_owner=is_owner, everyone=0, roles=roles, is_timed_out=True)

    assert answer == 8866461766385663


# --- granting and rank ---


def test_one_grants_what_one_has() -> None:
    assert can_grant(own=Permission(VIEW | SEND), wanted=Permission(SEND))


def test_one_cannot_grant_what_one_lacks() -> None:
    assert not can_grant(own=Permission(VIEW | SEND), wanted=Permission(SEND | SPEAK))


def test_administrator_grants_everything() -> None:
    assert can_grant(own=Permission(ADMINISTRATOR), wanted=Permission(8866461766385663))


def test_only_an_administrator_grants_administrator() -> None:
    everything_else = Permission(8866461766385663 - ADMINISTRATOR)

    assert not can_grant(own=everything_else, wanted=Permission(ADMINISTRATOR))


@pytest.mark.parametrize("own", [ADMINISTRATOR, BIT_47 | BIT_60, 8866461766385663])
@pytest.mark.parametrize("wanted", [BIT_47, BIT_60])
def test_nobody_grants_an_unnamed_bit(own: int, wanted: int) -> None:
    assert not can_grant(own=Permission(own), wanted=Permission(wanted))


def test_higher_position_outranks_lower() -> None:
    higher, lower = Rank(2, YOUNGER_ID), Rank(1, OLDER_ID)

    assert outranks(actor=higher, target=lower)
    assert not outranks(actor=lower, target=higher)


def test_at_one_position_the_lower_id_outranks() -> None:
    older, younger = Rank(1, OLDER_ID), Rank(1, YOUNGER_ID)

    assert outranks(actor=older, target=younger)
    assert not outranks(actor=younger, target=older)


def test_nobody_outranks_an_equal() -> None:
    assert not outranks(actor=Rank(1, OLDER_ID), target=Rank(1, OLDER_ID))


def test_member_ranks_as_the_highest_role() -> None:
    everyone, middle, top = Rank(0, OLDER_ID), Rank(3, YOUNGER_ID), Rank(7, YOUNGER_ID)

    assert highest_rank(is_owner=False, roles=[everyone, top, middle]) == top


def test_member_ranks_as_the_older_of_two_roles_at_one_position() -> None:
    older, younger = Rank(1, OLDER_ID), Rank(1, YOUNGER_ID)

    assert highest_rank(is_owner=False, roles=[younger, older]) == older


def test_owner_outranks_the_highest_role_there_can_be() -> None:
    owner = highest_rank(is_owner=True, roles=[Rank(0, OLDER_ID)])

    assert outranks(actor=owner, target=Rank(249, UUID(int=0)))
    assert not outranks(actor=Rank(249, UUID(int=0)), target=OWNER_RANK)


def test_member_without_any_role_is_refused() -> None:
    with pytest.raises(ValueError, match="pass everyone's role as well"):
        highest_rank(is_owner=False, roles=[])


# --- what holds for every server ---

# Any bits that a bigint can hold, and often exactly one, where the rules are.
any_bits = st.integers(min_value=0, max_value=2**63 - 1) | st.integers(0, 62).map(lambda b: 1 << b)
# As most servers are: something is seen, and nobody is administrator.
plain_bits = any_bits.map(lambda bits: (bits | VIEW) & ~ADMINISTRATOR)
role_bits = plain_bits | any_bits
overwrites = st.builds(
    lambda allow, deny: Overwrite(allow=allow, deny=deny & ~allow), any_bits, any_bits
)
situations = st.builds(
    Situation,
    is_owner=st.just(False) | st.booleans(),
    everyone=role_bits,
    roles=st.lists(plain_bits, max_size=4) | st.lists(any_bits, max_size=4),
    everyone_overwrite=st.none() | overwrites,
    role_overwrites=st.lists(overwrites, max_size=4),
    member_overwrite=st.none() | overwrites,
    kind=st.sampled_from([kind for kind in ChannelKind if kind not in CONVERSATIONS]),
    is_timed_out=st.booleans(),
)
ranks = st.builds(Rank, st.integers(0, 3), st.uuids())


@given(situations, st.sampled_from(["pair", "group"]))
def test_in_a_conversation_all_who_take_part_have_the_same(situation: Situation, kind: str) -> None:
    answer = situation._replace(kind=cast("ChannelKind", kind)).answer()

    assert answer == 2251799813803072


@given(situations)
def test_owner_always_has_everything(situation: Situation) -> None:
    assert situation._replace(is_owner=True).answer() == ALL


@given(situations)
def test_nothing_outside_all_is_ever_held(situation: Situation) -> None:
    assert int(situation.answer()) & ~int(ALL) == 0


@given(situations)
def test_nothing_is_held_where_nothing_is_seen(situation: Situation) -> None:
    answer = situation.answer()

    assert answer == NONE or Permission.VIEW_CHANNEL in answer


@given(situations)
def test_administrator_is_held_with_everything_or_not_at_all(situation: Situation) -> None:
    answer = situation.answer()

    assert answer == ALL or Permission.ADMINISTRATOR not in answer


@given(situations)
def test_timeout_only_ever_takes(situation: Situation) -> None:
    free = situation._replace(is_timed_out=False).answer()
    timed_out = situation._replace(is_timed_out=True).answer()

    assert timed_out in free
    assert timed_out == free == ALL or timed_out in KEPT_IN_TIMEOUT


@given(situations, role_bits)
def test_one_more_role_never_takes(situation: Situation, role: int) -> None:
    richer = situation._replace(roles=[*situation.roles, role])

    assert situation.answer() in richer.answer()


@given(situations, any_bits)
def test_one_more_allow_for_a_role_never_takes(situation: Situation, allow: int) -> None:
    richer = situation._replace(
        role_overwrites=[*situation.role_overwrites, Overwrite(allow=allow)]
    )

    assert situation.answer() in richer.answer()


@given(situations, any_bits)
def test_one_more_deny_for_a_role_never_gives(situation: Situation, deny: int) -> None:
    poorer = situation._replace(role_overwrites=[*situation.role_overwrites, Overwrite(deny=deny)])

    assert poorer.answer() in situation.answer()


@given(situations, st.data())
def test_order_of_roles_and_overwrites_does_not_matter(
    situation: Situation, data: st.DataObject
) -> None:
    shuffled = situation._replace(
        roles=data.draw(st.permutations(situation.roles)),
        role_overwrites=data.draw(st.permutations(situation.role_overwrites)),
    )

    assert shuffled.answer() == situation.answer()


@given(situations)
def test_empty_overwrites_say_nothing(situation: Situation) -> None:
    silent = situation._replace(
        everyone_overwrite=situation.everyone_overwrite or Overwrite(),
        role_overwrites=[*situation.role_overwrites, Overwrite()],
        member_overwrite=situation.member_overwrite or Overwrite(),
    )

    assert silent.answer() == situation.answer()


@given(situations)
def test_stored_word_is_as_good_as_the_kind(situation: Situation) -> None:
    stored = cast("ChannelKind", situation.kind.value)

    assert situation._replace(kind=stored).answer() == situation.answer()


@given(situations)
def test_in_a_thread_the_two_ways_of_sending_agree(situation: Situation) -> None:
    answer = situation._replace(kind=ChannelKind.THREAD).answer()

    assert (Permission.SEND_MESSAGES in answer) is (Permission.SEND_MESSAGES_IN_THREADS in answer)


@given(ranks, ranks)
def test_of_two_different_ranks_exactly_one_is_above(one: Rank, other: Rank) -> None:
    above = [outranks(actor=one, target=other), outranks(actor=other, target=one)]

    assert sum(above) == (one != other)


@given(ranks, ranks, ranks)
def test_rank_is_transitive(low: Rank, middle: Rank, high: Rank) -> None:
    chain = outranks(actor=high, target=middle) and outranks(actor=middle, target=low)

    assert not chain or outranks(actor=high, target=low)
