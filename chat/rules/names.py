"""The rule for names: one line, with at least one visible character.

It is one pattern that Python and PostgreSQL read alike: nothing in it depends on a locale or on a
version of Unicode. It is written in escapes, for the characters in it are invisible. The CHECK
constraints have it, and migrations repeat it by value.
"""

import re

# Characters that break a line, control a terminal, or turn the direction of what follows the name.
_CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e"

# Invisible characters. Of Unicode: White_Space; Default_Ignorable_Code_Point, with those reserved
# for it; Cc and Cf, without the Arabic, Syriac and Kaithi signs in Cf, which enclose a number. And
# an empty note, the empty Braille pattern and the Khitan filler.
_INVISIBLE = (
    r"\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    r"\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
    r"\ufff0-\ufffb\U00013430-\U0001343f\U00016fe4\U0001bca0-\U0001bca3\U0001d159"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)

LEGIBLE_PATTERN = f"^[^{_CONTROL}]*[^{_INVISIBLE}][^{_CONTROL}]*$"

CONTROL = re.compile(f"[{_CONTROL}]")

_SHOWN = 8

_LEGIBLE = re.compile(LEGIBLE_PATTERN)
_VISIBLE = re.compile(f"[^{_INVISIBLE}]")


def is_legible(name: str) -> bool:
    """Tell whether a name is one line with a visible character, as the database does."""
    return _LEGIBLE.fullmatch(name) is not None


def is_visible(text: str) -> bool:
    """Tell whether a text of any number of lines has a visible character."""
    return _VISIBLE.search(text) is not None


def describe_illegible(name: str) -> str:
    """Return in words why a name is not legible."""
    if is_visible(name):
        control = CONTROL.search(name)
        return (
            f"a text with {_code_point(control[0])} at {control.start()}" if control else "legible"
        )
    shown = " ".join(map(_code_point, name[:_SHOWN])) + " …" * (len(name) > _SHOWN)
    return f"blank ({shown})" if name else "blank"


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"
