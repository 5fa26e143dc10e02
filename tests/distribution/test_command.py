"""The command on a server that is no cluster: what it says, and that it changes nothing."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from chat.schema.catalogue.objects import read_catalogue

pytestmark = pytest.mark.django_db


def run(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("distribute", *arguments, stdout=out, **options)
    return out.getvalue()


def refused(*arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as refusal:
        run(*arguments)
    return refusal.value.returncode, str(refusal.value)


def test_check_says_that_nothing_prevents_it() -> None:
    assert "Nothing prevents spreading the tables: 29 rules" in run("--check")


def test_check_names_what_prevents_it_why_and_what_to_do() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE roles ADD CONSTRAINT roles_wrong_uq UNIQUE (name)")
    out = io.StringIO()

    with pytest.raises(CommandError, match="1 findings prevent") as refusal:
        call_command("distribute", "--check", stdout=out)

    assert refusal.value.returncode == 1
    assert "unique_without_key  roles_wrong_uq: roles\n" in out.getvalue()
    assert "Put the column that the table is spread by" in " ".join(out.getvalue().split())


def test_server_without_citus_is_refused_with_all_that_is_missing() -> None:
    before = read_catalogue(connection)

    code, said = refused()

    assert code == 3
    assert "The tables cannot be spread yet; nothing was changed." in said
    assert "citus is not the first of shared_preload_libraries." in said
    assert "On each machine: CREATE EXTENSION citus." in said
    assert read_catalogue(connection) == before


def test_pending_migration_is_refused() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")

    code, said = refused()

    assert code == 2
    assert "sessions.0001_initial" in said


def test_undo_on_one_machine_has_nothing_to_do() -> None:
    assert "Nothing to do: every table is on this machine alone." in run("--undo")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--shards", "0"),
        ("--shards", "many"),
        ("--workers", "chat-1"),
        ("--workers", "chat-1:99999"),
        ("--workers", "chat-1:5432,"),
        ("--check", "--undo"),
    ],
)
def test_wrong_command_line_is_refused(arguments: tuple[str, str]) -> None:
    code, _ = refused(*arguments)

    assert code == 64
