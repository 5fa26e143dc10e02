"""What tables and indexes take, and how they grew, as PostgreSQL's statistics have it."""

from datetime import UTC, datetime, timedelta
from typing import LiteralString

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.admin.pages.growth import Growth, read_growth
from chat.admin.pages.storage import index_storage, table_storage

TEN_DAYS_OF_ROWS: LiteralString = """
CREATE TABLE notes (id uuid PRIMARY KEY, body text);
CREATE INDEX notes_body_ix ON notes (body);
INSERT INTO notes (id, body)
SELECT
    (
        lpad(to_hex((extract(epoch FROM made_at) * 1000)::bigint), 12, '0')
        || '7' || left(md5(random()::text), 3) || '8' || left(md5(random()::text), 15)
    )::uuid,
    'x'
FROM generate_series(
    timestamptz '2026-01-01 00:00Z', '2026-01-10 23:59Z', '1 minute'
) AS made_at;
"""


def execute(connection: BaseDatabaseWrapper, statement: LiteralString) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_table_tells_its_rows_and_sizes(scratch_connection: BaseDatabaseWrapper) -> None:
    execute(scratch_connection, TEN_DAYS_OF_ROWS)
    execute(scratch_connection, "VACUUM ANALYZE notes")

    (table,) = table_storage(scratch_connection)

    assert (table.name, table.rows) == ("notes", 14_400)
    assert table.table_bytes > 14_400 * 24
    assert table.index_bytes > 14_400 * 16
    assert table.vacuumed_at is not None


def test_table_that_was_never_analyzed_has_no_known_rows(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    execute(scratch_connection, "CREATE TABLE notes (id int)")

    (table,) = table_storage(scratch_connection)

    assert table.rows is None
    assert table.dead_ratio == 0.0


def test_index_tells_whether_it_is_valid_and_unique(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    execute(scratch_connection, TEN_DAYS_OF_ROWS)

    found = {index.name: index for index in index_storage(scratch_connection)}

    assert set(found) == {"notes_pkey", "notes_body_ix"}
    assert (found["notes_pkey"].is_unique, found["notes_pkey"].is_idle) == (True, False)
    assert (found["notes_body_ix"].is_unique, found["notes_body_ix"].is_idle) == (False, True)
    assert {index.is_valid for index in found.values()} == {True}
    assert {index.table for index in found.values()} == {"notes"}


def test_other_schemas_are_left_out(scratch_connection: BaseDatabaseWrapper) -> None:
    execute(
        scratch_connection, "CREATE SCHEMA aside; CREATE TABLE aside.notes (id int PRIMARY KEY)"
    )

    assert table_storage(scratch_connection) == []
    assert index_storage(scratch_connection) == []


def test_growth_is_read_from_the_ids(scratch_connection: BaseDatabaseWrapper) -> None:
    execute(scratch_connection, TEN_DAYS_OF_ROWS)
    execute(scratch_connection, "ANALYZE notes")

    (growth,) = read_growth(scratch_connection)

    assert (growth.table, growth.rows) == ("notes", 14_400)
    assert growth.rows_at(datetime(2025, 12, 31, tzinfo=UTC)) == 0
    # A row a minute; a cut is a hundredth part of them.
    assert abs(growth.rows_at(datetime(2026, 1, 3, tzinfo=UTC)) - 2 * 1440) < 150
    assert abs(growth.rows_at(datetime(2026, 1, 8, tzinfo=UTC)) - 7 * 1440) < 150
    assert growth.rows_at(datetime(2026, 1, 11, tzinfo=UTC)) == 14_400


def test_table_whose_rows_are_elsewhere_has_not_grown(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    execute(scratch_connection, TEN_DAYS_OF_ROWS)
    execute(scratch_connection, "ANALYZE notes")
    # As a cluster empties it where it was; the statistics stay.
    execute(scratch_connection, "TRUNCATE notes")

    assert read_growth(scratch_connection) == []


def test_ids_that_are_no_moments_are_left_out(scratch_connection: BaseDatabaseWrapper) -> None:
    execute(
        scratch_connection,
        """
        CREATE TABLE random_ids (id uuid PRIMARY KEY);
        INSERT INTO random_ids SELECT gen_random_uuid() FROM generate_series(1, 100);
        CREATE TABLE numbers (id bigint PRIMARY KEY);
        INSERT INTO numbers SELECT * FROM generate_series(1, 100);
        ANALYZE;
        """,
    )

    assert read_growth(scratch_connection) == []


def test_rows_between_two_cuts_are_shared_out_evenly() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    growth = Growth(
        table="notes",
        rows=200,
        bounds=(begin, begin + timedelta(days=1), begin + timedelta(days=11)),
    )

    assert growth.rows_at(begin + timedelta(hours=12)) == 50
    assert growth.rows_at(begin + timedelta(days=6)) == 150
