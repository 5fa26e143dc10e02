"""Reactions: each under one message, by a member of the server or who takes part."""

import re

import psycopg
import pytest
from django.db import IntegrityError, transaction

from chat.models import Channel, Message
from chat.rules.emoji import EMOJI_PATTERN
from tests.chat.sql import by_check, by_unique_key, execute, refused, rows, value
from tests.factories import DirectConversationFactory, MessageFactory, ReactionFactory, UserFactory
from tests.test_emoji import CUSTOM, ELSE, SEQUENCES

pytestmark = pytest.mark.django_db

REACT = "INSERT INTO reactions (space_id, message_id, user_id, emoji) VALUES (%s, %s, %s, '⚓')"


@pytest.fixture
def message(place: Channel) -> Message:
    return MessageFactory.create(channel=place)


def test_reaction_is_under_a_message() -> None:
    message = MessageFactory.create()

    refusal = refused(REACT, message.space_id, None, message.author_id)

    assert refusal.sqlstate == "23502"


@pytest.mark.parametrize("column", ["message_id", "user_id"])
def test_reaction_stays_under_its_message_and_whose_it_is(message: Message, column: str) -> None:
    reaction = ReactionFactory.create(message=message)
    other = ReactionFactory.create(message__channel=message.channel)

    refusal = refused(
        f"UPDATE reactions SET {column} = %s WHERE id = %s",
        other.message_id if column == "message_id" else UserFactory.create().id,
        reaction.id,
    )

    assert refusal == by_check("reactions_tenant_fixed")


def test_only_who_is_a_member_or_takes_part_reacts(message: Message) -> None:
    stranger = UserFactory.create()

    assert refused(REACT, message.space_id, message.id, stranger.id) == by_check(
        "reactions_participant"
    )

    assert execute(REACT, message.space_id, message.id, message.author_id) == 1


def test_who_left_a_group_reacts_no_more() -> None:
    message = MessageFactory.create(channel=DirectConversationFactory.create(group=True))
    execute("UPDATE participants SET left_at = now()")

    refusal = refused(REACT, message.space_id, message.id, message.author_id)

    assert refusal == by_check("reactions_participant")


def test_emoji_is_put_once_by_each_user(message: Message) -> None:
    reaction = ReactionFactory.create(message=message)

    refusal = refused(REACT, reaction.space_id, reaction.message_id, reaction.user_id)

    assert refusal == by_unique_key("reactions_uq")
    assert value("SELECT count(*) FROM reactions") == 1


# --- what an emoji is ---


def form() -> str:
    """Return the pattern that the trigger asks for, as the catalogue has it."""
    definition = value(
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'reactions_emoji_form'"
    )
    (pattern,) = re.findall(r"!~ '(.*)'::text", definition)
    assert isinstance(pattern, str)
    return pattern


def test_reaction_has_an_emoji_in_its_full_form() -> None:
    reaction = ReactionFactory.create()

    for emoji in ("❤\ufe0f", ":blob_cat:", "1\ufe0f\u20e3", "\U0001f469\u200d\U0001f680"):
        assert execute("UPDATE reactions SET emoji = %s WHERE id = %s", emoji, reaction.id)
    for emoji in ("", " ", "\n", "\u200b", "<script>", "❤", "⚓\ufe0f", ":a:", ":ab:\n"):
        refusal = refused("UPDATE reactions SET emoji = %s WHERE id = %s", emoji, reaction.id)
        assert refusal == by_check("reactions_emoji_form"), ascii(emoji)


def test_client_that_sends_another_form_is_told_the_right_one(message: Message) -> None:
    react = REACT.replace("⚓", "❤")

    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        execute(react, message.space_id, message.id, message.author_id)

    assert isinstance(refusal.value.__cause__, psycopg.Error)
    assert str(refusal.value.__cause__.diag.message_hint).startswith("Put U+FE0F behind")


def test_the_server_has_the_pattern_of_python_in_ascii() -> None:
    assert form() == EMOJI_PATTERN
    assert form().isascii()


@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("", "\ufe0f"), ("\U0001f469\u200d", ""), ("", "\U0001f3fb"), (":a", ":")],
    ids=["alone", "as a picture", "joined", "with a skin tone", "in a name"],
)
def test_python_and_the_server_agree_on_every_character(before: str, after: str) -> None:
    # Past what the pattern names, every hundredth in company; alone, each.
    step = 100 if before or after else 1
    taken_by_server = rows(
        "SELECT point FROM generate_series(1, 1114111) AS point"
        " WHERE point NOT BETWEEN 55296 AND 57343"
        " AND (point < 131072 OR point BETWEEN 917504 AND 921599 OR point %% %s = 0)"
        " AND %s || chr(point) || %s ~ %s",
        step,
        before,
        after,
        form(),
    )

    taken_by_python = [
        (point,)
        for point in range(1, 0x110000)
        if not 0xD800 <= point < 0xE000
        and (point < 0x20000 or 0xE0000 <= point < 0xE1000 or point % step == 0)
        and re.fullmatch(EMOJI_PATTERN, f"{before}{chr(point)}{after}")
    ]
    assert taken_by_server == taken_by_python
    assert taken_by_python != []


def test_python_and_the_server_agree_on_every_sequence() -> None:
    texts = [
        *(SEQUENCES + CUSTOM + ELSE),
        *(emoji.replace("\ufe0f", "") for emoji in SEQUENCES),
        *(emoji + emoji for emoji in SEQUENCES),
        *(f"{emoji}\u200d{emoji}" for emoji in SEQUENCES),
    ]

    answers = rows(
        "SELECT text ~ %s FROM unnest(%s::text[]) WITH ORDINALITY AS given (text, place)"
        " ORDER BY place",
        form(),
        texts,
    )

    assert [answer for (answer,) in answers] == [
        re.fullmatch(EMOJI_PATTERN, text) is not None for text in texts
    ]
