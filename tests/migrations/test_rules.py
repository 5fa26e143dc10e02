"""What the schema promises to a cluster, and to whoever reads it: asked of the catalogue."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

import chat.migrations
from chat.ids import direct_pair_id, uuid7

pytestmark = pytest.mark.django_db

MIGRATIONS = sorted(Path(chat.migrations.__path__[0]).glob("0*.py"))
TENANT_COLUMNS = ("server_id", "conversation_id", "space_id")

# Django's own join tables of users: copied to every node of a cluster, as users is.
JOIN_TABLES = {"users_groups", "users_user_permissions"}


def rows(sql: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def chat_tables() -> set[str]:
    return {
        model._meta.db_table
        for model in apps.get_app_config("chat").get_models()
        if model._meta.managed
    }


def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.stem)
def test_migration_imports_nothing_that_changes_under_it(path: Path) -> None:
    imported = {
        name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
        if name and name.startswith("chat")
    }

    assert imported <= {"chat.constraints", "chat.ids", "chat.schema.files"}


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.stem)
def test_migration_says_what_it_does_and_what_it_locks(path: Path) -> None:
    module = ast.parse(path.read_text("utf-8"))
    migration = next(node for node in module.body if isinstance(node, ast.ClassDef))

    text = ast.get_docstring(migration) or ""

    assert "undone" in text.lower()
    assert "lock" in text.lower() or "SHARE" in text


def test_every_foreign_key_is_checked_at_the_statement_but_the_owners() -> None:
    deferred = rows(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND condeferrable"
        " AND conrelid::regclass::text = ANY (%s)",
        sorted(chat_tables()),
    )

    assert deferred == [("servers_owner_fk",)]


def test_no_foreign_key_sets_a_column_to_null() -> None:
    setting = rows(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND confdeltype IN ('n', 'd')"
    )

    assert setting == []


def test_every_key_of_a_tenants_table_has_the_tenant_in_it() -> None:
    # An invite is looked up by its code alone, before anybody knows the server.
    keys = rows(
        """
        SELECT index.indexrelid::regclass::text
        FROM pg_index AS index
        JOIN pg_class AS relation ON relation.oid = index.indrelid
        WHERE index.indisunique
            AND NOT index.indisprimary
            AND relation.relname = ANY (%s)
            AND EXISTS (
                SELECT FROM pg_attribute
                WHERE attrelid = relation.oid AND attname = ANY (%s)
            )
            AND NOT EXISTS (
                SELECT FROM pg_attribute
                WHERE attrelid = relation.oid
                    AND attname = ANY (%s)
                    AND attnum = ANY (index.indkey)
            )
        """,
        sorted(chat_tables()),
        list(TENANT_COLUMNS),
        list(TENANT_COLUMNS),
    )

    assert keys == [("invites_code_key",)]


def test_every_tenant_column_is_required() -> None:
    nullable = rows(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND is_nullable = 'YES'"
        " AND table_name = ANY (%s) AND column_name = ANY (%s)",
        sorted(chat_tables()),
        list(TENANT_COLUMNS),
    )

    assert nullable == []


def test_no_table_of_ours_counts_its_ids() -> None:
    counted = rows(
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = ANY (%s)"
        " AND (is_identity = 'YES' OR column_default LIKE 'nextval%%')",
        sorted(chat_tables() - JOIN_TABLES),
    )

    assert counted == []


def test_triggers_and_functions_work_without_a_search_path() -> None:
    # A cluster's workers, and sessions of careful clients, look into no schema by themselves.
    user, other, server, channel, group = (uuid7() for _ in range(5))
    low, high = sorted((user, other))
    pair = direct_pair_id(user, other)
    statements: list[tuple[str, tuple[Any, ...]]] = [
        ("SET LOCAL search_path = ''", ()),
        ("INSERT INTO public.users (id, username) VALUES (%s, 'ada')", (user,)),
        ("INSERT INTO public.users (id, username) VALUES (%s, 'bob')", (other,)),
        (
            "INSERT INTO public.servers (id, name, owner_id) VALUES (%s, 'Server', %s)",
            (server, user),
        ),
        (
            "INSERT INTO public.server_members (server_id, user_id) VALUES (%s, %s)",
            (server, user),
        ),
        ("INSERT INTO public.bans (server_id, user_id) VALUES (%s, %s)", (server, other)),
        (
            "INSERT INTO public.channels (id, server_id, name) VALUES (%s, %s, 'general')",
            (channel, server),
        ),
        (
            (
                "INSERT INTO public.messages (server_id, channel_id, author_id, content)"
                " VALUES (%s, %s, %s, 'one')"
            ),
            (server, channel, user),
        ),
        ("UPDATE public.messages SET content = 'two' WHERE channel_id = %s", (channel,)),
        ("UPDATE public.channels SET last_seq = 9 WHERE id = %s", (channel,)),
        (
            (
                "INSERT INTO public.read_states (server_id, user_id, channel_id, last_read_seq)"
                " VALUES (%s, %s, %s, 1)"
            ),
            (server, user, channel),
        ),
        (
            (
                "INSERT INTO public.direct_conversations (id, pair_low_id, pair_high_id)"
                " VALUES (%s, %s, %s)"
            ),
            (pair, low, high),
        ),
        (
            "INSERT INTO public.direct_participants (conversation_id, user_id) VALUES (%s, %s)",
            (pair, user),
        ),
        (
            (
                "INSERT INTO public.direct_messages (conversation_id, author_id, content)"
                " VALUES (%s, %s, 'one')"
            ),
            (pair, user),
        ),
        ("UPDATE public.direct_messages SET content = 'two' WHERE conversation_id = %s", (pair,)),
        ("UPDATE public.direct_participants SET last_read_seq = 1", ()),
        ("UPDATE public.messages SET pinned_at = now()", ()),
        ("UPDATE public.direct_messages SET pinned_at = now()", ()),
        ("UPDATE public.channels SET deleted_at = now()", ()),
        ("UPDATE public.channels SET deleted_at = NULL", ()),
        (
            (
                "INSERT INTO public.reactions (space_id, message_id, user_id, emoji)"
                " SELECT server_id, id, author_id, 'x' FROM public.messages"
            ),
            (),
        ),
        ("UPDATE public.reactions SET emoji = 'y'", ()),
        (
            (
                "INSERT INTO public.direct_conversations (id, kind, owner_id)"
                " VALUES (%s, 'group', %s)"
            ),
            (group, user),
        ),
        (
            "INSERT INTO public.direct_participants (conversation_id, user_id) VALUES (%s, %s)",
            (group, user),
        ),
    ]

    with connection.cursor() as cursor:
        for statement, params in statements:
            cursor.execute(statement, params)
        cursor.execute("SELECT public.channel_permissions(%s, %s)", (user, channel))

        assert cursor.fetchone() == (8866461766385663,)


def test_every_table_says_what_it_holds() -> None:
    silent = rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relname = ANY (%s) AND obj_description(oid, 'pg_class') IS NULL",
        sorted(chat_tables()),
    )

    assert silent == []
