"""The words of a text in any script, and where they are in it.

The database makes the words that are stored and looked for, by search_words() of migration 0012,
which says why each is what it is. Here is the same rule with places, for whoever shows what was
found; a test compares the two on every code point. What a character is stands here as ranges of
code points, which Python and PostgreSQL read alike, and not as a property that changes with the
version of Unicode.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import NamedTuple
from unicodedata import combining, normalize

# By the kinds of the function search_characters().
LATER = (
    r"\u0897\u1c89-\u1c8a\ua7cb-\ua7cd\ua7da-\ua7dc\U000105c9\U000105e4\U00010d50-\U00010d85"
    r"\U00010efd-\U00010eff\U00011383\U00011385\U0001138e\U00011391\U000113b8\U000113bb"
    r"\U000113c2\U000113c5\U000113c7-\U000113c9\U000113ce-\U000113d0\U00011f41-\U00011f42"
    r"\U0001611e-\U0001612f\U00016d67-\U00016d6a\U0001ccd6-\U0001ccf9\U0001e030-\U0001e08f"
    r"\U0001e4ec-\U0001e4ef\U0001e5ee-\U0001e5ef"
)
MARK = (
    r"\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1-\u05c2\u05c4-\u05c5\u05c7"
    r"\u0610-\u061a\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7-\u06e8"
    r"\u06ea-\u06ed\u180b-\u180f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u20d0-\u20ff\ufdd0-\ufdef\ufe00-\ufe0f\ufe20-\ufe2f\ufeff"
    r"\U000e0000-\U000e0fff"
)
PAIR = (
    r"\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u109d"
    r"\u1100-\u11ff\u1780-\u17d3\u17d7\u17dc-\u17dd\u2e80-\u2fd5\u3005-\u3007\u3021-\u302f"
    r"\u3031-\u3035\u3038-\u303c\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u318e"
    r"\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\ua9e0-\ua9fe"
    r"\uaa60-\uaa76\uaa7a-\uaa7f\uac00-\ud7ff\uf900-\ufaff\U00016fe0-\U00018dff"
    r"\U0001aff0-\U0001b2ff\U00020000-\U0003fffd"
)
SYMBOL = (
    r"\u00a2-\u00a6\u00a9\u00ac-\u00b1\u00d7\u00f7\u03f6\u0482\u058d-\u058f\u0606-\u0608"
    r"\u060b\u060e-\u060f\u06de\u06e9\u06fd-\u06fe\u07f6\u07fe-\u07ff\u09f2-\u09f3"
    r"\u09fa-\u09fb\u0af1\u0b70\u0bf3-\u0bfa\u0c7f\u0d4f\u0d79\u0e3f\u0f01-\u0f03\u0f13"
    r"\u0f15-\u0f17\u0f1a-\u0f1f\u0f34\u0f36\u0f38\u0fbe-\u0fc5\u0fc7-\u0fcf\u0fd5-\u0fd8"
    r"\u109e-\u109f\u1390-\u1399\u17db\u1940\u19de-\u19ff\u1b61-\u1b6a\u1b74-\u1b7c"
    r"\u20a0-\u20cf\u2100-\u2131\u2133-\u214d\u214f\u218a-\u2bff\u2ce5-\u2cea\u2ff0-\u2ffb"
    r"\u3004\u3012-\u3013\u3020\u3037\u303e-\u303f\u3190-\u3191\u31c0-\u31e3\u327f"
    r"\u4dc0-\u4dff\ua490-\ua4c6\ua828-\ua82b\ua836-\ua839\uaa77-\uaa79\ufd40-\ufd4f"
    r"\ufdf0-\ufdff\ufffc-\ufffd\U0001cf50-\U0001d245\U0001d300-\U0001d356"
    r"\U0001d800-\U0001da8b\U0001f000-\U0001fbca"
)
SEPARATOR = (
    r"\u0001-\u002f\u003a-\u0060\u007b-\u007f"
    r"\u0080-\u00a1\u00a7\u00ab\u00b6-\u00bf\u02c2-\u02c5\u02d2-\u02eb\u02ed\u02ef-\u02ff"
    r"\u0375\u055a-\u055f\u0589-\u058a\u05be-\u05c6\u05f3-\u0605\u0609-\u060a\u060c-\u060d"
    r"\u061b-\u061f\u066a-\u066d\u06d4\u06dd\u0700-\u070f\u07f7-\u07f9\u0830-\u083e\u085e"
    r"\u0888-\u0891\u08e2\u0964-\u0965\u0970\u09fd\u0a76\u0af0\u0c77\u0c84\u0df4\u0e4f"
    r"\u0e5a-\u0e5b\u0f04-\u0f12\u0f14\u0f3a-\u0f3d\u0f85\u0fd0-\u0fd4\u0fd9-\u0fda"
    r"\u104a-\u104f\u10fb\u1360-\u1368\u1400\u166d-\u166e\u1680\u169b-\u169c\u16eb-\u16ed"
    r"\u1735-\u1736\u17d4-\u17d6\u17d8-\u17da\u1800-\u180a\u1944-\u1945\u1a1e-\u1a1f"
    r"\u1aa0-\u1aa6\u1aa8-\u1aad\u1b5a-\u1b60\u1b7d-\u1b7e\u1bfc-\u1bff\u1c3b-\u1c3f"
    r"\u1c7e-\u1c7f\u1cc0-\u1cc7\u1cd3\u2010-\u205f\u2cf9-\u2cfc\u2cfe-\u2cff\u2d70"
    r"\u2e00-\u2e2e\u2e30-\u2e7f\u3001-\u3003\u3008-\u3011\u3014-\u301f\u3030\u303d\u30a0"
    r"\u30fb\ua4fe-\ua4ff\ua60d-\ua60f\ua673\ua67e\ua6f2-\ua716\ua720-\ua721\ua789-\ua78a"
    r"\ua874-\ua877\ua8ce-\ua8cf\ua8f8-\ua8fa\ua8fc\ua92e-\ua92f\ua95f\ua9c1-\ua9cd"
    r"\ua9de-\ua9df\uaa5c-\uaa5f\uaade-\uaadf\uaaf0-\uaaf1\uab5b\uab6a-\uab6b\uabeb"
    r"\ufbb2-\ufd3f\ufe45-\ufe46\ufff9-\ufffb\U00010100-\U00010102\U00011140-\U00011143"
    r"\U0001e95e-\U0001e95f"
)

# Letters that are more than a plain one with a mark.
_SPELLED = str.maketrans(
    dict(zip("ıøđłðħ", "iodldh", strict=True))
    | {"ß": "ss", "ẞ": "ss", "æ": "ae", "œ": "oe", "þ": "th"}
)
_LATER = re.compile(f"[{LATER}]")
_MARK = re.compile(f"[{MARK}]")
_WORD = re.compile(f"(?P<pairs>[{PAIR}]+)|[{SYMBOL}]|(?P<letters>[^{SEPARATOR}{PAIR}{SYMBOL}]+)")
_MINUS = re.compile(r"(?<![^\t-\r ])-")

# In a tsquery as PostgreSQL prints it: what is excluded, what stands together, one lexeme of it.
_EXCLUDED = re.compile(r"!(?:\( [^()]* \)|'[^']*'(?::\*)?)")
_PHRASE = re.compile(r"'[^']*'(?::\*)?(?: <-> '[^']*'(?::\*)?)*")
_LEXEME = re.compile(r"'(-?)([^']*)'(:\*)?")


class Span(NamedTuple):
    """A part of a text: from the character `start` to before `end`, counted in code points."""

    start: int
    end: int


class Word(NamedTuple):
    """A word, with the span of each of its letters, and whether a minus begins it."""

    text: str
    letters: tuple[Span, ...]
    has_minus: bool


def find_words(content: str) -> list[Word]:
    """Return the words of a text in their order."""
    folded, spans = _fold(content)
    words = []
    for found in _WORD.finditer(folded):
        start, end = found.span()
        parts = [(start, end)]
        if found["pairs"]:
            # Overlapping, and the last letter alone.
            parts = [(at, min(at + 2, end)) for at in range(start, end)]
        has_minus = bool(found["letters"] and _MINUS.fullmatch(folded, max(start - 1, 0), start))
        words += [Word(folded[at:to], tuple(spans[at:to]), has_minus) for at, to in parts]
    return words


def find_spans(content: str, *, query: str) -> tuple[Span, ...]:
    """Return where the words of a tsquery are, in the order of the text and without overlaps.

    Of a word that is looked for by its beginning, that beginning.
    """
    words = find_words(content)
    texts = [word.text for word in words]
    sizes = [len(text) for text in texts]
    # How many letters of each word are shown.
    shown = [0] * len(words)
    # Where a phrase may begin, by its first letter: 2,000 words and a query of 100 took two seconds
    # when each was compared with each.
    starts: dict[str, list[int]] = {}
    for start, text in enumerate(texts):
        starts.setdefault(text[0], []).append(start)
    for phrase in dict.fromkeys(_PHRASE.findall(_EXCLUDED.sub("", query))):
        lexemes = _LEXEME.findall(phrase)
        *whole, last = [text for _, text, _ in lexemes]
        star = lexemes[-1][2]
        for start in starts.get(lexemes[0][1][0], []):
            end = start + len(whole)
            if (
                texts[start:end] == whole
                and end < len(words)
                and (texts[end] == last or (star and texts[end].startswith(last)))
                and all(
                    word.has_minus or not minus
                    for word, (minus, _, _) in zip(words[start : end + 1], lexemes, strict=True)
                )
            ):
                shown[start:end] = sizes[start:end]
                shown[end] = max(shown[end], len(last))
    letters = [
        span for word, size in zip(words, shown, strict=True) for span in word.letters[:size]
    ]
    return tuple(_joined(sorted(letters)))


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield sorted spans, those that touch as one."""
    last: Span | None = None
    for span in spans:
        if last is None:
            last = span
        elif span.start <= last.end:
            last = Span(last.start, max(last.end, span.end))
        else:
            yield last
            last = span
    if last is not None:
        yield last


def _fold(content: str) -> tuple[str, list[Span]]:
    """Return what search_fold() makes of a text, and for each character of it where it was."""
    if content.isascii():
        return content.lower(), [Span(at, at + 1) for at in range(len(content))]
    letters = [
        (part, at)
        for letter, at in _decomposed(content)
        if not _MARK.match(letter)
        for part in _without_case(letter)
    ]
    # What is left out belongs to the letter before it.
    ends = dict(pairwise([*sorted({at for _, at in letters}), len(content)]))
    folded: list[str] = []
    spans: list[Span] = []
    for group in _groups(letters):
        composed = normalize("NFC", "".join(part for part, _ in group))
        places = [at for _, at in group]
        folded.append(composed)
        spans += [Span(min(places), ends[max(places)])] * len(composed)
    return "".join(folded), spans


def _decomposed(content: str) -> Iterator[tuple[str, int]]:
    """Yield what NFKD makes of a text, and for each letter of it where it was."""
    marks: list[tuple[str, int]] = []
    for at, character in enumerate(content):
        if _LATER.match(character):
            continue
        for letter in normalize("NFKD", character):
            if combining(letter):
                marks.append((letter, at))
                continue
            yield from sorted(marks, key=_order)
            marks.clear()
            yield letter, at
    yield from sorted(marks, key=_order)


def _order(mark: tuple[str, int]) -> int:
    return combining(mark[0])


def _groups(letters: Iterable[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    """Yield the letters in groups, such that none is composed with one of another group."""
    group: list[tuple[str, int]] = []
    for letter, at in letters:
        if group and not combining(letter) and not _is_composed(group, letter):
            yield group
            group = []
        group.append((letter, at))
    if group:
        yield group


def _is_composed(group: list[tuple[str, int]], letter: str) -> bool:
    if letter.isascii():
        return False
    before = "".join(part for part, _ in group)
    return normalize("NFC", before + letter) != normalize("NFC", before) + letter


@cache
def _without_case(letter: str) -> str:
    folded = normalize("NFKD", letter.casefold())
    return (folded if len(folded) == 1 else letter).translate(_SPELLED)
