"""Definitions said again on this server, so that those of another major version can be compared.

A recorded definition is made anew in the session's temporary schema, on an empty copy of its
table, and read back in this server's words; so is the live one. That is what restoring a dump does,
so what then differs is a difference. All of it is rolled back. Nothing that is defined is run.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import Connection, Cursor, Error

from chat.schema.catalogue.objects import CatalogueObject, Difference, ObjectKind, read_definitions
from chat.schema.catalogue.statement import SESSION
from chat.schema.drift.expected import ObjectKey

Statements: TypeAlias = Sequence[str]

_BOUNDS: Final = "SELECT set_config('lock_timeout', '1s', true)"
_TEMPORARY: Final = """
SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()
"""
# What the catalogue adds behind pg_get_indexdef and pg_get_triggerdef.
_STATE: Final = re.compile(
    r"( INVALID| CLUSTER| REPLICA IDENTITY| DISABLED| ENABLED FOR REPLICA| ENABLED ALWAYS)+$"
)
_OPTIONS: Final = re.compile(r"^WITH \([^()]*\) ")
_FUNCTION: Final = re.compile(r"^(CREATE OR REPLACE (?:FUNCTION|PROCEDURE) )")


def settled(
    connection: BaseDatabaseWrapper,
    differences: Iterable[Difference],
    *,
    before: Mapping[ObjectKey, CatalogueObject],
    after: Mapping[ObjectKey, CatalogueObject],
    schema: str = "public",
) -> dict[ObjectKey, bool]:
    """Return of each definition that could be said again whether it is the same on both sides.

    What is not in the result cannot be told: the server refuses one of the two, or this role, or a
    standby, may not have temporary objects. Locks what the definitions speak of for a moment, as
    reading does, and waits for that one second at most.
    """
    keys = [(one.kind, one.name) for one in differences]
    old = _said_again(connection, [before[key] for key in keys if key in before], schema=schema)
    new = _said_again(connection, [after[key] for key in keys if key in after], schema=schema)
    return {key: old[key] == new[key] for key in keys if key in old and key in new}


def _said_again(
    connection: BaseDatabaseWrapper, things: Iterable[CatalogueObject], *, schema: str
) -> dict[ObjectKey, str]:
    connection.ensure_connection()
    session: Connection = connection.connection
    made: list[CatalogueObject] = []
    with session.transaction(force_rollback=True):
        session.execute(SESSION)
        session.execute(_BOUNDS)
        for thing in things:
            how = _HOW.get(thing.kind)
            if how is not None and _is_made(session, how(thing, schema)):
                made.append(thing)
        row = session.execute(_TEMPORARY).fetchone()
        if row is None:
            return {}
        found = read_definitions(session, schema=row[0])
    temporary = row[0]
    return {
        (thing.kind, thing.name): _beside_words(thing) + found[key]
        for thing in made
        if (key := _key(thing, schema=schema, temporary=temporary)) in found
    }


def _beside_words(thing: CatalogueObject) -> str:
    """Return what of the definition is not made anew, and must be the same as it is printed."""
    match thing.kind:
        case ObjectKind.VIEW | ObjectKind.MATERIALIZED_VIEW:
            found = _OPTIONS.match(thing.definition)
        case ObjectKind.INDEX | ObjectKind.TRIGGER:
            found = _STATE.search(thing.definition)
        case _:
            found = None
    return found.group() if found else ""


def _is_made(session: Connection, statements: Statements) -> bool:
    try:
        with session.transaction(), Cursor(session) as cursor:
            for statement in statements:
                # Prepared: so the server takes one statement and refuses a second behind it.
                cursor.execute(statement.encode(), prepare=True)
    except Error:
        return False
    return True


def _key(thing: CatalogueObject, *, schema: str, temporary: str) -> ObjectKey:
    kind = ObjectKind.VIEW if thing.kind is ObjectKind.MATERIALIZED_VIEW else thing.kind
    return kind, f"{temporary}.{thing.name.removeprefix(f'{schema}.')}"


def _view(thing: CatalogueObject, schema: str) -> Statements:
    body = _OPTIONS.sub("", thing.definition)
    return [f"CREATE TEMPORARY VIEW {_own_name(thing, schema)} AS {body}"]


def _function(thing: CatalogueObject, schema: str) -> Statements:
    begin, _, rest = thing.definition.partition(f"{schema}.")
    return [f"{begin}pg_temp.{rest}"] if _FUNCTION.fullmatch(begin) else ["refused"]


def _domain(thing: CatalogueObject, schema: str) -> Statements:
    definition = thing.definition.removeprefix("DOMAIN ")
    return [f"CREATE DOMAIN pg_temp.{_own_name(thing, schema)} AS {definition}"]


def _column(thing: CatalogueObject, schema: str) -> Statements:
    table, name = _copy(thing, schema), _member(thing)
    return [
        *_copied(thing, schema),
        f"ALTER TABLE {table} DROP COLUMN {name}",
        f"ALTER TABLE {table} ADD COLUMN {name} {thing.definition}",
    ]


def _constraint(thing: CatalogueObject, schema: str) -> Statements:
    added = f"ALTER TABLE {_copy(thing, schema)} ADD CONSTRAINT {_member(thing)} {thing.definition}"
    return [*_copied(thing, schema), added]


def _index_or_trigger(thing: CatalogueObject, schema: str) -> Statements:
    definition = _STATE.sub("", thing.definition)
    return [
        *_copied(thing, schema),
        definition.replace(f" ON {thing.table} ", f" ON {_copy(thing, schema)} ", 1),
    ]


def _policy(thing: CatalogueObject, schema: str) -> Statements:
    made = f"CREATE POLICY {_member(thing)} ON {_copy(thing, schema)} AS {thing.definition}"
    return [*_copied(thing, schema), made]


def _copied(thing: CatalogueObject, schema: str) -> Statements:
    name = (thing.table or "").removeprefix(f"{schema}.")
    return [f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} (LIKE {thing.table})"]


def _copy(thing: CatalogueObject, schema: str) -> str:
    return f"pg_temp.{(thing.table or '').removeprefix(f'{schema}.')}"


def _member(thing: CatalogueObject) -> str:
    return thing.name.removeprefix(f"{thing.table}.")


def _own_name(thing: CatalogueObject, schema: str) -> str:
    return thing.name.removeprefix(f"{schema}.")


_HOW: Final[Mapping[ObjectKind, Callable[[CatalogueObject, str], Statements]]] = {
    ObjectKind.TYPE: _domain,
    ObjectKind.FUNCTION: _function,
    ObjectKind.COLUMN: _column,
    ObjectKind.CONSTRAINT: _constraint,
    ObjectKind.INDEX: _index_or_trigger,
    ObjectKind.VIEW: _view,
    ObjectKind.MATERIALIZED_VIEW: _view,
    ObjectKind.TRIGGER: _index_or_trigger,
    ObjectKind.POLICY: _policy,
}
