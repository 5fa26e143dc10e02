"""Statements on a database whose tables are spread over several machines by `space_id`.

Citus sends a statement to one machine when it compares each table's space with a value; it asks
every machine, or refuses, when the statement says `= outer.space_id`. On one machine the opposite
is better: a statement that is given only a channel finds the space itself. So the SQL is written
for one machine, and is rewritten for a cluster here and nowhere else: the space is found first and
then compared in each table. A statement about all places of a user runs once for each space, unless
it is written so that every machine can answer for the spaces that it has.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections

# Comments in a statement that only the form for a cluster uses: a query for the spaces, for when no
# space is given, whose further columns are parameters, or that each machine is asked for all it has
# of them; and a further condition.
SPACES = "-- spaces on a cluster: "
_AT_ONCE = "at once"
CONDITION = "-- on a cluster: "
_SPACES = re.compile(rf"^\s*{SPACES}(.*)$", re.MULTILINE)
_CONDITION = re.compile(rf"^(\s*){CONDITION}", re.MULTILINE)
_MARKS = re.compile(rf"^\s*(?:{SPACES}|{CONDITION}).*\n?", re.MULTILINE)
# The names under which a statement is given the space.
_GIVEN = re.compile(r"%\((space|server|group)\)s")
# The space is found by something else in a subquery …
_FOUND = re.compile(r"\(\s*(SELECT\s+space_id\s+FROM\s+[^()]*?%\(\w+\)s[^()]*)\)")
# … or is that of the row which the statement starts from.
_ROOT = re.compile(
    r"\bFROM\s+(?:public\.)?(?P<table>channels|messages)\s+AS\s+(?P<alias>\w+)\b"
    r"(?=.*?\b(?P<condition>(?P=alias)\.id\s*=\s*%\((?P<name>\w+)\)s))",
    re.DOTALL,
)
# Rather than another row of the statement, such as the message that is replied to.
_BEGINNING = {"channel", "message", "id"}
# `space_id = another.space_id`, and a range of spaces. A FULL JOIN of parts of the statement stays.
_OF_ANOTHER = re.compile(r"(FULL JOIN \w+\s+ON\s+\w+\.)?(\bspace_id\s*=\s*)\w+\.(?:space_id|id)\b")
_OF_A_RANGE = re.compile(r"\bspace_id\s+BETWEEN\s+%\(first_space\)s\s+AND\s+%\(last_space\)s")
# Rows of a user in all their places, of which the statement is to read one.
_OF_USER = re.compile(
    r"\bFROM\s+(?:public\.)?(?:server_members|participants|mentions)\s+AS\s+(?P<alias>\w+)\b"
    r"(?=.*?\b(?P<condition>(?P=alias)\.user_id\s*=\s*%\((?:user|viewer)\)s))",
    re.DOTALL,
)
_OF_USER_ALONE = re.compile(
    r"(\bFROM\s+(?:public\.)?(?:server_members|participants|mentions)\s+WHERE\s+)"
    r"(?=user_id\s*=\s*%\((?:user|viewer)\)s)"
)
# No space has it. NULL would be refused: it leads to no machine.
_NOWHERE = UUID(int=0)
_FINDING = {
    "channels": "SELECT space_id FROM public.channels WHERE id = %(id)s",
    "messages": "SELECT space_id FROM public.messages WHERE id = %(id)s",
}
_SPACES_OF_USER = """
SELECT space_id FROM public.server_members WHERE user_id = %(user)s
UNION
SELECT space_id FROM public.participants WHERE user_id = %(user)s AND left_at IS NULL
ORDER BY space_id
"""
_SPACES_OF_A_RANGE = """
SELECT space_id
FROM public.server_members
WHERE user_id = %(user)s AND space_id BETWEEN %(first_space)s AND %(last_space)s
UNION
SELECT space_id
FROM public.participants
WHERE
    user_id = %(user)s
    AND left_at IS NULL
    AND space_id BETWEEN %(first_space)s AND %(last_space)s
ORDER BY space_id
"""


class ClusterForm(NamedTuple):
    """A statement for one space, the name of its parameter, and the query that finds the space."""

    sql: str
    name: str
    # From the row that the statement starts from.
    finding: str | None
    # For all spaces that it is about.
    listing: str


def is_distributed(using: str) -> bool:
    """Return whether the tables are spread over several machines; each process asks once."""
    return _is_distributed(using, str(connections[using].settings_dict["NAME"]))


def forget() -> None:
    """Ask again next time: the tables were spread, or brought back."""
    _is_distributed.cache_clear()
    _known_space.cache_clear()


def for_spaces(
    sql: str, params: Mapping[str, Any], *, using: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the statement and its parameters for each space that it is about, in their order.

    A statement without a space, which reads reference tables or is meant for every machine, is
    yielded unchanged, and so is one for many spaces that all machines answer at once.
    """
    form = cluster_form(sql)
    if form is None:
        yield sql, params
    elif (space := params.get(form.name) or _only_space(params)) is not None:
        yield form.sql, {**params, form.name: space}
    elif form.finding is not None:
        yield form.sql, {**params, form.name: _space(form.finding, params, using=using)}
    elif form.listing == _AT_ONCE:
        yield without_marks(sql), params
    else:
        for space, further in _listed(form.listing, params, using=using):
            yield form.sql, {**params, **further, form.name: space}


def without_marks(sql: str) -> str:
    """Return the statement for one machine."""
    return _MARKS.sub("", sql)


@cache
def cluster_form(sql: str) -> ClusterForm | None:
    """Return the form of a statement for one space; None if it names no space."""
    listing = " ".join(_SPACES.findall(sql))
    sql = _CONDITION.sub(r"\1", _SPACES.sub("", sql))
    finding = None
    if found := _FOUND.search(sql):
        finding = found[1].strip()
    elif roots := sorted(_ROOT.finditer(sql), key=lambda row: row["name"] not in _BEGINNING):
        root = roots[0]
        finding = _FINDING[root["table"]].replace("%(id)s", f"%({root['name']})s")
    given = _GIVEN.search(sql)
    if not (listing or finding or given or _OF_A_RANGE.search(sql)):
        return None
    name = given[1] if given else "space"
    value = f"%({name})s"
    sql = _FOUND.sub(value, sql)
    for pattern in (_ROOT, _OF_USER):
        for alias, condition in {(row["alias"], row["condition"]) for row in pattern.finditer(sql)}:
            sql = sql.replace(condition, f"{alias}.space_id = {value} AND {condition}")
    sql, ranges = _OF_A_RANGE.subn(f"space_id = {value}", sql)
    sql = _OF_ANOTHER.sub(lambda found: found[0] if found[1] else f"{found[2]}{value}", sql)
    sql = _OF_USER_ALONE.sub(rf"\g<1>space_id = {value} AND ", sql)
    listing = listing or (_SPACES_OF_A_RANGE if ranges else _SPACES_OF_USER)
    return ClusterForm(sql=sql, name=name, finding=finding, listing=listing)


def _only_space(params: Mapping[str, Any]) -> Any:
    first = params.get("first_space")
    return first if first == params.get("last_space") else None


def _space(finding: str, params: Mapping[str, Any], *, using: str) -> UUID:
    (name,) = set(re.findall(r"%\((\w+)\)s", finding))
    find = _known_space if "channels" in finding else _known_space.__wrapped__
    try:
        return find(using, finding, name, params[name])
    except LookupError:
        return _NOWHERE


# The space of a channel never changes. A message that was rolled back may be sent again in another
# space, so the space of a message is not remembered.
@lru_cache(maxsize=100_000)
def _known_space(using: str, finding: str, name: str, value: Any) -> UUID:
    rows = _rows(finding, {name: value}, using=using)
    if not rows:
        # The row may be made later: an error is not remembered.
        raise LookupError(value)
    space: UUID = rows[0][0]
    return space


@cache
def _is_distributed(using: str, _database: str) -> bool:
    connection = connections[using]
    connection.ensure_connection()
    # By the driver's cursor, which callers that count statements do not see.
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        if not cursor.execute("SELECT to_regclass('pg_dist_partition') IS NOT NULL").fetchone()[0]:
            return False
        cursor.execute(
            "SELECT EXISTS ("
            "SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass('public.messages'))"
        )
        return bool(cursor.fetchone()[0])


def _listed(
    sql: str, params: Mapping[str, Any], *, using: str
) -> list[tuple[UUID, dict[str, Any]]]:
    with connections[using].cursor() as cursor:
        cursor.execute(sql, params)
        _, *names = (column.name for column in cursor.description)
        return [(space, dict(zip(names, row, strict=True))) for space, *row in cursor.fetchall()]


def _rows(sql: str, params: Mapping[str, Any], *, using: str) -> list[tuple[Any, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
