"""Nothing new belongs to an erased user, even what was under way when the erasure came."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from chat.db.ids import direct_pair_id
from chat.models import User
from tests.chat.conftest import Connect, StartAndWait
from tests.chat.sql import SEND, by_check, by_foreign_key, execute, refused, rows
from tests.chat.test_erasure import erase_leaving
from tests.factories import (
    FAR_AWAY,
    ChannelFactory,
    ChannelPermissionFactory,
    DirectConversationFactory,
    InviteCodeFactory,
    InviteFactory,
    MessageAttachmentFactory,
    MessageFactory,
    ParticipantFactory,
    ServerFactory,
    ServerMemberFactory,
    UserFactory,
    UserPreferencesFactory,
    UserSessionFactory,
    admitted,
    somebody_in,
)

pytestmark = pytest.mark.django_db


def message(ghost: User) -> tuple[str, tuple[Any, ...]]:
    channel = ChannelFactory.create()
    admitted(ghost, channel)
    return SEND, (channel.space_id, channel.id, ghost.id)


def direct_message(ghost: User) -> tuple[str, tuple[Any, ...]]:
    pair = DirectConversationFactory.create(pair_low=ghost)
    return SEND, (pair.id, pair.id, ghost.id)


def pinned_message(ghost: User) -> tuple[str, tuple[Any, ...]]:
    channel = ChannelFactory.create()
    statement = (
        "INSERT INTO messages (space_id, channel_id, author_id, pinned_at, pinned_by_id) "
        "VALUES (%s, %s, %s, now(), %s)"
    )
    return statement, (channel.space_id, channel.id, channel.server.owner_id, ghost.id)


def pin(ghost: User) -> tuple[str, tuple[Any, ...]]:
    statement = "UPDATE messages SET pinned_at = now(), pinned_by_id = %s WHERE id = %s"
    return statement, (ghost.id, MessageFactory.create().id)


def deletion(ghost: User) -> tuple[str, tuple[Any, ...]]:
    statement = "UPDATE messages SET deleted_at = now(), deleted_by_id = %s WHERE id = %s"
    return statement, (ghost.id, MessageFactory.create().id)


def edit(ghost: User) -> tuple[str, tuple[Any, ...]]:
    execute(f"SET LOCAL chat.actor = '{ghost.id}'")
    return "UPDATE messages SET content = 'avast' WHERE id = %s", (MessageFactory.create().id,)


def reaction(ghost: User) -> tuple[str, tuple[Any, ...]]:
    post = MessageFactory.create()
    admitted(ghost, post.channel)
    statement = (
        "INSERT INTO reactions (space_id, message_id, user_id, emoji) VALUES (%s, %s, %s, '⚓')"
    )
    return statement, (post.space_id, post.id, ghost.id)


def mention(ghost: User) -> tuple[str, tuple[Any, ...]]:
    post = MessageFactory.create()
    statement = "INSERT INTO mentions (space_id, channel_id, seq, user_id) VALUES (%s, %s, 1, %s)"
    return statement, (post.space_id, post.channel_id, ghost.id)


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


def server(ghost: User) -> tuple[str, tuple[Any, ...]]:
    statement = (
        "INSERT INTO servers (id, space_id, name, owner_id) "
        "SELECT new, new, 'Harbour', %s FROM uuidv7() AS new"
    )
    return statement, (ghost.id,)


def membership(ghost: User) -> tuple[str, tuple[Any, ...]]:
    statement = "INSERT INTO server_members (space_id, user_id) VALUES (%s, %s)"
    return statement, (ServerFactory.create().id, ghost.id)


def mark(ghost: User) -> tuple[str, tuple[Any, ...]]:
    channel = ChannelFactory.create()
    ServerMemberFactory.create(server=channel.server, user=ghost)
    statement = "INSERT INTO read_states (space_id, user_id, channel_id) VALUES (%s, %s, %s)"
    return statement, (channel.space_id, ghost.id, channel.id)


def overwrite(ghost: User) -> tuple[str, tuple[Any, ...]]:
    channel = ChannelFactory.create()
    statement = (
        "INSERT INTO channel_permissions (space_id, channel_id, user_id) VALUES (%s, %s, %s)"
    )
    return statement, (channel.space_id, channel.id, ghost.id)


def invite(ghost: User) -> tuple[str, tuple[Any, ...]]:
    code = InviteCodeFactory.create(space_id=ServerFactory.create().id)
    statement = "INSERT INTO invites (space_id, code, creator_id) VALUES (%s, %s, %s)"
    return statement, (code.space_id, code.code, ghost.id)


def ban(ghost: User) -> tuple[str, tuple[Any, ...]]:
    statement = "INSERT INTO bans (space_id, user_id) VALUES (%s, %s)"
    return statement, (ServerFactory.create().id, ghost.id)


def log(ghost: User) -> tuple[str, tuple[Any, ...]]:
    statement = "INSERT INTO audit_log (space_id, actor_id, action) VALUES (%s, %s, 'role.update')"
    return statement, (ServerFactory.create().id, ghost.id)


def look(ghost: User) -> tuple[str, tuple[Any, ...]]:
    return "INSERT INTO admin_access_log (actor_id, action) VALUES (%s, 'look')", (ghost.id,)


def pair(ghost: User) -> tuple[str, tuple[Any, ...]]:
    own = direct_pair_id(ghost.id, ghost.id)
    statement = (
        "INSERT INTO channels (id, space_id, kind, name, pair_low_id, pair_high_id) "
        "VALUES (%s, %s, 'pair', '', %s, %s)"
    )
    return statement, (own, own, ghost.id, ghost.id)


def group(ghost: User) -> tuple[str, tuple[Any, ...]]:
    statement = "UPDATE channels SET owner_id = %s WHERE id = %s"
    return statement, (ghost.id, DirectConversationFactory.create(group=True).id)


def participation(ghost: User) -> tuple[str, tuple[Any, ...]]:
    statement = "INSERT INTO participants (space_id, user_id) VALUES (%s, %s)"
    return statement, (DirectConversationFactory.create(group=True).id, ghost.id)


def given(factory: Any, column: str) -> Callable[[User], tuple[str, tuple[Any, ...]]]:
    """Return what gives the row of another to a user."""

    def change(ghost: User) -> tuple[str, tuple[Any, ...]]:
        factory()
        return f"UPDATE {factory._meta.model._meta.db_table} SET {column} = %s", (ghost.id,)

    return change


def upload(ghost: User) -> tuple[str, tuple[Any, ...]]:
    MessageAttachmentFactory.create(message=None, space_id=ServerFactory.create().id)
    return "UPDATE message_attachments SET uploader_id = %s", (ghost.id,)


def return_to_a_group(ghost: User) -> tuple[str, tuple[Any, ...]]:
    ParticipantFactory.create(user=ghost)
    execute("UPDATE participants SET left_at = now() WHERE user_id = %s", ghost.id)
    return "UPDATE participants SET left_at = NULL WHERE user_id = %s", (ghost.id,)


@pytest.mark.parametrize(
    ("written", "constraint"),
    [
        (message, "messages_not_erased"),
        (direct_message, "messages_not_erased"),
        (pinned_message, "messages_state_not_erased"),
        (pin, "messages_pin_not_erased"),
        (deletion, "messages_deletion_not_erased"),
        (edit, "message_revisions_not_erased"),
        (reaction, "reactions_not_erased"),
        (mention, "mentions_not_erased"),
        (attachment, "message_attachments_not_erased"),
        (session, "user_sessions_not_erased"),
        (preferences, "user_preferences_not_erased"),
        (server, "server_members_not_erased"),
        (membership, "server_members_not_erased"),
        (overwrite, "channel_permissions_not_erased"),
        (invite, "invites_not_erased"),
        (ban, "bans_not_erased"),
        (log, "audit_log_not_erased"),
        (look, "admin_access_log_not_erased"),
        (pair, "channels_not_erased"),
        (group, "channels_not_erased"),
        (participation, "participants_not_erased"),
        (return_to_a_group, "participants_change_not_erased"),
        (
            given(ChannelPermissionFactory, "role_id = NULL, user_id"),
            "channel_permissions_change_not_erased",
        ),
        (given(InviteFactory, "creator_id"), "invites_change_not_erased"),
        (upload, "message_attachments_change_not_erased"),
        (given(UserPreferencesFactory, "user_id"), "user_preferences_change_not_erased"),
        (given(UserSessionFactory, "user_id"), "user_sessions_change_not_erased"),
    ],
)
def test_nothing_new_belongs_to_an_erased_user(
    written: Callable[[User], tuple[str, tuple[Any, ...]]], constraint: str
) -> None:
    ghost = UserFactory.create()
    statement, params = written(ghost)
    execute(erase_leaving({}), ghost.id)

    assert refused(statement, *params) == by_check(constraint)


def test_erased_user_has_no_new_mark() -> None:
    ghost = UserFactory.create()
    statement, params = mark(ghost)
    execute(erase_leaving({}), ghost.id)

    assert refused(statement, *params) == by_foreign_key("read_states_reader")


@pytest.mark.parametrize("imported", [False, True])
def test_one_erased_author_among_many_rows_is_seen(imported: bool) -> None:
    channel = ChannelFactory.create()
    author, ghost = somebody_in(channel), somebody_in(channel)
    execute(erase_leaving({}), ghost.id)
    execute(f"SET LOCAL chat.import = '{'on' if imported else 'off'}'")

    refusal = refused(
        "INSERT INTO messages (space_id, channel_id, author_id, seq) "
        "SELECT %s, %s, author, place FROM unnest(%s::uuid[]) WITH ORDINALITY AS given "
        "(author, place)",
        channel.space_id,
        channel.id,
        [author.id, author.id, ghost.id, author.id],
    )

    assert refusal == by_check("messages_not_erased")


@pytest.mark.parametrize("direct", [False, True])
def test_what_was_there_stays_and_can_be_emptied(direct: bool) -> None:
    file = MessageAttachmentFactory.create(direct=direct)
    post = file.message
    execute(erase_leaving({}), post.author_id)
    execute("SET LOCAL chat.purge = 'on'")

    assert execute("UPDATE messages SET content = '' WHERE id = %s", post.id) == 1
    assert execute("DELETE FROM message_attachments WHERE id = %s", file.id) == 1


@pytest.mark.parametrize("rules_left_broken", [frozenset({"nothing_of_an_erased_user"})])
def test_send_that_waited_while_its_author_was_erased_is_refused(
    connect: Connect, start_and_wait: StartAndWait
) -> None:
    channel = ChannelFactory.create()
    author, other = somebody_in(channel), somebody_in(channel)
    ahead, sender = connect(), connect()
    ahead.execute(SEND, [channel.space_id, channel.id, other.id])
    # Waits for its number, having looked at everything that a statement looks at before.
    sending = start_and_wait(sender, ahead, SEND, channel.space_id, channel.id, author.id)

    execute(erase_leaving({}), author.id)
    ahead.commit()

    with pytest.raises(psycopg.errors.CheckViolation, match="is erased"):
        sending.result(timeout=60)
    sender.rollback()
    assert rows("SELECT author_id FROM messages") == [(other.id,)]
