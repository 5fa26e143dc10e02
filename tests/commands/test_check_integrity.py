"""check_integrity finds each row that a trigger would have refused, and says by which rule."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from chat.db.ids import uuid7
from chat.db.integrity import check_rules, rules
from chat.services.users import erase_user
from tests.chat.sql import execute, value
from tests.chat.test_database_roles import acting_as, roles
from tests.commands.test_seed_demo import seed
from tests.concurrency.connections import connect
from tests.conftest import Manage
from tests.factories import (
    BanFactory,
    ChannelFactory,
    DirectConversationFactory,
    MessageFactory,
    ReactionFactory,
    ReadStateFactory,
    RoleFactory,
    ServerFactory,
    UserFactory,
    UserSessionFactory,
    as_superuser,
)

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
MANY = """
    INSERT INTO channels (space_id, server_id, kind, name, position, parent_id)
    SELECT %s, %s, %s, 'c', n, %s FROM generate_series(1, %s) AS n
"""


def broken(space: UUID | None = None) -> dict[str, int]:
    """Return how many rows break each rule that is broken."""
    found = list(check_rules(using="default", timeout=MINUTE, space=space))
    assert [finding.error for finding in found if finding.error] == []
    return {finding.rule.name: finding.count for finding in found if finding.count}


def past_the_triggers(statement: str, *params: Any) -> None:
    with as_superuser():
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        execute("SET CONSTRAINTS ALL DEFERRED")
        execute("SET LOCAL session_replication_role = replica")
        assert execute(statement, *params)
        execute("SET LOCAL session_replication_role = origin")


def no_counter() -> Any:
    channel = ChannelFactory.create()
    past_the_triggers("DELETE FROM channel_counters WHERE channel_id = %s", channel.id)
    return channel.space_id


def a_gap() -> Any:
    channel = ChannelFactory.create()
    second = [MessageFactory.create(channel=channel) for _ in range(3)][1]
    past_the_triggers("DELETE FROM messages WHERE id = %s", second.id)
    return channel.space_id


def an_older_newest_moment() -> Any:
    message = MessageFactory.create()
    past_the_triggers(
        "UPDATE channel_counters SET last_message_at = '2001-01-01Z' WHERE channel_id = %s",
        message.channel_id,
    )
    return message.space_id


def closed_by_hand() -> Any:
    channel = ChannelFactory.create()
    past_the_triggers("UPDATE channel_counters SET closed = true WHERE channel_id = %s", channel.id)
    return channel.space_id


def messages_in_a_category() -> Any:
    message = MessageFactory.create()
    past_the_triggers(
        "UPDATE channel_counters SET closed = true WHERE channel_id = %s", message.channel_id
    )
    past_the_triggers("UPDATE channels SET kind = 'category' WHERE id = %s", message.channel_id)
    return message.space_id


def conversation_of_a_server() -> Any:
    server = ChannelFactory.create().space_id
    past_the_triggers(
        "INSERT INTO channels (id, space_id, kind, name, owner_id)"
        " SELECT id, id, 'group', 'g', owner_id FROM servers WHERE id = %s",
        server,
    )
    past_the_triggers(
        "INSERT INTO channel_counters (space_id, channel_id) VALUES (%s, %s)", server, server
    )
    past_the_triggers(
        "INSERT INTO participants (space_id, user_id) SELECT id, owner_id FROM servers"
        " WHERE id = %s",
        server,
    )
    return server


def range_past_the_newest() -> Any:
    message = MessageFactory.create()
    past_the_triggers(
        "INSERT INTO read_ranges (space_id, channel_id, first_seq, last_seq, reason)"
        " VALUES (%s, %s, 1, 5, 'import')",
        message.space_id,
        message.channel_id,
    )
    return message.space_id


def edit_without_a_trace() -> Any:
    message = MessageFactory.create()
    past_the_triggers(
        "UPDATE messages SET content = 'b', version = 2, edited_at = now() WHERE id = %s",
        message.id,
    )
    return message.space_id


def banned_member() -> Any:
    ban = BanFactory.create()
    past_the_triggers(
        "INSERT INTO server_members (space_id, user_id) VALUES (%s, %s)", ban.server_id, ban.user_id
    )
    return ban.server_id


def mark_past_the_newest() -> Any:
    mark = ReadStateFactory.create()
    past_the_triggers("UPDATE read_states SET last_read_seq = 9 WHERE id = %s", mark.id)
    return mark.space_id


def mark_of_a_stranger() -> Any:
    mark = ReadStateFactory.create()
    past_the_triggers(
        "UPDATE read_states SET user_id = %s WHERE id = %s", UserFactory.create().id, mark.id
    )
    return mark.space_id


def third_in_a_pair() -> Any:
    pair = DirectConversationFactory.create()
    past_the_triggers(
        "INSERT INTO participants (space_id, user_id) VALUES (%s, %s)",
        pair.id,
        UserFactory.create().id,
    )
    return pair.id


def stranger_in_a_conversation() -> Any:
    pair = DirectConversationFactory.create()
    message = MessageFactory.create(channel=pair)
    past_the_triggers(
        "UPDATE messages SET author_id = %s WHERE id = %s", UserFactory.create().id, message.id
    )
    return pair.id


def erased_member() -> Any:
    server, user = ServerFactory.create(), UserFactory.create()
    erase_user(actor=user, user=user)
    past_the_triggers(
        "INSERT INTO server_members (space_id, user_id) VALUES (%s, %s)", server.id, user.id
    )
    return server.id


def two_roles_at_a_position() -> Any:
    role = RoleFactory.create()
    RoleFactory.create(server=role.server, position=role.position + 1)
    past_the_triggers("UPDATE roles SET position = %s", role.position)
    return role.server_id


def many_channels() -> Any:
    space = ChannelFactory.create().space_id
    past_the_triggers(MANY, space, space, "text", None, 500)
    past_the_triggers(
        "INSERT INTO channel_counters (space_id, channel_id)"
        " SELECT space_id, id FROM channels WHERE name = 'c'"
    )
    return space


def many_threads() -> Any:
    channel = ChannelFactory.create()
    past_the_triggers(MANY, channel.space_id, channel.space_id, "thread", channel.id, 1001)
    past_the_triggers(
        "INSERT INTO channel_counters (space_id, channel_id)"
        " SELECT space_id, id FROM channels WHERE name = 'c'"
    )
    return channel.space_id


def many_pins() -> Any:
    message = MessageFactory.create()
    execute(
        "INSERT INTO messages (space_id, channel_id, author_id, content)"
        " SELECT space_id, channel_id, author_id, 'a' FROM messages, generate_series(1, 250)"
        " WHERE id = %s",
        message.id,
    )
    past_the_triggers(
        "UPDATE messages SET pinned_at = now(), pinned_by_id = author_id WHERE channel_id = %s",
        message.channel_id,
    )
    return message.space_id


def many_emoji() -> Any:
    reaction = ReactionFactory.create()
    past_the_triggers(
        "INSERT INTO reactions (space_id, message_id, user_id, emoji)"
        " SELECT space_id, message_id, user_id, ':name_' || n || ':'"
        " FROM reactions, generate_series(1, 20) AS n WHERE id = %s",
        reaction.id,
    )
    return reaction.space_id


def no_emoji() -> Any:
    reaction = ReactionFactory.create()
    past_the_triggers("UPDATE reactions SET emoji = '❤' WHERE id = %s", reaction.id)
    return reaction.space_id


def many_people() -> Any:
    group = DirectConversationFactory.create(group=True)
    for _ in range(10):
        past_the_triggers(
            "INSERT INTO participants (space_id, user_id) VALUES (%s, %s)",
            group.id,
            UserFactory.create().id,
        )
    return group.id


BREAKS = {
    "channel_has_counter": no_counter,
    "numbers_have_no_gap": a_gap,
    "newest_moment_is_known": an_older_newest_moment,
    "closed_as_it_should_be": closed_by_hand,
    "category_is_empty": messages_in_a_category,
    "space_is_a_server_or_a_conversation": conversation_of_a_server,
    "ranges_are_within_the_channel": range_past_the_newest,
    "message_has_its_earlier_versions": edit_without_a_trace,
    "member_is_not_banned": banned_member,
    "read_mark_is_not_past_the_newest": mark_past_the_newest,
    "read_mark_is_of_who_is_there": mark_of_a_stranger,
    "pair_is_of_its_two": third_in_a_pair,
    "no_stranger_in_a_conversation": stranger_in_a_conversation,
    "nothing_of_an_erased_user": erased_member,
    "one_role_at_a_position": two_roles_at_a_position,
    "channel_limit": many_channels,
    "thread_limit": many_threads,
    "pin_limit": many_pins,
    "emoji_limit": many_emoji,
    "emoji_form": no_emoji,
    "group_limit": many_people,
}


@pytest.mark.parametrize("name", [rule.name for rule in rules()])
def test_what_breaks_a_rule_is_found_by_its_name_and_in_its_space(name: str) -> None:
    elsewhere = MessageFactory.create().space_id
    space = BREAKS[name]()

    assert broken() == {name: 1}
    assert broken(space) == {name: 1}
    assert broken(elsewhere) == {}


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("users", {"messages_author_fk": 1, "server_members_user_fk": 1}),
        ("servers", {"channels_server_fk": 1, "server_members_server_fk": 3}),
        ("channels", {"channel_counters_channel_fk": 1}),
        ("messages", {"numbers_have_no_gap": 1, "reactions_message_fk": 1}),
    ],
)
def test_what_names_a_row_that_is_gone_is_found_by_its_key(
    table: str, found: dict[str, int]
) -> None:
    elsewhere = MessageFactory.create().space_id
    message = ReactionFactory.create().message
    ids = [message.author_id, message.space_id, message.channel_id, message.id]
    past_the_triggers(f"DELETE FROM {table} WHERE id = ANY (%s)", ids)

    assert broken() == found
    assert broken(message.space_id) == found
    assert broken(elsewhere) == {}


def test_a_key_of_a_table_without_a_space_is_not_asked_in_one() -> None:
    session = UserSessionFactory.create()
    past_the_triggers("UPDATE user_sessions SET user_id = %s WHERE id = %s", uuid7(), session.id)

    assert broken() == {"user_sessions_user_fk": 1}
    assert broken(MessageFactory.create().space_id) == {}


def test_a_key_is_named_with_what_it_leads_to(capsys: pytest.CaptureFixture[str]) -> None:
    message = MessageFactory.create()
    past_the_triggers("DELETE FROM users WHERE id = %s", message.author_id)

    with pytest.raises(CommandError, match="2 rules are broken"):
        call_command("check_integrity")

    printed = capsys.readouterr().out
    assert "messages_author_fk: 1 rows. What messages names by author_id is in users." in printed
    assert f"id {message.id}, space_id {message.space_id}, author_id {message.author_id}" in printed


@pytest.mark.parametrize("left", ["bans", "message_revisions"])
def test_what_is_left_of_an_erased_user_is_found(left: str) -> None:
    message = MessageFactory.create()
    erased = message.author
    erase_user(actor=erased, user=erased)
    if left == "bans":
        past_the_triggers(
            "INSERT INTO bans (space_id, user_id) VALUES (%s, %s)", message.space_id, erased.id
        )
    else:
        past_the_triggers(
            "INSERT INTO message_revisions (space_id, message_id, version, content, editor_id)"
            " VALUES (%s, %s, 1, 'what I said', %s)",
            message.space_id,
            message.id,
            erased.id,
        )

    assert broken() == {"nothing_of_an_erased_user": 1}


@pytest.mark.django_db(transaction=True)
def test_a_community_that_is_as_it_should_be_breaks_no_rule() -> None:
    seed(messages=3000)

    assert broken() == {}


def test_what_was_purged_is_no_gap() -> None:
    channel = ChannelFactory.create()
    sent = [MessageFactory.create(channel=channel) for _ in range(5)]
    with as_superuser():
        execute("SET LOCAL chat.purge = 'on'")
        execute("DELETE FROM messages WHERE id = ANY (%s)", [sent[0].id, sent[2].id, sent[4].id])

    assert broken() == {}


def test_what_is_found_is_printed_by_ids_and_ends_with_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    space = many_people()

    with pytest.raises(CommandError, match="1 rules are broken, 0 could not be checked") as ended:
        call_command("check_integrity")

    assert ended.value.returncode == 1
    printed = capsys.readouterr().out
    assert "ok  numbers_have_no_gap" in printed
    assert "broken  group_limit: 1 rows. A group has no more people than it may have." in printed
    assert f"space_id {space}, people 11" in printed


def test_what_was_said_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    message = MessageFactory.create(content="a secret")
    past_the_triggers("UPDATE messages SET version = 2 WHERE id = %s", message.id)

    with pytest.raises(CommandError):
        call_command("check_integrity")

    printed = capsys.readouterr().out
    assert str(message.id) in printed
    assert "secret" not in printed


def test_a_rule_that_takes_too_long_is_not_checked_and_the_others_are() -> None:
    with connect() as other, other.transaction():
        other.execute("LOCK TABLE bans IN ACCESS EXCLUSIVE MODE")
        found = list(check_rules(using="default", timeout=timedelta(milliseconds=100)))

    late = [finding for finding in found if finding.error]
    assert [finding.rule.name for finding in late] == [
        "member_is_not_banned",
        "nothing_of_an_erased_user",
        "bans_actor_fk",
        "bans_server_fk",
        "bans_user_fk",
    ]
    assert all("canceling statement due to statement timeout" in each.error for each in late)
    assert value("SHOW statement_timeout") == "0"
    assert value("SHOW transaction_read_only") == "off"


def test_shortest_time_is_not_for_ever() -> None:
    # Where it were, the rule would end for another reason.
    execute("SET lock_timeout = '3s'")
    with connect() as other, other.transaction():
        other.execute("LOCK TABLE bans IN ACCESS EXCLUSIVE MODE")
        # No further, since a rollback that takes longer than that breaks the transaction.
        late = next(
            finding
            for finding in check_rules(using="default", timeout=timedelta(microseconds=100))
            if finding.rule.name == "member_is_not_banned"
        )
    execute("RESET lock_timeout")

    assert "canceling statement due to statement timeout" in late.error


@pytest.mark.one_machine("the roles are given their rights before the tables are spread")
def test_rules_that_a_role_may_not_check_are_named_with_who_may(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with (
        acting_as(roles().readonly),
        pytest.raises(
            CommandError, match="where permission was denied, be the tables' owner"
        ) as ended,
    ):
        call_command("check_integrity")

    assert ended.value.returncode == 1
    assert "not checked  emoji_limit: permission denied" in capsys.readouterr().out


def test_a_space_that_is_not_there_is_a_wrong_call() -> None:
    unknown = uuid7()

    with pytest.raises(CommandError, match=f"no server or conversation {unknown}") as ended:
        call_command("check_integrity", space=unknown)

    assert ended.value.returncode == 64


def test_a_process_ends_with_its_code(manage_process: Manage) -> None:
    wrong = manage_process("check_integrity", "--space", "harbour")

    assert wrong.returncode == 64
    assert "'harbour' is not the id of a server or a conversation" in wrong.stderr
