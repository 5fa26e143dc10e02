"""Spreads the tables over the machines of a Citus cluster, and brings them back.

Each is one transaction, under the migration lock: all tables, or none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import transaction
from psycopg import sql

from chat.distribution.tables import (
    ForeignKey,
    Kind,
    Table,
    in_order,
    read_foreign_keys,
    read_tables,
    rows,
)
from chat.models.distribution import LEFT_OUT
from chat.schema.catalogue.objects import ObjectKind, diff, read_catalogue
from chat.schema.drift.restatement import compare_restated
from chat.schema.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

    from chat.schema.catalogue.objects import Catalogue, Difference

# What everybody who works on the cluster needs; of the database, so that no session is without.
SETTINGS = {
    # Rows that refer to a reference table are written machine by machine.
    "citus.multi_shard_modify_mode": "sequential",
    # Local tables stay as they are, whatever they refer to.
    "citus.enable_local_reference_table_foreign_keys": "off",
    "citus.enable_unsafe_triggers": "on",
    # A function that takes a space is called by statements that run where the space is.
    "citus.allow_nested_distributed_execution": "on",
    # SET LOCAL chat.purge and the like are for the triggers, which run on the machines.
    "citus.propagate_set_commands": "local",
}

# It is spread first: the others are to be on the machine of their server.
_FIRST = "servers"


class RowsLostError(SchemaError):
    """There are not as many rows as before; everything was rolled back."""


class NotBackError(SchemaError):
    """The schema would not be what it was; everything was rolled back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A table that was converted, and how many rows it has."""

    table: Table
    count: int


def distributed(connection: BaseDatabaseWrapper) -> set[str]:
    """Return the names of the tables that Citus keeps; one statement."""
    return {name for (name,) in rows(connection, _DISTRIBUTED)}


def distribute(connection: BaseDatabaseWrapper, *, shards: int) -> Iterator[Converted]:
    """Spread what is not spread yet, in one transaction, and yield each table as it is done.

    The transaction ends with the iteration. It locks every table that it converts from its
    beginning to its end, also for reading.
    """
    prepare(connection)
    with transaction.atomic(using=connection.alias):
        run = _Run(connection)
        done = distributed(connection)
        all_tables = read_tables(connection)
        tables = [table for table in all_tables if table.name not in done]
        keys = read_foreign_keys(connection)
        local = {table.name for table in _of(all_tables, Kind.LOCAL)}
        hollow = [key for key in keys if key.table in local and key.target not in local]
        references, _ = in_order(_of(tables, Kind.REFERENCE), keys)
        spread, circular = in_order(_of(tables, Kind.SPREAD), keys, first=_FIRST)
        converted = [*references, *spread]
        run.lock(converted)
        before = run.counts(converted)
        triggers = run.enabled_triggers(converted)
        for key in [*circular, *hollow]:
            run.drop_key(key)
        run.switch_triggers(triggers, "DISABLE")
        for table in spread:
            run.add_to_primary_key(table)
        for table in references:
            rows(connection, "SELECT create_reference_table(%s)", [_qualified(table)])
            yield Converted(table=table, count=before[table.name])
        for table in spread:
            run.spread(table, shards=shards)
            yield Converted(table=table, count=before[table.name])
        for table in converted:
            rows(
                connection,
                "SELECT truncate_local_data_after_distributing_table(%s)",
                [_qualified(table)],
            )
        for key in circular:
            run.add_key(key)
        run.distribute_functions()
        run.switch_triggers([each for each in triggers if each[1] not in LEFT_OUT], "ENABLE")
        _require_equal(before, run.counts(converted))


def undo(connection: BaseDatabaseWrapper) -> Iterator[Converted]:
    """Bring every table back to this machine in one transaction, and yield each with its count.

    What was converted and what was left out is put back, and the schema is compared with what it
    was. It locks every table from its beginning to its end.
    """
    with transaction.atomic(using=connection.alias):
        run = _Run(connection)
        done = distributed(connection)
        converted = [table for table in read_tables(connection) if table.name in done]
        before = run.counts(converted)
        catalogue = read_catalogue(connection, schema="public")
        lost = [statement for (statement,) in rows(connection, _LOST)]
        functions = rows(connection, _FUNCTIONS_OF_ROWS)
        for name, _, _ in functions:
            run.execute(sql.SQL("DROP FUNCTION {}").format(sql.SQL(name)))
        triggers = run.enabled_triggers(converted)
        run.switch_triggers(triggers, "DISABLE")
        for table in converted:
            if table.name in distributed(connection):
                rows(connection, "SELECT undistribute_table(%s, true)", [_qualified(table)])
            yield Converted(table=table, count=before[table.name])
        for table in converted:
            if table.kind is Kind.SPREAD:
                run.take_from_primary_key(table)
        for name, definition, owner in functions:
            run.execute(sql.SQL(definition))
            run.execute(
                sql.SQL("ALTER FUNCTION {} OWNER TO {}").format(
                    sql.SQL(name), sql.Identifier(owner)
                )
            )
        for statement in lost:
            run.execute(sql.SQL(statement))
        run.add_keys_of_local_tables({table.name for table in converted})
        run.switch_triggers([*triggers, *run.resting_triggers()], "ENABLE")
        _require_equal(before, run.counts(converted))
        run.require_as_before(catalogue)


def prepare(connection: BaseDatabaseWrapper) -> None:
    """Give the database the settings of a cluster, and this session too."""
    name = sql.Identifier(str(connection.settings_dict["NAME"]))
    with connection.cursor() as cursor:
        for setting, value in SETTINGS.items():
            cursor.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                    name, sql.SQL(setting), sql.Literal(value)
                )
            )
            cursor.execute("SELECT set_config(%s, %s, false)", [setting, value])


class _Run:
    """The statements of a conversion, in the transaction that is open."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def execute(self, statement: sql.Composable) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def lock(self, tables: Iterable[Table]) -> None:
        names = [_identifier(table.name) for table in tables]
        if names:
            self.execute(sql.SQL("SET LOCAL lock_timeout = '5s'"))
            self.execute(
                sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(names))
            )
            self.execute(sql.SQL("SET LOCAL lock_timeout = 0"))

    def counts(self, tables: Iterable[Table]) -> dict[str, int]:
        """Return how many rows each table has, and of the counters also where they stand."""
        found = {}
        for table in tables:
            statement = sql.SQL("SELECT count(*) FROM {}").format(_identifier(table.name))
            ((found[table.name],),) = rows(self._connection, statement)
            if table.name == "channel_counters":
                ((found["the sum of first_seq"], found["the sum of last_seq"]),) = rows(
                    self._connection,
                    "SELECT coalesce(sum(first_seq), 0), coalesce(sum(last_seq), 0)"
                    " FROM public.channel_counters",
                )
        return found

    def enabled_triggers(self, tables: Iterable[Table]) -> list[tuple[str, str]]:
        return rows(self._connection, _TRIGGERS, {"tables": [t.name for t in tables], "on": "O"})

    def resting_triggers(self) -> list[tuple[str, str]]:
        found = rows(self._connection, _TRIGGERS, {"tables": None, "on": "D"})
        return [each for each in found if each[1] in LEFT_OUT]

    def switch_triggers(self, triggers: Iterable[tuple[str, str]], verb: str) -> None:
        for table, name in triggers:
            self.execute(
                sql.SQL("ALTER TABLE {} {} TRIGGER {}").format(
                    _identifier(table), sql.SQL(verb), sql.Identifier(name)
                )
            )

    def drop_key(self, key: ForeignKey) -> None:
        self.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                _identifier(key.table), sql.Identifier(key.name)
            )
        )

    def add_key(self, key: ForeignKey) -> None:
        self.execute(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                _identifier(key.table), sql.Identifier(key.name), sql.SQL(key.definition)
            )
        )

    def add_keys_of_local_tables(self, targets: Collection[str]) -> None:
        """Add those that were dropped, as Django makes them: local tables are of its apps."""
        with self._connection.schema_editor(atomic=False) as editor:
            for model in apps.get_models(include_auto_created=True):
                for field in model._meta.local_concrete_fields:
                    if (
                        getattr(field, "db_constraint", False)
                        and model._meta.db_table not in targets
                        and field.related_model._meta.db_table in targets
                    ):
                        editor.execute(
                            editor._create_fk_sql(model, field, "_fk_%(to_table)s_%(to_column)s")
                        )

    def add_to_primary_key(self, table: Table) -> None:
        name, columns = self._primary_key(table)
        if table.key not in columns:
            self._replace_primary_key(table, name, [*columns, str(table.key)])

    def take_from_primary_key(self, table: Table) -> None:
        name, columns = self._primary_key(table)
        if columns == ["id", table.key]:
            self._replace_primary_key(table, name, ["id"])

    def spread(self, table: Table, *, shards: int) -> None:
        if table.key == "space_id" and table.name != _FIRST:
            rows(
                self._connection,
                "SELECT create_distributed_table(%s, %s, colocate_with => %s)",
                [_qualified(table), table.key, f"public.{_FIRST}"],
            )
            return
        rows(
            self._connection,
            "SELECT create_distributed_table("
            "%s, %s, colocate_with => 'none', shard_count => %s::integer)",
            [_qualified(table), table.key, shards],
        )

    def distribute_functions(self) -> None:
        """Have every function on every machine, and one that takes a space run where that is.

        Citus sends along what a table depends on, but not what its triggers call.
        """
        for (name,) in rows(self._connection, _FUNCTIONS):
            rows(self._connection, "SELECT create_distributed_function(%s)", [name])
        for (name,) in rows(self._connection, _DELEGATED):
            rows(
                self._connection,
                "SELECT create_distributed_function(%s, 'in_space', colocate_with => %s)",
                [name, f"public.{_FIRST}"],
            )

    def require_as_before(self, before: Catalogue) -> None:
        """Raise unless the schema is that of one machine again, in whatever words."""
        after = read_catalogue(self._connection, schema="public")
        differences = [each for each in diff(before, after) if not _is_of_distribution(each)]
        is_same = compare_restated(
            self._connection,
            differences,
            before=before.by_key(),
            after=after.by_key(),
            schema="public",
        )
        if changed := [str(each) for each in differences if not is_same.get(each.key)]:
            raise NotBackError(seen="\n".join(changed))

    def _primary_key(self, table: Table) -> tuple[str, list[str]]:
        ((name, columns),) = rows(self._connection, _PRIMARY_KEY, [_qualified(table)])
        return name, columns

    def _replace_primary_key(self, table: Table, name: str, columns: list[str]) -> None:
        self.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}, ADD CONSTRAINT {} PRIMARY KEY ({})").format(
                _identifier(table.name),
                sql.Identifier(name),
                sql.Identifier(name),
                sql.SQL(", ").join(map(sql.Identifier, columns)),
            )
        )


def _of(tables: Iterable[Table], kind: Kind) -> list[Table]:
    return [table for table in tables if table.kind is kind]


def _identifier(name: str) -> sql.Identifier:
    return sql.Identifier("public", name)


def _qualified(table: Table) -> str:
    return f"public.{table.name}"


def _require_equal(before: dict[str, int], after: dict[str, int]) -> None:
    if before != after:
        seen = [f"{name}: {count} before, {after[name]} after" for name, count in before.items()]
        raise RowsLostError(seen="\n".join(seen))


def _is_of_distribution(difference: Difference) -> bool:
    """Return whether it is what spreading the tables had changed."""
    was, now = difference.before or "", difference.after or ""
    match difference.kind:
        case ObjectKind.TRIGGER:
            return was == f"{now} DISABLED"
        case ObjectKind.CONSTRAINT if not was:
            return now.startswith("FOREIGN KEY ")
        case ObjectKind.CONSTRAINT | ObjectKind.INDEX:
            return difference.name.endswith("_pkey") and "(id, " in was and "(id)" in now
    return False


_DISTRIBUTED = """
SELECT relname::text
FROM pg_dist_partition
INNER JOIN pg_class ON pg_class.oid = logicalrelid
WHERE relnamespace = 'public'::regnamespace
"""

_TRIGGERS = """
SELECT relname::text, tgname::text
FROM pg_trigger
INNER JOIN pg_class ON pg_class.oid = tgrelid
WHERE
    NOT tgisinternal
    AND relnamespace = 'public'::regnamespace
    AND tgenabled::text = %(on)s
    AND (%(tables)s::text[] IS NULL OR relname = ANY (%(tables)s::text[]))
ORDER BY 1, 2
"""

_PRIMARY_KEY = """
SELECT
    conname::text,
    ARRAY(
        SELECT attname::text
        FROM unnest(conkey) WITH ORDINALITY AS place (number, rank)
        INNER JOIN pg_attribute ON attrelid = conrelid AND attnum = number
        ORDER BY rank
    )
FROM pg_constraint
WHERE contype = 'p' AND conrelid = %s::regclass
"""

_FUNCTIONS = """
SELECT oid::regprocedure::text
FROM pg_proc
WHERE
    pronamespace = 'public'::regnamespace
    AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
    )
    AND NOT EXISTS (
        SELECT FROM pg_dist_object
        WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid
    )
ORDER BY oid
"""

_DELEGATED = """
SELECT oid::regprocedure::text
FROM pg_proc
WHERE
    pronamespace = 'public'::regnamespace
    AND 'in_space' = ANY (proargnames)
    AND prorettype <> 'trigger'::regtype
    AND NOT EXISTS (
        SELECT FROM pg_dist_object
        WHERE
            classid = 'pg_proc'::regclass
            AND objid = pg_proc.oid
            AND distribution_argument_index IS NOT NULL
    )
ORDER BY oid
"""

# Those that take rows of a table, which go with it.
_FUNCTIONS_OF_ROWS = """
SELECT oid::regprocedure::text, pg_get_functiondef(oid), pg_get_userbyid(proowner)::text
FROM pg_proc
WHERE
    pronamespace = 'public'::regnamespace
    AND EXISTS (
        SELECT
        FROM pg_depend
        INNER JOIN pg_type AS type ON type.oid = refobjid
        LEFT JOIN pg_type AS element ON element.oid = type.typelem
        WHERE
            classid = 'pg_proc'::regclass
            AND objid = pg_proc.oid
            AND refclassid = 'pg_type'::regclass
            AND 'c' IN (type.typtype, element.typtype)
    )
ORDER BY oid
"""

# What a table that comes back has lost, as statements.
_LOST = r"""
SELECT
    format(
        'COMMENT ON %s %s IS %L',
        regexp_replace(object.type, '^\w+ (column|constraint)$', '\1'),
        object.identity,
        description
    )
FROM pg_description AS said
CROSS JOIN pg_identify_object(said.classoid, said.objoid, said.objsubid) AS object
WHERE object.schema = 'public' AND said.objoid >= 16384
UNION ALL
SELECT
    format(
        'ALTER TABLE public.%I ALTER COLUMN %I SET (%s)',
        relname,
        attname,
        array_to_string(attoptions, ', ')
    )
FROM pg_attribute
INNER JOIN pg_class ON pg_class.oid = attrelid
WHERE
    relnamespace = 'public'::regnamespace
    AND relkind IN ('r', 'p')
    AND attoptions IS NOT NULL
    AND NOT attisdropped
UNION ALL
SELECT
    format(
        'ALTER TABLE public.%I ALTER COLUMN %I SET STATISTICS %s', relname, attname, attstattarget
    )
FROM pg_attribute
INNER JOIN pg_class ON pg_class.oid = attrelid
WHERE
    relnamespace = 'public'::regnamespace
    AND relkind IN ('r', 'p')
    AND attnum > 0
    AND attstattarget >= 0
    AND NOT attisdropped
"""
