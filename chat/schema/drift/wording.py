"""When two definitions in PostgreSQL's words say the same.

The server prints an expression from its parse tree. What it printed, read in again by pg_restore,
is another tree that means the same, and each major version prints in its own way. Nothing here
asks a database.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

# Strings and quoted names are one token each, and so is a dollar-quoted body: never looked into.
_TOKEN: Final = re.compile(
    r"""
      (?P<dollar>\$(?:[^\W\d]\w*)?\$).*?(?P=dollar)
    | [eE]'(?:[^'\\]|''|\\.)*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | [^\W\d][\w$]*
    | \d+(?:\.\d*)?(?:[eE][+-]?\d+)?
    | ::
    | [()\[\]]
    | [-+*/<>=~!@#%^&|`?]+
    | \S
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING: Final = {"(": ")", "[": "]"}
_CONNECTIVES: Final = frozenset({"AND", "OR"})
# Whose AND is no connective, or whose end is the bracket's.
_NO_CHAIN: Final = frozenset({"BETWEEN", "SELECT", "VALUES", ","})
_PLAIN: Final = re.compile(r"""[\w$'",.].*""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Group:
    """What stands between two brackets."""

    opening: str
    nodes: "tuple[_Node, ...]"


_Node: TypeAlias = "str | _Group"


def canonical(definition: str) -> str:
    """Return the definition as one string that is the same before and after dump and restore.

    `((a OR b) OR c)` becomes `(a OR b OR c)`, and a cast of an array, `(ARRAY[a, b])::text[]`,
    becomes a cast of each of its elements: `ARRAY[(a)::text, (b)::text]`.
    """
    return " ".join(_flat(_canonical(_parsed(definition))))


def skeleton(definition: str) -> str:
    """Return `canonical` without the expressions in brackets: what every version prints alike.

    Brackets with nothing but names and constants in them stay: lengths, lists of columns.
    """
    return " ".join(_flat(_without_expressions(_canonical(_parsed(definition)))))


def _parsed(definition: str) -> tuple[_Node, ...]:
    stack: list[tuple[str, list[_Node]]] = [("", [])]
    for match in _TOKEN.finditer(definition):
        token = match.group()
        opening, nodes = stack[-1]
        if token in _CLOSING:
            stack.append((token, []))
        elif len(stack) > 1 and token == _CLOSING[opening]:
            stack.pop()
            stack[-1][1].append(_Group(opening, tuple(nodes)))
        else:
            nodes.append(token)
    # A bracket that is never closed: not an expression, kept as it is written.
    while len(stack) > 1:
        opening, nodes = stack.pop()
        stack[-1][1].extend([opening, *nodes])
    return tuple(stack[0][1])


def _canonical(nodes: tuple[_Node, ...]) -> tuple[_Node, ...]:
    inner = tuple(
        _Group(node.opening, _canonical(node.nodes)) if isinstance(node, _Group) else node
        for node in nodes
    )
    return _with_elements_cast(_with_chains_flat(inner))


def _with_chains_flat(nodes: tuple[_Node, ...]) -> tuple[_Node, ...]:
    connective = _connective(nodes)
    if connective is None:
        return nodes
    flat: list[_Node] = []
    for index, node in enumerate(nodes):
        beside = (*nodes[max(index - 1, 0) : index], *nodes[index + 1 : index + 2])
        is_operand = all(neighbour == connective for neighbour in beside)
        if isinstance(node, _Group) and is_operand and _connective(node.nodes) == connective:
            flat += node.nodes
        else:
            flat.append(node)
    return tuple(flat)


def _connective(nodes: tuple[_Node, ...]) -> str | None:
    """Return the one connective of a chain, None where there is none or more than one."""
    words = {node for node in nodes if isinstance(node, str)}
    found = words & _CONNECTIVES
    return next(iter(found)) if len(found) == 1 and not words & _NO_CHAIN else None


def _with_elements_cast(nodes: tuple[_Node, ...]) -> tuple[_Node, ...]:
    result: list[_Node] = []
    index = 0
    while index < len(nodes):
        node = nodes[index]
        elements = _array_elements(node)
        cast, end = _array_type(nodes, index + 1)
        if elements is None or not cast:
            result.append(node)
            index += 1
            continue
        each: list[_Node] = []
        for element in elements:
            each += [",", _Group("(", element), "::", *cast]
        result += ["ARRAY", _Group("[", tuple(each[1:]))]
        index = end

    return tuple(result)


def _array_elements(node: _Node) -> list[tuple[_Node, ...]] | None:
    """Return the elements of `(ARRAY[…])`, None when the node is something else."""
    if not (isinstance(node, _Group) and node.opening == "(" and len(node.nodes) == 2):
        return None
    word, brackets = node.nodes
    if word != "ARRAY" or not isinstance(brackets, _Group):
        return None
    elements: list[list[_Node]] = [[]]
    for inner in brackets.nodes:
        if inner == ",":
            elements.append([])
        else:
            elements[-1].append(inner)
    return [tuple(element) for element in elements]


def _array_type(nodes: tuple[_Node, ...], start: int) -> tuple[tuple[_Node, ...], int]:
    """Return the element type of a cast `::text[]` that begins at `start`, and where it ends."""
    if nodes[start : start + 1] != ("::",):
        return (), start
    for index in range(start + 1, len(nodes)):
        node = nodes[index]
        if isinstance(node, _Group) and node.opening == "[":
            return (nodes[start + 1 : index], index + 1) if not node.nodes else ((), start)
        if isinstance(node, str) and not _PLAIN.fullmatch(node):
            break
    return (), start


def _without_expressions(nodes: tuple[_Node, ...]) -> tuple[_Node, ...]:
    return tuple(
        _Group(node.opening, ("…",)) if isinstance(node, _Group) and _is_expression(node) else node
        for node in nodes
    )


def _is_expression(group: _Group) -> bool:
    return any(isinstance(node, _Group) or not _PLAIN.fullmatch(node) for node in group.nodes)


def _flat(nodes: tuple[_Node, ...]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, _Group):
            yield node.opening
            yield from _flat(node.nodes)
            yield _CLOSING[node.opening]
        else:
            yield node
