"""What a rollback would lose, measured on real databases with data in them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql

from chat.schema.rollback.counts import Count, Precision
from chat.schema.rollback.loss import Loss, LossItem, measure_loss
from chat.schema.rollback.relations import EffectKind
from tests.schema.test_status import Situation, migrate

# The project's own rollback takes a second of processor time, and longer where others work too.
PATIENCE = timedelta(minutes=2)


def backwards(
    connection: BaseDatabaseWrapper, app: str, target: str | None
) -> list[tuple[Migration, bool]]:
    return MigrationExecutor(connection).migration_plan([(app, target)])


def measure(connection: BaseDatabaseWrapper, app: str, target: str | None, **options: Any) -> Loss:
    return measure_loss(connection, plan=backwards(connection, app, target), **options)


def execute(connection: BaseDatabaseWrapper, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def fleet(scratch_connection: BaseDatabaseWrapper, situation: Situation) -> BaseDatabaseWrapper:
    """Three ships, of which one has remarks; all migrations of loses_columns are applied."""
    situation("loses_columns")
    migrate("loses_columns")
    execute(
        scratch_connection,
        "INSERT INTO loses_columns_vessel (name, tons, remarks) "
        "VALUES ('Ann', 1, 'leaks'), ('Bea', 2, NULL), ('Cat', 3, NULL)",
    )
    return scratch_connection


@pytest.fixture
def flags(scratch_connection: BaseDatabaseWrapper, situation: Situation) -> BaseDatabaseWrapper:
    """Three flags, two of them seeded, two with a meaning; all of loses_rows is applied."""
    situation("loses_rows")
    migrate("loses_rows")
    execute(scratch_connection, "INSERT INTO loses_rows_flag VALUES ('c', 'yes')")
    return scratch_connection


def test_dropped_table_loses_its_rows(fleet: BaseDatabaseWrapper) -> None:
    loss = measure(fleet, "loses_columns", None)

    assert loss.is_tried
    assert not loss.is_nothing
    assert loss.lost == (
        LossItem(kind=EffectKind.TABLE_DROPPED, name="loses_columns_vessel", count=Count(3)),
    )
    assert loss.changed == ()
    assert loss.rollbacks == (
        ("loses_columns", "0005_retype"),
        ("loses_columns", "0004_rename"),
        ("loses_columns", "0003_widen"),
        ("loses_columns", "0002_add_columns"),
        ("loses_columns", "0001_initial"),
    )


def test_dropped_column_loses_its_values_and_a_generated_one_none(
    fleet: BaseDatabaseWrapper,
) -> None:
    loss = measure(fleet, "loses_columns", "0001_initial")

    assert loss.lost == (
        LossItem(
            kind=EffectKind.COLUMN_DROPPED, name="loses_columns_vessel.remarks", count=Count(1)
        ),
        LossItem(kind=EffectKind.COLUMN_DROPPED, name="loses_columns_vessel.tons", count=Count(3)),
    )
    assert loss.definitions == ("generated column loses_columns_vessel.loud",)


def test_column_without_values_loses_nothing(fleet: BaseDatabaseWrapper) -> None:
    execute(fleet, "DELETE FROM loses_columns_vessel")

    loss = measure(fleet, "loses_columns", "0001_initial")

    assert [item.count for item in loss.lost] == [Count(0), Count(0)]
    assert loss.is_nothing


def test_rename_loses_nothing(fleet: BaseDatabaseWrapper) -> None:
    loss = measure(fleet, "loses_columns", "0003_widen")

    assert (loss.lost, loss.changed, loss.is_nothing) == ((), (), True)


def test_type_that_is_stored_alike_changes_nothing(fleet: BaseDatabaseWrapper) -> None:
    loss = measure(fleet, "loses_columns", "0004_rename")

    assert (loss.lost, loss.changed, loss.is_nothing) == ((), (), True)


def test_narrowed_column_may_change(fleet: BaseDatabaseWrapper) -> None:
    loss = measure(fleet, "loses_columns", "0002_add_columns")

    assert loss.lost == ()
    # The table is written anew, so nothing can be said for the other column that gets a new type.
    assert loss.changed == (
        LossItem(
            kind=EffectKind.COLUMN_RETYPED,
            name="loses_columns_vessel.remarks",
            count=Count(1),
            detail="character varying to text",
        ),
        LossItem(
            kind=EffectKind.COLUMN_RETYPED,
            name="loses_columns_vessel.tons",
            count=Count(3),
            detail="bigint to integer",
        ),
    )
    assert not loss.is_nothing


def test_value_that_does_not_fit_the_narrow_type_stops_the_trial(
    fleet: BaseDatabaseWrapper,
) -> None:
    execute(fleet, "UPDATE loses_columns_vessel SET tons = 3000000000 WHERE name = 'Ann'")

    loss = measure(fleet, "loses_columns", "0002_add_columns")

    assert loss.failure == "loses_columns.0003_widen: integer out of range"
    assert not loss.is_tried
    assert not loss.is_nothing


def test_deleted_and_updated_rows_are_told_by_the_trial(flags: BaseDatabaseWrapper) -> None:
    execute(flags, "UPDATE loses_rows_flag SET meaning = 'no' WHERE code = 'b'")
    execute(flags, "UPDATE loses_rows_flag SET meaning = '' WHERE code = 'c'")
    migrate("loses_rows", "0003", "--fake")

    loss = measure(flags, "loses_rows", "0001_initial")

    assert loss.lost == (
        LossItem(kind=EffectKind.ROWS_DELETED, name="loses_rows_flag", count=Count(2)),
    )
    assert loss.changed == (
        LossItem(kind=EffectKind.ROWS_UPDATED, name="loses_rows_flag", count=Count(2)),
    )


def test_truncated_table_loses_its_rows(flags: BaseDatabaseWrapper) -> None:
    migrate("loses_rows", "0004", "--fake")

    loss = measure(flags, "loses_rows", "0003_reword")

    assert loss.lost == (
        LossItem(kind=EffectKind.TABLE_EMPTIED, name="loses_rows_flag", count=Count(3)),
    )


def test_table_in_the_place_of_another_may_hold_something_else(flags: BaseDatabaseWrapper) -> None:
    loss = measure(flags, "loses_rows", "0004_fill")

    assert loss.lost == ()
    assert loss.changed == (
        LossItem(kind=EffectKind.TABLE_REPLACED, name="loses_rows_flag", count=Count(3)),
    )


def test_partitions_are_counted_once(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("loses_rows")
    migrate("loses_rows", "0001")
    execute(
        scratch_connection,
        "DROP TABLE loses_rows_flag;"
        "CREATE TABLE loses_rows_flag (code text, meaning text) PARTITION BY LIST (code);"
        "CREATE TABLE red PARTITION OF loses_rows_flag FOR VALUES IN ('r');"
        "CREATE TABLE others PARTITION OF loses_rows_flag DEFAULT;"
        "INSERT INTO loses_rows_flag SELECT unnest(ARRAY['r', 'g', 'b'])",
    )

    loss = measure(scratch_connection, "loses_rows", None)

    assert {item.name: item.count.number for item in loss.lost} == {
        "loses_rows_flag": 0,
        "others": 2,
        "red": 1,
    }


def test_above_the_row_budget_the_statistics_say_about(fleet: BaseDatabaseWrapper) -> None:
    execute(
        fleet,
        "INSERT INTO loses_columns_vessel (name, tons, remarks) "
        "SELECT 'x', i, CASE WHEN i % 4 = 0 THEN 'y' END FROM generate_series(1, 397) AS i",
    )
    execute(fleet, "ANALYZE loses_columns_vessel")
    execute(fleet, "DELETE FROM loses_columns_vessel WHERE name <> 'x'")

    about = measure(fleet, "loses_columns", "0001_initial", row_budget=396)
    exact = measure(fleet, "loses_columns", "0001_initial", row_budget=400)

    assert [item.count for item in about.lost] == [
        Count(100, Precision.ABOUT),
        Count(400, Precision.ABOUT),
    ]
    assert [item.count for item in exact.lost] == [Count(99), Count(397)]


def test_statistics_that_are_missing_do_not_make_a_big_table_small(
    fleet: BaseDatabaseWrapper,
) -> None:
    loss = measure(fleet, "loses_columns", "0001_initial", row_budget=2)

    remarks, tons = loss.lost
    assert remarks.count.precision is Precision.AT_MOST
    assert tons.count.number >= 3
    assert not loss.is_nothing


def test_column_that_statistics_call_empty_is_still_asked_about(
    fleet: BaseDatabaseWrapper,
) -> None:
    execute(fleet, "UPDATE loses_columns_vessel SET remarks = NULL")
    execute(fleet, "ANALYZE loses_columns_vessel")

    loss = measure(fleet, "loses_columns", "0003_widen", row_budget=2)
    dropped = measure(fleet, "loses_columns", "0001_initial", row_budget=2)

    assert loss.is_nothing
    assert dropped.lost[0].count == Count(0, Precision.ABOUT)
    assert not dropped.is_nothing


def test_what_cannot_be_tried_is_read_and_said(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("not_atomic")
    migrate("not_atomic")
    execute(
        scratch_connection,
        "INSERT INTO not_atomic_ship (name, notes) VALUES ('a', 'b'), ('c', NULL)",
    )

    loss = measure(scratch_connection, "not_atomic", "0001_initial")
    everything = measure(scratch_connection, "not_atomic", None)
    index = measure(scratch_connection, "not_atomic", "0002_add_columns")

    assert not loss.is_tried
    assert loss.not_tried == (
        "not_atomic.0003_concurrently runs outside of a transaction (atomic = False)",
    )
    assert loss.lost == (
        LossItem(kind=EffectKind.COLUMN_DROPPED, name="not_atomic_ship.notes", count=Count(1)),
    )
    assert loss.changed == (
        LossItem(
            kind=EffectKind.COLUMN_RETYPED,
            name="not_atomic_ship.name",
            count=Count(2),
            detail="character varying(50) to text",
        ),
    )
    assert loss.unknown == ("not_atomic.0002_add_columns: Raw SQL operation",)
    assert everything.lost == (
        LossItem(kind=EffectKind.TABLE_DROPPED, name="not_atomic_ship", count=Count(2)),
    )
    assert not index.is_tried
    assert index.is_nothing


def test_table_whose_name_postgresql_cuts_by_its_bytes_is_read(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("long_name")
    migrate("long_name")
    name = "数" * 21
    execute(scratch_connection, f"INSERT INTO {name} ({name}) VALUES ('a'), ('b')")

    loss = measure(scratch_connection, "long_name", None)

    assert not loss.is_tried
    assert loss.lost == (LossItem(kind=EffectKind.TABLE_DROPPED, name=f'"{name}"', count=Count(2)),)


def test_partitions_and_children_are_read_with_their_table(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("loses_columns")
    migrate("loses_columns")
    execute(
        scratch_connection,
        "CREATE SCHEMA elsewhere;"
        "CREATE TABLE elsewhere.child () INHERITS (loses_columns_vessel);"
        "CREATE TABLE grandchild () INHERITS (elsewhere.child);"
        "CREATE TEMPORARY TABLE passing () INHERITS (loses_columns_vessel);"
        "INSERT INTO grandchild (id, name, tons, remarks) VALUES (1, 'Ann', 2, 'leaks')",
    )

    table = measure(scratch_connection, "loses_columns", None, untried_because="so")
    column = measure(scratch_connection, "loses_columns", "0004_rename", untried_because="so")

    assert table.not_tried == ("so",)
    assert {item.name: item.count.number for item in table.lost} == {
        "loses_columns_vessel": 0,
        "elsewhere.child": 0,
        "grandchild": 1,
    }
    assert {item.name: item.count.number for item in column.changed} == {
        "loses_columns_vessel.remarks": 0,
        "elsewhere.child.remarks": 0,
        "grandchild.remarks": 1,
    }


def test_migration_without_a_way_back_is_named(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("missing_down")
    migrate("missing_down")

    loss = measure(scratch_connection, "missing_down", None)

    assert loss.not_tried == ("missing_down.0001_only has no way back (SQL file 0001_only)",)
    assert loss.unknown == ("missing_down.0001_only: SQL file 0001_only",)
    assert not loss.is_nothing


def test_migrations_of_other_apps_come_in_their_order(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps", "house")
    migrate()
    execute(scratch_connection, "INSERT INTO two_steps_messages (content) VALUES ('a'), ('b')")
    execute(scratch_connection, "INSERT INTO house_room (message_id) VALUES (1)")

    loss = measure(scratch_connection, "two_steps", None)

    assert loss.rollbacks == (
        ("two_steps", "0002_touch"),
        ("house", "0001_initial"),
        ("two_steps", "0001_initial"),
    )
    assert {item.name: item.count for item in loss.lost} == {
        "house_room": Count(1),
        "two_steps_messages": Count(2),
    }


def test_nothing_to_undo_loses_nothing(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")

    loss = measure(scratch_connection, "two_steps", None)

    assert loss.is_nothing
    assert loss.is_tried


def test_tables_of_other_schemas_and_odd_names_are_counted(
    fleet: BaseDatabaseWrapper,
) -> None:
    execute(fleet, 'CREATE SCHEMA "Elsewhere"')
    execute(fleet, 'CREATE TABLE "Elsewhere"."Child" ("a%b" int) INHERITS (loses_columns_vessel)')
    execute(
        fleet,
        """INSERT INTO "Elsewhere"."Child" (id, name, tons, "a%b") VALUES (7, 'Dot', 1, 1)""",
    )

    loss = measure(fleet, "loses_columns", None)

    assert {item.name: item.count for item in loss.lost} == {
        '"Elsewhere"."Child"': Count(1),
        "loses_columns_vessel": Count(3),
    }


@pytest.mark.django_db(transaction=True)
class TestChat:
    """The migrations of the project itself, on the tests' own database, which has them all."""

    @pytest.fixture
    def two_messages(self) -> BaseDatabaseWrapper:
        from tests.factories import MessageFactory

        first = MessageFactory.create()
        MessageFactory.create(channel=first.channel)
        return connections["default"]

    def test_back_to_the_tables_loses_only_words_to_search_by(
        self, two_messages: BaseDatabaseWrapper
    ) -> None:
        loss = measure(two_messages, "chat", "0001_initial", time_limit=PATIENCE)

        assert loss.is_tried
        # A trigger makes the words from the content.
        assert {item.name: item.count.number for item in loss.lost} == {
            "channels.legal_hold_at": 0,
            "discarded_files": 0,
            "messages.search": 2,
        }
        assert loss.definitions == (
            "view channel_access",
            "view direct_conversations",
            "view direct_messages",
        )

    def test_back_to_zero_loses_every_row(self, two_messages: BaseDatabaseWrapper) -> None:
        counts = {}
        with two_messages.cursor() as cursor:
            for table in two_messages.introspection.table_names(cursor):
                cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
                counts[table] = cursor.fetchone()[0]

        loss = measure(two_messages, "chat", None, time_limit=PATIENCE)

        lost = {item.name: item.count.number for item in loss.lost}
        assert loss.is_tried
        assert (lost["messages"], lost["channels"], lost["servers"]) == (2, 1, 1)
        assert lost == {table: counts[table] for table in lost}
        assert set(counts) - set(lost) == {
            "auth_group",
            "auth_group_permissions",
            "auth_permission",
            "axes_accessattempt",
            "axes_accessattemptexpiration",
            "axes_accessfailurelog",
            "axes_accesslog",
            "django_content_type",
            "django_migrations",
            "django_session",
            "schema_migrations",
        }
