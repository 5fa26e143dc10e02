"""Files whose rows are gone are found until their removal is confirmed, whoever dies meanwhile."""

import io
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction

from chat.models import DiscardedFile, MessageAttachment, User
from chat.services import attachments
from chat.services.attachments import confirm_removal, files_to_remove, sweep_attachments
from tests.chat.sql import execute
from tests.concurrency.connections import Connection, connect
from tests.conftest import ROOT, clean_environ
from tests.factories import (
    DiscardedFileFactory,
    MessageAttachmentFactory,
    MessageFactory,
    ServerFactory,
    UserFactory,
    as_superuser,
)
from tests.services.counting import statements_of
from tests.services.together import run_together

pytestmark = pytest.mark.django_db

# As another worker runs it.
FIND: LiteralString = attachments._TO_REMOVE.sql
FIRST_ID = "00000000-0000-0000-0000-000000000000"


def waiting_keys(**asked: Any) -> list[str]:
    return [file.storage_key for file in files_to_remove(**asked)]


# Finding -----------------------------------------------------------------------------------------


def test_files_come_oldest_first_and_in_pages() -> None:
    keys = [DiscardedFileFactory.create().storage_key for _ in range(5)]

    first = files_to_remove(limit=2)
    second = files_to_remove(limit=2, after=first[-1].id)
    third = files_to_remove(limit=2, after=second[-1].id)

    assert [file.storage_key for file in [*first, *second, *third]] == keys
    assert files_to_remove(after=third[-1].id) == []
    assert first[0].discarded_at == DiscardedFile.objects.earliest("id").created_at


def test_swept_reservation_is_found() -> None:
    file = MessageAttachmentFactory.create(message=None, space_id=ServerFactory.create().id)

    sweep_attachments(before=datetime.now(tz=UTC))

    assert waiting_keys() == [file.storage_key]


@pytest.mark.one_machine("the triggers of users rest, and the keys of former avatars are not kept")
def test_avatar_that_somebody_returned_to_is_left_out() -> None:
    user = UserFactory.create(avatar_key="one")
    for key in ("two", "one"):
        User.objects.filter(pk=user.pk).update(avatar_key=key)
    assert waiting_keys() == ["two"]

    User.objects.filter(pk=user.pk).update(avatar_key=None)

    assert waiting_keys() == ["one", "two"]


def test_file_that_is_in_use_again_is_left_out() -> None:
    file = MessageAttachmentFactory.create()
    server = ServerFactory.create(icon_key="icon")
    for space, key in ((file.space_id, file.storage_key), (server.id, "icon")):
        DiscardedFileFactory.create(space_id=space, storage_key=key)

    assert waiting_keys() == []

    MessageAttachment.objects.all().delete()
    execute("UPDATE servers SET icon_key = NULL WHERE id = %s", server.id)

    assert waiting_keys() == [file.storage_key, "icon"]


# Past the triggers: 20,000 avatars that are in use again, and as many files of rows that are gone.
FILL: tuple[LiteralString, ...] = (
    "SET LOCAL ROLE none",
    "SET LOCAL session_replication_role = replica",
    """
    INSERT INTO users (username, avatar_key)
    SELECT 'sailor_' || n, 'avatar/' || n FROM generate_series(1, 20000) AS n
    """,
    """
    INSERT INTO servers (id, space_id, name, owner_id, icon_key)
    SELECT id, id, 'Harbour', id, 'icon' FROM users
    """,
    """
    INSERT INTO message_attachments (
        space_id, uploader_id, filename, content_type, size_bytes, sha256, storage_key
    )
    SELECT uuidv7(), uuidv7(), 'a', 'a/a', 1, sha256('a'), 'file/' || n
    FROM generate_series(1, 20000) AS n
    """,
    """
    INSERT INTO discarded_files (space_id, storage_key)
    SELECT id, avatar_key FROM users
    UNION ALL
    SELECT uuidv7(), 'old/' || n FROM generate_series(1, 20000) AS n
    """,
    "ANALYZE users, servers, message_attachments, discarded_files",
    "RESET ROLE",
)


@pytest.mark.one_machine("it reads plans, which are those of each part")
@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_no_table_is_read_from_end_to_end(mode: LiteralString) -> None:
    find = FIND.rstrip(";") % {"after": "$1", "limit": "$2"}
    confirm: LiteralString = attachments._CONFIRM.sql % {"keys": "$1"}

    with connect() as session:
        with session.transaction(force_rollback=True):
            for statement in (*FILL, f"SET LOCAL plan_cache_mode = {mode}"):
                session.execute(statement)
            session.execute(f"PREPARE find (uuid, integer) AS {find}")
            session.execute(f"PREPARE confirm (text[]) AS {confirm}")
            found = _plan(session, f"find ('{FIRST_ID}', 1000)")
            confirmed = _plan(session, "confirm (ARRAY['old/1', 'old/2'])")
        # The rows are gone, their pages and the statistics not: others plan by them as well.
        session.execute("SET ROLE none")
        session.execute("VACUUM users, servers, message_attachments, discarded_files")

    assert "discarded_files_pkey" in found
    assert "discarded_files_storage_key_uq" in confirmed
    assert "Seq Scan" not in found + confirmed


def _plan(session: Connection, call: LiteralString) -> str:
    return "\n".join(row[0] for row in session.execute(f"EXPLAIN EXECUTE {call}"))


# Confirming --------------------------------------------------------------------------------------


def test_confirmed_file_waits_no_more() -> None:
    one, other = DiscardedFileFactory.create_batch(2)

    assert confirm_removal(storage_keys=[one.storage_key]) == 1

    assert waiting_keys() == [other.storage_key]


def test_confirming_again_or_a_strange_key_is_no_error() -> None:
    file = DiscardedFileFactory.create()
    confirm_removal(storage_keys=[file.storage_key])

    assert confirm_removal(storage_keys=[file.storage_key, "nobody's"]) == 0
    assert confirm_removal(storage_keys=[]) == 0


def test_key_that_two_places_had_is_removed_once() -> None:
    DiscardedFileFactory.create_batch(2, storage_key="key")

    assert confirm_removal(storage_keys=["key"]) == 2


def test_confirming_is_one_statement() -> None:
    keys = [file.storage_key for file in DiscardedFileFactory.create_batch(3)]

    assert len(statements_of(lambda: confirm_removal(storage_keys=keys))) == 1


# Two at once -------------------------------------------------------------------------------------


@pytest.mark.one_machine("the other worker sends the statement for one machine")
@pytest.mark.django_db(transaction=True)
def test_another_worker_gets_other_files() -> None:
    keys = [file.storage_key for file in DiscardedFileFactory.create_batch(4)]

    with transaction.atomic(), connect() as worker:
        mine = waiting_keys(limit=2)
        worker.execute("SET lock_timeout = '10s'")
        theirs = worker.execute(FIND, {"after": FIRST_ID, "limit": 10}).fetchall()

    assert (mine, [key for _, key, _ in theirs]) == (keys[:2], keys[2:])


@pytest.mark.one_machine("the other worker sends the statement for one machine")
@pytest.mark.django_db(transaction=True)
def test_files_of_a_worker_who_died_are_found_again() -> None:
    file = DiscardedFileFactory.create()
    with closing(connect()) as worker:
        worker.execute("BEGIN")
        worker.execute(FIND, {"after": FIRST_ID, "limit": 10})
        worker.execute("DELETE FROM discarded_files")
        assert waiting_keys() == []

        with as_superuser():
            execute("SELECT pg_terminate_backend(%s, 10000)", worker.info.backend_pid)

    assert waiting_keys() == [file.storage_key]


@pytest.mark.django_db(transaction=True)
def test_workers_who_drain_together_remove_every_file_once() -> None:
    keys = {file.storage_key for file in DiscardedFileFactory.create_batch(60)}

    def drain() -> list[str]:
        removed: list[str] = []
        # Nothing to be had may mean that others hold the rest.
        while DiscardedFile.objects.exists():
            with transaction.atomic():
                batch = waiting_keys(limit=3)
                removed += batch
                confirm_removal(storage_keys=batch)
        return removed

    removed = [key for part in run_together([drain] * 4) for key in part]  # type: ignore[attr-defined]

    assert len(removed) == 60
    assert set(removed) == keys


# Killed ------------------------------------------------------------------------------------------

KILLED_AFTER_COMMIT = """
import os, signal, sys
import django
django.setup()
from uuid import UUID
from django.db import transaction
from chat.services.users import erase_user
user = UUID(sys.argv[1])
with transaction.atomic():
    transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
    erase_user(actor=user, user=user)
print("the answer came after all")
"""


def environ_of_the_test_database() -> Mapping[str, str]:
    params = connection.get_connection_params()
    return clean_environ(
        DB_HOST=str(params.get("host") or ""),
        DB_PORT=str(params.get("port") or ""),
        DB_USER=str(params.get("user") or ""),
        DB_PASSWORD=str(params.get("password") or ""),
        DB_NAME=str(params["dbname"]),
        DJANGO_SETTINGS_MODULE="melo.settings",
    )


@pytest.mark.django_db(transaction=True)
def test_files_of_an_erasure_are_found_although_its_process_was_killed() -> None:
    user = UserFactory.create(avatar_key="avatars/1")
    message = MessageFactory.create(author=user)
    files = [
        MessageAttachmentFactory.create(uploader=user, message=message, position=position)
        for position in range(3)
    ]

    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AFTER_COMMIT, str(user.id)],
        env=dict(environ_of_the_test_database()),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, ""), killed.stderr
    user.refresh_from_db()
    assert user.erased_at is not None
    assert set(waiting_keys()) == {"avatars/1", *(file.storage_key for file in files)}


# The command -------------------------------------------------------------------------------------


def test_command_prints_every_discarded_key_and_keeps_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    keys = [file.storage_key for file in DiscardedFileFactory.create_batch(3)]

    call_command("sweep_attachments", "--discarded", "--batch", "2")

    printed = capsys.readouterr()
    assert printed.out.splitlines() == keys
    assert printed.err == "3 files are to be removed.\n"
    assert DiscardedFile.objects.count() == 3


def test_command_takes_back_the_keys_that_are_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, other = DiscardedFileFactory.create_batch(3)
    lines = f"{one.storage_key}\n\nnobody's\n{two.storage_key}\r\n{one.storage_key}"
    monkeypatch.setattr("sys.stdin", io.StringIO(lines, newline=""))

    call_command("sweep_attachments", "--confirm", "--batch", "1")

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "Read 4 keys; 2 files were on the list and are forgotten.\n"
    assert DiscardedFile.objects.get() == other


def test_closed_stdin_has_no_keys(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)

    call_command("sweep_attachments", "--confirm")

    assert capsys.readouterr().err.startswith("Read 0 keys;")


@pytest.mark.django_db(transaction=True)
def test_pipe_of_the_help_empties_the_store(tmp_path: Path) -> None:
    files = DiscardedFileFactory.create_batch(3)
    removable, stuck = files[:2], files[2]
    for file in removable:
        (tmp_path / file.storage_key).parent.mkdir(exist_ok=True)
        (tmp_path / file.storage_key).touch()
    manage = f"'{sys.executable}' manage.py sweep_attachments"

    done = subprocess.run(
        [
            *("bash", "-o", "pipefail", "-c"),
            (
                f"{manage} --discarded | "
                'while IFS= read -r key; do rm "$STORE/$key" >&2 && echo "$key"; done | '
                f"{manage} --confirm"
            ),
        ],
        env={**environ_of_the_test_database(), "STORE": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "Read 2 keys; 2 files were on the list and are forgotten." in done.stderr, done.stderr
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    # What the store did not let go of is found again.
    assert waiting_keys() == [stuck.storage_key]


def test_key_with_a_line_break_is_not_taken_for_two(capsys: pytest.CaptureFixture[str]) -> None:
    DiscardedFileFactory.create(storage_key="old\nfiles/of/another")

    call_command("sweep_attachments", "--discarded")

    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Not printed, because it has a line break in it: 'old\\nfiles/of/another'" in printed.err


@pytest.mark.parametrize(
    ("args", "stdin", "match"),
    [
        (["--discarded", "--older-than", "3"], "", "--older-than has no meaning"),
        (["--discarded", "--confirm"], "", "not allowed with argument"),
        (["--confirm", "--dry-run"], "", "not allowed with argument"),
        (["--confirm"], "x" * 256, "After 0 keys of stdin: storage_keys is 256 characters long"),
    ],
)
def test_command_says_what_is_wrong(
    args: list[str], stdin: str, match: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))

    with pytest.raises(CommandError, match=match):
        call_command("sweep_attachments", *args)
