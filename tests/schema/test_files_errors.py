"""Statements of SQL files that fail: which file, which line, which error."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django import db
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ProjectState

from chat.schema.catalogue.objects import ObjectKind, read_catalogue
from chat.schema.errors import SchemaError
from chat.schema.files import RunSQLFile
from chat.schema.files.errors import SQLFileFailedError, TransactionInSQLFileError
from chat.schema.ledger.events import read_events
from tests.schema.conftest import EditedSituation, ManageSituation


def run(
    folder: Path,
    text: str,
    *,
    is_atomic: bool = True,
    connection: BaseDatabaseWrapper | None = None,
) -> None:
    (folder / "sql").mkdir()
    (folder / "sql" / "0001_x.sql").write_text(text, encoding="utf-8")
    operation = RunSQLFile(str(folder / "0001_x.py"))
    connection = connection or db.connections["default"]
    with connection.schema_editor(atomic=is_atomic) as editor:
        operation.database_forwards("x", editor, ProjectState(), ProjectState())


def has_table(name: str) -> bool:
    with db.connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"public.{name}"])
        return bool(cursor.fetchone()[0])


def test_migrate_says_file_and_line_in_one_message(
    manage: ManageSituation, situations_folder: Path
) -> None:
    result = manage("migrate", situations=["broken_sql"])

    path = situations_folder / "situations/broken_sql/migrations/sql/0001_only.up.sql"
    assert result.returncode == 1
    assert result.stderr == (
        "CommandError: A statement of a SQL file failed.\n"
        f"{path}, line 3:\n"
        "  CREATE TABEL others ();\n"
        'ERROR: syntax error at or near "TABEL"\n'
        "Nothing of the file was kept. Correct it, then run it again.\n"
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        # The server gives a position.
        ("-- UP\n\n-- é ü\nSELEC 1;", 4, 'syntax error at or near "SELEC"'),
        ("-- UP\nSELECT 1;\nSELECT 'é',\n  nope;", 4, 'column "nope" does not exist'),
        ("-- UP\nSELECT 1;\nSELECT 1,\n\n", 3, "syntax error at end of input"),
        ("-- DOWN\nSELECT 1;\n-- UP\nSELECT 1;\nSELECT nope;", 5, 'column "nope" does not exist'),
        # It gives one within the body of a function.
        (
            (
                "-- UP\nSELECT 1;\nCREATE FUNCTION f() RETURNS int\nLANGUAGE plpgsql AS $b$\n"
                "BEGIN\n  RETURN 1;\n  RETRUN 2;\nEND $b$;\nSELECT 2;"
            ),
            7,
            'syntax error at or near "RETRUN"',
        ),
        (
            (
                "-- UP\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n"
                "SELECT 1;\nSELECT nope\n$$;"
            ),
            4,
            'column "nope" does not exist',
        ),
        # It gives the line of the body of a DO block.
        ("-- UP\nSELECT 1;\nDO $$\nBEGIN\n  RAISE EXCEPTION 'no';\nEND $$;", 5, "no"),
        (
            "-- UP\nDO\nLANGUAGE plpgsql\n$$ BEGIN\n  PERFORM nope;\nEND $$;",
            5,
            'column "nope" does not exist',
        ),
        # It gives nothing: the statement begins there.
        (
            "-- UP\nCREATE TABLE a (\n  i int\n);\n\n-- Again.\nCREATE TABLE\n  a ();\nSELECT 1;",
            7,
            'relation "a" already exists',
        ),
        ("-- UP\nSELECT 1;\n\nSELECT\n  1 / 0;", 4, "division by zero"),
    ],
)
def test_line_of_the_file_is_named(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(SQLFileFailedError) as caught:
        run(tmp_path, text)

    assert caught.value.line == line
    assert caught.value.path == tmp_path / "sql" / "0001_x.sql"
    assert caught.value.server_message.partition("\n")[0] == f"ERROR: {message}"
    assert f"0001_x.sql, line {line}:\n  {text.splitlines()[line - 1].strip()}" in (
        str(caught.value)
    )
    assert not has_table("a")


@pytest.mark.django_db
def test_comment_without_an_end_swallows_no_statement(tmp_path: Path) -> None:
    (tmp_path / "sql").mkdir()
    file = tmp_path / "sql" / "0001_x.up.sql"
    file.write_text("CREATE TABLE a ();\n/* why\nCREATE TABLE b ();\n")
    operation = RunSQLFile(str(tmp_path / "0001_x.py"))

    with (
        pytest.raises(SQLFileFailedError, match="unterminated /\\* comment") as caught,
        db.connection.schema_editor() as editor,
    ):
        operation.database_forwards("x", editor, ProjectState(), ProjectState())

    assert caught.value.line == 2
    assert not has_table("a")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [
        ("SELECT 1 / 0", "22012"),
        ("SELEC 1", "42601"),
        ("CREATE TEMP TABLE a (i int UNIQUE); INSERT INTO a VALUES (1), (1)", "23505"),
        ("SET statement_timeout = 1; SELECT pg_sleep(5)", "57014"),
    ],
)
def test_error_is_the_rooms_and_djangos(tmp_path: Path, statement: str, sqlstate: str) -> None:
    with pytest.raises(SQLFileFailedError) as caught:
        run(tmp_path, f"-- UP\n{statement};")

    assert isinstance(caught.value, SchemaError)
    assert isinstance(caught.value, db.DatabaseError)
    assert isinstance(caught.value.__cause__, psycopg.Error)
    assert caught.value.__cause__.sqlstate == sqlstate


@pytest.mark.django_db
def test_detail_and_hint_of_the_server_are_shown(tmp_path: Path) -> None:
    text = "-- UP\nCREATE TABLE a (i int UNIQUE);\nINSERT INTO a VALUES (1), (1);\n"

    with pytest.raises(SQLFileFailedError) as caught:
        run(tmp_path, text)

    assert caught.value.server_message == (
        'ERROR: duplicate key value violates unique constraint "a_i_key"\n'
        "DETAIL: Key (i)=(1) already exists."
    )


def test_what_came_before_is_said_to_be_kept_when_not_atomic(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage("migrate", situations=["broken_concurrent_index"])

    assert result.returncode == 1
    assert "0001_only.up.sql, line 4:\n  CREATE UNIQUE INDEX CONCURRENTLY" in result.stderr
    assert "DETAIL: Key (name)=(one) is duplicated." in result.stderr
    assert "What the file did before line 4 is kept" in result.stderr
    assert "Traceback" not in result.stderr
    assert "public.things" in read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    ["BEGIN", "START TRANSACTION", "commit", "END", "ROLLBACK", "Abort", "PREPARE TRANSACTION 'a'"],
)
def test_transaction_of_the_migration_is_not_ended(tmp_path: Path, statement: str) -> None:
    with pytest.raises(TransactionInSQLFileError) as caught:
        run(tmp_path, f"-- UP\nCREATE TABLE a ();\n{statement};")

    assert caught.value.line == 3
    assert not has_table("a")


@pytest.mark.django_db
def test_savepoints_and_prepared_statements_may_be_used(tmp_path: Path) -> None:
    run(
        tmp_path,
        "-- UP\nSAVEPOINT a; SELECT 1; ROLLBACK WORK TO SAVEPOINT a; PREPARE p AS SELECT 1;",
    )


def test_script_that_is_not_atomic_may_have_transactions_of_its_own(
    scratch_connection: BaseDatabaseWrapper, tmp_path: Path
) -> None:
    text = "-- UP\nBEGIN;\nCREATE TABLE a ();\nCOMMIT;\nCREATE INDEX CONCURRENTLY i ON a ((1));"

    run(tmp_path, text, is_atomic=False, connection=scratch_connection)

    assert "public.a" in read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "advice"),
    [
        ("CREATE INDEX CONCURRENTLY i ON chat_users (id)", "set atomic = False in the migration"),
        ("VACUUM", "set atomic = False in the migration"),
        ("CREATE DATABASE other", "set atomic = False in the migration"),
        ("SET statement_timeout = 1; SELECT pg_sleep(5)", "begin with SET statement_timeout = 0"),
        ("SET ROLE pg_monitor; CREATE TABLE a ()", "Let the role that migrates do that"),
        ("CREATE TABLE a (); CREATE TABLE a ()", "migrate APP NAME --fake"),
        ("SELEC", "Correct it, then run it again."),
    ],
)
def test_failure_says_what_usually_helps(tmp_path: Path, statement: str, advice: str) -> None:
    with pytest.raises(SQLFileFailedError) as caught:
        run(tmp_path, f"-- UP\n{statement};")

    assert advice in caught.value.next_step
    assert caught.value.next_step.startswith("Nothing of the file was kept. ")


def test_transaction_of_its_own_is_said_to_be_rolled_back(
    edited: Callable[[str], EditedSituation],
    manage: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    copy = edited("broken_concurrent_index")
    (copy.migrations / "sql" / "0001_only.up.sql").write_text(
        "CREATE TABLE things ();\n\nBEGIN;\nCREATE TABLE others ();\nSELECT nope;\nCOMMIT;\n"
    )

    result = manage("migrate", situations=[copy.name], **copy.environ)

    assert result.returncode == 1
    assert result.stderr.endswith(
        "What the file did before line 3 is kept, as the migration is not atomic, and the rest was "
        "rolled back. Undo it, or make those statements safe to run twice. Correct it, then run it "
        "again.\n"
    )
    tables = read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE)
    assert "public.things" in tables
    assert "public.others" not in tables
    assert [event.event for event in read_events(scratch_connection)] == ["failed", "started"]
