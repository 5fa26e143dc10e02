"""What the services and queries accept as arguments."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

import pytest

from chat.errors import InvalidInput
from chat.inputs import check_limit, check_moment, check_name, check_seq, check_text, id_of
from chat.models import Channel, DirectConversation, DirectMessage, Message, User

SOMEBODY = UUID("01890000-0000-7000-8000-000000000001")


def test_a_model_and_its_id_are_the_same() -> None:
    assert id_of("author", User(id=SOMEBODY), User) == SOMEBODY
    assert id_of("author", SOMEBODY, User) == SOMEBODY


def test_a_proxy_and_the_model_behind_it_are_one() -> None:
    for given, asked in ((DirectConversation, Channel), (Channel, DirectConversation)):
        assert id_of("channel", given(id=SOMEBODY), asked) == SOMEBODY


def test_what_a_service_returns_says_for_which_model_it_stands() -> None:
    @dataclass
    class Sent:
        id: UUID
        stands_for: ClassVar[str] = "Message"

    assert id_of("message", Sent(SOMEBODY), Message) == SOMEBODY
    assert id_of("message", Sent(SOMEBODY), DirectMessage) == SOMEBODY
    with pytest.raises(InvalidInput, match="has to be a Channel"):
        id_of("channel", Sent(SOMEBODY), Channel)


@pytest.mark.parametrize("value", [None, "", str(SOMEBODY), 7, Channel(id=SOMEBODY)])
def test_what_is_not_one_is_named(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"author is .*; it has to be a User or the UUID of one"):
        id_of("author", value, User)


def test_a_text_may_have_every_length_between_its_bounds() -> None:
    assert check_text("name", "ab", least=2, most=3) == "ab"
    assert check_text("name", "🐙🐙🐙", least=2, most=3) == "🐙🐙🐙"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a", r"name is 1 characters long; it has to be a text of 2 to 3 characters\."),
        ("abcd", r"name is 4 characters long"),
        (b"abc", r"name is b'abc'; it has to be a text of"),
        ("a\0", r"name is a text with a NUL at 1"),
        ("a\ud800", r"name is a text with half a surrogate pair at 1"),
    ],
)
def test_a_text_that_cannot_be_stored_is_refused(value: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        check_text("name", value, least=2, most=3)


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("   ", "blank (U+0020 U+0020 U+0020)"),
        ("\u200b" * 9, "blank (" + "U+200B " * 8 + "…)"),
        ("\U000e0020", "blank (U+E0020)"),
        ("\n", "blank (U+000A)"),
        ("Ada\nLovelace", "a text with U+000A at 3"),
        ("Ada\u2028", "a text with U+2028 at 3"),
        ("\x1b[31mAda", "a text with U+001B at 0"),
    ],
)
def test_a_name_that_nobody_can_read_is_refused(value: str, seen: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_name("name", value, most=100)

    assert refusal.value.seen == seen
    assert str(refusal.value).endswith("; it has to be one line with a visible character.")


def test_a_name_may_be_empty_where_it_may_be_missing() -> None:
    assert check_name("name", "", least=0, most=100) == ""
    with pytest.raises(InvalidInput, match="0 characters long"):
        check_name("name", "", most=100)


@pytest.mark.parametrize("value", [0, -1, 101, True, 1.0, "50", None])
def test_a_page_has_from_1_to_100_entries(value: object) -> None:
    with pytest.raises(
        InvalidInput, match=r"limit is .*; it has to be a whole number from 1 to 100"
    ):
        check_limit(value)


def test_the_bounds_of_a_page_are_within() -> None:
    assert [check_limit(1), check_limit(100)] == [1, 100]


@pytest.mark.parametrize("value", [0, 2**63, "1"])
def test_a_seq_is_what_a_message_can_have(value: object) -> None:
    with pytest.raises(InvalidInput, match="before is"):
        check_seq("before", value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 1, 1), "a datetime with a time zone"),  # noqa: DTZ001
        ("2026-01-01", "a datetime with a time zone"),
        (datetime(1969, 12, 31, tzinfo=UTC), "between the years 1970 and 9998"),
        (datetime(9999, 1, 1, tzinfo=UTC), "between the years 1970 and 9998"),
    ],
)
def test_a_moment_that_not_every_client_can_read_is_refused(value: object, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        check_moment("until", value)
