"""A rollback over something that has no way back: said for the whole plan, before it begins."""

import json
from pathlib import Path

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.schema.conftest import ManageSituation


def columns(connection: BaseDatabaseWrapper, table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0"
            " AND NOT attisdropped ORDER BY attnum",
            (table,),
        )
        return [name for (name,) in cursor.fetchall()]


def test_nothing_is_undone_when_something_behind_it_has_no_way_back(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, situations_folder: Path
) -> None:
    apps = ["no_way_back", "missing_down"]
    manage("migrate", situations=apps)

    result = manage("migrate", "no_way_back", "zero", situations=apps)

    assert result.returncode == 1
    assert result.stderr == (
        "CommandError: A migration in the way cannot be undone; nothing was changed.\n"
        "Without a way back:\n"
        "  no_way_back.0002_scatter: Raw Python operation "
        f"({situations_folder}/situations/no_way_back/migrations/0002_scatter.py)\n"
        "Give each a way back (a .down.sql file, reverse_sql, or reverse_code) and take it over "
        "with: python manage.py migration_accept no_way_back 0002_scatter --reason "
        '"its way back was added". Or go back no further than to it: '
        "python manage.py migrate no_way_back 0002_scatter\n"
    )
    assert "Unapplying" not in result.stdout
    assert columns(scratch_connection, "sand") == ["id", "grain"]


def test_as_far_as_the_one_without_a_way_back_it_goes(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", situations=["no_way_back"])

    result = manage("migrate", "no_way_back", "0002_scatter", situations=["no_way_back"])

    assert result.returncode == 0, result.stderr
    assert columns(scratch_connection, "sand") == ["id"]


@pytest.mark.usefixtures("scratch_connection")
def test_part_of_an_operation_counts(manage: ManageSituation) -> None:
    manage("migrate", situations=["hidden_irreversible"])

    result = manage("migrate", "hidden_irreversible", "zero", situations=["hidden_irreversible"])
    status = manage("migration_status", "--format", "json", situations=["hidden_irreversible"])

    assert result.returncode == 1
    assert "  hidden_irreversible.0001_initial: Raw SQL operation (" in result.stderr
    assert [each["is_reversible"] for each in json.loads(status.stdout)["migrations"]] == [False]


def test_record_alone_can_always_be_taken_back(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", situations=["no_way_back"])

    result = manage("migrate", "no_way_back", "zero", "--fake", situations=["no_way_back"])

    assert result.returncode == 0, result.stderr
    assert columns(scratch_connection, "sand") == ["id", "grain"]
