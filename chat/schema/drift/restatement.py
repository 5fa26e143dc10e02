"""Whether two definitions in other words are the same: this server is made to print both.

A server prints an expression from its parse tree. Read in again by pg_restore that is another tree
with the same meaning (`a OR b OR c` for `(a OR b) OR c`), and each major version prints in its own
way. So both definitions are made anew in the session's temporary schema, on an empty copy of their
table, and read back: that is what restoring a dump does, so what then differs is a difference. All
of it is rolled back. Nothing that is defined is run.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import Connection, Cursor, Error

from chat.schema.catalogue.objects import (
    CatalogueObject,
    Change,
    Difference,
    ObjectKey,
    ObjectKind,
    read_definitions,
)
from chat.schema.catalogue.statement import SESSION

Statements: TypeAlias = Sequence[str]

# What functions refer to need not be there.
_BOUNDS: Final = """
SELECT set_config('lock_timeout', '1s', true),
       set_config('check_function_bodies', 'off', true)
"""
_TEMPORARY: Final = """
SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()
"""
# What the catalogue adds behind pg_get_indexdef and pg_get_triggerdef.
_STATE: Final = re.compile(
    r"( INVALID| CLUSTER| REPLICA IDENTITY| DISABLED| ENABLED FOR REPLICA| ENABLED ALWAYS)+$"
)
_OPTIONS: Final = re.compile(r"^WITH \([^()]*\) ")
_FUNCTION: Final = re.compile(r"^(CREATE OR REPLACE (?:FUNCTION|PROCEDURE) )")


def compare_restated(
    connection: BaseDatabaseWrapper,
    differences: Iterable[Difference],
    *,
    before: Mapping[ObjectKey, CatalogueObject],
    after: Mapping[ObjectKey, CatalogueObject],
    schema: str,
) -> dict[ObjectKey, bool]:
    """Return for each difference whether both definitions are the same in this server's words.

    One that is not in the result cannot be told: the server refuses one of the two, or this role,
    or a standby, may not have temporary objects. The version of an extension is never in it. Locks
    what the definitions refer to for a moment, as reading does, and waits for that one second at
    most. No statement when nothing was changed.
    """
    is_same: dict[ObjectKey, bool] = {}
    changed = []
    for difference in differences:
        if difference.what is Change.CHANGED:
            changed.append(difference.key)
        else:
            is_same[difference.key] = False
    old = _redefined(connection, [before[key] for key in changed], schema=schema)
    new = _redefined(connection, [after[key] for key in changed], schema=schema)
    return is_same | {key: old[key] == new[key] for key in changed if key in old and key in new}


def _redefined(
    connection: BaseDatabaseWrapper, objects: Sequence[CatalogueObject], *, schema: str
) -> dict[ObjectKey, str]:
    """Return the definitions as this server prints them; one without an expression stays as it is.

    What it refuses to make is left out.
    """
    redefined: dict[ObjectKey, str] = {}
    recreations = {obj: _recreation(obj, schema) for obj in objects}
    for obj, statements in recreations.items():
        if not statements and obj.kind is not ObjectKind.EXTENSION:
            redefined[obj.key] = obj.definition
    if any(recreations.values()):
        made, temporary, found = _made(connection, recreations)
        for obj in made:
            key = _temporary_key(obj, schema=schema, temporary=temporary)
            if key in found:
                redefined[obj.key] = _suffix(obj) + found[key]
    return redefined


def _made(
    connection: BaseDatabaseWrapper, recreations: Mapping[CatalogueObject, Statements]
) -> tuple[list[CatalogueObject], str, Mapping[ObjectKey, str]]:
    """Return which could be made, in which schema, and the definitions of all that is there."""
    connection.ensure_connection()
    session: Connection = connection.connection
    with session.transaction(force_rollback=True):
        session.execute(SESSION)
        session.execute(_BOUNDS)
        made = [
            obj
            for obj, statements in recreations.items()
            if statements and _is_made(session, statements)
        ]
        row = session.execute(_TEMPORARY).fetchone()
        if row is None:
            return [], "", {}
        return made, row[0], read_definitions(session, schema=row[0])


def _is_made(session: Connection, statements: Statements) -> bool:
    try:
        with session.transaction(), Cursor(session) as cursor:
            for statement in statements:
                # Prepared: so the server takes one statement and refuses a second behind it.
                cursor.execute(statement.encode(), prepare=True)
    except Error:
        return False
    return True


def _temporary_key(obj: CatalogueObject, *, schema: str, temporary: str) -> ObjectKey:
    kind = ObjectKind.VIEW if obj.kind is ObjectKind.MATERIALIZED_VIEW else obj.kind
    return kind, f"{temporary}.{_own_name(obj, schema)}"


def _suffix(obj: CatalogueObject) -> str:
    """Return the part of the definition that is not made anew: it has no expression in it."""
    match obj.kind:
        case ObjectKind.VIEW | ObjectKind.MATERIALIZED_VIEW:
            found = _OPTIONS.match(obj.definition)
        case ObjectKind.INDEX | ObjectKind.TRIGGER:
            found = _STATE.search(obj.definition)
        case _:
            found = None
    return found.group() if found else ""


def _recreation(obj: CatalogueObject, schema: str) -> Statements:
    """Return what makes the object in the temporary schema; nothing if it has no expression."""
    recreate = _RECREATE.get(obj.kind)
    return recreate(obj, schema) if recreate else []


def _view(obj: CatalogueObject, schema: str) -> Statements:
    body = _OPTIONS.sub("", obj.definition)
    return [f"CREATE TEMPORARY VIEW {_own_name(obj, schema)} AS {body}"]


def _function(obj: CatalogueObject, schema: str) -> Statements:
    begin, _, rest = obj.definition.partition(f"{schema}.")
    return [f"{begin}pg_temp.{rest}"] if _FUNCTION.fullmatch(begin) else []


def _domain(obj: CatalogueObject, schema: str) -> Statements:
    word, _, definition = obj.definition.partition(" ")
    if word != "DOMAIN":
        return []
    return [f"CREATE DOMAIN pg_temp.{_own_name(obj, schema)} AS {definition}"]


def _column(obj: CatalogueObject, schema: str) -> Statements:
    table, name = _copy(obj, schema), _member(obj)
    return [
        *_copied(obj, schema),
        f"ALTER TABLE {table} DROP COLUMN {name}",
        f"ALTER TABLE {table} ADD COLUMN {name} {obj.definition}",
    ]


def _constraint(obj: CatalogueObject, schema: str) -> Statements:
    if not obj.definition.startswith(("CHECK", "EXCLUDE")):
        return []
    added = f"ALTER TABLE {_copy(obj, schema)} ADD CONSTRAINT {_member(obj)} {obj.definition}"
    return [*_copied(obj, schema), added]


def _index_or_trigger(obj: CatalogueObject, schema: str) -> Statements:
    definition = _STATE.sub("", obj.definition)
    return [
        *_copied(obj, schema),
        definition.replace(f" ON {obj.table} ", f" ON {_copy(obj, schema)} ", 1),
    ]


def _policy(obj: CatalogueObject, schema: str) -> Statements:
    made = f"CREATE POLICY {_member(obj)} ON {_copy(obj, schema)} AS {obj.definition}"
    return [*_copied(obj, schema), made]


def _copied(obj: CatalogueObject, schema: str) -> Statements:
    name = (obj.table or "").removeprefix(f"{schema}.")
    return [f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} (LIKE {obj.table})"]


def _copy(obj: CatalogueObject, schema: str) -> str:
    return f"pg_temp.{(obj.table or '').removeprefix(f'{schema}.')}"


def _member(obj: CatalogueObject) -> str:
    return obj.name.removeprefix(f"{obj.table}.")


def _own_name(obj: CatalogueObject, schema: str) -> str:
    return obj.name.removeprefix(f"{schema}.")


_RECREATE: Final[Mapping[ObjectKind, Callable[[CatalogueObject, str], Statements]]] = {
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
