"""What is in the tables goes through a rollback and back unharmed."""

from contextlib import closing
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from chat.db.ids import direct_pair_id, uuid7
from chat.schema.catalogue.objects import ObjectKind, read_catalogue
from tests.scratch import connect

LATEST = "0025_exclude_in_search"


def move(connection: BaseDatabaseWrapper, target: str | None) -> None:
    MigrationExecutor(connection).migrate([("chat", target)])


def rows(connection: BaseDatabaseWrapper, sql: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall()) if cursor.description else []


@pytest.fixture
def latest(scratch_connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    move(scratch_connection, LATEST)
    return scratch_connection


PLACES = ["channel", "pair"]


@pytest.fixture
def ids(latest: BaseDatabaseWrapper) -> dict[str, UUID]:
    """The author, the server, and by kind where messages go: a channel, and a pair with oneself."""
    ids = {"user": uuid7(), "server": uuid7(), "channel": uuid7()}
    name = f"ada_{ids['user'].hex[:20]}"
    rows(latest, "INSERT INTO users (id, username) VALUES (%s, %s)", ids["user"], name)
    rows(
        latest,
        "INSERT INTO servers (id, space_id, name, owner_id) VALUES (%s, %s, 'Harbour', %s)",
        *(ids["server"], ids["server"], ids["user"]),
    )
    rows(
        latest,
        "INSERT INTO channels (id, space_id, server_id, name) VALUES (%s, %s, %s, 'pier')",
        *(ids["channel"], ids["server"], ids["server"]),
    )
    ids["pair"] = direct_pair_id(ids["user"], ids["user"])
    rows(
        latest,
        "INSERT INTO channels (id, space_id, kind, name, pair_low_id, pair_high_id)"
        " VALUES (%s, %s, 'pair', '', %s, %s)",
        *(ids["pair"], ids["pair"], ids["user"], ids["user"]),
    )
    rows(
        latest,
        "INSERT INTO participants (space_id, user_id) VALUES (%s, %s)",
        *(ids["pair"], ids["user"]),
    )
    return ids


def send(connection: BaseDatabaseWrapper, ids: dict[str, UUID], place: str, seq: int = 0) -> int:
    space = ids["server"] if place == "channel" else ids[place]
    return int(
        rows(
            connection,
            "INSERT INTO messages (space_id, channel_id, author_id, content, seq)"
            " VALUES (%s, %s, %s, 'ahoy', %s) RETURNING seq",
            *(space, ids[place], ids["user"], seq),
        )[0][0]
    )


def test_what_is_there_survives_a_rollback_to_the_first_migration(
    latest: BaseDatabaseWrapper, ids: dict[str, UUID]
) -> None:
    for place in PLACES:
        send(latest, ids, place)

    move(latest, "0001_initial")
    move(latest, LATEST)

    mine = "WHERE author_id = %s"
    author = ids["user"]
    found = rows(latest, f"SELECT seq, content, search::text FROM messages {mine}", author)
    assert found == [(1, "ahoy", "'ahoy':1")] * 2
    assert rows(latest, f"SELECT content FROM direct_messages {mine}", author) == [("ahoy",)]
    marks = rows(latest, "SELECT last_read_seq FROM read_states WHERE user_id = %s", author)
    assert marks == [(1,), (1,)]
    assert [send(latest, ids, place) for place in PLACES] == [2, 2]


def test_what_was_written_without_the_triggers_is_counted_and_closed_when_they_come_back(
    latest: BaseDatabaseWrapper, ids: dict[str, UUID]
) -> None:
    send(latest, ids, "pair")
    move(latest, "0002_add_updated_at_triggers")
    for place, seq in (("channel", 1), ("pair", 2), ("pair", 3)):
        send(latest, ids, place, seq=seq)
    archived = rows(
        latest,
        "INSERT INTO channels (id, space_id, server_id, name, archived_at)"
        " VALUES (uuidv7(), %s, %s, 'old', now()) RETURNING id",
        *(ids["server"], ids["server"]),
    )[0][0]

    move(latest, LATEST)

    assert [send(latest, ids, place) for place in PLACES] == [2, 4]
    assert rows(
        latest,
        "SELECT last_seq, closed FROM channel_counters WHERE channel_id = %s",
        archived,
    ) == [(0, True)]


def test_extension_of_somebody_else_stays(latest: BaseDatabaseWrapper) -> None:
    move(latest, "0008_create_channel_access")
    rows(latest, "CREATE EXTENSION btree_gin")

    move(latest, LATEST)
    move(latest, "0008_create_channel_access")

    assert "btree_gin" in read_catalogue(latest).of_kind(ObjectKind.EXTENSION)
    rows(latest, "DROP EXTENSION btree_gin")


def test_before_the_first_migration_there_is_nothing_of_ours(
    latest: BaseDatabaseWrapper,
) -> None:
    move(latest, None)

    nothing = read_catalogue(latest)
    for kind in (ObjectKind.FUNCTION, ObjectKind.TRIGGER, ObjectKind.VIEW, ObjectKind.TYPE):
        assert nothing.of_kind(kind) == {}
    assert sorted(nothing.of_kind(ObjectKind.TABLE)) == [
        "public.auth_group",
        "public.auth_group_permissions",
        "public.auth_permission",
        "public.django_content_type",
        "public.django_migrations",
    ]


def words(connection: BaseDatabaseWrapper, ids: dict[str, UUID]) -> list[Any]:
    return rows(
        connection,
        "SELECT seq, search::text, updated_at, version FROM messages"
        " WHERE author_id = %s ORDER BY seq",
        ids["user"],
    )


def test_words_of_stored_messages_are_made_anew_and_nothing_else_changes(
    latest: BaseDatabaseWrapper, ids: dict[str, UUID]
) -> None:
    move(latest, "0011_name_conversations")
    rows(
        latest,
        "INSERT INTO messages (space_id, channel_id, author_id, content)"
        " SELECT %s, %s, %s, content FROM unnest(ARRAY['boat', 'report.pdf', '天気']) AS content",
        *(ids["server"], ids["channel"], ids["user"]),
    )
    before = words(latest, ids)

    move(latest, LATEST)

    after = words(latest, ids)
    assert [row[1] for row in before] == ["'boat':1", "'report.pdf':1", "'天気':1"]
    assert [row[1] for row in after] == ["'boat':1", "'pdf':2 'report':1", "'天気':1 '気':2"]
    assert [row[2:] for row in after] == [row[2:] for row in before]
    revisions = "SELECT FROM message_revisions WHERE editor_id = %s"
    assert rows(latest, revisions, ids["user"]) == []


def test_words_that_were_made_stay_when_it_is_cut_off_and_are_passed_the_next_time(
    latest: BaseDatabaseWrapper, ids: dict[str, UUID]
) -> None:
    move(latest, "0011_name_conversations")
    rows(
        latest,
        "INSERT INTO messages (space_id, channel_id, author_id, content)"
        " SELECT %s, %s, %s, 'a.b' FROM generate_series(1, 1500)",
        *(ids["server"], ids["channel"], ids["user"]),
    )
    move(latest, "0012_search_every_script")
    rows(latest, "SET lock_timeout = '100ms'")
    made = (
        "SELECT count(*), min(xmin::text::bigint) FROM messages"
        " WHERE author_id = %s AND search @@ 'a <-> b'"
    )

    with closing(connect(latest.settings_dict["NAME"], alias="other")) as other:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT FROM messages WHERE seq = 1500 FOR UPDATE")
        with pytest.raises(OperationalError, match="lock timeout"):
            move(latest, LATEST)
    cut_off = rows(latest, made, ids["user"])
    move(latest, LATEST)
    whole = rows(latest, made, ids["user"])

    # The rows of other tests are in the first thousand as well.
    assert 900 < cut_off[0][0] <= 1000
    assert whole == [(1500, cut_off[0][1])]


def test_owner_who_was_never_in_the_group_is_followed_by_who_was(
    latest: BaseDatabaseWrapper, ids: dict[str, UUID]
) -> None:
    move(latest, "0019_hold_conversations")
    groups = sorted(uuid7() for _ in range(3))
    rows(
        latest,
        "INSERT INTO channels (id, space_id, kind, name, owner_id)"
        " SELECT id, id, 'group', '', %s FROM unnest(%s::uuid[]) AS id",
        *(ids["user"], groups),
    )
    heir, right = uuid7(), ids["user"]
    rows(latest, "INSERT INTO users (id, username) VALUES (%s, %s)", heir, f"h_{heir.hex[:20]}")
    join = "INSERT INTO participants (space_id, user_id) VALUES (%s, %s)"
    rows(latest, join, groups[0], heir)
    rows(latest, join, groups[1], right)

    move(latest, LATEST)

    owners = "SELECT owner_id FROM channels WHERE id = ANY (%s) ORDER BY id"
    assert rows(latest, owners, groups) == [(heir,), (right,), (None,)]
