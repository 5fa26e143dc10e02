"""The commands as an operator sees them: output, exit codes, help."""

import json
import os
import pty
import re
import subprocess
import sys

import pytest
from django.core.management import (
    CommandError,
    CommandParser,
    get_commands,
    load_command_class,
)
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue.objects import ObjectKind, read_catalogue
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


def test_mistyped_app_gets_the_nearest(manage: ManageSituation) -> None:
    commands = [command for command in taking("app_label") if command in ROOM]
    assert set(ROOM) - set(commands) == {"migration_drift"}
    for command in commands:
        name = ["0001"] if command == "migration_accept" else []
        required = REQUIRED.get(command, [])

        result = manage(command, "two_stpes", *name, *required, situations=["two_steps"])

        assert result.returncode == 1
        assert result.stderr.endswith("Did you mean two_steps?\n")


def test_mistyped_migration_gets_the_nearest_and_one_that_is_like_none_the_list(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    commands = taking("migration_name")
    assert commands == ["migrate", "migration_accept", "migration_rehearse"]
    for command in commands:
        for name, suggestion in (
            ("0002_tuoch", "Did you mean 0002_touch?"),
            ("0099", "0001_initial, 0002_touch."),
        ):
            required = REQUIRED.get(command, [])

            result = manage(command, "two_steps", name, *required, situations=["two_steps"])

            assert result.returncode == 1
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
    assert [line[:3] for line in codes.splitlines()][:2] == ["  0", "  1"]
    examples = told.partition("\nexamples:\n")[2].splitlines()
    assert [line.startswith(f"  python manage.py {command}") for line in examples] == [True, True]
