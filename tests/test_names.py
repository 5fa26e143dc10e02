"""What can be seen, and what a name may be made of."""

import unicodedata

import pytest

from chat.rules.names import is_legible, is_visible

EVERY_CHARACTER = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]

# DerivedCoreProperties.txt of Unicode, Default_Ignorable_Code_Point: the same since 4.0 but for
# what was added to it, all of which is in these ranges.
IGNORED_BY_DEFAULT = {
    *(0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810)),
    *(*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x3164),
    *(*range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0, *range(0xFFF0, 0xFFF9)),
    *(*range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000)),
}


@pytest.mark.parametrize(
    "name",
    [
        *("general", "x", "pier one", "Lärm", "左岸", "हिन्दी", "ภาษาไทย", "한"),
        *(
            "👩\u200d🚀",
            "❤\ufe0f",
            "🏴\U000e0067\U000e0062\U000e007f",
            "\u0301",
            "\u0600",
            "\ufffd",
        ),
        # Marks of direction and joiners are part of how some languages are written.
        *(
            "\u200eleft",
            "\u2067\u05d9\u05de\u2069",
            "\u0645\u06cc\u200c\u062e",
            "a\u00a0b",
        ),
    ],
)
def test_names_that_people_give_are_legible(name: str) -> None:
    assert is_legible(name)
    assert is_visible(name)


@pytest.mark.parametrize("name", ["", " ", "\u3000", "\u200b\u2800", "\u3164", "\u115f\u1160"])
def test_names_of_nothing_are_not(name: str) -> None:
    assert not is_legible(name)
    assert not is_visible(name)


@pytest.mark.parametrize("stray", list("\0\t\n\r\x1b\x7f\x85\u2028\u2029\u202a\u202d\u202e"))
def test_names_of_several_lines_or_with_a_control_character_are_not(stray: str) -> None:
    assert not any(map(is_legible, (f"{stray}ab", f"a{stray}b", f"ab{stray}")))
    assert is_visible(f"a{stray}b")


def test_what_unicode_says_is_not_to_be_seen_is_not() -> None:
    seen = [
        hex(ord(character))
        for character in EVERY_CHARACTER
        if is_visible(character)
        and (
            character.isspace()
            or unicodedata.category(character) in {"Cc", "Zs", "Zl", "Zp"}
            or ord(character) in IGNORED_BY_DEFAULT
        )
    ]

    assert seen == []


def test_no_letter_digit_sign_or_symbol_is_taken_for_nothing() -> None:
    # Fillers of Hangul, which are letters; the blank pattern of Braille and the note without a
    # head, which are symbols.
    fillers = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800", "\U0001d159"}

    unseen = {
        character
        for character in EVERY_CHARACTER
        if unicodedata.category(character)[0] in "LNPS" and not is_visible(character)
    }

    assert unseen == fillers
