"""What the catalogue must say of every key, so that a table added later keeps the rules too.

What would keep a table from being spread over machines is in tests/distribution/test_rules.py.
"""

import pytest

from tests.chat.sql import rows

pytestmark = pytest.mark.django_db

FOREIGN_KEYS = """
    SELECT
        holding.relname AS "table",
        key.conname AS key,
        key.confdeltype::text AS on_delete,
        target.relname AS target,
        ARRAY(
            SELECT attname::text
            FROM unnest(key.conkey) AS place
            JOIN pg_attribute ON attrelid = key.conrelid AND attnum = place
        ) AS columns
    FROM pg_constraint AS key
    JOIN pg_class AS holding ON holding.oid = key.conrelid
    JOIN pg_class AS target ON target.oid = key.confrelid
    WHERE
        key.contype = 'f'
        AND key.connamespace = 'public'::regnamespace
        AND holding.relname !~ '^(django|auth|axes|users_(groups|user_permissions)$)'
"""


def test_only_positions_of_roles_are_compared_at_commit() -> None:
    deferrable = rows(
        "SELECT conname FROM pg_constraint "
        "WHERE contype IN ('u', 'p') AND condeferrable AND connamespace = 'public'::regnamespace"
    )

    assert deferrable == [("roles_position_uq",)]


def test_no_key_blanks_its_row() -> None:
    blanking = rows(f"SELECT key FROM ({FOREIGN_KEYS}) AS \"keys\" WHERE on_delete IN ('n', 'd')")

    assert blanking == []


def test_every_constraint_was_checked_against_the_rows_that_are_there() -> None:
    unchecked = rows(
        "SELECT conname FROM pg_constraint "
        "WHERE NOT convalidated AND connamespace = 'public'::regnamespace"
    )

    assert unchecked == []


def test_no_key_to_a_user_takes_rows_along() -> None:
    taking = rows(
        f"SELECT key FROM ({FOREIGN_KEYS}) AS \"keys\" WHERE target = 'users' AND on_delete <> 'a'"
    )

    assert taking == []


def test_every_reference_has_a_key() -> None:
    without = rows(
        f"""
        SELECT columns.table_name, columns.column_name
        FROM information_schema.columns AS columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE
            columns.table_schema = 'public'
            AND table_type = 'BASE TABLE'
            AND columns.table_name !~ '^(django|auth|axes)'
            AND columns.data_type = 'uuid'
            AND NOT EXISTS (
                SELECT
                FROM ({FOREIGN_KEYS}) AS "keys"
                WHERE "keys"."table" = table_name AND column_name = ANY ("keys".columns)
            )
            AND column_name <> 'id'
            AND columns.table_name !~ '^users_'
        ORDER BY 1, 2
        """
    )

    # A target of a log outlives what it names, and so do a file and a code. Whose a mark is, two
    # tables say, so a trigger asks for it.
    assert without == [
        ("admin_access_log", "target_id"),
        ("audit_log", "target_id"),
        ("discarded_files", "space_id"),
        ("invite_codes", "space_id"),
        ("read_states", "user_id"),
    ]


@pytest.mark.one_machine("users_updated_at rests")
def test_every_table_has_its_trigger_for_updated_at() -> None:
    without = rows(
        """
        SELECT table_name
        FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE
            table_schema = 'public'
            AND table_type = 'BASE TABLE'
            AND column_name = 'updated_at'
            AND NOT EXISTS (
                SELECT
                FROM pg_trigger
                WHERE
                    tgrelid = format('%%I.%%I', table_schema, table_name)::regclass
                    AND tgfoid = 'public.set_updated_at()'::regprocedure
                    AND tgenabled = 'O'
            )
        """
    )

    assert without == []
