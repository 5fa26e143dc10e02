"""What the schema promises to a cluster, and to whoever reads it: asked of the catalogue."""

import ast
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

import chat.migrations
from chat.db.ids import direct_pair_id, uuid7

pytestmark = pytest.mark.django_db

MIGRATIONS = sorted(Path(chat.migrations.__path__[0]).glob("0*.py"))


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

    assert imported <= {"chat.db.constraints", "chat.db.ids", "chat.schema.files"}


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.stem)
def test_migration_says_what_it_does_and_what_it_locks(path: Path) -> None:
    module = ast.parse(path.read_text("utf-8"))
    migration = next(node for node in module.body if isinstance(node, ast.ClassDef))

    text = ast.get_docstring(migration) or ""

    assert "undone" in text.lower()
    assert "lock" in text.lower() or "SHARE" in text


def test_triggers_and_functions_work_without_a_search_path() -> None:
    # A cluster's workers, and sessions of careful clients, look into no schema by themselves.
    user, other, server, channel, group = (uuid7() for _ in range(5))
    low, high = sorted((user, other))
    pair = direct_pair_id(user, other)
    statements: list[tuple[str, tuple[Any, ...]]] = [
        ("SET LOCAL search_path = ''", ()),
        ("INSERT INTO public.users (id, username) VALUES (%s, 'ada'), (%s, 'bob')", (user, other)),
        (
            (
                "INSERT INTO public.servers (id, space_id, name, owner_id)"
                " VALUES (%s, %s, 'Server', %s)"
            ),
            (server, server, user),
        ),
        ("INSERT INTO public.bans (space_id, user_id) VALUES (%s, %s)", (server, other)),
        (
            (
                "INSERT INTO public.channels (id, space_id, server_id, name)"
                " VALUES (%s, %s, %s, 'general')"
            ),
            (channel, server, server),
        ),
        (
            (
                "INSERT INTO public.channels (id, space_id, kind, name, pair_low_id, pair_high_id)"
                " VALUES (%s, %s, 'pair', '', %s, %s)"
            ),
            (pair, pair, low, high),
        ),
        (
            (
                "INSERT INTO public.channels (id, space_id, kind, name, owner_id)"
                " VALUES (%s, %s, 'group', '', %s)"
            ),
            (group, group, user),
        ),
        (
            "INSERT INTO public.participants (space_id, user_id) VALUES (%s, %s), (%s, %s)",
            (pair, user, group, user),
        ),
        *(
            (
                "INSERT INTO public.messages (space_id, channel_id, author_id) VALUES (%s, %s, %s)",
                (space, place, user),
            )
            for space, place in ((server, channel), (pair, pair), (group, group))
        ),
        ("UPDATE public.messages SET content = 'two'", ()),
        ("UPDATE public.messages SET pinned_at = now()", ()),
        (
            (
                "INSERT INTO public.reactions (space_id, message_id, user_id, emoji)"
                " SELECT space_id, id, author_id, '⚓' FROM public.messages"
            ),
            (),
        ),
        ("UPDATE public.reactions SET emoji = ':reef:'", ()),
        ("UPDATE public.read_states SET last_read_seq = 0", ()),
        ("UPDATE public.channels SET archived_at = now(), deleted_at = now()", ()),
        ("UPDATE public.channels SET archived_at = NULL, deleted_at = NULL", ()),
        ("UPDATE public.servers SET deleted_at = now()", ()),
        ("UPDATE public.servers SET deleted_at = NULL", ()),
        ("SET CONSTRAINTS ALL IMMEDIATE", ()),
    ]

    with connection.cursor() as cursor:
        for statement, params in statements:
            cursor.execute(statement, params)
        cursor.execute("SELECT public.channel_permissions(%s, %s, %s)", (user, server, channel))

        assert cursor.fetchone() == (8866461766385663,)


def test_every_refusal_says_what_to_do() -> None:
    mute_functions = rows(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        " AND prosrc ~ 'RAISE EXCEPTION' AND prosrc !~ 'HINT =' ORDER BY proname"
    )
    mute_triggers = rows(
        r"""
        SELECT tgname
        FROM pg_trigger
        WHERE
            tgfoid = 'public.refuse_change'::regproc
            AND encode(tgargs, 'escape') !~ '^[^\\]+\\000[^\\]+\\000$'
        """
    )

    assert mute_functions == []
    assert mute_triggers == []


def test_every_table_says_what_it_holds() -> None:
    silent = rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relname = ANY (%s) AND obj_description(oid, 'pg_class') IS NULL",
        sorted(chat_tables()),
    )

    assert silent == []


def test_column_whose_name_does_not_say_its_meaning_is_explained() -> None:
    silent = rows(
        """
        SELECT relname, attname
        FROM pg_attribute
        INNER JOIN pg_class ON pg_class.oid = attrelid
        WHERE
            relnamespace = 'public'::regnamespace
            AND relname = ANY (%s)
            AND NOT attisdropped
            AND col_description(attrelid, attnum) IS NULL
            AND (
                attname ~ '^space_id$|seq$|level$|_key$|^pair_'
                OR attname IN (
                    'allow', 'archived_at', 'closed', 'deny', 'hoist', 'last_change',
                    'last_sent_at', 'max_uses', 'notify', 'permissions', 'search', 'version'
                )
                OR (relname, attname) IN (
                    ('channels', 'owner_id'),
                    ('message_attachments', 'position'),
                    ('roles', 'position')
                )
            )
            -- Its table says it.
            AND (relname, attname) <> ('discarded_files', 'storage_key')
        """,
        sorted(chat_tables()),
    )

    assert silent == []
