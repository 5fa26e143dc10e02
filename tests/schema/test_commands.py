"""The commands as an operator sees them: output, exit codes, help."""

import json
import os
import pty
import re
import subprocess
import sys
from argparse import Action

import pytest
from django.core.management import get_commands, load_command_class
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue.objects import ObjectKind, read_catalogue
from tests.schema.conftest import PROJECT, ManageSituation
from tests.schema.test_status import record

# All of ours: a new one is held to the same.
COMMANDS = sorted(name for name, app in get_commands().items() if app in {"chat", "chat.schema"})


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
    one = manage("migration_status", "house", situations=["two_steps", "house"])
    mistyped = manage("migration_status", "huose", situations=["two_steps", "house"])

    assert "two_steps" not in one.stdout
    assert mistyped.returncode == 1
    assert mistyped.stderr.endswith("Did you mean house?\n")


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
    mistyped = manage("migration_current", "two_step", situations=["two_steps", "house"])

    assert (nothing.stdout, nothing.returncode) == ("zero\n", 0)
    assert first.stdout == "0001_initial\n"
    assert every.stdout == "house zero\ntwo_steps 0001_initial\n"
    assert (mistyped.returncode, mistyped.stdout) == (1, "")


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


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["two_stpes"], "Did you mean two_steps?"),
        (["two_steps", "0002_tuoch"], "Did you mean 0002_touch?"),
        (
            ["two_steps", "0099"],
            "The migrations of two_steps are: zero, 0001_initial, 0002_touch.",
        ),
    ],
)
def test_migrate_suggests_the_nearest_name(
    manage: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
    arguments: list[str],
    suggestion: str,
) -> None:
    result = manage("migrate", *arguments, situations=["two_steps"])

    assert result.returncode == 1
    assert result.stderr.endswith(f"{suggestion}\n")
    assert len(read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE)) == 0


def arguments_of(command: str) -> dict[str, Action]:
    """What a command takes: options by their long name, the others by their own."""
    app = get_commands()[command]
    parser = load_command_class(app, command).create_parser("manage.py", command)
    return {(action.option_strings or [action.dest])[-1]: action for action in parser._actions}


# Also those that need the models, which situations do without.
PROJECT_SETTINGS = {"DJANGO_SETTINGS_MODULE": "melo.settings"}
TAKES_A_DATABASE = [command for command in COMMANDS if "--database" in arguments_of(command)]


def test_commands_of_the_room_take_a_database() -> None:
    assert {"migrate", "schema_diagram"} | {
        command for command in COMMANDS if command.startswith("migration_")
    } <= set(TAKES_A_DATABASE)


@pytest.mark.parametrize("command", TAKES_A_DATABASE)
@pytest.mark.parametrize(
    ("mistyped", "suggestion"), [("defualt", "Did you mean default?"), ("x", "There is default.")]
)
def test_mistyped_database_gets_the_nearest(
    manage: ManageSituation, command: str, mistyped: str, suggestion: str
) -> None:
    required = {"migration_accept": ["two_steps", "0001"], "migration_new": ["two_steps", "a"]}

    result = manage(
        *(command, *required.get(command, []), "--database", mistyped),
        situations=[],
        **PROJECT_SETTINGS,
    )

    assert result.returncode == 2
    assert result.stderr.endswith(
        f"error: argument --database: there is no database {mistyped!r} in the settings. "
        f"{suggestion}\n"
    )


TAKES_AN_APP = {
    "migrate": [],
    "migration_accept": ["0001", "--reason", "same"],
    "migration_current": [],
    "migration_new": ["add_more"],
    "migration_rehearse": [],
    "migration_reset": ["--noinput"],
    "migration_status": [],
}
TAKES_A_MIGRATION = {
    "migrate": [],
    "migration_accept": ["--reason", "same"],
    "migration_rehearse": [],
}


def test_lists_of_who_takes_what_are_complete() -> None:
    taken = {
        command: arguments_of(command)
        for command in COMMANDS
        if get_commands()[command] == "chat.schema"
    }

    assert {name for name, taken in taken.items() if "app_label" in taken} == set(TAKES_AN_APP)
    assert {name for name, taken in taken.items() if "migration_name" in taken} == set(
        TAKES_A_MIGRATION
    )


@pytest.mark.parametrize("command", TAKES_AN_APP)
def test_mistyped_app_gets_the_nearest(manage: ManageSituation, command: str) -> None:
    result = manage(command, "two_stpes", *TAKES_AN_APP[command], situations=["two_steps"])

    assert result.returncode == 1
    assert result.stderr.endswith("Did you mean two_steps?\n")


@pytest.mark.parametrize("command", TAKES_A_MIGRATION)
def test_mistyped_migration_gets_the_nearest(manage: ManageSituation, command: str) -> None:
    result = manage(
        command, "two_steps", "0002_tuoch", *TAKES_A_MIGRATION[command], situations=["two_steps"]
    )

    assert result.returncode == 1
    assert result.stderr.endswith("Did you mean 0002_touch?\n")


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
def test_help_tells_exit_codes_and_two_examples(manage: ManageSituation, command: str) -> None:
    result = manage(command, "--help", situations=[], **PROJECT_SETTINGS)

    assert result.returncode == 0
    assert "destroy" in result.stdout.lower()
    codes = result.stdout.partition("\nexit codes:\n")[2].partition("\n\n")[0]
    assert [line[:3] for line in codes.splitlines()][:2] == ["  0", "  1"]
    examples = result.stdout.partition("\nexamples:\n")[2].splitlines()
    assert [line.startswith(f"  python manage.py {command}") for line in examples] == [True, True]
