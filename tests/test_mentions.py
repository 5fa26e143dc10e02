"""Whom the content of a message names."""

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.rules.limits import MENTION_LIMIT
from chat.rules.mentions import NOBODY, Mentions, find_mentions

ANNE = UUID("01890000-0000-7000-8000-00000000000a")
BART = UUID("01890000-0000-7000-8000-00000000000b")
CREW = UUID("01890000-0000-7000-8000-0000000000c0")

names = st.one_of(
    st.uuids().map(lambda user: f"<@{user}>"),
    st.uuids().map(lambda role: f"<@&{role}>"),
    st.sampled_from(["@everyone", "@here"]),
)
pieces = st.one_of(
    names, st.text(), st.sampled_from(["`", "``", "```", "\n", "<@", "<@&", ">", "@"])
)
contents = st.lists(pieces, max_size=20).map("".join)


def test_users_roles_and_everyone_are_named() -> None:
    assert find_mentions(f"<@{ANNE}> and <@&{CREW}>, @everyone") == Mentions(
        users=(ANNE,), roles=(CREW,), everyone=True
    )


def test_here_is_everyone() -> None:
    assert find_mentions("who is @here?") == Mentions(everyone=True)


@pytest.mark.parametrize(
    "content",
    [
        "(@everyone)",
        "**@everyone**",
        "you:@everyone",
        "你好@everyone",
        "@everyone.",
        "hey...@here!",
    ],
)
def test_everyone_is_named_beside_punctuation(content: str) -> None:
    assert find_mentions(content).everyone


def test_name_after_an_address_counts() -> None:
    assert find_mentions(f"https://x.org/a @here <@{ANNE}>") == Mentions(
        users=(ANNE,), everyone=True
    )


def test_each_is_named_once_and_in_the_order_of_the_text() -> None:
    assert find_mentions(f"<@{BART}><@{ANNE}><@{BART}>").users == (BART, ANNE)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "ahoy",
        "anne@example.com",
        "@everyones and @hereafter",
        "team@everyone.org",
        "write to first.last-@here.example",
        "@everyone.org",
        "https://x.org/@here/1",
        "http://x.org/?who=@everyone",
        f"@{ANNE}",
        f"<@{ANNE}",
        f"<@ {ANNE}>",
        f"<@!{ANNE}>",
        "<@123>",
        f"<@{ANNE.hex}>",
        f"`<@{ANNE}>`",
        f"``<@{ANNE}> ` ``",
        f"```py\n<@{ANNE}>\n@everyone\n```",
    ],
)
def test_what_names_nobody(content: str) -> None:
    assert find_mentions(content) == NOBODY


@pytest.mark.parametrize(
    "content",
    [
        f"`<@{ANNE}>",
        f"``<@{ANNE}>`",
        f"`code` <@{ANNE}> `code`",
        f"` `` <@{ANNE}>",
        f"```<@{BART}>``` <@{ANNE}>",
        f"<@{str(ANNE).upper()}>",
    ],
)
def test_what_is_not_between_two_equal_runs_of_backticks_is_no_code(content: str) -> None:
    assert find_mentions(content).users == (ANNE,)


def test_more_than_a_hundred_names_are_text() -> None:
    content = "".join(f"<@{UUID(int=n)}>" for n in range(MENTION_LIMIT + 20))

    assert find_mentions(content).users == tuple(UUID(int=n) for n in range(100))


@given(contents)
def test_every_text_has_an_answer_that_its_words_account_for(content: str) -> None:
    found = find_mentions(content)

    assert len(found.users) + len(found.roles) <= 100
    assert len(set(found.users)) == len(found.users)
    assert all(str(user) in content.lower() for user in (*found.users, *found.roles))
    assert not found.everyone or re.search("@(everyone|here)", content)


@given(contents)
def test_nobody_is_named_in_code(content: str) -> None:
    inside = content.replace("`", "'")

    assert find_mentions(f"`{inside}`" if inside else "") == NOBODY


@given(contents)
def test_without_backticks_nothing_is_code(content: str) -> None:
    plain = content.replace("`", "'")

    assert find_mentions(plain) == find_mentions(f"``` {plain}")


@given(st.lists(st.integers(1, 60), max_size=80))
def test_code_ends_where_the_first_run_of_the_same_length_is(lengths: list[int]) -> None:
    content = "".join(f"<@{UUID(int=n)}>{'`' * length}" for n, length in enumerate(lengths))

    found = find_mentions(content).users

    assert [user.int for user in found] == _outside(lengths)


def _outside(lengths: list[int]) -> list[int]:
    outside, at = [], 0
    while at < len(lengths):
        outside.append(at)
        closing = [n for n in range(at + 1, len(lengths)) if lengths[n] == lengths[at]]
        at = closing[0] + 1 if closing else at + 1
    return outside
