"""Who writes something of somebody while they are erased: it goes with them, or is refused."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from threading import Event
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from psycopg import ClientCursor

from chat.db.ids import direct_pair_id, uuid7
from chat.errors import ChatError, NotVisible
from chat.models import AuditLogEntry, Ban, Channel, Message, Role, Server, User
from chat.rules.permissions import Permission
from chat.services.channels import clear_overwrite, set_overwrite
from chat.services.core.erasure import what_is_left
from chat.services.core.use_case import constraint_of
from chat.services.invites import create_invite, revoke_invite
from chat.services.members import (
    ban_user,
    clear_timeout,
    kick_member,
    set_nickname,
    set_timeout,
    unban_user,
)
from chat.services.roles import grant_role, revoke_role
from chat.services.servers import transfer_ownership, update_server
from chat.services.users import Erasure, erase_user
from tests.chat.sql import value
from tests.factories import (
    FAR_AWAY,
    BanFactory,
    ChannelPermissionFactory,
    DirectConversationFactory,
    InviteFactory,
    MessageFactory,
    ParticipantFactory,
    UserFactory,
)
from tests.services.communities import new_member, new_role, new_server, tomorrow
from tests.services.together import lock_waits

pytestmark = pytest.mark.django_db(transaction=True)

_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Scene:
    """Jack and another, in a server and in a group; and a server and a group without Jack."""

    jack: User
    other: User
    server: Server
    # One that Jack has not, and one that Jack has.
    role: Role
    rank: Role
    channel: Channel
    message: Message
    group: Channel
    elsewhere: Server
    other_group: Channel

    @property
    def words(self) -> dict[str, Any]:
        """What the statements below name."""
        return {
            "jack": str(self.jack.pk),
            "other": self.other.pk,
            "server": self.server.pk,
            "role": self.role.pk,
            "channel": self.channel.pk,
            "message": self.message.pk,
            "group": self.group.pk,
            "elsewhere": self.elsewhere.pk,
            "other_group": self.other_group.pk,
            "new": uuid7(),
            "code": f"inn-{self.server.pk.hex[-12:]}",
            "pair": direct_pair_id(self.jack.pk, self.other.pk),
            "sha256": sha256(b"a").digest(),
            "far_away": FAR_AWAY,
        }


def make_scene() -> Scene:
    other, server = UserFactory.create(), new_server()
    channel = server.channels.get()
    group = DirectConversationFactory.create(group=True, owner=other)
    rank = new_role(server, Permission.MANAGE_GUILD | Permission.BAN_MEMBERS)
    jack = new_member(server, rank)
    ParticipantFactory.create(channel=group, user=jack)
    return Scene(
        jack=jack,
        other=other,
        server=server,
        role=new_role(server),
        rank=rank,
        channel=channel,
        message=MessageFactory.create(channel=channel, author=other),
        group=group,
        elsewhere=new_server(),
        other_group=DirectConversationFactory.create(group=True),
    )


def meet(first: Callable[[], object], second: Callable[[], object]) -> tuple[object, object]:
    """Run `first` in a transaction that ends when `second` waits for it; return what came of both.

    Fails when `second` does not wait.
    """
    pids: list[int] = []
    begun, waited = Event(), Event()

    def hold() -> object:
        try:
            with transaction.atomic():
                result = first()
                begun.set()
                assert waited.wait(_SECONDS)
            return result
        finally:
            begun.set()
            connection.close()

    def follow() -> object:
        try:
            pids.append(value("SELECT pg_backend_pid()"))
            return second()
        except (ChatError, IntegrityError) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(hold)
        assert begun.wait(_SECONDS)
        following = pool.submit(follow)
        while not following.done() and not (pids and pids[0] in dict(lock_waits())):
            time.sleep(0.002)
        has_waited = not following.done()
        waited.set()
        results = (holding.result(_SECONDS), following.result(_SECONDS))
    assert has_waited, results
    return results


def erasing(user: User) -> Callable[[], object]:
    return partial(erase_user, actor=user, user=user, delete_owned_servers=True)


# Statements --------------------------------------------------------------------------------------

# By the column that names Jack: the rule that refuses the statement after an erasure.
WRITES = {
    "admin_access_log.actor_id": (
        "admin_access_log_not_erased",
        "INSERT INTO admin_access_log (actor_id, action) VALUES (%(jack)s, 'message.read')",
    ),
    "audit_log.actor_id": (
        "audit_log_not_erased",
        """
        INSERT INTO audit_log (space_id, actor_id, action, reason)
        VALUES (%(server)s, %(jack)s, 'role.update', 'I say so.')
        """,
    ),
    "bans.actor_id": (
        "bans_not_erased",
        """
        INSERT INTO bans (space_id, user_id, actor_id, reason)
        VALUES (%(elsewhere)s, %(other)s, %(jack)s, 'I say so.')
        """,
    ),
    "bans.user_id": (
        "bans_not_erased",
        "INSERT INTO bans (space_id, user_id, reason) VALUES (%(elsewhere)s, %(jack)s, 'Shouts.')",
    ),
    "channel_permissions.user_id": (
        "channel_permissions_not_erased",
        """
        INSERT INTO channel_permissions (space_id, channel_id, user_id)
        VALUES (%(server)s, %(channel)s, %(jack)s)
        """,
    ),
    "channels.owner_id": (
        "channels_not_erased",
        """
        INSERT INTO channels (id, space_id, kind, name, owner_id)
        VALUES (%(new)s, %(new)s, 'group', '', %(jack)s);
        INSERT INTO participants (space_id, user_id) VALUES (%(new)s, %(jack)s)
        """,
    ),
    "channels.owner_id of a group that is there": (
        "channels_not_erased",
        "UPDATE channels SET owner_id = %(jack)s WHERE id = %(group)s",
    ),
    "channels.pair_low_id": (
        "channels_not_erased",
        """
        INSERT INTO channels (id, space_id, kind, name, pair_low_id, pair_high_id)
        VALUES (
            %(pair)s, %(pair)s, 'pair', '',
            least(%(jack)s, %(other)s::uuid), greatest(%(jack)s, %(other)s::uuid)
        )
        """,
    ),
    "invites.creator_id": (
        "invites_not_erased",
        """
        WITH coded AS (
            INSERT INTO invite_codes (code, space_id) VALUES (%(code)s, %(server)s)
        )
        INSERT INTO invites (space_id, code, creator_id) VALUES (%(server)s, %(code)s, %(jack)s)
        """,
    ),
    # The membership is gone, to which the key leads.
    "member_roles.user_id": (
        "member_roles_member_fk",
        """
        INSERT INTO member_roles (space_id, user_id, role_id)
        VALUES (%(server)s, %(jack)s, %(role)s)
        """,
    ),
    "mentions.user_id": (
        "mentions_not_erased",
        """
        INSERT INTO mentions (space_id, channel_id, seq, user_id)
        VALUES (%(server)s, %(channel)s, 1, %(jack)s)
        """,
    ),
    "message_attachments.uploader_id": (
        "message_attachments_not_erased",
        """
        INSERT INTO message_attachments (
            space_id, uploader_id, filename, content_type, size_bytes, sha256, storage_key
        )
        VALUES (%(server)s, %(jack)s, 'a.png', 'image/png', 1, %(sha256)s, 'files/1')
        """,
    ),
    "message_revisions.editor_id": (
        "message_revisions_not_erased",
        """
        SET LOCAL chat.actor = %(jack)s;
        UPDATE messages SET content = 'aye' WHERE id = %(message)s
        """,
    ),
    "messages.author_id": (
        "messages_not_erased",
        """
        INSERT INTO messages (space_id, channel_id, author_id, content)
        VALUES (%(server)s, %(channel)s, %(jack)s, 'ahoy')
        """,
    ),
    # Jack has left it.
    "messages.author_id in a group": (
        "messages_participant",
        """
        INSERT INTO messages (space_id, channel_id, author_id, content)
        VALUES (%(group)s, %(group)s, %(jack)s, 'ahoy')
        """,
    ),
    "messages.deleted_by_id": (
        "messages_deletion_not_erased",
        """
        UPDATE messages SET deleted_at = now(), deleted_by_id = %(jack)s WHERE id = %(message)s
        """,
    ),
    "messages.deleted_by_id of a message that comes in": (
        "messages_state_not_erased",
        """
        INSERT INTO messages (space_id, channel_id, author_id, deleted_at, deleted_by_id)
        VALUES (%(server)s, %(channel)s, %(other)s, now(), %(jack)s)
        """,
    ),
    "messages.pinned_by_id": (
        "messages_pin_not_erased",
        "UPDATE messages SET pinned_at = now(), pinned_by_id = %(jack)s WHERE id = %(message)s",
    ),
    "messages.pinned_by_id of a message that comes in": (
        "messages_state_not_erased",
        """
        INSERT INTO messages (space_id, channel_id, author_id, pinned_at, pinned_by_id)
        VALUES (%(server)s, %(channel)s, %(other)s, now(), %(jack)s)
        """,
    ),
    "participants.user_id": (
        "participants_not_erased",
        "INSERT INTO participants (space_id, user_id) VALUES (%(other_group)s, %(jack)s)",
    ),
    "reactions.user_id": (
        "reactions_not_erased",
        """
        INSERT INTO reactions (space_id, message_id, user_id, emoji)
        VALUES (%(server)s, %(message)s, %(jack)s, ':anchor:')
        """,
    ),
    "read_states.user_id": (
        "read_states_reader",
        """
        INSERT INTO read_states (space_id, user_id, channel_id)
        VALUES (%(server)s, %(jack)s, %(channel)s)
        """,
    ),
    "read_states.user_id in a group": (
        "read_states_reader",
        """
        INSERT INTO read_states (space_id, user_id, channel_id)
        VALUES (%(group)s, %(jack)s, %(group)s)
        """,
    ),
    "server_members.user_id": (
        "server_members_not_erased",
        "INSERT INTO server_members (space_id, user_id) VALUES (%(elsewhere)s, %(jack)s)",
    ),
    # By the membership that comes with it.
    "servers.owner_id": (
        "server_members_not_erased",
        """
        INSERT INTO servers (id, space_id, name, owner_id)
        VALUES (%(new)s, %(new)s, 'Reef', %(jack)s)
        """,
    ),
    "user_preferences.user_id": (
        "user_preferences_not_erased",
        "INSERT INTO user_preferences (user_id) VALUES (%(jack)s)",
    ),
    "user_sessions.user_id": (
        "user_sessions_not_erased",
        """
        INSERT INTO user_sessions (user_id, token_hash, expires_at)
        VALUES (%(jack)s, %(sha256)s, %(far_away)s)
        """,
    ),
    # As a form does that was read before.
    "users": (
        "users_erased_kept",
        "UPDATE users SET bio = 'Back.', is_active = true, erased_at = NULL WHERE id = %(jack)s",
    ),
}


def write(statement: str, scene: Scene) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # SET takes no parameters of the server's.
        for part in ClientCursor(connection.connection).mogrify(statement, scene.words).split(";"):
            cursor.execute(part)


def test_what_is_written_of_somebody_goes_with_the_erasure_that_waits_for_it() -> None:
    left = {}
    for column, (_, statement) in WRITES.items():
        scene = make_scene()
        _, erased = meet(partial(write, statement, scene), erasing(scene.jack))
        assert isinstance(erased, Erasure), column
        left[column] = what_is_left(connection, scene.jack.pk)

    assert left == {column: [] for column in WRITES}


def test_nothing_is_written_of_who_is_erased_while_it_waits() -> None:
    refusals, left = {}, {}
    for column, (_, statement) in WRITES.items():
        scene = make_scene()
        _, refusal = meet(erasing(scene.jack), partial(write, statement, scene))
        assert isinstance(refusal, IntegrityError), column
        refusals[column] = constraint_of(refusal)
        left[column] = what_is_left(connection, scene.jack.pk)

    assert refusals == {column: constraint for column, (constraint, _) in WRITES.items()}
    assert left == {column: [] for column in WRITES}


# Moderators --------------------------------------------------------------------------------------


REASON = "Jack shouts."

Act = Callable[[], object]


def by_owner(service: Callable[..., object], scene: Scene, **named: Any) -> Act:
    return partial(service, actor=scene.server.owner, reason=REASON, **named)


def against_jack(service: Callable[..., object], scene: Scene, **named: Any) -> Act:
    return by_owner(service, scene, server=scene.server, user=scene.jack, **named)


def lift_timeout(scene: Scene) -> Act:
    against_jack(set_timeout, scene, until=tomorrow())()
    return against_jack(clear_timeout, scene)


def lift_ban(scene: Scene) -> Act:
    BanFactory.create(server=scene.elsewhere, user=scene.jack)
    return partial(
        unban_user,
        actor=scene.elsewhere.owner,
        server=scene.elsewhere,
        user=scene.jack,
        reason=REASON,
    )


def take_overwrite(scene: Scene) -> Act:
    ChannelPermissionFactory.create(channel=scene.channel, role=None, user=scene.jack)
    return by_owner(clear_overwrite, scene, channel=scene.channel, user=scene.jack)


def end_invite(scene: Scene) -> Act:
    invite = InviteFactory.create(server=scene.server, creator=scene.jack)
    return by_owner(revoke_invite, scene, invite=invite)


# What is done to Jack, or by Jack, for a reason.
ACTS: Mapping[str, Callable[[Scene], Act]] = {
    "kick": partial(against_jack, kick_member),
    "ban": partial(against_jack, ban_user),
    "lift a ban": lift_ban,
    "time out": lambda scene: against_jack(set_timeout, scene, until=tomorrow()),
    "lift a timeout": lift_timeout,
    "name": lambda scene: against_jack(set_nickname, scene, nickname="Lucky"),
    "give a role": lambda scene: by_owner(grant_role, scene, user=scene.jack, role=scene.role),
    "take a role": lambda scene: by_owner(revoke_role, scene, user=scene.jack, role=scene.rank),
    "overwrite": lambda scene: by_owner(
        set_overwrite, scene, channel=scene.channel, user=scene.jack, deny=Permission.SPEAK
    ),
    "take an overwrite": take_overwrite,
    "end an invite": end_invite,
    "hand over": lambda scene: by_owner(
        transfer_ownership, scene, server=scene.server, to=scene.jack
    ),
    "ban somebody": lambda scene: partial(
        ban_user, actor=scene.jack, server=scene.server, user=scene.other, reason=REASON
    ),
    "change the server": lambda scene: partial(
        update_server, actor=scene.jack, server=scene.server, name="Reef", reason=REASON
    ),
    "invite": lambda scene: partial(create_invite, actor=scene.jack, server=scene.server),
    "name oneself": lambda scene: partial(
        set_nickname,
        actor=scene.jack,
        server=scene.server,
        user=scene.jack,
        nickname="Lucky",
        reason=REASON,
    ),
}


def reasons() -> list[str]:
    return [
        reason
        for model in (AuditLogEntry, Ban)
        for reason in model._default_manager.exclude(reason="").values_list("reason", flat=True)
    ]


def test_reason_of_an_act_goes_with_the_erasure_that_waits_for_it() -> None:
    left = {}
    for name, act in ACTS.items():
        scene = make_scene()
        _, erased = meet(act(scene), erasing(scene.jack))
        assert isinstance(erased, Erasure), name
        left[name] = what_is_left(connection, scene.jack.pk) + reasons()

    assert left == {name: [] for name in ACTS}


def test_act_about_who_is_erased_while_it_waits_finds_nobody_and_leaves_no_reason() -> None:
    outcomes, left = {}, {}
    for name, act in ACTS.items():
        scene = make_scene()
        _, outcome = meet(erasing(scene.jack), act(scene))
        outcomes[name] = type(outcome) if isinstance(outcome, Exception) else outcome
        left[name] = what_is_left(connection, scene.jack.pk) + reasons()

    # Nothing was left to take.
    assert outcomes == dict.fromkeys(ACTS, NotVisible) | {"take an overwrite": False}
    assert left == {name: [] for name in ACTS}


def test_heir_of_a_group_who_is_erased_meanwhile_is_passed_over() -> None:
    group = DirectConversationFactory.create(group=True)
    heir, next_one = (ParticipantFactory.create(channel=group).user for _ in range(2))

    _, erased = meet(erasing(heir), erasing(group.owner))

    assert isinstance(erased, Erasure)
    group.refresh_from_db()
    assert group.owner == next_one
