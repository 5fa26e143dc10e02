"""What is in the tables goes through a rollback and back unharmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db.migrations.executor import MigrationExecutor

from chat.ids import uuid7
from chat.schema.catalogue import ObjectKind, read_catalogue

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.backends.base.base import BaseDatabaseWrapper

LATEST = "0009_search_messages"


def move(connection: BaseDatabaseWrapper, target: str | None) -> None:
    MigrationExecutor(connection).migrate([("chat", target)])


def rows(connection: BaseDatabaseWrapper, sql: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall()) if cursor.description else []


@pytest.fixture
def latest(scratch_connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    move(scratch_connection, None)
    move(scratch_connection, LATEST)
    return scratch_connection


@pytest.fixture
def channel(latest: BaseDatabaseWrapper) -> dict[str, UUID]:
    ids = {"user": uuid7(), "server": uuid7(), "channel": uuid7()}
    rows(
        latest,
        """
        WITH author AS (
            INSERT INTO users (id, username) VALUES (%s, 'ada') RETURNING id
        ), place AS (
            INSERT INTO servers (id, name, owner_id) SELECT %s, 'Harbour', id FROM author
            RETURNING id, owner_id
        ), member AS (
            INSERT INTO server_members (server_id, user_id) SELECT id, owner_id FROM place
        )
        INSERT INTO channels (id, server_id, name) SELECT %s, id, 'pier' FROM place
        """,
        *ids.values(),
    )
    return ids


def send(connection: BaseDatabaseWrapper, channel: dict[str, UUID], seq: int = 0) -> int:
    return int(
        rows(
            connection,
            "INSERT INTO messages (server_id, channel_id, author_id, content, seq)"
            " VALUES (%s, %s, %s, 'ahoy', %s) RETURNING seq",
            channel["server"],
            channel["channel"],
            channel["user"],
            seq,
        )[0][0]
    )


def test_messages_survive_a_rollback_to_the_first_migration(
    latest: BaseDatabaseWrapper, channel: dict[str, UUID]
) -> None:
    send(latest, channel)

    move(latest, "0001_initial")
    move(latest, LATEST)

    assert rows(latest, "SELECT seq, content, search::text FROM messages") == [
        (1, "ahoy", "'ahoy':1")
    ]
    assert send(latest, channel) == 2


def test_message_written_without_the_numbering_is_counted_when_it_comes_back(
    latest: BaseDatabaseWrapper, channel: dict[str, UUID]
) -> None:
    move(latest, "0002_add_updated_at_triggers")
    send(latest, channel, seq=1)

    move(latest, LATEST)

    assert send(latest, channel) == 2


def test_extension_of_somebody_else_stays(latest: BaseDatabaseWrapper) -> None:
    move(latest, "0008_create_channel_access")
    rows(latest, "CREATE EXTENSION btree_gin")

    move(latest, LATEST)
    move(latest, "0008_create_channel_access")

    assert "btree_gin" in read_catalogue(latest).of_kind(ObjectKind.EXTENSION)
    rows(latest, "DROP EXTENSION btree_gin")
