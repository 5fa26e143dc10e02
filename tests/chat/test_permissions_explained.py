"""The explanation ends in the answer that `resolve` gives, and names who has the last word."""

from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chat.rules.permissions import Permission
from chat.rules.resolution import (
    ChannelKind,
    Explanation,
    NamedOverwrite,
    NamedRole,
    Overwrite,
    Rule,
    Verdict,
    explain,
    resolve,
)

P = Permission

# Mostly the bits that rules ask for, so that they meet; now and then one that nobody has named.
RULED = [10, 10, 11, 15, 16, 20, 21, 38]
masks = st.builds(
    lambda bits: reduce(lambda mask, bit: mask | 1 << bit, bits, 0),
    st.lists(st.sampled_from(RULED) | st.integers(0, 53), max_size=8),
)
overwrites = st.builds(Overwrite, allow=masks, deny=masks)
situations = st.fixed_dictionaries(
    {
        "is_owner": st.sampled_from([False, False, False, True]),
        "everyone": masks,
        "roles": st.lists(masks, max_size=3),
        "everyone_overwrite": st.none() | overwrites,
        "role_overwrites": st.lists(overwrites, max_size=3),
        "member_overwrite": st.none() | overwrites,
        "kind": st.sampled_from(ChannelKind),
        "is_timed_out": st.booleans(),
    }
)


def explained(situation: dict[str, Any]) -> Explanation:
    return explain(
        **{
            **situation,
            "everyone": NamedRole(name="member", permissions=situation["everyone"]),
            "roles": [
                NamedRole(name=f"role {number}", permissions=mask)
                for number, mask in enumerate(situation["roles"])
            ],
            "role_overwrites": [
                NamedOverwrite(name=f"role {number}", overwrite=overwrite)
                for number, overwrite in enumerate(situation["role_overwrites"])
            ],
        }
    )


def situation(**facts: Any) -> dict[str, Any]:
    return {
        "is_owner": False,
        "everyone": 0,
        "roles": [],
        "everyone_overwrite": None,
        "role_overwrites": [],
        "member_overwrite": None,
        "kind": ChannelKind.TEXT,
        "is_timed_out": False,
        **facts,
    }


@given(situations)
def test_explanation_ends_in_the_answer_of_resolve(facts: dict[str, Any]) -> None:
    assert explained(facts).permissions == resolve(**facts)


@given(situations)
def test_last_step_holds_the_answer(facts: dict[str, Any]) -> None:
    assert explained(facts).steps[-1].held == resolve(**facts)


@given(situations)
def test_verdicts_are_the_answer_bit_by_bit(facts: dict[str, Any]) -> None:
    answer = resolve(**facts)

    assert {bit for bit, verdict in explained(facts).verdicts.items() if verdict.is_held} == {
        bit for bit in Permission if answer & bit
    }


@given(situations)
def test_steps_give_and_take_from_nothing_to_the_answer(facts: dict[str, Any]) -> None:
    held = 0
    for step in explained(facts).steps:
        held = (held | step.given) & ~step.taken.value
        assert held == step.held


@given(situations)
def test_rules_are_applied_in_the_order_of_the_documentation(facts: dict[str, Any]) -> None:
    applied = [list(Rule).index(step.rule) for step in explained(facts).steps]

    assert applied == sorted(applied)


@given(situations)
def test_who_holds_a_permission_without_rank_was_given_it_by_somebody(
    facts: dict[str, Any],
) -> None:
    for verdict in explained(facts).verdicts.values():
        if verdict.is_held and verdict.rule not in {Rule.OWNER, Rule.CONVERSATION}:
            assert verdict.speakers


def test_every_role_that_gives_a_permission_is_named() -> None:
    answer = explained(situation(everyone=P.SPEAK, roles=[P.SPEAK, P.CONNECT, P.SPEAK]))

    # Nobody sees the channel, and that has the last word on what is held.
    assert answer.verdicts[P.SPEAK] == Verdict(is_held=False, rule=Rule.NO_VIEW)

    seen = explained(situation(everyone=P.SPEAK | P.VIEW_CHANNEL, roles=[P.CONNECT, P.SPEAK]))
    assert seen.verdicts[P.SPEAK] == Verdict(
        is_held=True, rule=Rule.EVERYONE, speakers=("member", "role 1")
    )


def test_permission_that_nobody_gave_has_no_rule() -> None:
    answer = explained(situation(everyone=P.VIEW_CHANNEL))

    assert answer.verdicts[P.BAN_MEMBERS] == Verdict(is_held=False)


def test_overwrite_has_the_last_word_over_a_role_that_says_the_same() -> None:
    answer = explained(
        situation(
            everyone=P.VIEW_CHANNEL | P.SEND_MESSAGES,
            everyone_overwrite=Overwrite(allow=P.SEND_MESSAGES),
        )
    )

    assert answer.verdicts[P.SEND_MESSAGES].rule is Rule.EVERYONE_OVERWRITE


def test_among_roles_the_allow_is_named_and_the_deny_that_it_beats() -> None:
    answer = explained(
        situation(
            everyone=P.VIEW_CHANNEL,
            role_overwrites=[Overwrite(deny=P.SEND_MESSAGES), Overwrite(allow=P.SEND_MESSAGES)],
        )
    )

    assert answer.verdicts[P.SEND_MESSAGES] == Verdict(
        is_held=True,
        rule=Rule.ROLE_OVERWRITES,
        speakers=("role 1",),
        overruled=("role 0",),
    )


def test_deny_of_the_members_own_overwrite_beats_the_roles() -> None:
    answer = explained(
        situation(
            everyone=P.VIEW_CHANNEL,
            role_overwrites=[Overwrite(allow=P.SEND_MESSAGES)],
            member_overwrite=Overwrite(deny=P.SEND_MESSAGES),
        )
    )

    assert answer.verdicts[P.SEND_MESSAGES] == Verdict(
        is_held=False, rule=Rule.MEMBER_OVERWRITE, speakers=("the member",)
    )


def test_administrator_is_named_with_the_role_that_makes_one() -> None:
    answer = explained(
        situation(roles=[P.SPEAK, P.ADMINISTRATOR], member_overwrite=Overwrite(deny=P.SPEAK))
    )

    assert answer.verdicts[P.SPEAK] == Verdict(
        is_held=True, rule=Rule.ADMINISTRATOR, speakers=("role 1",)
    )
    assert answer.steps[-1].rule is Rule.ADMINISTRATOR


def test_owner_needs_no_role() -> None:
    answer = explained(situation(is_owner=True))

    assert answer.verdicts[P.BAN_MEMBERS] == Verdict(is_held=True, rule=Rule.OWNER)


def test_taking_part_in_a_conversation_needs_no_role() -> None:
    answer = explained(situation(everyone=P.BAN_MEMBERS, kind=ChannelKind.PAIR))

    assert answer.verdicts[P.SEND_MESSAGES] == Verdict(is_held=True, rule=Rule.CONVERSATION)
    assert answer.verdicts[P.BAN_MEMBERS] == Verdict(is_held=False)


def test_sending_in_a_thread_names_who_decides_on_sending_in_threads() -> None:
    answer = explained(
        situation(
            everyone=P.VIEW_CHANNEL | P.SEND_MESSAGES,
            roles=[P.SEND_MESSAGES_IN_THREADS],
            kind=ChannelKind.THREAD,
        )
    )

    assert answer.verdicts[P.SEND_MESSAGES] == Verdict(
        is_held=True, rule=Rule.THREAD, speakers=("role 0",)
    )


def test_timeout_takes_what_is_not_reading() -> None:
    answer = explained(
        situation(
            everyone=P.VIEW_CHANNEL | P.READ_MESSAGE_HISTORY | P.SEND_MESSAGES, is_timed_out=True
        )
    )

    assert answer.verdicts[P.SEND_MESSAGES] == Verdict(is_held=False, rule=Rule.TIMEOUT)
    assert answer.verdicts[P.READ_MESSAGE_HISTORY].is_held


def test_ways_of_sending_fall_with_sending() -> None:
    answer = explained(situation(everyone=P.VIEW_CHANNEL | P.ATTACH_FILES))

    assert answer.verdicts[P.ATTACH_FILES] == Verdict(is_held=False, rule=Rule.NO_SEND)


def test_voice_falls_with_connecting() -> None:
    answer = explained(situation(everyone=P.VIEW_CHANNEL | P.SPEAK, kind=ChannelKind.VOICE))

    assert answer.verdicts[P.SPEAK] == Verdict(is_held=False, rule=Rule.NO_CONNECT)
