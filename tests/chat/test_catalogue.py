"""What the catalogue must say of every key, so that a table added later keeps the rules too."""

import pytest

from tests.chat.sql import rows

pytestmark = pytest.mark.django_db

FOREIGN_KEYS = """
    SELECT
        holding.relname AS "table",
        key.conname AS key,
        key.condeferrable AS is_deferrable,
        key.convalidated AS is_valid,
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
TENANT = {"server_id", "conversation_id", "space_id"}


def test_only_the_owner_is_checked_at_commit() -> None:
    deferrable = rows(f'SELECT key FROM ({FOREIGN_KEYS}) AS "keys" WHERE is_deferrable')

    assert deferrable == [("servers_owner_fk",)]


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


def test_key_into_a_tenant_carries_the_tenant() -> None:
    keys = rows(f'SELECT key, target, columns FROM ({FOREIGN_KEYS}) AS "keys"')

    without = {
        key
        for key, target, columns in keys
        if target not in {"users", "servers", "direct_conversations"} and TENANT.isdisjoint(columns)
    }
    # A server is the tenant itself: its own id stands for server_id.
    assert without == {"servers_owner_fk"}


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

    # A target of a log outlives what it names, and so does a file.
    assert without == [
        ("admin_access_log", "target_id"),
        ("audit_log", "target_id"),
        ("discarded_files", "space_id"),
    ]


def test_every_table_has_its_trigger_for_updated_at() -> None:
    without = rows(
        """
        SELECT table_name
        FROM information_schema.columns
        WHERE
            table_schema = 'public'
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


# Triggers of the schema, and not of the ledger of migrations beside it.
BY_STATEMENT = """
    FROM pg_trigger
    WHERE NOT tgisinternal AND tgtype & 1 = 0 AND tgrelid <> 'schema_migrations'::regclass
"""


def test_triggers_that_fire_by_statement_are_few() -> None:
    by_statement = rows(f"SELECT tgname {BY_STATEMENT} ORDER BY tgname")

    assert by_statement == [
        ("admin_access_log_table_kept",),
        ("audit_log_table_kept",),
        ("channels_limit_new",),
        ("direct_messages_author_not_erased",),
        ("direct_messages_booked",),
        ("direct_messages_table_kept",),
        ("direct_participants_limit_new",),
        ("direct_participants_user_not_erased",),
        ("message_attachments_all_discarded",),
        ("message_attachments_discarded",),
        ("message_attachments_uploader_not_erased",),
        ("message_revisions_table_kept",),
        ("messages_author_not_erased",),
        ("messages_booked",),
        ("messages_table_kept",),
        ("reactions_emoji_limit_new",),
        ("server_members_user_not_erased",),
        ("user_preferences_user_not_erased",),
        ("user_sessions_user_not_erased",),
    ]


def test_triggers_by_statement_come_before_truncate_or_after_rows_came_or_went() -> None:
    # Of tgtype: 2 is BEFORE, 4 INSERT, 8 DELETE, 32 TRUNCATE.
    kinds = rows(f"SELECT DISTINCT tgtype {BY_STATEMENT} ORDER BY tgtype")

    assert kinds == [(4,), (8,), (34,)]
