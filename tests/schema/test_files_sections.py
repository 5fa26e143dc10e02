"""One SQL file with sections, and both forms of SQL file as an operator meets them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue.objects import ObjectKind, read_catalogue
from chat.schema.files import RunSQLFile
from chat.schema.files.errors import (
    EmptySQLFileError,
    SQLSectionsError,
)
from chat.schema.ledger.snapshots import without_bookkeeping
from tests.schema.conftest import EditedSituation, ManageSituation


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


def test_both_paths_name_the_one_file(tmp_path: Path) -> None:
    operation = operation_of(tmp_path, "-- UP\nSELECT 1;\n-- DOWN\nSELECT 2;")

    assert operation.up_path == tmp_path / "sql" / "0001_x.sql"
    assert operation.down_path == operation.up_path


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


LOOKALIKES = {
    "-- DOWN:": "down",
    "-- Down Migration": "down",
    "-- +migrate Down": "down",
    "-- +goose Down": "down",
    "-- migrate:down transaction:false": "down",
    "-- rambler down": "down",
    "-- !Downs": "down",
    "-- @DOWN": "down",
    "--//@UNDO": "down",
    "//@UNDO": "down",
    "# --- !Downs": "down",
    "/* DOWN */": "down",
    "/*\n * Down\n */": "down",
    "-- ==== DOWN ====": "down",
    "--- down ---": "down",
    "-- DOWN_MIGRATION": "down",
    "-- DOWN: drops them again": "down",
    "-- DOWN (the way back)": "down",
    "-- Rollback": "down",
    "-- roll back": "down",
    "-- revert": "down",
    "-- Undo the changes.": "down",
    "-- 2. Down": "down",
    "\t-- Down;\t": "down",
    "--\u00a0DOWN": "down",
    "-- DOWN\u00a0": "down",
    "-- DO\u200bWN": "down",
    "-- \ufeffDOWN": "down",
    "-- \uff24\uff2f\uff37\uff2e": "down",
    "\uff0d\uff0d DOWN": "down",
    "\u2014 DOWN": "down",
    "---- create above / drop below ----": "up and down",
    "-- UP / DOWN": "up and down",
    "-- +goose Up": "up",
    "-- Up Migration": "up",
}
PROSE = [
    "-- Scale the limit down to ten.",
    "-- Nothing to undo: up and down are the same.",
    "-- Undoes 0003, whose way down forgot it.",
    "-- Back up the table first.",
    "-- Down: loses rows.",
    "-- Begin; migration",
    "-- What was sent is taken back by a\n-- rollback.",
    "/* Before:\n-- DOWN\nDROP TABLE a;\n*/",
    "SELECT ( -- up\n  1\n  -- Down:\n);",
    "CREATE TYPE way AS ENUM (\n  'up', -- up\n  -- DOWN:\n  'down'\n);",
    "SELECT '\n-- DOWN:\n', $$\n-- DOWN:\n$$;",
]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(("lookalike", "meaning"), LOOKALIKES.items())
def test_what_looks_like_a_marker_is_refused_where_it_would_be_run(
    tmp_path: Path, lookalike: str, meaning: str, line_end: str
) -> None:
    lines = ["-- UP", "CREATE TABLE a ();", lookalike, "DROP TABLE a;"]
    if meaning == "up":
        lines = ["-- UP", "SELECT 1;", "-- DOWN", "DROP TABLE a;", lookalike, "CREATE TABLE a ();"]

    with pytest.raises(SQLSectionsError) as caught:
        operation_of(tmp_path, "\n".join(lines).replace("\n", line_end))

    shown = ascii(lookalike.strip("\t").partition("\n")[0]).strip("'")
    line = lines.index(lookalike) + 1
    assert caught.value.line == line
    assert str(caught.value).endswith(
        f"0001_x.sql, line {line}: `{shown}` looks like a marker and is none.\n"
        "Write a line `-- UP` above the statements that go forwards and a line `-- DOWN` above "
        "those that go back, with nothing else on it, each at most once; before the first, only "
        "comments. A comment that is meant as no marker needs other words."
    )


@pytest.mark.parametrize("prose", PROSE)
def test_what_says_more_than_a_marker_is_prose(tmp_path: Path, prose: str) -> None:
    text = f"{prose}\n-- UP\n{prose}\nSELECT 1;\n{prose}\n-- DOWN\nSELECT 2;\n{prose}\n"
    if prose.startswith(("SELECT", "CREATE")):
        text = text.removeprefix(prose)

    operation = operation_of(tmp_path, text)
    (tmp_path / "sql/0002_x.up.sql").write_text(f"{prose}\nSELECT 1;\n{prose}", encoding="utf-8")

    assert operation.reversible
    assert RunSQLFile(str(tmp_path / "0002_x.py")).up_path.name == "0002_x.up.sql"


def test_section_may_be_named_again_in_other_words(tmp_path: Path) -> None:
    operation = operation_of(
        tmp_path, "-- UP\n-- Up migration:\nSELECT 1;\n-- DOWN\n-- Undo.\nSELECT 2;"
    )

    assert operation.reversible


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("CREATE TABLE a ();-- DOWN\nDROP TABLE a;", 1),
        ("-- Up:\nCREATE TABLE a ();\n\n-- Down:\nDROP TABLE a;", 1),
        ("-- +migrate Down\n", 1),
        ("-- UP\nCREATE TABLE a (); -- DOWN\nDROP TABLE a;", 2),
        ("-- UP\nCREATE TABLE a ();\n/* why */ -- DOWN\nDROP TABLE a;", 3),
    ],
)
def test_marker_that_is_none_is_named_before_what_follows_from_it(
    tmp_path: Path, text: str, line: int
) -> None:
    with pytest.raises(SQLSectionsError, match="looks like a marker and is none") as caught:
        operation_of(tmp_path, text)

    assert caught.value.line == line


@pytest.mark.parametrize(
    ("way", "other"), [("up", "-- DOWN"), ("up", "-- Rollback:"), ("down", "--up")]
)
def test_file_of_a_pair_has_no_section_of_the_other_way(
    tmp_path: Path, way: str, other: str
) -> None:
    sql = tmp_path / "sql"
    sql.mkdir()
    (sql / "0001_x.up.sql").write_text("-- UP\nSELECT 1;\n-- Up again:\nSELECT 1;\n-- up\n")
    (sql / "0001_x.down.sql").write_text("-- Rollback\nSELECT 2;\n-- DOWN\nSELECT 2;\n")
    RunSQLFile(str(tmp_path / "0001_x.py"))
    with (sql / f"0001_x.{way}.sql").open("a") as file:
        file.write(f"{other}\nDROP TABLE a;\n")

    with pytest.raises(SQLSectionsError) as caught:
        RunSQLFile(str(tmp_path / "0001_x.py"))

    line = 6 if way == "up" else 5
    assert str(caught.value).endswith(
        f"0001_x.{way}.sql, line {line}: `{other}` looks like a marker, and all of this file runs "
        f"on the way {way}.\n"
        "Put each way into its own file, 0001_x.up.sql and 0001_x.down.sql. Or put both into one, "
        "0001_x.sql, below lines `-- UP` and `-- DOWN`, and remove the pair. A comment that is "
        "meant as no marker needs other words."
    )


def test_both_ways_are_not_run_at_once(
    manage: ManageSituation,
    edited: Callable[[str], EditedSituation],
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    copy = edited("sections")
    file = copy.migrations / "sql" / "0001_only.sql"
    file.write_text(file.read_text().replace("  -- Down\n", "-- Down Migration\n"))

    result = manage("migrate", situations=[copy.name], **copy.environ)

    assert result.returncode == 1
    assert f"{file}, line 21: `-- Down Migration` looks like a marker and is none.\n" in (
        result.stderr
    )
    assert read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE) == {}


@pytest.mark.parametrize(
    "text", ["", " \r\n", "\ufeff", "-- UP\n\n-- DOWN\nSELECT 1;", "-- UP\nSELECT 1;\n-- DOWN\n"]
)
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
