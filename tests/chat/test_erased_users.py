"""Nothing new belongs to an erased user, even what was under way when the erasure came."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.chat.sql import by_check, execute, refused, rows
from tests.chat.test_erasure import erase_leaving
from tests.factories import (
    FAR_AWAY,
    ChannelFactory,
    DirectConversationFactory,
    DirectMessageFactory,
    MessageAttachmentFactory,
    MessageFactory,
    ServerFactory,
    UserFactory,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from chat.models import User
    from tests.chat.conftest import Connect, StartAndWait

pytestmark = pytest.mark.django_db

SEND = (
    "INSERT INTO messages (server_id, channel_id, author_id, content) VALUES (%s, %s, %s, 'ahoy')"
)

DIRECT_SEND = (
    "INSERT INTO direct_messages (conversation_id, author_id, content) VALUES (%s, %s, 'ahoy')"
)


def message(ghost: User) -> tuple[str, tuple[Any, ...]]:
    channel = ChannelFactory.create()
    return SEND, (channel.server_id, channel.id, ghost.id)


def direct_message(ghost: User) -> tuple[str, tuple[Any, ...]]:
    statement = "INSERT INTO direct_messages (conversation_id, author_id) VALUES (%s, %s)"
    return statement, (DirectConversationFactory.create(pair_low=ghost).id, ghost.id)


def attachment(ghost: User) -> tuple[str, tuple[Any, ...]]:
    statement = (
        "INSERT INTO message_attachments "
        "(space_id, uploader_id, filename, content_type, size_bytes, sha256, storage_key) "
        "VALUES (%s, %s, 'a.png', 'image/png', 1, %s, 'files/1')"
    )
    return statement, (ServerFactory.create().id, ghost.id, sha256(b"a").digest())


def session(ghost: User) -> tuple[str, tuple[Any, ...]]:
    statement = "INSERT INTO user_sessions (user_id, token_hash, expires_at) VALUES (%s, %s, %s)"
    return statement, (ghost.id, sha256(b"a").digest(), FAR_AWAY)


def preferences(ghost: User) -> tuple[str, tuple[Any, ...]]:
    return "INSERT INTO user_preferences (user_id) VALUES (%s)", (ghost.id,)


def membership(ghost: User) -> tuple[str, tuple[Any, ...]]:
    statement = "INSERT INTO server_members (server_id, user_id) VALUES (%s, %s)"
    return statement, (ServerFactory.create().id, ghost.id)


def participation(ghost: User) -> tuple[str, tuple[Any, ...]]:
    group = DirectConversationFactory.create(group=True)
    statement = "INSERT INTO direct_participants (conversation_id, user_id) VALUES (%s, %s)"
    return statement, (group.id, ghost.id)


@pytest.mark.parametrize(
    ("written", "constraint"),
    [
        (message, "messages_author_not_erased"),
        (direct_message, "direct_messages_author_not_erased"),
        (attachment, "message_attachments_uploader_not_erased"),
        (session, "user_sessions_user_not_erased"),
        (preferences, "user_preferences_user_not_erased"),
        (membership, "server_members_user_not_erased"),
        (participation, "direct_participants_user_not_erased"),
    ],
)
def test_nothing_new_belongs_to_an_erased_user(
    written: Callable[[User], tuple[str, tuple[Any, ...]]], constraint: str
) -> None:
    ghost = UserFactory.create()
    statement, params = written(ghost)
    execute(erase_leaving({}), ghost.id)

    assert refused(statement, *params) == by_check(constraint)


def test_one_erased_author_among_many_rows_is_seen() -> None:
    channel, author, ghost = ChannelFactory.create(), UserFactory.create(), UserFactory.create()
    execute(erase_leaving({}), ghost.id)

    refusal = refused(
        "INSERT INTO messages (server_id, channel_id, author_id, content) "
        "SELECT %s, %s, author, 'ahoy' FROM unnest(%s::uuid[]) AS author",
        channel.server_id,
        channel.id,
        [author.id, author.id, ghost.id, author.id],
    )

    assert refusal == by_check("messages_author_not_erased")


def test_part_of_a_table_on_a_cluster_does_not_ask() -> None:
    ghost = UserFactory.create()
    execute(erase_leaving({}), ghost.id)

    execute("ALTER TABLE user_preferences RENAME TO user_preferences_102008")

    assert execute("INSERT INTO user_preferences_102008 (user_id) VALUES (%s)", ghost.id) == 1


def test_what_was_there_stays_and_can_be_emptied() -> None:
    post, direct = MessageFactory.create(), DirectMessageFactory.create()
    file = MessageAttachmentFactory.create(message=post, uploader=post.author)
    for author in (post.author, direct.author):
        execute(erase_leaving({}), author.id)

    assert execute("UPDATE messages SET content = '' WHERE id = %s", post.id) == 1
    assert execute("UPDATE direct_messages SET content = '' WHERE id = %s", direct.id) == 1
    assert execute("DELETE FROM message_attachments WHERE id = %s", file.id) == 1


def test_send_that_waited_while_its_author_was_erased_is_refused(
    connect: Connect, start_and_wait: StartAndWait
) -> None:
    channel, author, other = ChannelFactory.create(), UserFactory.create(), UserFactory.create()
    ahead, sender = connect(), connect()
    ahead.execute(SEND, [channel.server_id, channel.id, other.id])
    # Waits for its number, having looked at everything that a statement looks at before.
    sending = start_and_wait(sender, ahead, SEND, channel.server_id, channel.id, author.id)

    execute(erase_leaving({}), author.id)
    ahead.commit()

    with pytest.raises(psycopg.errors.CheckViolation, match="is erased and writes nothing"):
        sending.result(timeout=60)
    sender.rollback()
    assert rows("SELECT author_id FROM messages") == [(other.id,)]


def test_erasure_waits_for_a_send_that_came_before(
    connect: Connect, start_and_wait: StartAndWait
) -> None:
    channel, author = ChannelFactory.create(), UserFactory.create()
    sender, eraser = connect(), connect()
    sender.execute(SEND, [channel.server_id, channel.id, author.id])

    erasing = start_and_wait(eraser, sender, erase_leaving({}), author.id)
    sender.commit()

    assert erasing.result(timeout=60).rowcount == 1
    # What the erasure asks for next finds the message.
    found = eraser.execute("SELECT content FROM messages WHERE author_id = %s", [author.id])
    assert found.fetchall() == [("ahoy",)]
    eraser.commit()


def test_direct_send_waits_for_an_erasure_that_came_before(
    connect: Connect, start_and_wait: StartAndWait
) -> None:
    conversation = DirectConversationFactory.create()
    author = conversation.pair_low
    eraser, sender = connect(), connect()
    eraser.execute(erase_leaving({}), [author.id])

    sending = start_and_wait(sender, eraser, DIRECT_SEND, conversation.id, author.id)
    eraser.commit()

    with pytest.raises(psycopg.errors.CheckViolation, match="is erased and writes nothing"):
        sending.result(timeout=60)
    sender.rollback()
    assert rows("SELECT author_id FROM direct_messages") == []


def test_erasure_waits_for_a_direct_send_that_came_before(
    connect: Connect, start_and_wait: StartAndWait
) -> None:
    conversation = DirectConversationFactory.create()
    author = conversation.pair_low
    sender, eraser = connect(), connect()
    sender.execute(DIRECT_SEND, [conversation.id, author.id])

    erasing = start_and_wait(eraser, sender, erase_leaving({}), author.id)
    sender.commit()

    assert erasing.result(timeout=60).rowcount == 1
    found = eraser.execute("SELECT content FROM direct_messages WHERE author_id = %s", [author.id])
    assert found.fetchall() == [("ahoy",)]
    eraser.commit()
