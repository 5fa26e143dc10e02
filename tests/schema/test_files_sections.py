"""One SQL file with sections, and both forms of SQL file as an operator meets them."""

from pathlib import Path

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue import ObjectKind, read_catalogue
from chat.schema.errors import EmptySQLFileError, SQLFileError
from chat.schema.files import RunSQLFile
from chat.schema.ledger import without_bookkeeping
from chat.schema.script_errors import AmbiguousSQLFileError, SQLSectionsError
from tests.schema.conftest import ManageSituation

SITUATIONS = Path(__file__).parent / "situations"


def operation_of(folder: Path, text: str) -> RunSQLFile:
    (folder / "sql").mkdir()
    (folder / "sql" / "0001_x.sql").write_text(text, encoding="utf-8")
    return RunSQLFile(str(folder / "0001_x.py"))


def test_sections_are_run(manage: ManageSituation, scratch_connection: BaseDatabaseWrapper) -> None:
    before = read_catalogue(scratch_connection)

    up = manage("migrate", situations=["sections"])
    with scratch_connection.cursor() as cursor:
        cursor.execute("INSERT INTO shelves (id) VALUES (1) RETURNING label")
        label = cursor.fetchone()
    down = manage("migrate", "sections", "zero", situations=["sections"])

    assert (up.returncode, down.returncode) == (0, 0), up.stderr + down.stderr
    assert label == ("-- DOWN;",)
    left = without_bookkeeping(read_catalogue(scratch_connection))
    assert left == before


def test_sqlmigrate_prints_one_section(manage: ManageSituation) -> None:
    up = manage("sqlmigrate", "sections", "0001", situations=["sections"])
    down = manage("sqlmigrate", "sections", "0001", "--backwards", situations=["sections"])

    assert "NEW.label := format('%s;', NEW.label);" in up.stdout
    assert "DROP TABLE" not in up.stdout
    assert "DROP TABLE public.shelves;" in down.stdout
    assert "CREATE" not in down.stdout


def test_both_paths_name_the_one_file() -> None:
    operation = RunSQLFile(str(SITUATIONS / "sections" / "migrations" / "0001_only.py"))

    assert operation.up_path == SITUATIONS / "sections/migrations/sql/0001_only.sql"
    assert operation.down_path == operation.up_path


def test_missing_down_section_makes_it_irreversible(manage: ManageSituation) -> None:
    operation = RunSQLFile(str(SITUATIONS / "without_down_section/migrations/0001_only.py"))
    manage("migrate", situations=["without_down_section"])
    result = manage("migrate", "without_down_section", "zero", situations=["without_down_section"])

    assert operation.down_path is None
    assert not operation.reversible
    assert result.returncode == 1
    assert "\n  without_down_section.0001_only: SQL file 0001_only (" in result.stderr


def test_both_forms_at_once_are_refused_before_anything_runs(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage("migrate", situations=["two_steps", "both_forms"])

    assert result.returncode == 1
    assert "A migration has its SQL twice." in result.stderr
    assert "0001_only.sql has both directions, and beside it lies 0001_only.down.sql" in (
        result.stderr
    )
    assert read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE) == {}
    with pytest.raises(AmbiguousSQLFileError):
        RunSQLFile(str(SITUATIONS / "both_forms" / "migrations" / "0001_only.py"))


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("-- why\nCREATE TABLE a ();\n-- UP\nSELECT 1;", 2, "a statement before"),
        ("-- why\n\nSELECT 1;\n", 3, "a statement before"),
        ("-- only comments\n", 1, "ends without a line `-- UP`"),
        ("-- DOWN\nSELECT 1;\n", 2, "ends without a line `-- UP`"),
        ("-- UP\nSELECT 1;\n-- up\nSELECT 2;", 3, "`-- UP` a second time"),
        ("-- UP\nSELECT 1;\n-- DOWN\n-- a\n-- down\n", 5, "`-- DOWN` a second time"),
        ("-- UP\nSELECT 1;\nSELECT 'a;\n-- DOWN\nSELECT 2;", 3, "has no end"),
    ],
)
def test_sections_that_cannot_be_told_apart_are_refused(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    with pytest.raises(SQLSectionsError) as caught:
        operation_of(tmp_path, text)

    assert caught.value.line == line
    assert f"0001_x.sql, line {line}: " in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize("text", ["", "-- UP\n\n-- DOWN\nSELECT 1;", "-- UP\nSELECT 1;\n-- DOWN\n"])
def test_empty_section_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(EmptySQLFileError):
        operation_of(tmp_path, text)


def test_down_section_may_come_first(tmp_path: Path) -> None:
    operation = operation_of(tmp_path, "-- DOWN\nSELECT 2;\n-- UP\nSELECT 1;")

    assert (str(operation.sql).strip(), str(operation.reverse_sql).strip()) == (
        "SELECT 1;",
        "SELECT 2;",
    )


def test_concurrent_index_is_made_and_dropped(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    up = manage("migrate", situations=["concurrent_index"])
    made = read_catalogue(scratch_connection).of_kind(ObjectKind.INDEX)
    down = manage("migrate", "concurrent_index", "zero", situations=["concurrent_index"])

    assert (up.returncode, down.returncode) == (0, 0), up.stderr + down.stderr
    assert "public.things_name_ix" in made
    assert "public.things" not in read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE)


def test_file_without_a_statement_is_not_applied(manage: ManageSituation) -> None:
    result = manage("migrate", situations=["unwritten"])
    status = manage("migration_current", "unwritten", situations=["unwritten"])
    printed = manage("sqlmigrate", "unwritten", "0001", situations=["unwritten"])

    assert result.returncode == 1
    assert "CommandError: A SQL file of a migration has no statement in it." in result.stderr
    assert status.stdout == "zero\n"
    assert "-- Makes things; nobody has written how." in printed.stdout


def test_commit_in_an_atomic_migration_is_refused_before_anything_runs(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage("migrate", situations=["commits"])

    assert result.returncode == 1
    assert "0001_only.up.sql, line 3: COMMIT\n" in result.stderr
    assert "Traceback" not in result.stderr
    assert "public.things" not in read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE)


def test_every_error_is_of_the_room() -> None:
    assert issubclass(AmbiguousSQLFileError, SQLFileError)
    assert issubclass(SQLSectionsError, SQLFileError)
