"""Migrations that are SQL files, run on a real database."""

import codecs
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.writer import MigrationWriter

from chat.schema.catalogue.objects import ObjectKind, read_catalogue
from chat.schema.files import RunSQLFile
from chat.schema.files.errors import (
    EmptySQLFileError,
    MissingSQLFileError,
    PsqlCommandError,
    UnreadableSQLFileError,
)
from chat.schema.ledger.snapshots import without_bookkeeping
from tests.schema.conftest import EditedSituation, ManageSituation

FolderOf = Callable[[str], Path]


@pytest.fixture
def folder_of(situations_folder: Path) -> FolderOf:
    """Return a function that returns the folder of a situation's migrations."""
    return lambda situation: situations_folder / "situations" / situation / "migrations"


def test_up_and_down_files_are_run(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    before = read_catalogue(scratch_connection)

    up = manage("migrate", "two_steps", situations=["two_steps"])
    with scratch_connection.cursor() as cursor:
        cursor.execute("INSERT INTO two_steps_messages (content) VALUES ('loud'), ('soft')")
        cursor.execute("UPDATE two_steps_messages SET content = content")
        cursor.execute("SELECT content FROM two_steps_messages ORDER BY id")
        contents = cursor.fetchall()
    down = manage("migrate", "two_steps", "zero", situations=["two_steps"])

    assert (up.returncode, down.returncode) == (0, 0), up.stderr + down.stderr
    assert contents == [("loud!",), ("soft",)]
    assert without_bookkeeping(read_catalogue(scratch_connection)) == before


def test_sqlmigrate_prints_the_file(manage: ManageSituation) -> None:
    up = manage("sqlmigrate", "two_steps", "0002", situations=["two_steps"])
    down = manage("sqlmigrate", "two_steps", "0002", "--backwards", situations=["two_steps"])

    assert "-- SQL file 0002_touch\n" in up.stdout
    assert "NEW.content := format('%s!', NEW.content);" in up.stdout
    assert "WHEN (NEW.content LIKE '%loud%')" in up.stdout
    assert "DROP FUNCTION public.shout();" in down.stdout


def test_file_from_windows_is_run(
    manage: ManageSituation,
    edited: Callable[[str], EditedSituation],
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    copy = edited("two_steps")
    for file in (copy.migrations / "sql").iterdir():
        file.write_bytes(codecs.BOM_UTF8 + file.read_bytes().replace(b"\n", b"\r\n"))

    up = manage("migrate", situations=[copy.name], **copy.environ)
    made = read_catalogue(scratch_connection).of_kind(ObjectKind.FUNCTION)
    down = manage("migrate", "two_steps", "0001", situations=[copy.name], **copy.environ)

    assert (up.returncode, down.returncode) == (0, 0), up.stderr + down.stderr
    assert "public.shout()" in made
    assert "public.shout()" not in read_catalogue(scratch_connection).of_kind(ObjectKind.FUNCTION)


def test_error_in_a_file_leaves_nothing_of_it(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage("migrate", situations=["broken_sql"])

    assert result.returncode == 1
    assert 'syntax error at or near "TABEL"' in result.stderr
    assert "public.things" not in read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE)


def test_missing_up_file_stops_before_anything_runs(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, folder_of: FolderOf
) -> None:
    result = manage("migrate", situations=["two_steps", "missing_up"])

    path = folder_of("missing_up") / "sql" / "0001_only.up.sql"
    assert result.returncode == 1
    assert result.stderr == (
        "CommandError: A migration names a SQL file that is not there.\n"
        f"Expected {path}\n"
        "Write that file, or correct the name that is given to RunSQLFile.\n"
    )
    assert read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE) == {}


def test_missing_up_file_is_named(folder_of: FolderOf) -> None:
    with pytest.raises(MissingSQLFileError) as caught:
        RunSQLFile(str(folder_of("missing_up") / "0001_only.py"))

    assert caught.value.path == folder_of("missing_up") / "sql" / "0001_only.up.sql"


@pytest.mark.parametrize("situation", ["missing_down", "without_down_section"])
def test_missing_down_file_or_section_makes_it_irreversible(
    folder_of: FolderOf, situation: str
) -> None:
    operation = RunSQLFile(str(folder_of(situation) / "0001_only.py"))

    assert operation.down_path is None
    assert not operation.reversible


@pytest.mark.parametrize(("situation", "name"), [("empty_up", "up"), ("empty_down", "down")])
def test_empty_file_is_refused(folder_of: FolderOf, situation: str, name: str) -> None:
    with pytest.raises(EmptySQLFileError) as caught:
        RunSQLFile(str(folder_of(situation) / "0001_only.py"))

    assert caught.value.path.name == f"0001_only.{name}.sql"


NUL = "NUL (0x00), at which a statement would be cut off"


@pytest.mark.parametrize(
    ("content", "position", "line", "what"),
    [
        (b"SELECT 1;\nDELETE FROM t\0 WHERE id = 1;", 23, 2, f"{NUL}."),
        (b"\xef\xbb\xbf-- a\r\n-- b\0\r\nSELECT 1;", 13, 2, f"{NUL}."),
        (b"SELECT 'a\0b';", 9, 1, f"{NUL}."),
        (b"SELECT 1;\n\0", 10, 2, f"{NUL}."),
        (b"SELECT 1;\n\0\0\0\0\0", 10, 2, f"{NUL}."),
        ("SELECT 'é';".encode("utf-16-be"), 0, 1, f"{NUL}; from there it looks like UTF-16BE."),
        ("SELECT 1; -- Ж".encode("utf-16-le"), 1, 1, f"{NUL}; from there it looks like UTF-16LE."),
        (
            b"SELECT 1;\r\n" + "-- DOWN\r\n-- Ж".encode("utf-16-le"),
            12,
            2,
            f"{NUL}; from there it looks like UTF-16LE.",
        ),
        (
            b"SELECT 1;\n" + "SELECT 2;\n".encode("utf-16-be"),
            10,
            2,
            f"{NUL}; from there it looks like UTF-16BE.",
        ),
        ("SELECT 1;".encode("utf-32-le"), 1, 1, f"{NUL}; from there it looks like UTF-32."),
        ("SELECT 1;".encode("utf-16"), 0, 1, "the byte order mark of UTF-16LE."),
        (
            b"SELECT 1;\n" + codecs.BOM_UTF16_BE + "SELECT 2;".encode("utf-16-be"),
            10,
            2,
            "the byte order mark of UTF-16BE.",
        ),
        ("SELECT 1;".encode("utf-32"), 0, 1, "the byte order mark of UTF-32LE."),
        (codecs.BOM_UTF8 + b"-- \xe9", 6, 1, "0xE9 is not part of any UTF-8 character."),
        (b"SELECT '\xed\xa0\x80';", 8, 1, "0xED is not part of any UTF-8 character."),
        (codecs.BOM_UTF8 * 2 + b"SELECT 1;", 3, 1, "U+FEFF (a byte order mark) is not seen"),
        ("SELECT 'é';\n\ufeff-- UP".encode(), 13, 2, "U+FEFF (a byte order mark) is not seen"),
        (b"SELECT 1;\n\x1a", 10, 2, "U+001A (a control character) is not seen, and is no SQL"),
        ("DROP TABLE\u00a0t;".encode(), 10, 1, "U+00A0 (NO-BREAK SPACE) is not seen"),
        ("DROP TABLE us\u200bers;".encode(), 13, 1, "U+200B (ZERO WIDTH SPACE) is not seen"),
        ("DROP TABLE us\u200ders;".encode(), 13, 1, "U+200D (ZERO WIDTH JOINER) is not seen"),
        ("DROP TABLE \u202estu;".encode(), 11, 1, "U+202E (RIGHT-TO-LEFT OVERRIDE) is not"),
        ("SELECT\u30001;".encode(), 6, 1, "U+3000 (IDEOGRAPHIC SPACE) is not seen"),
        ("SELECT 1 \x85;".encode(), 9, 1, "U+0085 (a control character) is not seen"),
        (
            "DELETE FROM t -- all?\u2028WHERE id = 1;".encode(),
            21,
            1,
            "U+2028 (LINE SEPARATOR) ends a line for editors, and the comment goes on",
        ),
        (b"DELETE FROM t -- all?\x0bWHERE id = 1;", 21, 1, "U+000B (a control character) ends a"),
    ],
)
@pytest.mark.parametrize("name", ["0001_x.up.sql", "0001_x.down.sql", "0001_x.sql"])
def test_file_in_which_people_see_what_is_not_run_is_refused(
    tmp_path: Path, name: str, content: bytes, position: int, line: int, what: str
) -> None:
    sql = tmp_path / "sql"
    sql.mkdir()
    if name == "0001_x.down.sql":
        (sql / "0001_x.up.sql").write_text("SELECT 1;")
    (sql / name).write_bytes(content)

    with pytest.raises(UnreadableSQLFileError) as caught:
        RunSQLFile(str(tmp_path / "0001_x.py"))

    assert caught.value.path == sql / name
    assert (caught.value.position, caught.value.line) == (position, line)
    assert f"{name}, line {line}, byte {position}: {what}" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 'a\x01\x1a\x85\u2028\ufeffb', E'\x07';",
        'CREATE TABLE "a\x07\ufeff" ();',
        "DO $$\x01\u2028\ufeff$$;",
        "/* \x01\u2028 a \ufeff */ -- \ufeff \x07 \u2028\nSELECT 1;",
        "\ufeff\fSELECT\v1;\f\n",
        "-- é, Ж, 数\u00a0 \u200b\nCREATE TABLE é数 ();",
        "CREATE TABLE می\u200cشود ();",
    ],
)
def test_all_that_is_sql_may_be_in_a_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "0001_x.up.sql").write_bytes(text.encode())

    operation = RunSQLFile(str(tmp_path / "0001_x.py"))

    assert operation.sql == text.removeprefix("\ufeff")


def test_nul_in_a_file_stops_before_anything_runs(
    manage: ManageSituation,
    edited: Callable[[str], EditedSituation],
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    copy = edited("two_steps")
    file = copy.migrations / "sql" / "0002_touch.up.sql"
    file.write_bytes(b"DELETE FROM two_steps_messages\0 WHERE id = 1;\n")

    result = manage("migrate", situations=[copy.name], **copy.environ)

    assert result.returncode == 1
    assert result.stderr == (
        "CommandError: A SQL file of a migration cannot be read as it is.\n"
        f"{file}, line 1, byte 30: {NUL}.\n"
        "Remove it, or, if the file is in another encoding, save it as UTF-8; PowerShell writes "
        "UTF-16 with > and >>.\n"
    )
    assert read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE) == {}


def test_paths_are_told(folder_of: FolderOf) -> None:
    operation = RunSQLFile(str(folder_of("two_steps") / "0002_touch.py"))

    sql = folder_of("two_steps") / "sql"
    assert operation.up_path == sql / "0002_touch.up.sql"
    assert operation.down_path == sql / "0002_touch.down.sql"
    assert operation.describe() == "SQL file 0002_touch"


def test_another_stem_can_be_named(folder_of: FolderOf) -> None:
    operation = RunSQLFile(
        str(folder_of("two_steps") / "0001_initial.py"), "0002_touch", elidable=True
    )

    assert operation.up_path.name == "0002_touch.up.sql"
    assert operation.elidable


def test_squashed_migration_names_the_same_files(tmp_path: Path) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "0002_x.up.sql").write_text("SELECT 1;")
    operation = RunSQLFile(str(tmp_path / "0002_x.py"), hints={"reason": "none"})
    squashed = type("Migration", (migrations.Migration,), {"operations": [operation]})

    text = MigrationWriter(
        squashed("0001_squashed_0002_x", "app"), include_header=False
    ).as_string()
    module = load(tmp_path / "0001_squashed_0002_x.py", text)
    written = module.Migration.operations[0]

    assert "migration_file=__file__" in text
    assert str(tmp_path) not in text
    assert written.up_path == tmp_path / "sql" / "0002_x.up.sql"
    assert written.sql == "SELECT 1;"
    assert written.hints == {"reason": "none"}


def load(path: Path, text: str) -> ModuleType:
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("squashed", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "line", "source"),
    [
        ("-- UP\n\\restrict aBcD\n\nCREATE TABLE t ();\n", 2, "\\restrict aBcD"),
        ("-- UP\nSELECT 1 \\gset\n", 2, "\\gset"),
        (
            "-- UP\nCREATE TABLE t (i int);\n\nCOPY public.t (i, j) FROM stdin;\n1\n\\.\n",
            4,
            "COPY public.t (i, j) FROM stdin;",
        ),
        ("-- UP\nSELECT 1;\n-- DOWN\ncopy t from STDIN csv;\n", 4, "copy t from STDIN csv;"),
    ],
)
def test_what_psql_alone_can_run_is_refused_before_anything_runs(
    tmp_path: Path, text: str, line: int, source: str
) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "0001_x.sql").write_text(text)

    with pytest.raises(PsqlCommandError) as caught:
        RunSQLFile(str(tmp_path / "0001_x.py"))

    assert str(caught.value) == (
        "A SQL file of a migration has something in it that psql alone can run.\n"
        f"{tmp_path / 'sql' / '0001_x.sql'}, line {line}: {source}\n"
        "The statements are sent to the server, without psql. Remove its own commands, as "
        "\\restrict, which pg_dump writes. Write rows as INSERT, as pg_dump --inserts does, or "
        "load them by cursor.copy() in a RunPython."
    )


@pytest.mark.parametrize(
    "text",
    [
        "SELECT '\\restrict', E'\\n', $$\\d$$; -- \\d\n/* \\d */",
        "COPY t TO STDOUT; COPY t FROM '/srv/rows.csv'; SELECT stdin FROM copy;",
    ],
)
def test_what_only_looks_like_psql_is_taken(tmp_path: Path, text: str) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "0001_x.up.sql").write_text(text)

    assert RunSQLFile(str(tmp_path / "0001_x.py")).sql == text
