"""Where exports go and in which order, whatever their names and version, and what is there."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from chat.discord.importing import import_export
from chat.discord.snowflakes import snowflake_in, snowflake_of, uuid_of
from chat.services.imports import Imported
from tests.chat.sql import execute, rows, stored, value
from tests.discord.exports import cook, export, load, message, thread, write
from tests.factories import as_superuser

pytestmark = pytest.mark.django_db


def contents() -> list[str]:
    return [content for (content,) in rows("SELECT content FROM messages ORDER BY seq")]


def write_range(path: Path, numbers: range, **fields: Any) -> Path:
    return write(path, export(*map(message, numbers), **fields))


# The files of one channel


@pytest.mark.parametrize(
    "names",
    [
        ["pier.json", "pier [part 2].json", "pier [part 10].json"],
        [
            "pier (before 2020-01-01).json",
            "pier (2020-01-01 to 2021-01-01).json",
            "pier (after).json",
        ],
        ["c.json", "b.json", "a.json"],
    ],
)
def test_files_of_a_channel_come_in_by_their_messages(tmp_path: Path, names: list[str]) -> None:
    for place, name in enumerate(names):
        write_range(tmp_path / name, range(place * 10, place * 10 + 2))

    load(*sorted(tmp_path.iterdir()))

    assert contents() == [f"message {number}" for number in (0, 1, 10, 11, 20, 21)]


def test_range_and_whole_together_come_in_once(tmp_path: Path) -> None:
    part = write_range(tmp_path / "a.json", range(5, 8))
    whole = write_range(tmp_path / "b.json", range(10))

    load(part, whole)

    assert contents() == [f"message {number}" for number in range(10)]


def test_file_that_comes_too_late_is_refused_by_name(tmp_path: Path) -> None:
    load(write_range(tmp_path / "part.json", range(5, 8)))
    before = stored()
    late = [
        write_range(tmp_path / "whole.json", range(10)),
        write_range(tmp_path / "before.json", range(3)),
        write_range(tmp_path / "between.json", range(6, 7), channel=7),
    ]

    with pytest.raises(CommandError) as refusal:
        load(*late)

    lines = str(refusal.value).splitlines()
    assert [line.partition(" is older")[0] for line in lines[:2]] == [
        f"{tmp_path}/whole.json: message 600000000000000000, of 2019-07-14 14:50:00+00:00,",
        f"{tmp_path}/before.json: message 600000000000000000, of 2019-07-14 14:50:00+00:00,",
    ]
    assert "up to 2019-07-14 14:50:07+00:00" in lines[0]
    assert lines[2:] == ["The other 1 of 3 files are imported."]
    assert stored() == before


def test_whole_that_follows_its_beginning_adds_the_rest(tmp_path: Path) -> None:
    import_export(path=write_range(tmp_path / "a.json", range(3)))

    done = import_export(path=write_range(tmp_path / "b.json", range(5)))

    assert done.imported == Imported(messages=2, already_there=3)


def test_refused_file_does_not_keep_the_others_out(tmp_path: Path) -> None:
    paths = [write_range(tmp_path / f"{n}.json", range(n, n + 1), channel=n) for n in (1, 2, 3)]
    paths[0].write_text("{}")
    paths[1].write_text(paths[1].read_text().replace("GuildTextChat", "GuildForum"))

    with pytest.raises(CommandError) as refusal:
        load(*paths)

    refused = str(refusal.value).splitlines()
    assert [line.partition(".json")[0] for line in refused] == [
        f"{tmp_path}/2",
        f"{tmp_path}/1",
        "The other 1 of 3 files are imported.",
    ]
    assert contents() == ["message 3"]


def test_statistics_are_of_what_was_imported(tmp_path: Path) -> None:
    # ANALYZE passes over what a role does not own.
    with as_superuser():
        load(write_range(tmp_path / "a.json", range(60)))

    for table in ("messages", "users", "channels"):
        counted = value(f"SELECT count(*) FROM {table}")
        estimated = value("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", table)
        assert estimated == counted, table


# Categories, by version


@pytest.mark.parametrize("kind", ["GuildTextChat", "GuildNews", "GuildVoiceChat"])
@pytest.mark.parametrize(
    ("category_id", "category"), [("0", "Text"), ("", "Default"), (None, "News"), (None, None)]
)
def test_channel_without_a_category_is_in_none(
    tmp_path: Path, kind: str, category_id: str | None, category: str | None
) -> None:
    for guild in ("81384788765712384", "81384788765712385"):
        content = export(message(int(guild[-1])), channel=int(guild[-1]))
        content["guild"]["id"] = guild
        content["channel"] |= {"type": kind, "categoryId": category_id, "category": category}
        load(write(tmp_path / "a.json", content))

    assert rows("SELECT name, parent_id FROM channels ORDER BY name") == [
        ("pier-4", None),
        ("pier-5", None),
    ]


def test_category_without_an_id_is_told(tmp_path: Path) -> None:
    content = export(message(1))
    del content["channel"]["categoryId"]
    content["channel"]["category"] = "Piers"

    report = load(write(tmp_path / "a.json", content))

    assert "not imported: 1 categories of which the export has the name alone" in report
    assert rows("SELECT name, parent_id FROM channels") == [("pier-7", None)]


def test_channel_of_another_guild_is_named(tmp_path: Path) -> None:
    load(write_range(tmp_path / "a.json", range(1)))
    other = write_range(tmp_path / "b.json", range(1, 2))
    other.write_text(other.read_text().replace("81384788765712384", "81384788765712385"))

    with pytest.raises(CommandError, match=r"b\.json has channel 300000000000000007 in another"):
        load(other)

    assert value("SELECT count(*) FROM servers") == 1


@pytest.mark.parametrize("given", [None, "", "0", 0])
def test_missing_id_is_none(given: Any) -> None:
    assert snowflake_of(given) is None


@pytest.mark.parametrize("snowflake", [1, 600_000_000_000_000_001, (1 << 63) - 1])
def test_id_of_discord_is_found_again(snowflake: int) -> None:
    assert snowflake_in(uuid_of("message", snowflake)) == snowflake


# Threads


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("GuildNewsThread", "announcement"), ("11", "text"), ("10", "announcement")],
)
def test_thread_of_any_version_is_a_thread(tmp_path: Path, kind: str, expected: str) -> None:
    load(thread(tmp_path / "a.json", kind=kind))

    assert rows("SELECT name, kind FROM channels ORDER BY name") == [
        ("about knots", "thread"),
        ("pier-7", expected),
    ]


def test_thread_that_was_moved_here_is_seen_where_it_is(tmp_path: Path) -> None:
    load(thread(tmp_path / "a.json"))
    execute(
        "INSERT INTO channels (space_id, server_id, name) SELECT space_id, id, 'seen' FROM servers"
    )
    execute(
        "UPDATE channels SET parent_id = (SELECT id FROM channels WHERE name = 'seen')"
        " WHERE kind = 'thread'"
    )

    report = load(thread(tmp_path / "a.json"))

    assert "Everybody who sees #seen sees it, as before" in report


def test_private_thread_of_a_version_without_a_name_for_it_is_hidden(tmp_path: Path) -> None:
    load(thread(tmp_path / "a.json", kind="12"), "--visible")

    assert rows("SELECT name, kind, parent_id FROM channels") == [("about knots", "text", None)]
    assert value("SELECT deny FROM channel_permissions") == 1024


def test_channel_after_its_thread_is_whole(tmp_path: Path) -> None:
    content = export(message(1))
    content["channel"] |= {
        "type": "GuildNews",
        "topic": "Ropes",
        "categoryId": "300000000000000001",
        "category": "Piers",
    }
    load(thread(tmp_path / "a.json"))

    load(write(tmp_path / "b.json", content))

    assert rows(
        "SELECT channels.name, channels.kind, channels.topic, parent.name FROM channels"
        " LEFT JOIN channels AS parent ON parent.id = channels.parent_id ORDER BY channels.name"
    ) == [
        ("Piers", "category", "", None),
        ("about knots", "thread", "", "pier-7"),
        ("pier-7", "announcement", "Ropes", "Piers"),
    ]


def test_channel_with_messages_stays_as_it_is(tmp_path: Path) -> None:
    load(write_range(tmp_path / "a.json", range(1)))
    content = export(message(1))
    content["channel"]["topic"] = "Ropes"

    load(write(tmp_path / "b.json", content))

    assert rows(
        "SELECT name, topic, last_seq FROM channels JOIN channel_counters ON id = channel_id"
    ) == [("pier-7", "", 2)]


def archived() -> Any:
    return value("SELECT archived_at::text FROM channels WHERE kind = 'thread'")


@pytest.mark.parametrize(
    ("exported_at", "expected"),
    [
        ("2019-07-21T14:51:00+00:00", None),
        ("2019-07-21T16:51:40.1234567+02:00", "2019-07-21 14:51:39+00"),
        (None, "2019-07-21 14:51:39+00"),
    ],
)
def test_thread_is_archived_a_week_after_its_last_message(
    tmp_path: Path, exported_at: str | None, expected: str | None
) -> None:
    execute("SET LOCAL TIME ZONE 'UTC'")

    load(thread(tmp_path / "a.json", exportedAt=exported_at))

    assert archived() == expected


def test_archived_thread_is_reopened_for_what_is_new_alone(tmp_path: Path) -> None:
    path = thread(tmp_path / "a.json")
    load(path)
    before = stored()
    assert load(path).startswith(f"{path}: 0 messages into #about knots")
    assert stored() == before

    later = thread(tmp_path / "a.json", exportedAt="2019-07-15T00:00:00+00:00")
    content = later.read_text().replace("600000000000000099", "600000000000000100")
    later.write_text(content)
    load(later)

    assert value("SELECT count(*) FROM messages") == 2
    assert archived() is None


def test_archived_threads_are_not_among_the_thousand(tmp_path: Path) -> None:
    load(thread(tmp_path / "a.json", 98))
    execute(
        "INSERT INTO channels (space_id, server_id, parent_id, kind, name)"
        " SELECT space_id, server_id, parent_id, kind, name FROM channels, generate_series(1, 999)"
        " WHERE kind = 'thread'"
    )

    load(thread(tmp_path / "b.json", 99), thread(tmp_path / "c.json", 100))

    assert value("SELECT count(*) FROM channels WHERE kind = 'thread'") == 1002


# What was deleted here


def test_deleted_server_gets_nothing(tmp_path: Path) -> None:
    path = write_range(tmp_path / "a.json", range(1))
    load(path)
    execute("UPDATE servers SET deleted_at = '2026-01-01Z'")
    before = stored()
    more = write_range(tmp_path / "b.json", range(1), channel=8)

    for again in (path, more):
        with pytest.raises(
            CommandError, match=r"goes into server Harbour .* deleted here on 2026-01"
        ):
            load(again)

    assert stored() == before


@pytest.mark.parametrize("of", ["channel", "thread"])
def test_deleted_channel_gets_nothing(tmp_path: Path, of: str) -> None:
    path = write_range(tmp_path / "a.json", range(1))
    load(path)
    execute("UPDATE channels SET deleted_at = '2026-01-01Z'")
    before = stored()

    with pytest.raises(CommandError, match=r"goes into #pier-7 .* deleted here on 2026-01-01"):
        load(path if of == "channel" else thread(tmp_path / "b.json"))

    assert stored() == before


def test_channel_of_a_deleted_category_is_in_none(tmp_path: Path) -> None:
    category = {"categoryId": "300000000000000001", "category": "Piers"}
    for channel in (7, 8):
        content = export(message(channel, author=cook()), channel=channel)
        content["channel"] |= category
        report = load(write(tmp_path / "a.json", content), "--visible")
        execute("UPDATE channels SET deleted_at = '2026-01-01Z' WHERE kind = 'category'")

    assert "not imported: 1 categories that were deleted here" in report
    assert value("SELECT parent_id FROM channels WHERE name = 'pier-8'") is None
