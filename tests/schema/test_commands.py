"""The commands as an operator sees them: output, exit codes, help, what they recommend."""

import ast
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import (
    CommandError,
    CommandParser,
    call_command,
    get_commands,
    load_command_class,
)
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue.objects import ObjectKind, read_catalogue
from chat.schema.text import command_line, command_lines_with
from tests.in_process import run_in_process
from tests.schema.conftest import PROJECT, ManageSituation
from tests.schema.test_status import record

# All of ours: a new one is held to the same.
COMMANDS = sorted(name for name, app in get_commands().items() if app in {"chat", "chat.schema"})
ROOM = [name for name in COMMANDS if get_commands()[name] == "chat.schema"]


def test_status_shows_states_versions_and_what_is_next(manage: ManageSituation) -> None:
    manage("migrate", "two_steps", "0001", situations=["two_steps"])

    result = manage("migration_status", situations=["two_steps"])

    assert result.returncode == 0
    assert "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    detail = lines.pop(5)
    assert re.fullmatch(
        r" {15}\d{4}-\d\d-\d\d \d\d:\d\d {2} +\d+ ms  [0-9a-f]{8}  \w+ \(.+\)", detail
    )
    assert lines[1:] == [
        "  state        kind    down  migration",
        "               applied (UTC)         took  checksum  by",
        "two_steps",
        "  applied      python  yes   0001_initial",
        "  pending      sql     yes   0002_touch",
        "",
        "Current version of two_steps: 0001_initial",
        "1 pending: python manage.py migrate",
    ]


def test_status_check_ends_with_two_when_something_is_pending(manage: ManageSituation) -> None:
    before = manage("migration_status", "--check", situations=["two_steps"])
    manage("migrate", situations=["two_steps"])
    after = manage("migration_status", "--check", situations=["two_steps"])

    assert before.returncode == 2
    assert "two_steps.0001_initial, two_steps.0002_touch" in before.stderr
    assert (after.returncode, after.stderr) == (0, "")


def test_status_check_ends_with_six_when_the_database_is_ahead(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    record(scratch_connection, "two_steps", "0003_newer")

    result = manage("migration_status", "--check", situations=["two_steps"])

    assert result.returncode == 6
    assert "two_steps.0003_newer" in result.stderr


def test_status_of_one_app(manage: ManageSituation) -> None:
    result = manage("migration_status", "house", situations=["two_steps", "house"])

    assert "house" in result.stdout
    assert "two_steps" not in result.stdout


def test_status_as_json(manage: ManageSituation, scratch_connection: BaseDatabaseWrapper) -> None:
    record(scratch_connection, "gone", "0001_initial")

    result = manage("migration_status", "--format", "json", "--check", situations=["two_steps"])

    told = json.loads(result.stdout)
    gone = told["migrations"].pop()
    assert result.returncode == 6
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", gone.pop("applied_at"))
    assert gone == {
        "app": "gone",
        "name": "0001_initial",
        "state": "missing",
        "is_applied": True,
        "applied_by": None,
        "duration_ms": None,
        "checksum": None,
        "checksum_on_disk": None,
        "is_reversible": None,
        "is_atomic": None,
        "kind": None,
        "begun_at": None,
        "sentence": (
            "gone.0001_initial is applied, and not on disk: the database is ahead of the code."
        ),
    }
    assert told.pop("next_step").startswith("The database is ahead of the code by 1")
    assert scratch_connection.settings_dict["NAME"] in told.pop("database")
    for migration in told["migrations"]:
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", migration.pop("checksum_on_disk"))
    nothing_yet = {
        "is_applied": False,
        "applied_at": None,
        "applied_by": None,
        "duration_ms": None,
        "checksum": None,
        "begun_at": None,
        "sentence": None,
    }
    assert told == {
        "version": 2,
        "passed_over": [],
        "missing_tables": [],
        "is_ready": False,
        "counts": {
            "applied": 0,
            "pending": 2,
            "modified": 0,
            "missing": 1,
            "faked": 0,
            "untracked": 0,
            "interrupted": 0,
        },
        "current": {"two_steps": None, "gone": "0001_initial"},
        "migrations": [
            {
                "app": "two_steps",
                "name": "0001_initial",
                "state": "pending",
                "is_reversible": True,
                "is_atomic": True,
                "kind": "python",
                **nothing_yet,
            },
            {
                "app": "two_steps",
                "name": "0002_touch",
                "state": "pending",
                "is_reversible": True,
                "is_atomic": True,
                "kind": "sql",
                **nothing_yet,
            },
        ],
    }


def test_status_is_coloured_on_a_terminal(scratch_environ: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    environ = {**scratch_environ, "SITUATIONS": "two_steps", "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "migration_status"],
        cwd=PROJECT,
        env=environ,
        stdout=theirs,
    )
    os.close(theirs)
    process.wait(timeout=30)
    seen = os.read(ours, 65536).decode()
    os.close(ours)

    assert "\x1b[33;1mpending\x1b[0m" in seen
    assert {len(re.sub(r"\x1b\[[\d;]*m", "", line)) <= 80 for line in seen.splitlines()[1:]} == {
        True
    }


def test_current_is_one_line(manage: ManageSituation) -> None:
    nothing = manage("migration_current", "two_steps", situations=["two_steps", "house"])
    manage("migrate", "two_steps", "0001", situations=["two_steps", "house"])
    first = manage("migration_current", "two_steps", situations=["two_steps", "house"])
    every = manage("migration_current", situations=["two_steps", "house"])

    assert (nothing.stdout, nothing.returncode) == ("zero\n", 0)
    assert first.stdout == "0001_initial\n"
    assert every.stdout == "house zero\ntwo_steps 0001_initial\n"


def test_migrate_names_the_database_first(
    manage: ManageSituation, scratch_environ: dict[str, str]
) -> None:
    result = manage("migrate", situations=["two_steps"])

    host, port, name = (scratch_environ[f"SITUATION_DB_{key}"] for key in ("HOST", "PORT", "NAME"))
    assert result.stdout.splitlines()[0] == f"Database: {name} on {host}:{port}"


@pytest.mark.parametrize("options", [["--verbosity", "0"], ["--check"]])
def test_migrate_is_silent_when_it_must_be(manage: ManageSituation, options: list[str]) -> None:
    manage("migrate", situations=["two_steps"])

    result = manage("migrate", *options, situations=["two_steps"])

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_migrate_plan_starts_with_the_plan(manage: ManageSituation) -> None:
    result = manage("migrate", "--plan", situations=["two_steps"])

    assert result.stdout.startswith("Planned operations:\ntwo_steps.0001_initial\n")


def parser_of(command: str) -> CommandParser:
    return load_command_class(get_commands()[command], command).create_parser("manage.py", command)


def taking(argument: str) -> list[str]:
    """The commands that take it."""
    return [
        command
        for command in COMMANDS
        for action in parser_of(command)._actions
        if argument in {action.dest, *action.option_strings}
    ]


# What each must be given besides.
REQUIRED = {
    "migration_accept": ["--reason", "same"],
    "migration_new": ["add_more"],
    "migration_reset": ["--noinput"],
}


def test_mistyped_database_gets_the_nearest() -> None:
    commands = taking("--database")
    assert set(ROOM) <= set(commands)
    for command in commands:
        for mistyped, suggestion in (
            ("defualt", "Did you mean default?"),
            ("x", "There is default."),
        ):
            with pytest.raises(CommandError) as caught:
                parser_of(command).parse_args(["--database", mistyped])

            assert str(caught.value) == (
                f"Error: argument --database: there is no database {mistyped!r} in the settings. "
                f"{suggestion}"
            )


@pytest.mark.parametrize("command", COMMANDS)
def test_option_that_there_is_not_ends_with_a_code_of_its_own(command: str) -> None:
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "melo.settings"}

    result = run_in_process(command, "--no-such-option", environ=environ)

    # Not with argparse's 2, which says that migrations are pending.
    assert result.returncode == 64
    assert f"usage: manage.py {command}" in result.stderr
    assert f"manage.py {command}: error:" in result.stderr


def test_command_that_there_is_not_ends_with_the_same_code(manage: ManageSituation) -> None:
    result = manage("migration_statsu", "--check", situations=["two_steps"])

    assert result.returncode == 64
    assert "Did you mean migration_status?" in result.stderr


def test_mistyped_app_gets_the_nearest(manage: ManageSituation) -> None:
    commands = [command for command in taking("app_label") if command in ROOM]
    assert set(ROOM) - set(commands) == {"migration_drift"}
    for command in commands:
        name = ["0001"] if command == "migration_accept" else []
        required = REQUIRED.get(command, [])

        result = manage(command, "two_stpes", *name, *required, situations=["two_steps"])

        assert result.returncode == 64
        assert result.stderr.endswith("Did you mean two_steps?\n")


def test_mistyped_migration_gets_the_nearest_and_one_like_none_or_several_the_list(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    commands = taking("migration_name")
    assert commands == ["migrate", "migration_accept", "migration_rehearse"]
    for command in commands:
        for name, suggestion in (
            ("0002_tuoch", "Did you mean 0002_touch?"),
            ("0099", "0001_initial, 0002_touch."),
            ("000", "0001_initial, 0002_touch\nGive more of the name."),
        ):
            required = REQUIRED.get(command, [])

            result = manage(command, "two_steps", name, *required, situations=["two_steps"])

            assert result.returncode == 64
            assert result.stderr.endswith(f"{suggestion}\n")
    assert read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE) == {}


def test_migrate_goes_to_the_migration_named(manage: ManageSituation) -> None:
    manage("migrate", situations=["two_steps"])

    back = manage("migrate", "two_steps", "0001", situations=["two_steps"])
    fake = manage("migrate", "two_steps", "0002", "--fake", situations=["two_steps"])
    current = manage("migration_current", "two_steps", situations=["two_steps"])

    assert "Unapplying two_steps.0002_touch... OK" in back.stdout
    assert "Applying two_steps.0002_touch... FAKED" in fake.stdout
    assert current.stdout == "0002_touch\n"


def test_create_database_needs_a_backend_that_can(
    manage: ManageSituation, scratch_environ: dict[str, str]
) -> None:
    result = manage("migrate", "--create-database", situations=["two_steps"])

    assert result.returncode == 1
    assert result.stderr == (
        "CommandError: This database backend cannot do that.\n"
        "django.db.backends.postgresql has no create_database().\n"
        f"Create it yourself: createdb {scratch_environ['SITUATION_DB_NAME']}\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_exit_codes_and_two_examples(command: str) -> None:
    told = parser_of(command).format_help()

    assert "destroy" in told.lower()
    codes = told.partition("\nexit codes:\n")[2].partition("\n\n")[0]
    codes_told = [line[:3] for line in codes.splitlines()]
    assert codes_told[:2] == ["  0", "  1"]
    assert " 64" in codes_told
    examples = told.partition("\nexamples:\n")[2].splitlines()
    assert [line.startswith(f"  python manage.py {command}") for line in examples] == [True, True]


def test_every_command_line_is_written_in_one_place() -> None:
    # What the backend recommends is of Django's own names alone, and has its test there.
    known = {"chat/schema/text.py", "melo/postgresql/errors.py"}
    written = {
        file: texts
        for folder in ("chat", "melo")
        for path in (PROJECT / folder).rglob("*.py")
        if (file := str(path.relative_to(PROJECT))) not in known
        # A command's help has examples.
        if (texts := [text for text in texts_of(path) if "\nexamples:\n" not in text])
    }

    assert written == {}


def texts_of(path: Path) -> list[str]:
    """The strings in a module that have a command line in them, without its docstrings."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    docstrings = [node.value for node in nodes if isinstance(node, ast.Expr)]
    return [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and node not in docstrings
        if isinstance(node.value, str) and "manage.py " in node.value
    ]


@pytest.fixture
def manage_archive(manage: ManageSituation, scratch_environ: dict[str, str]) -> ManageSituation:
    """Runs commands on the scratch database under another alias; `default` is not there."""

    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        name = scratch_environ["SITUATION_DB_NAME"]
        databases = {"SITUATION_DB_NAME": "not_there", "SITUATION_DB_ARCHIVE": name}
        chosen = ["--settings", "tests.schema.settings", "--database", "archive"]
        return manage(*arguments, *chosen, **{**databases, **options})

    return run


def recommended(result: subprocess.CompletedProcess[str]) -> list[str]:
    """The commands that the output recommends, without what chooses the database."""
    said = " ".join(f"{result.stdout} {result.stderr}".split())
    commands = re.findall(r"python manage\.py (\w+) (\S+ \S+ \S+ \w+)", said)
    assert {options for _, options in commands} <= {
        "--settings tests.schema.settings --database archive"
    }
    assert len(commands) == said.count("manage.py ")
    return [name for name, _ in commands]


def test_recommended_command_works_where_the_one_that_recommends_it_worked(
    manage_archive: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    def told(*arguments: str, situation: str = "two_steps", **environ: str) -> list[str]:
        return recommended(manage_archive(*arguments, situations=[situation], **environ))

    accept = ("migration_accept", "two_steps", "0001", "--reason", "same")

    assert told(*accept) == ["migrate"]
    assert told("migration_accept", "--drift", "--reason", "same") == ["migrate"]
    assert told("migration_status", "--check") == ["migrate"] * 2
    assert told("migration_drift") == ["migration_accept"] * 2
    told("migrate", "two_steps", "0001")
    with scratch_connection.cursor() as cursor:
        cursor.execute("CREATE TABLE strays (id int)")
    # On stdout and on stderr: one of them may be read alone.
    assert told("migration_drift") == ["migrate", "migration_accept"] * 2
    assert told("migration_status", "--drift") == ["migration_drift", "migrate"]
    assert told("migrate") == ["migration_accept"]
    record(scratch_connection, "two_steps", "0003_newer")
    assert told("migrate") == ["migrate"]
    with scratch_connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations")
    assert told("migrate") == ["migrate"] * 3
    assert told("migrate", situation="raises", SITUATION_RAISES="session") == [
        "migration_accept",
        "migration_status",
    ]
    with scratch_connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations")
    told("migrate", "no_way_back", situation="no_way_back")
    assert told("migrate", "no_way_back", "zero", situation="no_way_back")[-2:] == [
        "migration_accept",
        "migrate",
    ]


def test_command_line_quotes_what_a_shell_would_take_apart() -> None:
    with command_lines_with(settings="the settings", database="archive"):
        line = command_line("migrate", "blog", '0001_a"b', "--reason", "why so")
        made = command_line("makemigrations", "blog")

    assert line == (
        'python manage.py migrate --settings "the settings" --database archive'
        """ blog '0001_a"b' --reason "why so\""""
    )
    assert made == 'python manage.py makemigrations --settings "the settings" blog'


def test_who_runs_tests_is_told_that_commands_work_on_another_database(
    scratch_connection: BaseDatabaseWrapper,
    situation: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    situation("two_steps")
    name = scratch_connection.settings_dict["NAME"]
    monkeypatch.setitem(scratch_connection.settings_dict, "TEST", {"NAME": name})
    record(scratch_connection, "two_steps", "0003_newer")

    with pytest.raises(CommandError) as caught:
        call_command(load_command_class("chat.schema", "migrate"), database="scratch")

    told = str(caught.value).splitlines()
    assert told[-2].endswith("python manage.py migrate --database scratch two_steps --prune")
    assert told[-1].startswith(
        f"This was {name}, which the tests made. A command in a terminal works on the database "
        "that the settings name instead."
    )
