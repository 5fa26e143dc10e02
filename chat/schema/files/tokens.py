"""SQL text by its tokens: where statements and sections begin, and on which line.

It knows the lexical structure (PostgreSQL manual, 4.1) and cuts where psql does; it knows neither
files nor databases. It takes standard_conforming_strings to be on, as it is by default.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import zip_longest
from typing import NamedTuple


class TokenKind(Enum):
    """What a token is, as far as cutting needs to know."""

    BLANK = auto()
    LINE_COMMENT = auto()
    BLOCK_COMMENT = auto()
    QUOTED = auto()
    DOLLAR_QUOTED = auto()
    WORD = auto()
    OTHER = auto()


class Token(NamedTuple):
    """One token and where it lies; `is_open` when a quote or comment has no end.

    A tuple, because there are millions in a big file.
    """

    kind: TokenKind
    start: int
    end: int
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement without its semicolon and the comments around it.

    `start` is where it lies in the script. `words` are its first words in lower case, at most four.
    """

    text: str
    start: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """What lies below a marker line: `name` is "up" or "down", `start` where its text begins.

    `marker` is where the marker itself lies.
    """

    name: str
    marker: int
    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Lookalike:
    """What looks like a marker: where it begins, its first line, and what it would mark."""

    start: int
    text: str
    names: frozenset[str]

    def __str__(self) -> str:
        shown = ascii(self.text)[1:-1]
        return f"`{shown[:_LONGEST_SHOWN]}{'…' * (len(shown) > _LONGEST_SHOWN)}`"


_LONGEST_SHOWN = 60
_BLANKS = r"[ \t\n\r\f\v]"
_LETTER = r"[A-Za-z_\x80-\U0010ffff]"
_ESCAPED_BODY = r"'[^'\\]*+(?:(?:''|\\.)[^'\\]*+)*+'"
# A string goes on after white space with a line break in it, by the rules it began with.
_CONTINUATION = (
    r"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*+[\n\r])*+" + _ESCAPED_BODY
)
_TOKEN = re.compile(
    rf"""
      (?P<BLANK>{_BLANKS}++)
    | (?P<LINE_COMMENT>--[^\n\r]*+)
    | (?P<BLOCK_COMMENT>/\*)
    | (?P<QUOTED>
          [eE]{_ESCAPED_BODY}(?:{_CONTINUATION})*+
        | '[^']*+(?:''[^']*+)*+'
        | "[^"]*+(?:""[^"]*+)*+"
      )
    | (?P<DOLLAR_QUOTED>\$(?:{_LETTER}(?:{_LETTER}|[0-9])*+)?\$)
    | (?P<OPEN>[eE]?'|")
    | (?P<WORD>{_LETTER}(?:{_LETTER}|[0-9$])*+)
    | (?P<OTHER>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS = {"OPEN": TokenKind.QUOTED, **TokenKind.__members__}
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_MARKER = re.compile(r"--[ \t]*(up|down)[ \t]*", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
# The words of markers: ours, those of other tools, and what people write of their own.
_WORD_OF_MARKER = re.compile(
    r"""
      (?P<up>ups?|upgrade|forwards?)
    | (?P<down>downs?|downgrade|undo|rollback|revert|reverse|back(?:wards?)?|unapply)
    | migrat(?:e|ions?)|goose|dbmate|rambler|(?:no)?transaction|true|false
    | sql|schema|database|code|scripts?|sections?|parts?|statements?|steps?|changes?|[0-9]
    | begins?|starts?|ends?|here|below|above|following|go(?:ing)?|roll|way|this|the|of|for
    """,
    re.VERBOSE,
)
# Of tern: one line between the two.
_BETWEEN_BOTH = ["create", "above", "drop", "below"]
_MARKER_WITH_REMARK = re.compile(r"[\W_]*(UP|DOWN)\b\s*[^\w\s]")
_BEGINNING = re.compile(r'[A-Za-z("]')
_TAIL_OF_A_SENTENCE = re.compile(r"--[ \t]*[a-z].*\.[ \t]*")
# Control characters; blanks that are none to PostgreSQL; what has no width, or turns the direction.
# Joiners are part of words in some scripts, so only beside ASCII are they suspicious.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\xad\u115f\u1160\u1680\u180e\u2000-\u200b\u200e\u200f"
    "\u2028-\u202f\u205f-\u206f\u3000\u3164\ufeff\uffa0]"
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)
_NAMES = {"\ufeff": "a byte order mark"}
_LINE_END_OF_EDITORS = re.compile(r"[\v\f\x1c-\x1e\x85\u2028\u2029](?=.*\S)")
_WORDS_KEPT = 4
_DEEPER = {"(": 1, ")": -1}
_ROUTINES = {"function", "procedure"}


def tokens(text: str) -> Iterator[Token]:
    """Return the tokens in order; joined together they are the text."""
    position = 0
    while match := _TOKEN.match(text, position):
        kind, end, is_open = _KINDS[str(match.lastgroup)], match.end(), False
        if match.lastgroup == "OPEN":
            end, is_open = len(text), True
        elif kind is TokenKind.BLOCK_COMMENT:
            end, is_open = _end_of_comment(text, end)
        elif kind is TokenKind.DOLLAR_QUOTED:
            closing = text.find(match.group(), end)
            is_open = closing < 0
            end = len(text) if is_open else closing + len(match.group())
        yield Token(kind, position, end, is_open)
        position = end


def split_statements(text: str) -> list[Statement]:
    """Return the statements in order, without those that are empty.

    A semicolon ends one unless it lies in a quote, a comment, parentheses (CREATE RULE), or the
    BEGIN ATOMIC … END of a routine, which is what psql goes by. What has no end goes to the end of
    the text, and the server will say so.
    """
    statements: list[Statement] = []
    start = end = None
    words: list[str] = []
    depth = blocks = 0
    for kind, begin, stop, is_open in tokens(text):
        if kind in _INSIGNIFICANT and not is_open:
            continue
        if kind is TokenKind.OTHER:
            mark = text[begin]
            if mark == ";" and depth == blocks == 0:
                if start is not None:
                    statements.append(Statement(text[start:end], start, tuple(words)))
                start, words = None, []
                continue
            depth = max(0, depth + _DEEPER.get(mark, 0))
        elif kind is TokenKind.WORD:
            if len(words) < _WORDS_KEPT:
                words.append(text[begin:stop].lower())
            if depth == 0 and _makes_routine(words):
                blocks = _blocks_after(text[begin:stop].lower(), blocks)
        start = begin if start is None else start
        end = stop
    if start is not None:
        statements.append(Statement(text[start:end], start, tuple(words)))
    return statements


def split_sections(text: str) -> list[Section]:
    """Return the sections in order; a marker is a line with nothing but `-- UP` or `-- DOWN`.

    What looks like a marker within a quote or a comment is none.
    """
    markers = []
    for token in tokens(text):
        if token.kind is not TokenKind.LINE_COMMENT:
            continue
        match = _MARKER.fullmatch(text, token.start, token.end)
        if not match:
            continue
        line_start = text.rfind("\n", 0, token.start) + 1
        line_start = max(line_start, text.rfind("\r", line_start, token.start) + 1)
        if not text[line_start : token.start].strip():
            markers.append((match.group(1).lower(), line_start, token.end))
    ends = [marker for _, marker, _ in markers[1:]]
    return [
        Section(name, marker, start, text[start:end])
        for (name, marker, start), end in zip_longest(markers, ends)
    ]


def lookalikes(text: str, statements: Sequence[Statement]) -> Iterator[Lookalike]:
    """Yield what looks like a marker between the statements of a text; what is one does as well.

    That is a comment that has a word for a direction and no other words than markers have, or that
    begins with UP or DOWN in capitals and a punctuation mark; whatever stands around the words. The
    last line of a sentence is none. A line as no statement begins, with the dash of a word
    processor say, is taken for a comment.
    """
    position = 0
    for statement in statements:
        yield from _lookalikes_between(text, position, statement.start)
        if not _BEGINNING.match(statement.text):
            yield from _lookalike(statement.start, statement.text.partition("\n")[0])
        position = statement.start + len(statement.text)
    yield from _lookalikes_between(text, position, len(text))


def first_token(text: str) -> Token | None:
    """Return the first token that is neither blank nor comment."""
    return next((token for token in tokens(text) if token.kind not in _INSIGNIFICANT), None)


def open_token(text: str, sections: Sequence[Section]) -> int | None:
    """Return where a quote or comment begins that has no end, if one does; it is in the last."""
    start = sections[-1].start if sections else 0
    rest = sections[-1].text if sections else text
    return next((start + token.start for token in tokens(rest) if token.is_open), None)


def hidden_text(text: str) -> tuple[int, str] | None:
    """Return where people see other statements than the server does, and why, if anywhere.

    That is at a character without a shape that is no blank to PostgreSQL, neither quoted nor in a
    comment, and at what ends a line for editors alone and has more of a comment behind it.
    """
    if not _UNSEEN.search(text):
        return None
    for token in tokens(text):
        if token.kind in {TokenKind.WORD, TokenKind.OTHER}:
            found = _UNSEEN.search(text, token.start, token.end)
            why = "is not seen, and is no SQL"
        elif token.kind is TokenKind.LINE_COMMENT:
            found = _LINE_END_OF_EDITORS.search(text, token.start, token.end)
            why = "ends a line for editors, and the comment goes on for PostgreSQL"
        else:
            continue
        if found:
            seen = found.group()
            name = _NAMES.get(seen) or unicodedata.name(seen, "a control character")
            return found.start(), f"U+{ord(seen):04X} ({name}) {why}"
    return None


def for_psql_alone(statements: Sequence[Statement]) -> int | None:
    """Return where the first command of psql's own begins, or COPY FROM STDIN; None without any."""
    for start, text, words in ((each.start, each.text, each.words) for each in statements):
        is_copy = words[:1] == ("copy",)
        for token in tokens(text) if is_copy or "\\" in text else ():
            if token.kind is TokenKind.OTHER and text[token.start] == "\\":
                return start + token.start
            is_word = token.kind is TokenKind.WORD
            if is_copy and is_word and text[token.start : token.end].lower() == "stdin":
                return start
    return None


def line_at(text: str, position: int) -> int:
    """Return the number of the line at a position, the first being 1."""
    return text.count("\n", 0, position) + 1


# A tuple: to look one up in a set, Python computes the hash of an enum.
_INSIGNIFICANT = (TokenKind.BLANK, TokenKind.LINE_COMMENT, TokenKind.BLOCK_COMMENT)


def _lookalikes_between(text: str, start: int, end: int) -> Iterator[Lookalike]:
    gap = text[start:end]
    for token in tokens(gap):
        if token.kind in {TokenKind.LINE_COMMENT, TokenKind.BLOCK_COMMENT}:
            comment = gap[token.start : token.end]
            is_tail = _TAIL_OF_A_SENTENCE.fullmatch(comment)
            if not (is_tail and _is_below_a_comment(gap, token.start)):
                yield from _lookalike(start + token.start, comment)


def _is_below_a_comment(text: str, position: int) -> bool:
    """Return whether only blanks come before on the line, and the line above ends in a comment."""
    line = text.rfind("\n", 0, position)
    if line < 0 or text[line + 1 : position].strip(" \t"):
        return False
    return "--" in text[text.rfind("\n", 0, line) + 1 : line]


def _lookalike(start: int, comment: str) -> Iterator[Lookalike]:
    # Blanks and dashes of every kind, letters of full width, and no characters without any.
    shown = "".join(
        character
        for character in unicodedata.normalize("NFKC", comment)
        if unicodedata.category(character) != "Cf"
    )
    words = _WORD.findall(shown.lower())
    known = [match for word in words if (match := _WORD_OF_MARKER.fullmatch(word))]
    names = {match.lastgroup for match in known if match.lastgroup}
    if words == _BETWEEN_BOTH:
        names = {"up", "down"}
    elif len(known) < len(words):
        remarked = _MARKER_WITH_REMARK.match(shown)
        names = {remarked.group(1).lower()} if remarked else set()
    if names:
        yield Lookalike(start, comment.partition("\n")[0].strip(" \t"), frozenset(names))


def _end_of_comment(text: str, position: int) -> tuple[int, bool]:
    depth = 1
    while edge := _COMMENT_EDGE.search(text, position):
        position = edge.end()
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return position, False
    return len(text), True


def _makes_routine(words: Sequence[str]) -> bool:
    """Return whether a statement that begins with these words makes a routine."""
    if words[0] != "create":
        return False
    kind = words[3:4] if words[1:3] == ["or", "replace"] else words[1:2]
    return bool(_ROUTINES.intersection(kind))


def _blocks_after(word: str, blocks: int) -> int:
    if word == "begin" or (word == "case" and blocks):
        return blocks + 1
    if word == "end" and blocks:
        return blocks - 1
    return blocks
