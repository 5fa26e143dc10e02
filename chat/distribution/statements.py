"""Finds the tables in a statement for one space that are not compared with the space's value.

The files are searched by pattern. A statement is for one space when it takes %(space)s or
%(server)s and that is not NULL. Citus chooses a machine for each query and subquery by such a
value; it sends one with `= outer.space_id` instead to all machines.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chat.rules.distribution import SPACE, SPREAD

_CHAT = Path(__file__).parents[1]
_PACKAGES = ("queries", "services")

_COMMENT = re.compile(r"--[^\n]*")
_LITERAL = re.compile(r"'[^']*'")
_VALUE = r"%\((?:space|server)\)s"
_SERVES_ONE = re.compile(_VALUE)
_SERVES_MANY = re.compile(rf"coalesce\({_VALUE}|{_VALUE}(?:::uuid)?\s+IS (?:NOT )?NULL")
_INNERMOST = re.compile(r"\(([^()]*)\)")
_QUERY = re.compile(r"\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE)\b")
_SIDES = re.compile(r"\b(?:UNION(?: ALL)?|INTERSECT|EXCEPT)\b")
_TABLE = re.compile(
    r"\b(?:FROM|JOIN|USING|UPDATE)\s+(?:public\.)?(\w+)(?:\s+AS\s+(\w+))?(?=\s|;|$)"
)
_BY_VALUE = re.compile(rf"(?:\b(\w+)\.)?\bspace_id\s*=\s*{_VALUE}")
_BY_ANOTHER = re.compile(r"\b(\w+)\.space_id\s*=\s*(\w+)\.space_id\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ungiven:
    """A table in a statement that is not compared with the value of the space."""

    where: str
    table: str


def ungiven_spaces() -> list[Ungiven]:
    """Return each such table in the SQL of queries and services; reads only files."""
    return [
        Ungiven(where=where, table=table)
        for where, text in sorted({*_files(), *_inline()})
        for table in tables_without_space(text)
    ]


def tables_without_space(text: str) -> list[str]:
    """Return the spread tables that a statement for one space does not compare with its value."""
    bare = _LITERAL.sub("''", _COMMENT.sub("", text))
    if not _SERVES_ONE.search(bare) or _SERVES_MANY.search(bare):
        return []
    return [table for query in _queries(bare) for table in _without_space(query)]


def _without_space(query: str) -> Iterator[str]:
    names = {alias or name: name for name, alias in _TABLE.findall(query) if name in SPREAD}
    given = {alias for alias in _BY_VALUE.findall(query) if alias}
    if "" in _BY_VALUE.findall(query):
        given |= set(names)
    pairs = _BY_ANOTHER.findall(query)
    # Within a query, a column that equals one with the value has the value too.
    for _ in pairs:
        given |= {
            one for pair in pairs for one in pair if given & set(pair) and set(pair) <= set(names)
        }
    return (name for alias, name in names.items() if alias not in given and SPREAD[name] == SPACE)


def _queries(text: str) -> Iterator[str]:
    """Yield each query and subquery without its subqueries; each side of a UNION is a query."""
    found: list[str] = []

    def lift(group: re.Match[str]) -> str:
        if _QUERY.match(group[1]):
            found.append(group[1])
            return " "
        # A condition or arguments, part of the query around them.
        return f"\x01{group[1]}\x02"

    previous = None
    text = re.sub(r"%\((\w+)\)s", "%\x01\\1\x02s", text)
    while text != previous:
        previous, text = text, _INNERMOST.sub(lift, text)
    for query in (*found, text):
        plain = query.replace("\x01", "(").replace("\x02", ")")
        yield from _SIDES.split(plain)


def _files() -> Iterable[tuple[str, str]]:
    for package in _PACKAGES:
        for path in (_CHAT / package).rglob("*.sql"):
            yield str(path.relative_to(_CHAT.parent)), path.read_text(encoding="utf-8")


def _inline() -> Iterable[tuple[str, str]]:
    for package in _PACKAGES:
        for path in (_CHAT / package).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            # Parsing a file takes longer than reading it.
            for node in ast.walk(ast.parse(source if "Statement(" in source else "")):
                match node:
                    case ast.Call(
                        func=ast.Name(id="Statement"), args=[ast.Constant(str(text)), *_]
                    ):
                        yield f"{path.relative_to(_CHAT.parent)}:{node.lineno}", text
