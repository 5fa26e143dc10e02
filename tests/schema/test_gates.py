"""What is refused before anything is run: changed files, a database that is ahead."""

import re
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration, RunSQL
from django.db.migrations.recorder import MigrationRecorder

from chat.schema.files.errors import NulInSQLError
from chat.schema.ledger.table import Event, append
from chat.schema.run.gates import require_whole_sql
from tests.schema.conftest import EditedSituation, ManageSituation, StartSituation, wait_until
from tests.schema.test_status import record

CHECKSUM = r"sha256:[0-9a-f]{64}"


@pytest.fixture
def applied(edited: Callable[[str], EditedSituation], manage: ManageSituation) -> EditedSituation:
    """A copy of two_steps, of which the first step is applied."""
    copy = edited("two_steps")
    result = manage("migrate", "two_steps", "0001", situations=[copy.name], **copy.environ)
    assert result.returncode == 0, result.stderr
    return copy


def tables(connection: BaseDatabaseWrapper) -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.table_names(cursor))


def checksums(connection: BaseDatabaseWrapper) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event, checksum FROM schema_migrations"
            " WHERE name = '0001_initial' AND event <> 'started' ORDER BY id"
        )
        return list(cursor.fetchall())


def test_file_that_is_edited_while_it_waits_for_its_turn_is_run_as_it_was(
    edited: Callable[[str], EditedSituation],
    start: StartSituation,
    manage: ManageSituation,
    tmp_path: Path,
) -> None:
    first, last = edited("paused"), edited("two_steps")
    situations = [first.name, last.name]
    pauses = {"SITUATION_PAUSES": str(tmp_path)}
    process = start("migrate", situations=situations, **first.environ, **pauses)
    wait_until((tmp_path / "ddl.reached").exists)
    file = last.migrations / "0001_initial.py"
    file.write_bytes(file.read_bytes() + b"#")
    for point in ("ddl", "data", "end"):
        (tmp_path / f"{point}.passed").touch()
    process.communicate()

    result = manage("migration_status", "--check", situations=situations, **first.environ)

    assert (process.returncode, result.returncode) == (0, 5), result.stdout
    assert "two_steps.0001_initial was changed after it was applied" in result.stderr


def test_edited_migration_is_refused(applied: EditedSituation, manage: ManageSituation) -> None:
    file = applied.migrations / "0001_initial.py"
    file.write_bytes(file.read_bytes() + b"#")

    for arguments in (["migrate"], ["migrate", "--check"], ["migrate", "two_steps", "zero"]):
        result = manage(*arguments, situations=[applied.name], **applied.environ)

        assert result.returncode == 5
        assert "Applying" not in result.stdout
        assert "Unapplying" not in result.stdout
    assert re.fullmatch(
        r"CommandError: An applied migration has changed on disk; nothing was done\.\n"
        r"two_steps\.0001_initial was changed after it was applied: its files had the checksum "
        rf"[0-9a-f]{{8}} then and have [0-9a-f]{{8}} now \({re.escape(str(file))}\)\.\n"
        r"Restore the files as they were applied, and put the change into a new migration\. Or, if "
        r"the database already is what they say now \(nothing will be run\): python "
        r'manage\.py migration_accept two_steps 0001_initial --reason "why it is the same"\n',
        result.stderr,
    )


def test_edited_sql_file_is_refused(
    edited: Callable[[str], EditedSituation], manage: ManageSituation
) -> None:
    copy = edited("two_steps")
    manage("migrate", situations=[copy.name], **copy.environ)
    file = copy.migrations / "sql" / "0002_touch.down.sql"
    file.write_bytes(file.read_bytes() + b"\n")

    result = manage("migrate", situations=[copy.name], **copy.environ)
    status = manage("migration_status", "--check", situations=[copy.name], **copy.environ)

    assert (result.returncode, status.returncode) == (5, 5)
    assert str(file) in result.stderr
    assert "  modified     sql     yes   0002_touch" in status.stdout
    said = " ".join(status.stdout.split())
    assert "two_steps.0002_touch was changed after it was applied" in said


NUL_IN_SQL = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("two_steps", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL("", [("SELECT %%s", [1]), (%r, None)])]
        )
    ]
"""
CUT = "SELECT 1;\nDELETE FROM two_steps_messages\0 WHERE id = 1"


def test_nul_in_the_sql_of_a_migration_stops_before_anything_runs(
    edited: Callable[[str], EditedSituation],
    manage: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    copy = edited("two_steps")
    (copy.migrations / "0002_touch.py").write_text(NUL_IN_SQL % CUT)
    shutil.rmtree(copy.migrations / "sql")

    for arguments in (["migrate"], ["migrate", "--plan"]):
        result = manage(*arguments, situations=[copy.name], **copy.environ)

        assert result.returncode == 1
        assert result.stderr == (
            "CommandError: The SQL of a migration has a NUL byte in it, where it would be cut off; "
            "nothing was done.\n"
            "two_steps.0002_touch: Raw SQL operation, line 2 of its SQL: "
            "'DELETE FROM two_steps_messages\\x00 WHERE id = 1'\n"
            "Remove the NUL; no text in PostgreSQL has one.\n"
        )
    assert tables(scratch_connection) == set()


@pytest.mark.parametrize(
    ("sql", "reverse_sql", "undo", "is_refused"),
    [
        (CUT, "SELECT 1", False, True),
        (["SELECT 1", CUT], None, False, True),
        ([("SELECT %s", [1]), (CUT, None)], RunSQL.noop, False, True),
        ("SELECT 1", CUT, False, True),
        ("SELECT 1", (CUT,), True, True),
        (CUT, "SELECT 1", True, False),
        ([("SELECT %s", ["\0"])], RunSQL.noop, False, False),
    ],
)
def test_sql_with_a_nul_is_refused_in_each_form_and_direction(
    sql: Any, reverse_sql: Any, undo: bool, is_refused: bool
) -> None:
    migration = type("Migration", (Migration,), {"operations": [RunSQL(sql, reverse_sql)]})

    with pytest.raises(NulInSQLError, match="line 2") if is_refused else nullcontext():
        require_whole_sql([(migration("0002_x", "app"), undo)])


def test_changed_files_of_an_installed_package_are_told_once_and_recorded(
    edited: Callable[..., EditedSituation],
    manage: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    package = edited("two_steps", into="site-packages")

    def run(*arguments: str) -> tuple[int, str]:
        result = manage(*arguments, situations=[package.name], **package.environ)
        return result.returncode, " ".join(f"{result.stdout} {result.stderr}".split())

    run("migrate")
    for file in package.migrations.glob("0*.py"):
        file.write_bytes(file.read_bytes() + b"\n# Reformatted.\n")
    checked = run("migrate", "--check")
    status = run("migration_status", "--check")
    migrated = run("migrate")
    again = run("migrate")

    told = (
        "two_steps is of an installed package, and files of its applied migrations have changed: "
        "0001_initial, 0002_touch. This is not refused"
    )
    assert checked == (0, "")
    assert (status[0], told in status[1]) == (0, True)
    assert (migrated[0], told in migrated[1]) == (0, True)
    assert (again[0], told in again[1]) == (0, False)
    assert [event for event, _ in checksums(scratch_connection)] == ["applied", "accepted"]


def test_files_are_refused_where_the_project_itself_may_be_an_installed_package(
    edited: Callable[..., EditedSituation], manage: ManageSituation
) -> None:
    package = edited("two_steps", into="site-packages")
    settings = package.migrations.parents[2] / "settings_of_a_wheel.py"
    settings.write_text("from tests.schema.settings import *\n")
    environ = {**package.environ, "DJANGO_SETTINGS_MODULE": "settings_of_a_wheel"}
    manage("migrate", situations=[package.name], **environ)
    file = package.migrations / "0001_initial.py"
    file.write_bytes(file.read_bytes() + b"#")

    result = manage("migrate", situations=[package.name], **environ)

    assert result.returncode == 5


def test_squash_is_tidied_up_as_django_says_with_the_command_that_is_recommended(
    edited: Callable[..., EditedSituation], manage: ManageSituation
) -> None:
    app = edited("squashed")
    squash = app.migrations / "0001_squashed_0002_two.py"

    def run(*arguments: str) -> tuple[int, str]:
        result = manage(*arguments, situations=[app.name], **app.environ)
        return result.returncode, " ".join(f"{result.stdout} {result.stderr}".split())

    run("migrate")
    for replaced in ("0001_one.py", "0002_two.py"):
        (app.migrations / replaced).unlink()
    lines = squash.read_text().splitlines(keepends=True)
    squash.write_text("".join(line for line in lines if "replaces = " not in line))
    (app.migrations / "0003_more.py").write_text(
        "from django.db import migrations\n\n\n"
        "class Migration(migrations.Migration):\n"
        '    dependencies = [("squashed", "0001_squashed_0002_two")]\n'
        "    operations = []\n"
    )
    status = run("migration_status", "--check")
    pruned = run("migrate", "squashed", "--prune")
    migrated = run("migrate")
    after = run("migration_status", "--check")
    squash.write_text(squash.read_text() + "\n# Edited.\n")
    edited_since = run("migration_status", "--check")

    assert status[0] == 6
    assert "squashed replace no others any more, so their files have changed: 0001_sq" in status[1]
    assert "forget them with: python manage.py migrate squashed --prune" in status[1]
    assert "DROP SCHEMA" not in status[1]
    assert (pruned[0], "Pruning squashed.0001_one OK" in pruned[1]) == (0, True)
    assert (migrated[0], "Applying squashed.0003_more... OK" in migrated[1]) == (0, True)
    assert after[0] == 0
    assert edited_since[0] == 5


def test_pruning_is_not_refused_because_of_other_files(
    edited: Callable[..., EditedSituation], manage: ManageSituation
) -> None:
    app = edited("no_way_back")
    manage("migrate", situations=[app.name], **app.environ)
    (app.migrations / "0003_widen.py").unlink()
    file = app.migrations / "0001_initial.py"
    file.write_bytes(file.read_bytes() + b"#")

    pruned = manage("migrate", "no_way_back", "--prune", situations=[app.name], **app.environ)
    result = manage("migrate", situations=[app.name], **app.environ)

    assert pruned.returncode == 0, pruned.stderr
    assert "Pruning no_way_back.0003_widen OK" in pruned.stdout
    assert result.returncode == 5


def test_files_that_look_like_migrations_and_are_none_are_named(
    edited: Callable[..., EditedSituation], manage: ManageSituation
) -> None:
    app = edited("two_steps")
    sql = app.migrations / "sql"
    (app.migrations / "0003_v1.2.py").write_text("from django.db import migrations\n")
    for name in ("0003_v1.2.up.sql", "0002_touch.dwn.sql", "0004_read_by_hand.sql"):
        (sql / name).write_text("SELECT 1;\n")
    module = app.migrations / "0002_touch.py"
    module.write_text(f"{module.read_text()}\nREAD = '0004_read_by_hand.sql'\n")

    status = manage("migration_status", situations=[app.name], **app.environ)
    results = [
        manage(*arguments, situations=[app.name], **app.environ)
        for arguments in (["migrate", "--check"], ["migrate", "--plan"], ["migrate"])
    ]
    silent = manage("migrate", "--verbosity", "0", situations=[app.name], **app.environ)

    not_run = (
        "is passed over: no migration runs it. Write the module that does, or correct its name."
    )
    not_read = "is passed over: Django reads no module with a dot in its name. Rename it."
    told = [
        f"{app.migrations}/0003_v1.2.py {not_read}",
        f"{sql}/0002_touch.dwn.sql {not_run}",
        f"{sql}/0003_v1.2.up.sql {not_run}",
    ]
    assert [result.stderr.splitlines() for result in results] == [told] * 3
    assert " ".join(told) in " ".join(status.stdout.split())
    assert "read_by_hand" not in status.stdout
    assert (silent.returncode, silent.stderr) == (0, "")


def test_other_line_endings_are_no_change(
    applied: EditedSituation, manage: ManageSituation
) -> None:
    for file in applied.migrations.rglob("0*.*"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))

    result = manage("migrate", situations=[applied.name], **applied.environ)

    assert result.returncode == 0, result.stderr


def test_pending_migration_may_be_edited(applied: EditedSituation, manage: ManageSituation) -> None:
    file = applied.migrations / "0002_touch.py"
    file.write_bytes(file.read_bytes() + b"#")

    result = manage("migrate", situations=[applied.name], **applied.environ)

    assert result.returncode == 0, result.stderr


def test_accepted_with_a_reason_and_the_history_is_kept(
    applied: EditedSituation, manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    file = applied.migrations / "0001_initial.py"
    file.write_bytes(file.read_bytes() + b"#")

    accepted = manage(
        "migration_accept",
        "two_steps",
        "0001",
        "--reason",
        "a comment",
        situations=[applied.name],
        **applied.environ,
    )
    again = manage("migrate", situations=[applied.name], **applied.environ)

    assert accepted.returncode == 0, accepted.stderr
    assert re.search(
        rf"Accepted two_steps\.0001_initial\n  before: {CHECKSUM}\n  now:    {CHECKSUM}\n",
        accepted.stdout,
    )
    assert again.returncode == 0, again.stderr
    (first, before), (second, now) = checksums(scratch_connection)
    assert (first, second) == ("applied", "accepted")
    assert before != now
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT reason FROM schema_migrations WHERE event = 'accepted'")
        assert cursor.fetchall() == [("a comment",)]


def test_accepting_is_of_one_applied_migration_for_a_reason(
    applied: EditedSituation, manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    def accept(*arguments: str) -> tuple[int, str]:
        result = manage(
            "migration_accept", *arguments, situations=[applied.name], **applied.environ
        )
        return result.returncode, result.stderr + result.stdout

    code, said = accept("two_steps", "0001_initial")
    assert (code, "give --reason" in said) == (3, True)
    code, said = accept("two_steps", "0002", "--reason", "x")
    assert (code, "two_steps.0002_touch is pending." in said) == (1, True)
    code, said = accept("two_steps", "000", "--reason", "x")
    assert (code, "is the beginning of: 0001_initial, 0002_touch" in said) == (64, True)
    code, said = accept("two_steps", "0001", "--reason", "x")
    assert (code, "Nothing to accept" in said) == (0, True)
    assert [event for event, _ in checksums(scratch_connection)] == ["applied"]


def test_untracked_migration_is_tracked_once_it_is_accepted(
    edited: Callable[[str], EditedSituation],
    manage: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    copy = edited("two_steps")
    record(scratch_connection, "two_steps", "0001_initial")

    def run(*arguments: str) -> tuple[int, str]:
        result = manage(*arguments, situations=[copy.name], **copy.environ)
        return result.returncode, " ".join(result.stdout.split())

    before = run("migration_status")
    accepted = run("migration_accept", "two_steps", "0001", "--reason", "as it was deployed")
    after = run("migration_status")
    file = copy.migrations / "0001_initial.py"
    file.write_bytes(file.read_bytes() + b"#")
    edited_since = run("migration_status", "--check")

    assert "untracked python yes 0001_initial" in before[1]
    assert "was applied before checksums were kept" in before[1]
    assert accepted[0] == 0
    assert " applied python yes 0001_initial" in after[1]
    assert edited_since[0] == 5


def test_database_ahead_of_the_code_is_refused(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    record(scratch_connection, "two_steps", "0003_newer")
    record(scratch_connection, "gone", "0001_initial")

    results = [
        manage(*arguments, situations=["two_steps"])
        for arguments in (
            ["migrate"],
            ["migrate", "--check"],
            ["migrate", "two_steps", "zero"],
            ["migration_status", "--check"],
        )
    ]

    assert [result.returncode for result in results] == [6, 6, 6, 6]
    for result in results:
        assert "two_steps.0003_newer is applied, and not on disk" in result.stderr
        assert "gone.0001_initial is applied, and not on disk" in result.stderr
    assert tables(scratch_connection) == {"django_migrations"}


def test_database_of_migrations_that_were_written_anew_is_to_be_made_anew(
    applied: EditedSituation, manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    record(scratch_connection, "two_steps", "0003_older")
    first = applied.migrations / "0001_initial.py"
    first.write_text(first.read_text() + "\n# Another chain.\n")

    results = [
        manage(*arguments, situations=[applied.name], **applied.environ)
        for arguments in (["migrate"], ["migration_reset", "--noinput"], ["migration_status"])
    ]

    assert [result.returncode for result in results] == [6, 6, 0]
    for said in (results[0].stderr, results[1].stderr, results[2].stdout):
        assert "written anew since this database was made" in said
        assert "DROP SCHEMA public CASCADE; CREATE SCHEMA public" in said
        assert "--prune" not in said


def test_pruning_is_the_way_out_also_for_an_app_that_is_gone(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    record(scratch_connection, "two_steps", "0003_newer")
    record(scratch_connection, "gone", "0001_initial")

    of_app = manage("migrate", "two_steps", "--prune", situations=["two_steps"])
    of_gone = manage("migrate", "gone", "--prune", situations=["two_steps"])
    result = manage("migrate", situations=["two_steps"])

    assert of_app.returncode == 0, of_app.stderr
    assert "  Pruning two_steps.0003_newer OK" in of_app.stdout
    assert of_gone.returncode == 0, of_gone.stderr
    assert "  Pruning gone.0001_initial OK" in of_gone.stdout
    assert result.returncode == 0, result.stderr
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM schema_migrations WHERE event = 'pruned'")
        assert cursor.fetchall() == [("two_steps", "0003_newer"), ("gone", "0001_initial")]


def test_faked_migration_is_shown_as_faked(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", "two_steps", "0001", "--fake", situations=["two_steps"])

    result = manage("migration_status", situations=["two_steps"])

    assert "  faked        python  yes   0001_initial" in result.stdout
    assert "nothing of it was run then." in " ".join(result.stdout.split())
    assert set(MigrationRecorder(scratch_connection).applied_migrations()) == {
        ("two_steps", "0001_initial")
    }


def test_plan_that_would_be_refused_is_not_shown(
    manage: ManageSituation, edited: Callable[[str], EditedSituation]
) -> None:
    app = edited("two_steps")
    manage("migrate", situations=[app.name], **app.environ)
    (app.migrations / "0002_touch.py").unlink()

    result = manage("migrate", "--plan", situations=[app.name], **app.environ)

    assert (result.returncode, result.stdout) == (6, "")
    assert "two_steps.0002_touch is applied, and not on disk" in result.stderr


@pytest.mark.parametrize("command", ["migrate", "migration_status", "migration_rehearse"])
@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("operations = [\n", 1, "SyntaxError: '[' was never closed"),
        ("import os\nimport nowhere\n", 2, "ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_migration_that_cannot_be_read_is_told_by_file_and_line(
    manage: ManageSituation,
    edited: Callable[[str], EditedSituation],
    command: str,
    source: str,
    line: int,
    said: str,
) -> None:
    app = edited("two_steps")
    broken = app.migrations / "0003_broken.py"
    broken.write_text(source)

    result = manage(command, situations=[app.name], **app.environ)

    assert result.returncode == 1
    assert result.stderr.splitlines()[:3] == [
        "CommandError: A migration cannot be read.",
        f"{broken}, line {line}",
        f"{said} (0003_broken.py, line 1)" if said.startswith("Syntax") else said,
    ]
    assert "Traceback" not in result.stderr


def test_plan_shows_what_was_interrupted(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", "not_atomic", "0002", situations=["not_atomic"])
    append(scratch_connection, event=Event.STARTED, app="not_atomic", name="0003_concurrently")

    result = manage("migrate", "--plan", situations=["not_atomic"])

    assert result.returncode == 0, result.stderr
    assert "not_atomic.0003_concurrently" in result.stdout


def test_migration_whose_row_was_deleted_by_hand_is_not_run_twice(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", situations=["two_steps"])
    with scratch_connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE name = '0002_touch'")

    status = manage("migration_status", "--check", situations=["two_steps"])
    refused = manage("migrate", situations=["two_steps"])
    shown = manage("migrate", "--plan", situations=["two_steps"])
    recorded = manage("migrate", "two_steps", "0002_touch", "--fake", situations=["two_steps"])
    ready = manage("migration_status", "--check", situations=["two_steps"])

    assert (status.returncode, refused.returncode) == (2, 1)
    assert re.fullmatch(
        r"CommandError: The ledger and django_migrations disagree about a migration; nothing was "
        r"done\.\n"
        r"two_steps\.0002_touch: by the ledger it was applied at [-0-9: ]+ UTC by \S+ \(\S+\), and "
        r"django_migrations has no row of it; applied again, it would be done twice\.\n"
        r"If the database has what two_steps\.0002_touch does, record it: python manage\.py "
        r"migrate two_steps 0002_touch --fake\. If it was undone by hand, take it from the ledger "
        r"too: that command, then python manage\.py migrate two_steps 0001_initial --fake, then "
        r"python manage\.py migrate\n",
        refused.stderr,
    )
    assert refused.stderr.split("\n", 2)[1:] == status.stderr.split("\n", 2)[1:]
    assert (shown.returncode, shown.stdout, shown.stderr) == (1, "", refused.stderr)
    assert (recorded.returncode, ready.returncode) == (0, 0), recorded.stderr


def test_what_was_undone_by_hand_can_be_taken_from_the_ledger_and_applied(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", situations=["two_steps"])
    with scratch_connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE name = '0002_touch'")
        cursor.execute("DROP FUNCTION shout() CASCADE")

    results = [
        manage(*command, situations=["two_steps"])
        for command in (
            ["migrate", "two_steps", "0002_touch", "--fake"],
            ["migrate", "two_steps", "0001_initial", "--fake"],
            ["migrate"],
        )
    ]

    assert [result.returncode for result in results] == [0, 0, 0]
    assert "Applying two_steps.0002_touch... OK" in results[2].stdout
