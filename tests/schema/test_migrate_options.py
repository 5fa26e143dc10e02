"""Ours takes whatever Django's migrate takes, and does the same with it."""

from argparse import ArgumentParser
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from chat.schema.ledger.table import has_ledger
from chat.schema.management.commands.migrate import Command as Migrate
from chat.schema.status.reading import is_ready
from tests.schema.conftest import ManageSituation

OURS = {
    "--create-database",
    "--lock-wait",
    "--lock-timeout",
    "--lock-retries",
}


def options(parser: ArgumentParser) -> dict[str, tuple[object, ...]]:
    return {
        option: (action.dest, action.default, action.nargs, type(action), action.choices)
        for action in parser._actions
        for option in (action.option_strings or [action.dest])
    }


def test_every_option_of_django_is_there_and_means_the_same() -> None:
    ours = options(Migrate().create_parser("manage.py", "migrate"))
    theirs = options(DjangoMigrate().create_parser("manage.py", "migrate"))

    assert {option: ours.get(option) for option in theirs} == theirs
    assert set(ours) - set(theirs) == OURS


def test_run_syncdb_makes_the_tables_of_apps_without_migrations(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage(
        "migrate", "--run-syncdb", situations=["two_steps", "django.contrib.contenttypes"]
    )

    assert result.returncode == 0, result.stderr
    assert "Synchronize unmigrated apps: schema_migrations" in result.stdout


@pytest.mark.django_db
def test_runs_inside_of_a_transaction_as_tests_call_it() -> None:
    stdout = StringIO()

    call_command("migrate", verbosity=0, interactive=False, stdout=stdout)

    assert stdout.getvalue() == ""


@pytest.mark.django_db(transaction=True)
def test_runs_outside_of_a_transaction_as_tests_call_it() -> None:
    call_command("migrate", verbosity=0, interactive=False)

    assert is_ready(connection)


def test_without_migrations_no_ledger_is_made_and_none_is_missed(
    scratch_connection: BaseDatabaseWrapper, situation: Callable[..., None]
) -> None:
    situation("two_steps")

    # As pytest-django's --no-migrations has it.
    with override_settings(MIGRATION_MODULES={"two_steps": None}):
        call_command(Migrate(), database="scratch", run_syncdb=True, verbosity=0)

        assert not has_ledger(scratch_connection)
        assert is_ready(scratch_connection)


def test_any_database_of_the_settings(scratch_connection: BaseDatabaseWrapper) -> None:
    call_command(Migrate(), "contenttypes", database="scratch", verbosity=0)

    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT app FROM schema_migrations")
        assert cursor.fetchall() == [("contenttypes",)]
    assert "scratch" in connections.settings
