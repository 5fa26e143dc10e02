"""Spreads the tables over the machines of a Citus cluster, and brings them back.

Each way is one transaction under the migration lock: all tables, or none.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.apps import apps
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
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
from chat.rules.distribution import LEFT_OUT, SPACE
from chat.schema.acceptance.of_drift import changes_accepted
from chat.schema.catalogue.objects import Catalogue, Difference, ObjectKind, diff, read_catalogue
from chat.schema.drift.restatement import compare_restated
from chat.schema.errors import SchemaError

# Needed by every session on the cluster, so they are set for the database.
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
    # As the application has it on its own connections; the machines have others among themselves.
    "jit": "off",
}

# How a trigger gets each state that is not DISABLED.
_ENABLED = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}

# It is spread first: the rows of the others go to the machine of their server.
_FIRST = "servers"


class RowsLostError(SchemaError):
    """A table has more or fewer rows than before; everything was rolled back."""


class NotBackError(SchemaError):
    """The schema would differ from before; everything was rolled back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A converted table and its number of rows."""

    table: Table
    count: int


def distributed(connection: BaseDatabaseWrapper) -> set[str]:
    """Return the names of the tables that Citus manages; one statement."""
    return {name for (name,) in rows(connection, _DISTRIBUTED)}


def distribute(connection: BaseDatabaseWrapper, *, shards: int) -> Iterator[Converted]:
    """Spread the tables that are not spread yet, in one transaction; yield each when it is done.

    The transaction ends with the iteration. It locks each table that it converts from start to
    end, also for reading. Call it under the migration lock.

    Raises:
        RowsLostError: a table has more or fewer rows than before; nothing was changed.
    """
    with _one_transaction(connection, reason="distribute"):
        run = _Run(connection)
        run.set_up()
        done = distributed(connection)
        tables = read_tables(connection)
        keys = read_foreign_keys(connection)
        local = {table.name for table in tables if table.kind is Kind.LOCAL}
        new = [table for table in tables if table.name not in done]
        references, _ = in_order([each for each in new if each.kind is Kind.REFERENCE], keys)
        spread, circular = in_order(
            [each for each in new if each.kind is Kind.SPREAD], keys, first=_FIRST
        )
        converted = [*references, *spread]
        if not converted:
            return
        run.lock(converted)
        before = run.counts(converted)
        triggers = [each for each in run.triggers(converted) if each[2] in _ENABLED]
        for key in circular:
            run.drop_key(key)
        # They would be checked against the empty table that is left here.
        for key in keys:
            if key.table in local and key.target not in local:
                run.drop_key(key)
        run.disable_triggers(triggers)
        # Citus sends a trigger along with its table, but not the functions that its condition
        # calls; the tables that those read are not there yet.
        run.execute(sql.SQL("SET LOCAL check_function_bodies = off"))
        run.send_functions(of_conditions=True)
        for table in references:
            run.call("SELECT create_reference_table(%s)", _qualified(table))
            yield Converted(table=table, count=before[table.name])
        for table in spread:
            run.add_to_primary_key(table)
            run.spread(table, shards=shards)
            yield Converted(table=table, count=before[table.name])
        for table in converted:
            run.call("SELECT truncate_local_data_after_distributing_table(%s)", _qualified(table))
        for key in circular:
            run.add_key(key)
        run.distribute_functions()
        run.enable_triggers(each for each in triggers if each[1] not in LEFT_OUT)
        _require_equal(before, run.counts(converted))


def undo(connection: BaseDatabaseWrapper) -> Iterator[Converted]:
    """Bring every table back to this machine in one transaction; yield each with its count.

    The triggers that are left out on several machines are enabled again, and the schema is as
    before. Call it under the migration lock.

    Raises:
        RowsLostError, NotBackError: rows or schema differ from before; nothing was changed.
    """
    with _one_transaction(connection, reason="distribute --undo"):
        run = _Run(connection)
        run.set_up()
        done = distributed(connection)
        converted = [table for table in read_tables(connection) if table.name in done]
        if not converted:
            return
        catalogue = read_catalogue(connection, schema="public")
        # Those that were left out on several machines are enabled again.
        triggers = [
            (table, name, "O" if name in LEFT_OUT else state)
            for table, name, state in run.triggers(converted)
            if name in LEFT_OUT or state in _ENABLED
        ]
        run.disable_triggers(triggers)
        before = run.counts(converted)
        lost = rows(connection, _LOST)
        functions = rows(connection, _FUNCTIONS_OF_ROWS)
        for name, _, _ in functions:
            run.execute(sql.SQL("DROP FUNCTION {}").format(sql.SQL(name)))
        for table in converted:
            # One call also brings back the tables that foreign keys connect to it.
            if table.name in distributed(connection):
                run.call("SELECT undistribute_table(%s, true)", _qualified(table))
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
        for (statement,) in lost:
            run.execute(sql.SQL(statement))
        run.add_keys_of_local_tables({table.name for table in converted})
        run.enable_triggers(triggers)
        _require_equal(before, run.counts(converted))
        run.require_as_before(catalogue)
        run.tear_down()


@contextmanager
def _one_transaction(connection: BaseDatabaseWrapper, *, reason: str) -> Iterator[None]:
    """Run the block in a transaction that also records its changes as accepted, not as drift."""
    with transaction.atomic(using=connection.alias), changes_accepted(connection, reason=reason):
        yield


class _Run:
    """The statements of a conversion, in the open transaction."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def execute(self, statement: sql.Composable) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def call(self, statement: str, *params: object) -> None:
        rows(self._connection, statement, params)

    def set_up(self) -> None:
        """Set the settings of a cluster for the database and for this session."""
        for name, value in SETTINGS.items():
            self._set_for_all("SET {} = {}", sql.SQL(name), sql.Literal(value))
            self.call("SELECT set_config(%s, %s, false)", name, value)

    def tear_down(self) -> None:
        """Reset these settings of the database."""
        for name in SETTINGS:
            self._set_for_all("RESET {}", sql.SQL(name))

    def _set_for_all(self, what: str, *parts: sql.Composable) -> None:
        database = sql.Identifier(str(self._connection.settings_dict["NAME"]))
        self.execute(sql.SQL("ALTER DATABASE {} ").format(database) + sql.SQL(what).format(*parts))

    def lock(self, tables: Iterable[Table]) -> None:
        names = sql.SQL(", ").join(_identifier(table.name) for table in tables)
        self.execute(sql.SQL("SET LOCAL lock_timeout = '5s'"))
        self.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
        self.execute(sql.SQL("SET LOCAL lock_timeout = 0"))

    def counts(self, tables: Iterable[Table]) -> dict[str, int]:
        """Return the number of rows of each table, and the sums of the counters."""
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

    def triggers(self, tables: Iterable[Table]) -> list[tuple[str, str, str]]:
        """Return the table, the name and the state (tgenabled) of each trigger."""
        return rows(self._connection, _TRIGGERS, [[table.name for table in tables]])

    def disable_triggers(self, triggers: Iterable[tuple[str, str, str]]) -> None:
        """Disable triggers, which would fire while rows are copied."""
        for table, name, _ in triggers:
            self._switch_trigger("DISABLE", table, name)

    def enable_triggers(self, triggers: Iterable[tuple[str, str, str]]) -> None:
        """Restore the state that each trigger had."""
        for table, name, state in triggers:
            self._switch_trigger(_ENABLED[state], table, name)

    def _switch_trigger(self, verb: str, table: str, name: str) -> None:
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
        """Add their dropped foreign keys as Django makes them: local tables belong to its apps."""
        with self._connection.schema_editor(atomic=False) as editor:
            for model in apps.get_models(include_auto_created=True):
                for field in model._meta.local_concrete_fields:
                    target = field.related_model
                    if (
                        target is not None
                        and getattr(field, "db_constraint", False)
                        and model._meta.db_table not in targets
                        and target._meta.db_table in targets
                    ):
                        # Django has no public way to it.
                        editor.execute(
                            editor._create_fk_sql(  # type: ignore[attr-defined]  # noqa: SLF001
                                model, field, "_fk_%(to_table)s_%(to_column)s"
                            )
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
        if table.key == SPACE and table.name != _FIRST:
            self.call(
                "SELECT create_distributed_table(%s, %s, colocate_with => %s)",
                _qualified(table),
                table.key,
                f"public.{_FIRST}",
            )
        else:
            self.call(
                "SELECT create_distributed_table("
                "%s, %s, colocate_with => 'none', shard_count => %s::integer)",
                _qualified(table),
                table.key,
                shards,
            )

    def send_functions(self, *, of_conditions: bool = False) -> None:
        """Send every function to every machine, or only those that conditions of triggers call."""
        for (name,) in rows(self._connection, _FUNCTIONS, [not of_conditions]):
            self.call("SELECT create_distributed_function(%s)", name)

    def distribute_functions(self) -> None:
        """Send every function to every machine; run one that takes a space where that space is.

        Citus sends what a table depends on, but not what its triggers call.
        """
        self.send_functions()
        for (name,) in rows(self._connection, _DELEGATED, [f"public.{_FIRST}"]):
            self.call(
                "SELECT create_distributed_function(%s, 'in_space', colocate_with => %s)",
                name,
                f"public.{_FIRST}",
            )

    def require_as_before(self, before: Catalogue) -> None:
        """Raise unless the schema is again that of one machine, however it is written."""
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


def _identifier(name: str) -> sql.Identifier:
    return sql.Identifier("public", name)


def _qualified(table: Table) -> str:
    return f"public.{table.name}"


def _require_equal(before: dict[str, int], after: dict[str, int]) -> None:
    if before != after:
        seen = [f"{name}: {count} before, {after[name]} after" for name, count in before.items()]
        raise RowsLostError(seen="\n".join(seen))


def _is_of_distribution(difference: Difference) -> bool:
    """Return whether spreading the tables had made this difference."""
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
SELECT relname::text, tgname::text, tgenabled::text
FROM pg_trigger
INNER JOIN pg_class ON pg_class.oid = tgrelid
WHERE
    NOT tgisinternal
    AND relnamespace = 'public'::regnamespace
    AND relname = ANY (%s::text[])
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
    AND (
        %s
        OR prorettype <> 'trigger'::regtype AND EXISTS (
            SELECT FROM pg_depend
            WHERE
                classid = 'pg_trigger'::regclass
                AND refclassid = 'pg_proc'::regclass
                AND refobjid = pg_proc.oid
        )
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
            AND colocationid = (
                SELECT colocationid FROM pg_dist_partition WHERE logicalrelid = %s::regclass
            )
    )
ORDER BY oid
"""

# Functions that take rows of a table: they are dropped with it.
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

# The statements that restore what a table loses when it comes back.
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
