"""Exports of DiscordChatExporter come in whole, once, and with a word about what was left out."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from chat.discord.channels import UnsupportedExportError
from chat.discord.importing import RefusedExportError, import_export
from chat.discord.people import username
from chat.discord.reader import MalformedExportError
from chat.discord.snowflakes import created_at_of, uuid_of
from chat.models import Channel, Server, ServerMember, User
from chat.queries.search import search_messages
from chat.rules.permissions import Permission
from chat.services.attachments import confirm_removal, files_to_remove
from chat.services.channels import set_overwrite
from chat.services.core.erasure import what_is_left
from chat.services.imports import Imported
from chat.services.members import join_server, kick_member
from chat.services.users import erase_user
from tests.chat.sql import execute, rows, stored, value
from tests.conftest import ROOT, Manage, ScratchDatabase
from tests.discord.exports import cook, export, load, message, thread, user, write, write_many
from tests.factories import BanFactory, UserFactory
from tests.services.test_erasure import search_everything

pytestmark = pytest.mark.django_db

HARBOUR = Path(__file__).with_name("harbour.json")
HERON, PUFFIN, OTTER, ONLOOKER = (
    uuid_of("user", 200_000_000_000_000_000 + number) for number in (1, 2, 3, 4)
)


# The hand-made export, field by field


class TestHarbour:
    @pytest.fixture(autouse=True)
    def report(self, db: None) -> list[str]:
        return load(HARBOUR).splitlines()

    def test_messages_are_there_in_order(self) -> None:
        assert rows("SELECT seq, kind, content FROM messages WHERE seq > 1 ORDER BY seq") == [
            (2, "text", "Ahoy back"),
            (3, "text", "To a message that was deleted"),
            (4, "join", ""),
            (5, "text", ""),
            (6, "notice", ""),
            (7, "text", ""),
        ]

    def test_names_in_the_text_are_ours(self) -> None:
        role = uuid_of("role", 300_000_000_000_000_001)
        assert value("SELECT content FROM messages WHERE seq = 1") == (
            f"Ahoy <@{PUFFIN}>, <@{OTTER}> and <@&{role}> :wave: <#381870553235193857> 👋\n"
            "second\tline \\N"
        )

    def test_moments_are_kept(self) -> None:
        assert rows("SELECT created_at, edited_at, pinned_at FROM messages WHERE seq = 1") == [
            (
                datetime(2019, 7, 14, 14, 50, 1, 123000, UTC),
                datetime(2019, 7, 14, 14, 51, 1, 500000, UTC),
                datetime(2019, 7, 14, 14, 50, 1, 123000, UTC),
            )
        ]

    def test_reply_is_one_where_what_it_answers_is_there(self) -> None:
        assert rows("SELECT seq, reply_to_seq FROM messages WHERE reply_to_seq IS NOT NULL") == [
            (2, 1)
        ]

    def test_accounts_have_names_of_our_form(self) -> None:
        assert rows("SELECT username, display_name, kind FROM users ORDER BY username") == [
            ("deleted_user", "Deleted User", "human"),
            ("discord_import", "", "system"),
            ("heron", "heron", "human"),
            ("heron_200000000000000006", "heron", "bot"),
            ("onlooker", "onlooker", "human"),
            ("otter", "otter", "human"),
            ("puffin_a_1234", "Puffin Ä", "human"),
            ("weather_bot_4321", "Weather Bot", "bot"),
        ]

    def test_who_has_a_role_is_a_member(self) -> None:
        assert rows(
            "SELECT username, name, position FROM member_roles"
            " JOIN users ON users.id = user_id JOIN roles ON roles.id = role_id ORDER BY 1, 2"
        ) == [("heron", "Cook", 3), ("heron", "Deckhand", 4), ("otter", "Cook", 3)]
        assert rows("SELECT nickname FROM server_members ORDER BY 1") == [
            ("Otter",),
            ("The Heron",),
            (None,),
        ]

    def test_roles_allow_nothing(self) -> None:
        assert rows("SELECT name, color, permissions FROM roles WHERE position > 2 ORDER BY 1") == [
            ("Cook", 0, 0),
            ("Deckhand", 0x3498DB, 0),
        ]

    def test_channel_is_in_its_category_and_hidden(self) -> None:
        assert rows(
            "SELECT channels.name, channels.kind, channels.topic, parent.name FROM channels"
            " LEFT JOIN channels AS parent ON parent.id = channels.parent_id ORDER BY 2"
        ) == [
            ("Piers", "category", "", None),
            ("pier-one", "text", "Ropes and knots", "Piers"),
        ]
        assert value("SELECT count(*) FROM channel_access WHERE user_id = %s", HERON) == 0

    def test_reactions_are_of_those_whom_the_export_names(self) -> None:
        named = rows("SELECT emoji, username FROM reactions JOIN users ON users.id = user_id")
        assert sorted(named) == [
            (":rope:", "heron"),
            ("⚓", "onlooker"),
            ("⚓", "puffin_a_1234"),
        ]

    def test_mentions_are_rows(self) -> None:
        assert {row[0] for row in rows("SELECT user_id FROM mentions WHERE seq = 1")} == {
            PUFFIN,
            OTTER,
        }

    def test_file_beside_the_export_is_an_attachment(self) -> None:
        assert rows(
            "SELECT filename, content_type, size_bytes, sha256, storage_key, uploader_id"
            " FROM message_attachments"
        ) == [
            (
                "chart.txt",
                "text/plain",
                6,
                sha256(b"a map\n").digest(),
                "discord/500000000000000001",
                HERON,
            )
        ]

    def test_report_says_what_was_left_out(self, report: list[str]) -> None:
        assert report[0].startswith(f"{HARBOUR}: 7 messages into #pier-one of Harbour")
        assert [line.strip() for line in report[1:]] == [
            "Next: put the files themselves into the object store, as discord/<id>.",
            "not imported: 1 components",
            "not imported: 2 contents of messages that are empty here, such as polls",
            "not imported: 1 embeds",
            "not imported: 1 files that are missing beside the export, or elsewhere than below it",
            "not imported: 1 files that were not downloaded with the export",
            "not imported: 1 inlineEmojis",
            "not imported: 1 interaction",
            "not imported: 1 mentions of roles or of everyone",
            "not imported: 1 messages of type 8, kept as notices",
            "not imported: 2 nicknames of people who are no members",
            "not imported: 1 reactions whose users the export does not name",
            "not imported: 1 references of pins, threads and forwards to messages",
            "not imported: 1 stickers",
            "not imported: 1 texts of forwarded messages, which have no author there",
            "not imported: 1 texts of joins, pins and other events",
            "not imported: 1 references to missing messages",
        ]

    def test_second_import_changes_nothing(self) -> None:
        before = stored()

        assert "0 messages into #pier-one of Harbour" in load(HARBOUR)

        assert stored() == before


# Again, and more of it


def test_later_export_adds_what_is_new(tmp_path: Path) -> None:
    first = write(tmp_path / "a.json", export(*(message(n) for n in range(3))))
    longer = write(tmp_path / "b.json", export(*(message(n) for n in range(5))))
    import_export(path=first)

    done = import_export(path=longer)

    assert done.imported == Imported(messages=2, already_there=3)
    assert rows("SELECT seq, content FROM messages ORDER BY seq")[-1] == (5, "message 4")


def test_two_channels_of_a_guild_are_in_one_server(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / f"{channel}.json", export(message(channel), channel=channel))
        for channel in (1, 2)
    ]

    call_command("import_discord", *map(str, paths), stdout=StringIO())

    assert value("SELECT count(*) FROM servers") == 1
    assert rows(
        "SELECT name, last_seq FROM channels JOIN channel_counters ON channel_id = id ORDER BY 1"
    ) == [("pier-1", 1), ("pier-2", 1)]


def test_two_imports_of_a_guild_at_once_take_turns(
    tmp_path: Path, manage: Manage, manage_process: Manage, migrated_database: ScratchDatabase
) -> None:
    environ = migrated_database.environ
    paths = [
        write(
            tmp_path / f"{channel}.json",
            export(*(message(1000 * channel + n) for n in range(500)), channel=channel),
        )
        for channel in (1, 2, 3)
    ]

    with ThreadPoolExecutor() as pool:
        runs = list(
            pool.map(lambda path: manage_process("import_discord", str(path), env=environ), paths)
        )

    assert [run.stderr for run in runs] == ["", "", ""]
    assert count_messages(manage, environ) == "1500 1500"


def test_message_that_comes_twice_is_there_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", export(message(1), message(1), message(2), message(1)))

    done = import_export(path=path)

    assert done.imported.messages == 2
    assert done.left_out == {"repetitions of message 600000000000000001": 2}


def test_who_was_removed_is_not_brought_back(tmp_path: Path) -> None:
    role = {"id": "300000000000000001", "name": "Cook", "color": None, "position": 2}
    cook = user(1, roles=[role])
    first = write(tmp_path / "a.json", export(message(1, author=cook)))
    import_export(path=first)
    execute("DELETE FROM server_members WHERE user_id = %s", HERON)

    import_export(path=write(tmp_path / "b.json", export(message(2, author=cook), channel=8)))

    assert value("SELECT count(*) FROM server_members WHERE user_id = %s", HERON) == 0


def test_who_is_banned_is_imported_without_a_membership(tmp_path: Path) -> None:
    role = {"id": "300000000000000001", "name": "Cook", "color": None, "position": 2}
    import_export(path=write(tmp_path / "a.json", export(message(1, author=user(9)))))
    UserFactory.create(id=HERON, username="heron")
    BanFactory.create(server=Server.objects.get(), user=User.objects.get(pk=HERON))

    path = write(tmp_path / "b.json", export(message(2, author=user(1, roles=[role]))))
    import_export(path=path)

    assert value("SELECT count(*) FROM messages") == 2
    assert value("SELECT count(*) FROM server_members WHERE user_id = %s", HERON) == 0


def test_who_was_kicked_is_not_made_a_member(tmp_path: Path) -> None:
    import_export(path=write(tmp_path / "a.json", export(message(1))))
    server = Server.objects.get()
    join_server(user=HERON, server=server)
    kick_member(actor=server.owner, server=server, user=HERON)

    import_export(path=write(tmp_path / "b.json", export(message(2, author=cook()))))

    assert not ServerMember.objects.filter(user=HERON).exists()


def test_file_with_roles_makes_members_of_those_of_a_file_without(tmp_path: Path) -> None:
    old = user(1)
    del old["roles"]
    import_export(path=write(tmp_path / "a.json", export(message(1, author=old))))
    assert not ServerMember.objects.filter(user=HERON).exists()

    import_export(path=write(tmp_path / "b.json", export(message(2, author=cook()))))

    assert rows(
        "SELECT name FROM roles JOIN member_roles ON role_id = roles.id WHERE user_id = %s", HERON
    ) == [("Cook",)]


def test_nickname_is_of_one_server_and_the_name_of_all(tmp_path: Path) -> None:
    for guild, nickname in (("81384788765712384", "Skipper"), ("81384788765712385", "Pirate")):
        role = {"id": f"3{guild}", "name": "Cook", "color": None, "position": 2}
        author = user(1, nickname=nickname, roles=[role])
        content = export(message(int(guild[-1]), author=author))
        content["guild"]["id"] = guild
        content["channel"]["id"] = guild
        import_export(path=write(tmp_path / "a.json", content))

    assert value("SELECT display_name FROM users WHERE id = %s", HERON) == "sailor1"
    assert rows("SELECT nickname FROM server_members WHERE user_id = %s ORDER BY 1", HERON) == [
        ("Pirate",),
        ("Skipper",),
    ]


def test_nickname_of_who_is_no_member_is_told(tmp_path: Path) -> None:
    author = user(1, nickname="Skipper")

    done = import_export(path=write(tmp_path / "a.json", export(message(1, author=author))))

    assert done.left_out == {"nicknames of people who are no members": 1}


def test_each_speaker_of_a_webhook_is_somebody(tmp_path: Path) -> None:
    # More without a letter of ours than there are ways to make a name unique.
    names = ["Weather", "Tides", "潮", "風", "鴨", "鷗", "Weather"]
    said = [
        message(number, author=user(1, name=name, nickname=name, isBot=True))
        for number, name in enumerate(names)
    ]
    path = write(tmp_path / "a.json", export(*said))

    done = import_export(path=path)
    again = import_export(path=path)

    assert (done.left_out, again.imported) == ({}, Imported(already_there=7))
    assert rows(
        "SELECT display_name, users.kind FROM messages JOIN users ON users.id = author_id"
        " ORDER BY seq"
    ) == [(name, "bot") for name in names]
    assert value("SELECT count(*) FROM users WHERE kind = 'bot'") == 6


def test_bot_that_is_renamed_is_one(tmp_path: Path) -> None:
    said = [
        message(number, author=user(1, name=name, discriminator="4321", isBot=True))
        for number, name in enumerate(["Weather", "Tides"])
    ]

    import_export(path=write(tmp_path / "a.json", export(*said)))

    assert value("SELECT count(*) FROM users WHERE kind = 'bot'") == 1


def test_name_that_somebody_has_already_gets_the_id(tmp_path: Path) -> None:
    UserFactory.create(username="sailor1")

    import_export(path=write(tmp_path / "a.json", export(message(1))))

    assert rows("SELECT username FROM users WHERE id = %s", HERON) == [
        ("sailor1_200000000000000001",)
    ]


@pytest.mark.parametrize(
    ("name", "discriminator", "expected"),
    [
        ("heron", "0000", "heron"),
        ("he.ron_1", "0", "he.ron_1"),
        ("Heron", "1234", "heron_1234"),
        ("Ünïcode Näme", "0042", "unicode_name_0042"),
        ("Heron", 42, "heron_0042"),
        ("heron", 0, "heron"),
        ("船", "0001", "user_0001"),
        ("x", "0000", "x_0001"),
        ("Captain Hook", "0000", "captain_hook"),
        ("erased_me", "0000", "x_erased_me"),
        ("a" * 32, "1234", "a" * 27 + "_1234"),
    ],
)
def test_names_become_ours(name: str, discriminator: str | int, expected: str) -> None:
    assert username(user(1, name=name, discriminator=discriminator)) == expected


def test_id_sorts_by_time_and_carries_it() -> None:
    earlier, later = uuid_of("message", 600 << 22), uuid_of("message", 600 << 22 | 1)

    assert earlier < later
    assert earlier.version == 7
    assert uuid_of("channel", 600 << 22) != uuid_of("guild", 600 << 22)
    assert created_at_of(600 << 22) == datetime(2015, 1, 1, 0, 0, 0, 600_000, UTC)


# Types of messages, those that an exporter has no name for among them


@pytest.mark.parametrize(
    "kind", ["Default", "Reply", "8", "12", "19", "20", "21", "22", "23", "24", "46", "Unheard"]
)
def test_words_are_their_authors_whatever_the_type(tmp_path: Path, kind: str) -> None:
    import_export(path=write(tmp_path / "a.json", export(message(1, type=kind))))

    assert rows("SELECT author_id, kind, content FROM messages") == [(HERON, "text", "message 1")]


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("GuildMemberJoin", "Joined the server.", "join"),
        ("ChannelPinnedMessage", "Pinned a message.", "pin"),
        ("ChannelNameChange", "Changed the channel name: Sailor1's", "rename"),
        ("ThreadCreated", "Started a thread.", "thread"),
        ("18", "Sailor1 and I", "thread"),
        ("RecipientAdd", "Added Sailor2 to the group.", "notice"),
        ("RecipientRemove", "Removed Sailor2 from the group.", "notice"),
        ("PollResult", "Sailor1's poll Where to? has closed.", "notice"),
        ("8", "", "notice"),
    ],
)
def test_event_has_no_words_and_says_whose_it_is(
    tmp_path: Path, kind: str, content: str, expected: str
) -> None:
    event = message(1, type=kind, content=content)

    done = import_export(path=write(tmp_path / "a.json", export(event)))

    assert rows("SELECT author_id, kind, content FROM messages") == [(HERON, expected, "")]
    assert len(done.left_out) == 1


def test_reply_of_an_older_exporter_is_one(tmp_path: Path) -> None:
    reply = message(2, type="19", reference={"messageId": message(1)["id"]})

    import_export(path=write(tmp_path / "a.json", export(message(1), reply)))

    assert rows("SELECT seq, reply_to_seq FROM messages WHERE seq = 2") == [(2, 1)]


def test_nothing_of_who_was_erased_is_left_or_comes_in_again(tmp_path: Path) -> None:
    (tmp_path / "bluewater.txt").write_bytes(b"a map\n")
    path = write(tmp_path / "a.json", export(*messages_of_jack(0)))
    later = write(tmp_path / "b.json", export(*messages_of_jack(100), channel=8))
    import_export(path=path)
    assert search_everything("bluewater") == [
        "message_attachments",
        "messages",
        "reactions",
        "users",
    ]

    erase_user(actor=HERON, user=HERON)
    confirm_removal(storage_keys=[file.storage_key for file in files_to_remove()])

    assert what_is_left(connection, HERON) == []
    assert search_everything("bluewater") == []
    again, more = import_export(path=path), import_export(path=later)
    assert again.imported == Imported(already_there=1)
    assert more.imported == Imported(messages=1, replies_to_nothing=1)
    assert search_everything("bluewater") == []
    assert what_is_left(connection, HERON) == []


def test_names_of_who_is_mentioned_are_ids_in_the_text(tmp_path: Path) -> None:
    al, ally, one = user(2, nickname="Al"), user(3, nickname="Al (ly)"), user(4, nickname="1")
    text = f"@Al (ly), @Al's and @sailor2; @Alf <@{al['id']}> @1 Sailor5 @Sailor5"

    import_export(
        path=write(tmp_path / "a.json", export(message(1, content=text, mentions=[al, ally, one])))
    )

    a, b, c = (f"<@{each}>" for each in (PUFFIN, OTTER, ONLOOKER))
    assert value("SELECT content FROM messages") == (
        f"{b}, {a}'s and {a}; {a}f {a} {c} Sailor5 @Sailor5"
    )


def test_forward_has_no_words_of_whom_the_export_does_not_name(tmp_path: Path) -> None:
    said = message(1, content="bluewater")
    forward = message(2, content="", forwardedMessage={"content": "bluewater"})
    path = write(tmp_path / "a.json", export(said, forward))
    import_export(path=path)

    erase_user(actor=HERON, user=HERON)

    assert search_everything("bluewater") == []
    import_export(path=path)
    assert rows("SELECT author_id, content FROM messages WHERE deleted_at IS NULL") == [
        (PUFFIN, "")
    ]


def test_event_of_who_is_erased_leads_to_nobody(tmp_path: Path) -> None:
    join = message(1, type="GuildMemberJoin", content="Joined the server.")
    import_export(path=write(tmp_path / "a.json", export(join)))

    erase_user(actor=HERON, user=HERON)

    assert rows("SELECT kind, content, deleted_at IS NULL FROM messages") == [("join", "", False)]


def messages_of_jack(first: int) -> list[dict[str, Any]]:
    """Return one of each type, with words and a file, and what another answered."""
    jack = user(1, name="jack_bluewater", nickname="Jack Bluewater")
    events = ["GuildMemberJoin", "ChannelPinnedMessage", "ChannelNameChange", "ThreadCreated"]
    types = ["Default", "Reply", *events, "RecipientAdd", *map(str, range(8, 25)), "Unheard"]
    said = [
        message(
            number,
            type=kind,
            author=jack,
            content="bluewater",
            attachments=[{"id": f"{number}", "url": "bluewater.txt", "fileName": "bluewater.txt"}],
        )
        for number, kind in enumerate(types, first)
    ]
    answer = {
        "reference": {"messageId": said[0]["id"]},
        "content": "Aye, @Jack Bluewater!",
        "mentions": [jack],
        "reactions": [reaction(":bluewater:", jack)],
    }
    return [*said, message(first + len(said), type="Reply", **answer)]


# Owners, visibility, kinds of channels


def test_owner_owns_a_new_server(tmp_path: Path) -> None:
    captain = UserFactory.create(username="captain")

    load(write(tmp_path / "a.json", export(message(1))), "--owner", "captain")

    assert value("SELECT owner_id FROM servers") == captain.id
    assert not User.objects.filter(username="discord_import").exists()


def test_unknown_owner_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no user nobody"):
        load(write(tmp_path / "a.json", export(message(1))), "--owner", "nobody")


def test_visible_channel_is_seen_by_members(tmp_path: Path) -> None:
    load(write(tmp_path / "a.json", export(message(1, author=cook()))), "--visible")

    assert value("SELECT count(*) FROM channel_access WHERE user_id = %s", HERON) == 1


def seen_by_cook() -> list[str]:
    """Return the channels that a plain member sees, and the messages by which search finds them."""
    (server,) = Server.objects.all()
    found = search_messages(viewer=HERON, server=server, text="message")
    seen = rows(
        "SELECT name FROM channels JOIN channel_access ON channel_id = id"
        " WHERE user_id = %s AND channels.kind <> 'category' ORDER BY name",
        HERON,
    )
    return [f"#{name}" for (name,) in seen] + sorted(hit.content for hit in found.messages)


def test_thread_is_in_its_channel(tmp_path: Path) -> None:
    import_export(path=write(tmp_path / "a.json", export(message(2))))

    import_export(path=thread(tmp_path / "b.json"))

    assert rows(
        "SELECT channels.name, parent.name FROM channels"
        " JOIN channels AS parent ON parent.id = channels.parent_id"
    ) == [("about knots", "pier-7")]


@pytest.mark.parametrize("options", [[], ["--visible"]])
def test_private_thread_is_a_hidden_channel_of_its_own(tmp_path: Path, options: list[str]) -> None:
    load(write(tmp_path / "a.json", export(message(1, author=cook()))), "--visible")
    path = thread(tmp_path / "b.json", kind="GuildPrivateThread")

    reports = [load(path, *options), load(path, *options)]

    assert seen_by_cook() == ["#pier-7", "message 1"]
    assert rows("SELECT kind, parent_id FROM channels WHERE name = 'about knots'") == [
        ("text", None)
    ]
    assert all("visible to administrators only" in r for r in reports)


def test_private_thread_shows_neither_itself_nor_its_channel(tmp_path: Path) -> None:
    load(thread(tmp_path / "a.json", kind="GuildPrivateThread"), "--visible")

    assert seen_by_cook() == []
    assert rows("SELECT name FROM channels") == [("about knots",)]


def test_new_thread_of_a_channel_that_is_seen_comes_in_when_that_is_asked_for(
    tmp_path: Path,
) -> None:
    load(write(tmp_path / "a.json", export(message(1, author=cook()))), "--visible")
    path = thread(tmp_path / "b.json")
    before = stored()

    with pytest.raises(CommandError, match="to everybody who sees #pier-7, and not to"):
        load(path)
    assert stored() == before

    load(path, "--visible")
    assert seen_by_cook() == ["#about knots", "#pier-7", "message 1", "message 99"]


def test_channel_that_a_visible_thread_brought_gets_no_history_unasked(tmp_path: Path) -> None:
    load(thread(tmp_path / "a.json"), "--visible")
    before = stored()

    with pytest.raises(CommandError, match="Import it with --visible, or hide #pier-7 first"):
        load(write(tmp_path / "b.json", export(message(1))))

    assert stored() == before


def test_thread_of_a_channel_that_a_role_of_ours_sees_is_not_for_administrators_alone(
    tmp_path: Path,
) -> None:
    load(write(tmp_path / "a.json", export(message(1, author=cook()))))
    execute(
        "INSERT INTO channel_permissions (space_id, channel_id, user_id, allow)"
        " SELECT space_id, id, %s, 1024 FROM channels",
        HERON,
    )

    with pytest.raises(CommandError, match="to everybody who sees #pier-7"):
        load(thread(tmp_path / "b.json"))

    assert seen_by_cook() == ["#pier-7", "message 1"]


def test_channel_that_is_here_stays_as_hidden_as_it_is(tmp_path: Path) -> None:
    hidden = write(tmp_path / "a.json", export(message(1, author=cook())))
    seen = write(tmp_path / "b.json", export(message(2, author=cook()), channel=8))
    load(hidden)
    load(seen, "--visible")
    before = stored()

    reports = [load(hidden, "--visible"), load(seen), load(hidden), load(seen, "--visible")]

    assert stored() == before
    assert seen_by_cook() == ["#pier-8", "message 2"]
    assert [report.splitlines()[1:] for report in reports] == [
        ["  It stays hidden, as #pier-7 is: --visible is for new channels."],
        ["  Everybody who sees #pier-8 sees it, as before: only new channels are hidden."],
        [],
        [],
    ]


def test_what_an_administrator_has_hidden_since_stays_hidden(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", export(message(1, author=cook())))
    load(path, "--visible")
    load(thread(tmp_path / "b.json"), "--visible")
    channel = Channel.objects.get(name="pier-7")
    everyone = channel.server.roles.get(position=0)
    set_overwrite(
        actor=channel.server.owner,
        channel=channel,
        role=everyone,
        deny=int(Permission.VIEW_CHANNEL),
    )

    report = load(write(tmp_path / "a.json", export(message(1), message(2))), "--visible")
    load(thread(tmp_path / "c.json", 100), "--visible")

    assert "It stays hidden, as #pier-7 is" in report
    assert seen_by_cook() == []


def test_channel_in_a_category_that_is_seen_is_hidden_all_the_same(tmp_path: Path) -> None:
    content = export(message(1, author=cook()))
    content["channel"] |= {"categoryId": "300000000000000070", "category": "Piers"}
    load(write(tmp_path / "a.json", content), "--visible")
    content = export(message(2), channel=8)
    content["channel"] |= {"categoryId": "300000000000000070", "category": "Piers"}

    load(write(tmp_path / "b.json", content))

    assert seen_by_cook() == ["#pier-7", "message 1"]


@pytest.mark.parametrize(
    ("guild", "kind", "expected"),
    [
        ("0", "DirectTextChat", "direct messages"),
        ("0", "DirectGroupTextChat", "direct messages"),
        ("5", "GuildForum", "GuildForum, which has no messages"),
        ("5", "GuildCategory", "GuildCategory, which has no messages"),
    ],
)
def test_what_has_no_place_here_is_refused(
    tmp_path: Path, guild: str, kind: str, expected: str
) -> None:
    content = export(message(1))
    content["guild"]["id"] = guild
    content["channel"]["type"] = kind

    with pytest.raises(UnsupportedExportError, match=expected):
        import_export(path=write(tmp_path / "a.json", content))

    assert value("SELECT count(*) FROM servers") == 0


# What is wrong with a file


def test_truncated_file_leaves_nothing(tmp_path: Path) -> None:
    before = stored()
    path = write(tmp_path / "a.json", export(*(message(n) for n in range(20))))
    path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(CommandError, match=r"a\.json, line \d+: the file ends in the middle"):
        load(path)

    assert stored() == before


def test_second_of_two_files_leaves_the_first(tmp_path: Path) -> None:
    good = write(tmp_path / "a.json", export(message(1)))
    bad = write(tmp_path / "b.json", export(message(2), channel=8))
    bad.write_bytes(bad.read_bytes()[:-9])

    with pytest.raises(CommandError, match=r"b\.json, line"):
        call_command("import_discord", str(good), str(bad), stdout=StringIO())

    assert rows("SELECT name FROM channels") == [("pier-7",)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": None},
        {"id": "seven"},
        {"id": "9" * 20},
        {"id": "-5"},
        {"author": {}},
        {"author": None},
        {"author": user(9, name=None, nickname=None)},
        {"author": user(id="9" * 20)},
        {"author": user(roles=[{"id": "4", "name": "Cook"}])},
        {"author": user(roles=[{"id": "4", "name": "Cook", "position": 1, "color": "red"}])},
        {"author": user(roles=[{"id": "4", "name": 5, "position": 1}])},
        {"id": float("inf")},
        {"reactions": [{"emoji": {"id": "", "name": "x"}, "count": float("inf")}]},
        {"attachments": [{"id": "1", "fileName": "x", "url": "x" * 5000}]},
        {"timestamp": "yesterday"},
        {"content": None},
        {"reactions": [{"emoji": {}}]},
        {"mentions": [{"id": "x"}]},
        {"attachments": [{"id": "1"}]},
        {"reference": {"messageId": "x"}, "type": "Reply"},
    ],
    ids=lambda wrong: str(wrong)[-60:],
)
def test_message_that_is_not_as_expected_is_named(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = write(tmp_path / "a.json", export(message(1), message(2, **wrong)))

    with pytest.raises(MalformedExportError, match=r"a\.json, line"):
        import_export(path=path)

    assert value("SELECT count(*) FROM servers") == 0


def test_what_cannot_be_stored_is_refused_with_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", export(message(1, timestamp="2019-07-14T14:50:00")))

    with pytest.raises(RefusedExportError, match=r"a\.json: messages\[0\]\.created_at is"):
        import_export(path=path)

    assert value("SELECT count(*) FROM servers") == 0


def test_channel_that_cannot_be_stored_is_refused_with_the_file(tmp_path: Path) -> None:
    content = export(message(1))
    content["channel"] |= {"categoryId": "300000000000000001", "category": "piers"}
    import_export(path=write(tmp_path / "a.json", content))
    content["channel"] |= {"type": "GuildPublicThread", "id": "300000000000000002"}

    with pytest.raises(RefusedExportError, match=r"b\.json: "):
        import_export(path=write(tmp_path / "b.json", content))

    assert value("SELECT count(*) FROM channels WHERE kind = 'thread'") == 0


def test_newest_first_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", export(message(2), message(1)))

    with pytest.raises(MalformedExportError, match="without --reverse"):
        import_export(path=path)


def test_text_that_cannot_be_stored_is_mended_and_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.json", export(message(1, content="@@"), message(2, content="x" * 4001))
    )
    path.write_text(path.read_text().replace("@@", "a\\u0000b\\ud800"))

    done = import_export(path=path)

    assert value("SELECT content FROM messages WHERE seq = 1") == "a\ufffdb?"
    assert value("SELECT length(content) FROM messages WHERE seq = 2") == 4000
    assert done.left_out == {
        "texts of more than 4000 characters, cut": 1,
        "texts with characters that PostgreSQL cannot store, replaced": 1,
    }


def test_names_that_cannot_be_stored_are_mended(tmp_path: Path) -> None:
    role = {"id": "300000000000000001", "name": "Co\0ok", "color": None, "position": 2}
    content = export(message(1, author=user(1, roles=[role])))
    content["guild"]["name"] = "Har\0bour"
    content["channel"] |= {"name": "pi\0er", "topic": "a\0b"}

    import_export(path=write(tmp_path / "a.json", content))

    assert rows("SELECT name FROM servers") == [("Har\ufffdbour",)]
    assert rows("SELECT name, topic FROM channels") == [("pi\ufffder", "a\ufffdb")]
    assert rows("SELECT name FROM roles WHERE name LIKE 'Co%%'") == [("Co\ufffdok",)]


def test_names_that_nobody_can_read_are_replaced_and_counted(tmp_path: Path) -> None:
    role = {"id": "300000000000000001", "name": "\u3164", "color": None, "position": 2}
    blank, terse = (
        user(1, nickname="\u200b\u200b", roles=[role]),
        user(2, nickname="Top\nman", roles=[role]),
    )
    nobody = user(3, name="\u2800", nickname="\u2060")
    (tmp_path / "chart.txt").write_bytes(b"a map\n")
    file = {"id": "5", "url": "chart.txt", "fileName": "\u00ad"}
    content = export(
        message(1, author=blank),
        message(2, author=terse, attachments=[file]),
        message(3, author=nobody),
    )
    content["guild"]["name"] = "\u200b"
    content["channel"] |= {"name": "\x1b[2Jpier", "categoryId": "8", "category": "\u17b4"}

    report = load(write(tmp_path / "a.json", content))

    assert rows("SELECT name FROM servers") == [("unnamed",)]
    assert rows("SELECT name FROM channels ORDER BY kind") == [("unnamed",), (" [2Jpier",)]
    assert rows("SELECT name FROM roles WHERE position > 2") == [("role",)]
    assert rows("SELECT filename FROM message_attachments") == [("file",)]
    assert rows("SELECT username, display_name FROM users WHERE kind = 'human' ORDER BY id") == [
        ("sailor1", "sailor1"),
        ("sailor2", "sailor2"),
        ("user", ""),
    ]
    assert value("SELECT nickname FROM server_members WHERE nickname IS NOT NULL") == "Top man"
    assert "messages into # [2Jpier of unnamed" in report
    assert "not imported: 9 names that were invisible or had control characters, replaced" in report


def test_name_that_is_cut_to_nothing_visible_is_replaced(tmp_path: Path) -> None:
    long = user(1, nickname="\u200b" * 32 + "Ada")

    import_export(path=write(tmp_path / "a.json", export(message(1, author=long))))

    assert value("SELECT display_name FROM users WHERE id = %s", HERON) == "sailor1"
    assert value("SELECT count(*) FROM server_members WHERE nickname IS NOT NULL") == 0


def test_file_of_an_export_from_windows_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.json_Files").mkdir()
    (tmp_path / "a.json_Files" / "chart.txt").write_bytes(b"a map\n")
    file = {"id": "5", "url": "a.json_Files\\chart.txt", "fileName": "chart.txt"}

    import_export(path=write(tmp_path / "a.json", export(message(1, attachments=[file]))))

    assert rows("SELECT filename, size_bytes FROM message_attachments") == [("chart.txt", 6)]


def test_file_outside_the_export_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_bytes(b"password")
    (tmp_path / "exports").mkdir()
    files = [
        {"id": str(number), "url": url, "fileName": "x"}
        for number, url in enumerate(("../secret.txt", "..\\secret.txt", "/etc/passwd"))
    ]

    done = import_export(
        path=write(tmp_path / "exports" / "a.json", export(message(1, attachments=files)))
    )

    assert done.left_out == {
        "files that are missing beside the export, or elsewhere than below it": 3
    }


def attached(number: int, *files: str) -> dict[str, Any]:
    """Return a message with these files, all of which are there as chart.txt."""
    return message(
        number, attachments=[{"id": file, "url": "chart.txt", "fileName": "x"} for file in files]
    )


def test_file_that_comes_twice_is_there_once(tmp_path: Path) -> None:
    (tmp_path / "chart.txt").write_bytes(b"a map\n")
    first = write(tmp_path / "a.json", export(attached(1, "5", "5"), attached(2, "6", "5")))
    other = write(tmp_path / "b.json", export(attached(3, "6", "7"), channel=8))

    done = [import_export(path=path) for path in (first, other, first)]

    assert rows("SELECT storage_key, position FROM message_attachments ORDER BY 1") == [
        ("discord/5", 0),
        ("discord/6", 0),
        ("discord/7", 0),
    ]
    assert [each.left_out for each in done] == [
        {"repetitions of file 5": 2},
        {"repetitions of file 6": 1},
        {"repetitions of file 5": 2},
    ]


def test_message_of_another_channel_is_named(tmp_path: Path) -> None:
    import_export(path=write(tmp_path / "a.json", export(message(1))))

    with pytest.raises(RefusedExportError, match=r"b\.json: The id of a message is taken"):
        import_export(path=write(tmp_path / "b.json", export(message(1), channel=8)))


def test_name_of_a_file_leads_to_no_directory(tmp_path: Path) -> None:
    (tmp_path / "chart.txt").write_bytes(b"a map\n")
    file = {"id": "5", "url": "chart.txt", "fileName": "../etc/\u202echart.txt"}

    import_export(path=write(tmp_path / "a.json", export(message(1, attachments=[file]))))

    assert rows("SELECT filename FROM message_attachments") == [(".._etc__chart.txt",)]


def test_roles_for_which_there_is_no_place_are_left_out(tmp_path: Path) -> None:
    roles = [
        {"id": str(1000 + number), "name": f"rank {number}", "color": None, "position": number}
        for number in range(1, 251)
    ]

    done = import_export(
        path=write(tmp_path / "a.json", export(message(1, author=user(1, roles=roles))))
    )

    # Of 249 places above everyone's two are those of the moderators and administrators.
    assert done.left_out == {"roles beyond the limit of a server": 3}
    assert value("SELECT count(*) FROM member_roles WHERE user_id = %s", HERON) == 247
    assert rows("SELECT name FROM roles ORDER BY position DESC LIMIT 1") == [("rank 250",)]


def reaction(name: str, *people: dict[str, Any]) -> dict[str, Any]:
    return {"emoji": {"id": "", "name": name}, "count": len(people), "users": list(people)}


LOSSES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "what a forward carries": (
        {
            "forwardedMessage": {
                "content": "ahoy",
                "attachments": [{"id": "1", "url": "x", "fileName": "x"}] * 2,
                "embeds": [{}] * 3,
                "stickers": [{}],
            },
            "reference": {"type": "Forward", "messageId": "5", "channelId": "6"},
        },
        {
            "texts of forwarded messages, which have no author there": 1,
            "files of forwarded messages": 2,
            "embeds of forwarded messages": 3,
            "stickers of forwarded messages": 1,
            "references of pins, threads and forwards to messages": 1,
        },
    ),
    "a forward of an older exporter": (
        {"reference": {"messageId": "5", "channelId": "6"}},
        {"references of pins, threads and forwards to messages": 1},
    ),
    "a poll": ({"content": ""}, {"contents of messages that are empty here, such as polls": 1}),
    "embeds": ({"embeds": [{}, {}]}, {"embeds": 2}),
    "a pin": (
        {"type": "ChannelPinnedMessage", "content": "", "reference": {"messageId": "5"}},
        {"references of pins, threads and forwards to messages": 1},
    ),
    "a call": (
        {"type": "Call", "content": "", "callEndedTimestamp": "2024-01-01T00:00:00Z"},
        {"ends of calls": 1},
    ),
    "a file of an event": (
        {"type": "18", "content": "", "attachments": [{"id": "1"}]},
        {"files of joins, pins and other events": 1},
    ),
    "mentions of many": (
        {"content": "@everyone <@&123456> @Cook, @Cooking @here", "author": cook()},
        {"mentions of roles or of everyone": 4},
    ),
    "emoji that an older exporter does not list": (
        {"content": "<:wave:123456> <a:wave:123457>", "inlineEmojis": None},
        {"inlineEmojis": 2},
    ),
    "emoji of one name": (
        {
            "reactions": [
                {"emoji": {"id": rope, "name": "rope"}, "count": 1, "users": [user(2)]}
                for rope in ("123456", "123457")
            ]
        },
        {"reactions with another custom emoji of the same name": 1},
    ),
    "a long name": (
        {"author": user(1, name="x" * 33, nickname=None)},
        {"names that are too long, cut": 1},
    ),
}


@pytest.mark.parametrize("what", LOSSES)
def test_what_comes_in_with_less_than_it_had_is_told(tmp_path: Path, what: str) -> None:
    fields, expected = LOSSES[what]

    done = import_export(path=write(tmp_path / "a.json", export(message(1, **fields))))

    assert value("SELECT count(*) FROM messages") == 1
    assert done.left_out == expected


def test_cut_names_and_topics_are_told(tmp_path: Path) -> None:
    (tmp_path / "chart.txt").write_bytes(b"a map\n")
    file = {"id": "5", "url": "chart.txt", "fileName": "x" * 256}
    role = {"id": "300000000000000001", "name": "x" * 101, "color": None, "position": 2}
    author = user(1, nickname="y" * 33, roles=[role])
    content = export(message(1, author=author, attachments=[file]))
    content["guild"]["name"] = content["channel"]["name"] = "x" * 101
    content["channel"]["topic"] = "x" * 1025

    done = import_export(path=write(tmp_path / "a.json", content))

    assert done.left_out == {
        "names that are too long, cut": 5,
        "topics of more than 1024 characters, cut": 1,
    }


def test_emoji_past_the_twentieth_are_left_out(tmp_path: Path) -> None:
    # Those whose people the export does not say take no place.
    unsaid = [{"emoji": {"id": "", "name": f":unsaid_{n}:"}, "count": 0} for n in range(5)]
    kinds = [reaction(f":e{n}:", user(1)) for n in range(25)]
    again = reaction(":e3:", user(2))

    done = import_export(
        path=write(tmp_path / "a.json", export(message(1, reactions=[*unsaid, *kinds, again])))
    )

    assert done.imported == Imported(messages=1, reactions=21)
    assert done.left_out == {"reactions past 20 different emoji": 5}
    assert value("SELECT count(DISTINCT emoji) FROM reactions") == 20


def test_what_is_no_emoji_is_left_out_and_named(tmp_path: Path) -> None:
    reactions = [
        reaction("❤", user(1)),
        reaction("<script>", user(1), user(2)),
        reaction("\n", user(1)),
    ]

    done = import_export(path=write(tmp_path / "a.json", export(message(1, reactions=reactions))))

    assert rows("SELECT emoji FROM reactions") == [("❤\ufe0f",)]
    assert done.left_out == {
        "reactions with '<script>', which is no emoji": 2,
        r"reactions with '\n', which is no emoji": 1,
    }


def test_pins_past_the_250th_are_left_out(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.json", export(*(message(number, isPinned=True) for number in range(1, 254)))
    )

    done = import_export(path=path)
    again = import_export(path=path)

    assert done.imported == Imported(messages=253)
    assert done.left_out == again.left_out == {"pins after the 250th, kept unpinned": 3}
    assert again.imported == Imported(already_there=253)
    assert value("SELECT max(seq) FROM messages WHERE pinned_at IS NOT NULL") == 250


def test_channel_that_is_full_of_pins_is_said_by_name(tmp_path: Path) -> None:
    import_export(path=write(tmp_path / "a.json", export(message(1))))
    execute(
        "INSERT INTO messages (space_id, channel_id, author_id, created_at, pinned_at)"
        " SELECT space_id, channel_id, owner_id, messages.created_at, now()"
        " FROM messages INNER JOIN servers USING (space_id), generate_series(1, 250)"
    )
    before = stored()

    with pytest.raises(RefusedExportError, match=r"b\.json: There are 250 pins in the channel"):
        import_export(path=write(tmp_path / "b.json", export(message(2, isPinned=True))))

    assert stored() == before


def test_server_that_is_full_of_channels_is_said_by_name(tmp_path: Path) -> None:
    import_export(path=write(tmp_path / "a.json", export(message(1))))
    execute(
        "INSERT INTO channels (space_id, server_id, name)"
        " SELECT id, id, 'pier' FROM servers, generate_series(1, 499)"
    )
    before = stored()

    with pytest.raises(RefusedExportError, match=r"b\.json: There are 500 channels already"):
        import_export(path=write(tmp_path / "b.json", export(message(2), channel=8)))

    assert stored() == before


def test_later_export_brings_back_nothing_of_who_was_erased(tmp_path: Path) -> None:
    role = {"id": "300000000000000001", "name": "Cook", "color": None, "position": 2}
    import_export(path=write(tmp_path / "a.json", export(message(1), message(2))))
    erase_user(actor=HERON, user=HERON)
    emoji = {"emoji": {"id": "", "name": "x"}, "count": 1, "users": [user(1)]}

    done = import_export(
        path=write(
            tmp_path / "b.json",
            export(
                message(2),
                message(3, author=user(1, roles=[role]), content="of the erased"),
                message(4, mentions=[user(1)], reactions=[emoji]),
            ),
        )
    )

    assert done.imported == Imported(messages=1, already_there=1)
    assert done.left_out == {"messages of people whose account was erased": 1}
    assert rows("SELECT seq, content FROM messages ORDER BY seq") == [
        (1, ""),
        (2, "message 2"),
        (3, "message 4"),
    ]
    assert value("SELECT count(*) FROM mentions") == 0
    assert value("SELECT count(*) FROM reactions") == 0
    assert value("SELECT count(*) FROM server_members WHERE user_id = %s", HERON) == 0


def test_who_has_the_name_of_the_systems_account_owns_nothing(tmp_path: Path) -> None:
    UserFactory.create(username="discord_import")
    path = write(tmp_path / "a.json", export(message(1)))

    with pytest.raises(UnsupportedExportError, match="with --owner"):
        import_export(path=path)

    assert value("SELECT count(*) FROM servers") == 0


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"There is no file .*nothing\.json"):
        load(tmp_path / "nothing.json")


def test_file_that_cannot_be_read_is_named() -> None:
    # A regular file by its kind, of which the first page is nobody's to read.
    with pytest.raises(CommandError, match="/proc/self/mem cannot be read: Input/output error"):
        load(Path("/proc/self/mem"))


# Killed, and as a process

KILLED = """
import os, signal, sys
from pathlib import Path
import django
django.setup()
from chat.discord.importing import import_export
read = 0
def kill_in_the_middle(count):
    global read
    read += count
    if read > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
import_export(path=Path(sys.argv[1]), on_progress=kill_in_the_middle)
"""


def test_killed_in_the_middle_and_run_again_is_whole(
    tmp_path: Path, manage: Manage, migrated_database: ScratchDatabase
) -> None:
    environ = migrated_database.environ
    path = write_many(tmp_path / "a.json", 14_000)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(path.stat().st_size - (2 << 20))],
        env={**environ, "DJANGO_SETTINGS_MODULE": "melo.settings"},
        cwd=ROOT,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert count_messages(manage, environ) == "0 0"
    assert manage("check_integrity", "-v0", env=environ).returncode == 0

    assert manage("import_discord", str(path), env=environ).returncode == 0
    assert count_messages(manage, environ) == "14000 14000"


def count_messages(manage: Manage, environ: Any) -> str:
    run = manage(
        *("shell", "-v0", "-c"),
        "from chat.models import *; from django.db.models import Sum; "
        "print(Message.objects.count(),"
        " ChannelCounter.objects.aggregate(n=Sum('last_seq', default=0))['n'])",
        env=environ,
    )
    return run.stdout.strip()


def test_pipe_gets_the_report_alone(
    tmp_path: Path, manage_process: Manage, migrated_database: ScratchDatabase
) -> None:
    path = write(tmp_path / "a.json", export(message(1)))

    run = manage_process("import_discord", str(path), env=migrated_database.environ)

    assert run.stderr == ""
    assert len(run.stdout.splitlines()) == 1
    assert os.linesep.join(run.stdout.splitlines()).startswith(f"{path}: 1 messages into #pier-7")
