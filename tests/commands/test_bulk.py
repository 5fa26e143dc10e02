"""A long command that the database or a signal ends, ends in one error: what is kept."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.conftest import ROOT, Manage, ScratchDatabase, clean_environ
from tests.discord.exports import export, message, write
from tests.scratch import connect

pytestmark = pytest.mark.django_db

ENDS = {
    "the server is stopped": "PERFORM pg_terminate_backend(pg_backend_pid());",
    "the disk is full": "RAISE 'could not extend file: No space left' USING ERRCODE = 'disk_full';",
    "the time is up": "RAISE 'canceling statement' USING ERRCODE = 'query_canceled';",
}
SEED = ("seed_demo", "--messages", "200", "--users", "30", "--until", "2026-02-03")


@pytest.fixture
def database(migrated_database: ScratchDatabase) -> Iterator[BaseDatabaseWrapper]:
    with closing(connect(migrated_database.name, alias="ended")) as wrapper:
        yield wrapper


def end_at(database: BaseDatabaseWrapper, condition: str, deed: str) -> None:
    """Have the database do this when a message meets the condition."""
    with database.cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION end_it() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {deed} RETURN NULL; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER ends AFTER INSERT ON messages FOR EACH ROW WHEN ({condition})"
            " EXECUTE FUNCTION end_it()"
        )


def count(database: BaseDatabaseWrapper, table: str) -> Any:
    with database.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return cursor.fetchone()[0]


def write_three(directory: Path) -> list[str]:
    return [
        str(write(directory / f"{channel}.json", export(message(channel), channel=channel)))
        for channel in (1, 2, 3)
    ]


@pytest.mark.parametrize("what", ENDS)
def test_import_says_which_files_are_kept(
    manage: Manage,
    migrated_database: ScratchDatabase,
    database: BaseDatabaseWrapper,
    tmp_path: Path,
    what: str,
) -> None:
    paths = write_three(tmp_path)
    end_at(database, "NEW.content = 'message 2'", ENDS[what])

    run = manage("import_discord", *paths, env=migrated_database.environ)

    assert run.returncode == 1
    assert run.stderr.startswith("CommandError: The database went no further: ")
    assert run.stderr.rstrip().endswith(
        "1 of 3 files are imported, and stay. Run the same command again for the others."
    )
    assert len(run.stderr.splitlines()) == 1
    assert count(database, "messages") == 1


@pytest.mark.parametrize("command", [SEED, ("import_discord",), ("sweep_attachments",)])
def test_role_without_a_right_is_told_so(
    manage: Manage, migrated_database: ScratchDatabase, tmp_path: Path, command: tuple[str, ...]
) -> None:
    paths = write_three(tmp_path) if command == ("import_discord",) else []
    # Which has no right to any table.
    nobody = {**migrated_database.environ, "PGOPTIONS": "-c role=pg_monitor"}

    run = manage(*command, *paths, env=nobody)

    assert run.returncode == 1
    refusal = run.stderr.splitlines()[-1]
    assert re.match("CommandError: Role .* may not do that: permission denied for table", refusal)
    assert refusal.endswith("Set DB_USER to a role that may; melo/README.md says which does what.")
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("what", ENDS)
def test_seed_says_that_it_can_be_run_again(
    manage: Manage, migrated_database: ScratchDatabase, database: BaseDatabaseWrapper, what: str
) -> None:
    end_at(database, "NEW.seq = 20", ENDS[what])

    run = manage(*SEED, env=migrated_database.environ)

    assert run.returncode == 1
    assert "CommandError: The database went no further: " in run.stderr
    assert run.stderr.rstrip().endswith(
        "What was written before is kept, and no run writes it again. Run the same command again"
        " for the rest."
    )
    assert "Traceback" not in run.stderr
    assert count(database, "users") == 30


def test_seed_whose_server_is_deleted_meanwhile_says_so(
    manage: Manage, migrated_database: ScratchDatabase, database: BaseDatabaseWrapper
) -> None:
    end_at(
        database,
        "NEW.space_id <> NEW.channel_id",
        "UPDATE servers SET deleted_at = now() WHERE deleted_at IS NULL;",
    )

    run = manage(*SEED, env=migrated_database.environ)

    assert run.returncode == 1
    assert "takes no messages" in run.stderr
    assert run.stderr.rstrip().endswith(
        "What was written before is kept, and no run writes it again. Run the same command again"
        " for the rest."
    )


def test_import_whose_server_is_deleted_meanwhile_says_so(
    manage: Manage,
    migrated_database: ScratchDatabase,
    database: BaseDatabaseWrapper,
    tmp_path: Path,
) -> None:
    paths = write_three(tmp_path)
    end_at(database, "NEW.content = 'message 2'", "UPDATE servers SET deleted_at = now();")

    run = manage("import_discord", *paths, env=migrated_database.environ)

    assert run.returncode == 1
    refused, others = run.stderr.splitlines()
    assert refused.startswith(f"CommandError: {paths[1]}: channel ")
    assert others == "The other 2 of 3 files are imported."
    assert count(database, "messages") == 2


@pytest.mark.parametrize(
    "command",
    [
        SEED,
        ("import_discord", "a.json"),
        ("sweep_attachments",),
        ("daily",),
        ("purge", "--older-than", "365d"),
        ("purge", "--older-than", "365d", "--conversations"),
        ("check_integrity",),
    ],
    ids=" ".join,
)
def test_database_that_does_not_answer_is_said(
    manage: Manage, tmp_path: Path, command: tuple[str, ...]
) -> None:
    path = write(tmp_path / "a.json", export(message(1)))
    options = [str(path) if option == "a.json" else option for option in command]

    run = manage(*options, env=clean_environ(DB_HOST="localhost", DB_PORT="1", DB_NAME="none"))

    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert re.match("(CommandError|DatabaseUnavailable): ", run.stderr)
    assert run.stderr.count("No PostgreSQL server listens at localhost:1.\n") == 1
    assert "\nTried: localhost:1, database none, user postgres.\n" in run.stderr
    assert "\nNext: start it, or correct DB_HOST or DB_PORT; " in run.stderr
    assert run.stdout == ""


# Each with a table for which it waits, and what it says of the rest.
STOPPED = {
    ("import_discord", "a.json"): (
        "messages",
        "Stopped. 0 of 1 files are imported, and stay. Run the same command again for the others.",
    ),
    SEED: ("messages", "no run writes it again. Run the same command again for the rest."),
    ("sweep_attachments",): (
        "message_attachments",
        "Stopped. Nothing was changed. Run it again to go on.",
    ),
    ("daily",): ("invites", "Stopped. What is named above is done; run it again for the rest."),
    # In the part that purges.
    ("daily", "--verbosity", "1"): (
        "channel_counters",
        "Stopped. At least 0 messages are purged and stay it; run it again to go on.",
    ),
    ("purge", "--older-than", "365d"): (
        "servers",
        "Stopped. At least 0 messages are purged and stay it; run it again to go on.",
    ),
    ("check_integrity",): (
        "participants",
        "Interrupted. What was committed stays; nothing else was changed.",
    ),
}


@pytest.mark.parametrize("command", STOPPED, ids=" ".join)
def test_command_that_is_terminated_says_what_is_kept(
    migrated_database: ScratchDatabase,
    database: BaseDatabaseWrapper,
    tmp_path: Path,
    command: tuple[str, ...],
) -> None:
    table, said = STOPPED[command]
    path = write(tmp_path / "a.json", export(message(1)))
    options = [str(path) if option == "a.json" else option for option in command]
    with database.cursor() as cursor:
        cursor.execute(
            "WITH owner AS ("
            " INSERT INTO users (username, display_name, password) VALUES ('owner', '', '!')"
            " RETURNING id"
            ") INSERT INTO servers (id, space_id, name, owner_id, retention_days)"
            " SELECT id, id, 'Harbour', id, 365 FROM owner"
        )
        cursor.execute(f"BEGIN; LOCK TABLE {table}")
        process = subprocess.Popen(
            [sys.executable, "manage.py", *options],
            cwd=ROOT,
            env=dict(migrated_database.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        blocked = False
        while not blocked:
            assert process.poll() is None, process.communicate()
            cursor.execute(
                "SELECT count(*) > 0 FROM pg_locks"
                " WHERE relation = to_regclass(%s) AND NOT granted",
                [table],
            )
            (blocked,) = cursor.fetchone()

        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)

        cursor.execute("ROLLBACK")
    assert process.returncode == 130
    assert errors.endswith(f"{said}\n")
    assert "Traceback" not in errors
