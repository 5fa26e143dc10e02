"""Names of before that nobody can read: migrate says which, or repairs them when it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Completed, Manage, ScratchDatabase

BEFORE = "0021_hold_limits"
USER, SERVER, CHANNEL, MESSAGE, FILE = (
    UUID(f"01990000-0000-7000-8000-00000000000{number}") for number in range(1, 6)
)


@pytest.fixture
def client(
    transactional_db: None, scratch_database: ScratchDatabase, manage: Manage
) -> Iterator[psycopg.Connection[Any]]:
    """A client of a database that is at the migration before, with one server in it."""
    migrated = manage("migrate", "chat", BEFORE, env=scratch_database.environ)
    assert migrated.returncode == 0, migrated.stderr
    parameters = connections["default"].get_connection_params() | {"dbname": scratch_database.name}
    with psycopg.connect(**parameters, autocommit=True) as client:
        with client.transaction():
            client.execute("INSERT INTO users (id, username) VALUES (%s, 'ada')", [USER])
            client.execute(
                "INSERT INTO servers (id, name, owner_id) VALUES (%s, 'Harbour', %s)",
                [SERVER, USER],
            )
            client.execute(
                "INSERT INTO server_members (server_id, user_id) VALUES (%s, %s)", [SERVER, USER]
            )
        client.execute(
            "INSERT INTO channels (id, server_id, name) VALUES (%s, %s, 'pier')", [CHANNEL, SERVER]
        )
        yield client


@pytest.fixture
def spoiled(client: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """One name in each table that nobody can read, and one beside it that is short but right."""
    client.execute(
        "INSERT INTO messages (id, server_id, channel_id, author_id, content)"
        " VALUES (%s, %s, %s, %s, '')",
        [MESSAGE, SERVER, CHANNEL, USER],
    )
    client.execute(
        """
        INSERT INTO message_attachments (
            id, space_id, message_id, uploader_id, filename, content_type, size_bytes, sha256,
            storage_key
        )
        VALUES (%s, %s, %s, %s, E'a\nb.txt', 'text/plain', 1, sha256(''), 'k')
        """,
        [FILE, SERVER, MESSAGE, USER],
    )
    client.execute("UPDATE servers SET name = E'Har\x1bbour'")
    client.execute("UPDATE server_members SET nickname = E'\u200b\u200b'")
    client.execute("UPDATE channels SET name = E'\u3164'")
    client.execute(
        "INSERT INTO roles (server_id, name, position) VALUES (%s, %s, 0), (%s, '.', 1)",
        [SERVER, " ", SERVER],
    )
    client.execute(
        "INSERT INTO direct_conversations (kind, name) VALUES ('group', %s), ('group', '')",
        ["\U000e0020"],
    )
    client.execute("UPDATE users SET display_name = E'\t'")
    return client


def names(client: psycopg.Connection[Any]) -> list[Any]:
    return client.execute(
        """
        SELECT name FROM servers
        UNION ALL SELECT nickname FROM server_members
        UNION ALL SELECT name FROM channels
        UNION ALL (SELECT name FROM roles ORDER BY position)
        UNION ALL (SELECT name FROM direct_conversations ORDER BY created_at, id)
        UNION ALL SELECT filename FROM message_attachments
        UNION ALL SELECT display_name FROM users
        """
    ).fetchall()


def applied(client: psycopg.Connection[Any]) -> str:
    query = "SELECT max(name) FROM django_migrations WHERE app = 'chat'"
    return str((client.execute(query).fetchone() or ("",))[0])


def migrate(manage: Manage, database: ScratchDatabase, **variables: str) -> Completed:
    return manage("migrate", env={**database.environ, **variables})


def test_names_that_nobody_can_read_are_refused_one_by_one(
    spoiled: psycopg.Connection[Any], scratch_database: ScratchDatabase, manage: Manage
) -> None:
    before = names(spoiled)

    refused = migrate(manage, scratch_database)

    assert refused.returncode == 1
    assert "nobody can read 7 of the names" in refused.stderr
    for said in (
        f"channels {CHANNEL} has U+3164\n",
        f"message_attachments {FILE} has U+000A\n",
        f"servers {SERVER} has U+001B\n",
        f"users {USER} has U+0009\n",
        " has U+200B U+200B\n",
        " has U+E0020\n",
        " has U+0020\n",
        "PGOPTIONS='-c chat.repair_names=on'",
        "Nothing of the file was kept. Correct the rows that break the rule",
    ):
        assert said in refused.stderr
    assert names(spoiled) == before
    assert applied(spoiled) < "0022"


def test_names_are_repaired_when_that_is_asked_for(
    spoiled: psycopg.Connection[Any], scratch_database: ScratchDatabase, manage: Manage
) -> None:
    done = migrate(manage, scratch_database, PGOPTIONS="-c chat.repair_names=on")

    assert done.returncode == 0, done.stderr
    assert names(spoiled) == [
        *(("Har bour",), (None,), ("unnamed",), ("unnamed",), (".",)),
        *((("",)), ("",), ("a b.txt",), ("",)),
    ]
    # What keeps the file of a message as it is is there again.
    with pytest.raises(psycopg.errors.CheckViolation, match="a file that is sent stays what it is"):
        spoiled.execute("UPDATE message_attachments SET filename = 'c.txt'")


def test_of_many_names_the_first_are_told(
    client: psycopg.Connection[Any], scratch_database: ScratchDatabase, manage: Manage
) -> None:
    client.execute(
        "INSERT INTO channels (server_id, name)"
        " SELECT %s, repeat(' ', n) FROM generate_series(1, 25) AS n",
        [SERVER],
    )

    refused = migrate(manage, scratch_database)

    assert "nobody can read 25 of the names" in refused.stderr
    assert refused.stderr.count("channels ") == 20
    assert "\n…\n" in refused.stderr


def test_rollback_lets_such_names_in_again(
    client: psycopg.Connection[Any], scratch_database: ScratchDatabase, manage: Manage
) -> None:
    assert migrate(manage, scratch_database).returncode == 0
    with pytest.raises(psycopg.errors.CheckViolation):
        client.execute("UPDATE channels SET name = ' '")

    undone = manage("migrate", "chat", BEFORE, env=scratch_database.environ)

    assert undone.returncode == 0, undone.stderr
    assert client.execute("UPDATE channels SET name = ' '").rowcount == 1
