"""What an emoji is, and how each is stored in one way."""

import re
import unicodedata

import pytest
from faker.providers.emoji import Provider

from chat.rules.emoji import EMOJI_PATTERN, full_emoji
from tests.test_names import EVERY_CHARACTER

# Faker has the fully qualified sequences of emoji-test.txt of Unicode, without these three flags.
ENGLAND, SCOTLAND, WALES = (
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in tags) + "\U000e007f"
    for tags in ("gbeng", "gbsct", "gbwls")
)
SEQUENCES = [*Provider.emojis, ENGLAND, SCOTLAND, WALES]
CUSTOM = [":ab:", ":blob_cat:", ":" + "x" * 32 + ":", ":2_:"]
ELSE = [
    *("", " ", "\n", "\u200b", "\ufe0f", "\u200d", "\u3164", "<script>", "a", "1", "*", "ä"),
    *("::", ":a:", ":a b:", ":ä_:", ":" + "x" * 33 + ":", ":ab", "ab:", ":ab:\n", ":ab::cd:"),
    *("⚓ ", " ⚓", "⚓\n", "⚓⚓", "⚓\u200b", "⚓\u200d", "\u200d⚓", "a\u200d⚓"),
    *("\u2605", "\u2768", "\U0001f1e9" * 3, "\U0001f3fb\U0001f3fb", "1\ufe0f", "a\u20e3", "\u20e3"),
    # Words that nobody sees.
    *("⚓\U000e0061\U000e0062\U000e0063\U000e007f", ENGLAND[:-1], "\U0001f3f4" + ENGLAND[1:-1] * 2),
    "❤\u200d" * 32 + "❤",
]


def test_every_sequence_of_unicode_is_an_emoji_and_stored_as_it_is() -> None:
    assert len(SEQUENCES) > 3500
    assert [emoji for emoji in SEQUENCES if full_emoji(emoji) != emoji] == []


def test_emoji_with_and_without_the_variation_selector_is_one() -> None:
    in_other_forms = [
        (emoji, other)
        for emoji in SEQUENCES
        for other in (emoji.replace("\ufe0f", ""), re.sub("\ufe0f$", "\ufe0e", emoji))
        if full_emoji(other) != emoji
    ]

    assert in_other_forms == []
    assert full_emoji("❤") == full_emoji("❤\ufe0f") == "❤\ufe0f"
    assert full_emoji("⚓\ufe0f") == "⚓"


@pytest.mark.parametrize("emoji", [*CUSTOM, "\U0001f1e9"], ids=ascii)
def test_custom_emoji_and_letters_are_stored_as_they_are(emoji: str) -> None:
    assert full_emoji(emoji) == emoji


@pytest.mark.parametrize("text", ELSE, ids=ascii)
def test_other_texts_are_no_emoji(text: str) -> None:
    assert full_emoji(text) is None


def test_single_characters_that_are_emoji_are_pictures() -> None:
    alone = {character for character in EVERY_CHARACTER if re.fullmatch(EMOJI_PATTERN, character)}

    # What this Python's Unicode does not know is a place that is kept for an emoji to come.
    assert {unicodedata.category(character) for character in alone} <= {"So", "Sm", "Sk", "Cn"}
    assert all(full_emoji(character) == character for character in alone)
    assert len(alone) == 1268
