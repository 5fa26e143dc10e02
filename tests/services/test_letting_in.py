"""What was there before somebody could read it is not unread to them, whatever let them in.

What comes after is unread as usual, and whoever could read all along keeps what they have not read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

import pytest

from chat.db.ids import uuid7
from chat.models import Channel, ReadRange, ReadState, Role, Server, User
from chat.queries.direct import conversation_list
from chat.queries.unread import unread_overview
from chat.rules.permissions import NONE, Permission
from chat.services import channels, direct, overwrites, read_states, roles, servers
from chat.services.imports import MessageRow, import_messages
from tests.chat.sql import execute, purge
from tests.factories import (
    ChannelFactory,
    ChannelPermissionFactory,
    MemberRoleFactory,
    MentionFactory,
    MessageFactory,
    RoleFactory,
    ServerFactory,
    ServerMemberFactory,
    UserFactory,
)
from tests.services.places import READ

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
VIEW, HISTORY = Permission.VIEW_CHANNEL, Permission.READ_MESSAGE_HISTORY
ADMINISTRATOR = Permission.ADMINISTRATOR
SET_OVERWRITE = (
    "INSERT INTO channel_permissions (space_id, channel_id, role_id, user_id, allow, deny) "
    "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (space_id, channel_id, role_id, user_id) "
    "DO UPDATE SET allow = excluded.allow, deny = excluded.deny"
)
CLEAR_OVERWRITE = (
    "DELETE FROM channel_permissions WHERE channel_id = %s "
    "AND (role_id IS NOT DISTINCT FROM %s AND user_id IS NOT DISTINCT FROM %s)"
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A channel, an insider who can read it by a role, and an outsider with a role of their own."""

    server: Server
    everyone: Role
    insiders: Role
    outsiders: Role
    insider: User
    outsider: User
    channel: Channel

    def overwrite(
        self, *, allow: Permission = NONE, deny: Permission = NONE, role: Role | None = None
    ) -> None:
        """Let the channel allow or deny to a role, or else to the outsider."""
        ChannelPermissionFactory.create(
            channel=self.channel,
            role=role,
            user=None if role else self.outsider,
            allow=allow.value,
            deny=deny.value,
        )

    def close(self) -> None:
        """Let the insiders alone read the channel."""
        self.overwrite(role=self.everyone, deny=VIEW)
        self.overwrite(role=self.insiders, allow=VIEW)

    def permit(self, role: Role, permissions: Permission) -> None:
        Role.objects.filter(pk=role.pk).update(permissions=permissions.value)

    def call(self, times: int, channel: Channel | None = None) -> None:
        """Send messages that name everyone."""
        for _ in range(times):
            author = self.server.owner
            message = MessageFactory.create(channel=channel or self.channel, author=author)
            message.refresh_from_db()
            MentionFactory.create(message=message)


def make_scene(*, everyone: Permission = READ) -> Scene:
    server = ServerFactory.create()
    insiders, outsiders = (RoleFactory.create(server=server) for _ in range(2))
    insider, outsider = (ServerMemberFactory.create(server=server).user for _ in range(2))
    MemberRoleFactory.create(role=insiders, user=insider)
    MemberRoleFactory.create(role=outsiders, user=outsider)
    return Scene(
        server=server,
        everyone=RoleFactory.create(server=server, position=0, permissions=everyone.value),
        insiders=insiders,
        outsiders=outsiders,
        insider=insider,
        outsider=outsider,
        channel=ChannelFactory.create(server=server),
    )


def counts(user: User, channel: Channel) -> tuple[int, int] | None:
    """Return what is unread to a user in a channel, and the mentions; None without access."""
    found = {each.channel_id: each for each in unread_overview(user=user).entries}.get(channel.pk)
    return found and (found.unread, found.mentions)


ByService: TypeAlias = "Callable[[Scene], object]"
BySql: TypeAlias = "Callable[[Scene], tuple[str, list[object]]]"


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody is let in: what was before, and what lets them in, by a service or in SQL."""

    before: Callable[[Scene], None]
    by_service: ByService
    by_sql: BySql
    everyone: Permission = READ


def _grant(scene: Scene) -> object:
    return roles.grant_role(actor=scene.server.owner, user=scene.outsider, role=scene.insiders)


def _grant_sql(scene: Scene) -> tuple[str, list[object]]:
    return (
        "INSERT INTO member_roles (space_id, user_id, role_id) VALUES (%s, %s, %s)",
        [scene.server.pk, scene.outsider.pk, scene.insiders.pk],
    )


def _set(target: str, *, allow: Permission) -> tuple[ByService, BySql]:
    """Return how an overwrite for the outsider, or for their role, is set."""

    def by_service(scene: Scene) -> object:
        whom = {"user": scene.outsider} if target == "user" else {"role": scene.outsiders}
        return overwrites.set_overwrite(
            actor=scene.server.owner, channel=scene.channel, allow=allow, deny=NONE, **whom
        )

    def by_sql(scene: Scene) -> tuple[str, list[object]]:
        role = None if target == "user" else scene.outsiders.pk
        user = scene.outsider.pk if target == "user" else None
        here = [scene.server.pk, scene.channel.pk]
        return SET_OVERWRITE, [*here, role, user, allow.value, 0]

    return by_service, by_sql


def _clear(target: str) -> tuple[ByService, BySql]:
    def by_service(scene: Scene) -> object:
        whom = {"user": scene.outsider} if target == "user" else {"role": getattr(scene, target)}
        return overwrites.clear_overwrite(actor=scene.server.owner, channel=scene.channel, **whom)

    def by_sql(scene: Scene) -> tuple[str, list[object]]:
        role = None if target == "user" else getattr(scene, target).pk
        user = scene.outsider.pk if target == "user" else None
        return CLEAR_OVERWRITE, [scene.channel.pk, role, user]

    return by_service, by_sql


def _permit(target: str, permissions: Permission) -> tuple[ByService, BySql]:
    def by_service(scene: Scene) -> object:
        return roles.update_role(
            actor=scene.server.owner, role=getattr(scene, target), permissions=permissions
        )

    def by_sql(scene: Scene) -> tuple[str, list[object]]:
        return (
            "UPDATE roles SET permissions = %s WHERE id = %s",
            [permissions.value, getattr(scene, target).pk],
        )

    return by_service, by_sql


def _deny_outsiders(scene: Scene) -> None:
    scene.overwrite(role=scene.outsiders, deny=VIEW)


def _insiders_view(scene: Scene) -> None:
    scene.permit(scene.insiders, READ)


def _insiders_administrate(scene: Scene) -> None:
    scene.overwrite(role=scene.everyone, deny=VIEW)
    scene.permit(scene.insiders, ADMINISTRATOR)


WAYS: dict[str, Way] = {
    "a role with an overwrite is granted": Way(Scene.close, _grant, _grant_sql),
    "a role with VIEW_CHANNEL is granted": Way(_insiders_view, _grant, _grant_sql, HISTORY),
    "a role with ADMINISTRATOR is granted": Way(
        _insiders_administrate,
        _grant,
        _grant_sql,
    ),
    "a role that was denied is revoked": Way(
        _deny_outsiders,
        lambda scene: roles.revoke_role(
            actor=scene.server.owner, user=scene.outsider, role=scene.outsiders
        ),
        lambda scene: ("DELETE FROM member_roles WHERE role_id = %s", [scene.outsiders.pk]),
    ),
    "a role that was denied is deleted": Way(
        _deny_outsiders,
        lambda scene: roles.delete_role(actor=scene.server.owner, role=scene.outsiders),
        lambda scene: ("DELETE FROM roles WHERE id = %s", [scene.outsiders.pk]),
    ),
    "an overwrite of a member is set": Way(Scene.close, *_set("user", allow=VIEW)),
    "an overwrite of a member is changed": Way(
        lambda scene: scene.overwrite(deny=VIEW), *_set("user", allow=VIEW)
    ),
    "an overwrite of a member is cleared": Way(
        lambda scene: scene.overwrite(deny=VIEW), *_clear("user")
    ),
    "an overwrite of a role is set": Way(Scene.close, *_set("role", allow=VIEW)),
    "an overwrite of a role is changed": Way(_deny_outsiders, *_set("role", allow=VIEW)),
    "an overwrite of a role is cleared": Way(_deny_outsiders, *_clear("outsiders")),
    "an overwrite of everyone is cleared": Way(Scene.close, *_clear("everyone")),
    "a role is permitted to view": Way(_insiders_view, *_permit("outsiders", VIEW), HISTORY),
    "a role is made an administrator": Way(Scene.close, *_permit("outsiders", ADMINISTRATOR)),
    "everyone is permitted to view": Way(_insiders_view, *_permit("everyone", READ), HISTORY),
    "everyone is permitted to read the history": Way(
        _insiders_view, *_permit("everyone", READ), VIEW
    ),
    "the server is handed over": Way(
        Scene.close,
        lambda scene: servers.transfer_ownership(
            actor=scene.server.owner, server=scene.server, to=scene.outsider
        ),
        lambda scene: (
            "UPDATE servers SET owner_id = %s WHERE id = %s",
            [scene.outsider.pk, scene.server.pk],
        ),
    ),
}


@pytest.mark.parametrize("in_thread", [False, True], ids=["channel", "thread"])
@pytest.mark.parametrize("client", ["service", "sql"])
@pytest.mark.parametrize("name", WAYS)
def test_what_was_there_is_read_by_who_is_let_in(name: str, client: str, in_thread: bool) -> None:
    way = WAYS[name]
    scene = make_scene(everyone=way.everyone)
    way.before(scene)
    place = scene.channel
    if in_thread:
        place = ChannelFactory.create(server=scene.server, kind="thread", parent=scene.channel)
    scene.call(20, place)
    assert counts(scene.insider, place) == (20, 20)
    assert counts(scene.outsider, place) in (None, (0, 0))

    if client == "service":
        way.by_service(scene)
    else:
        statement, params = way.by_sql(scene)
        assert execute(statement, *params) == 1

    assert counts(scene.outsider, place) == (0, 0)
    assert counts(scene.insider, place) == (20, 20)
    scene.call(1, place)
    assert counts(scene.outsider, place) == (1, 1)
    assert counts(scene.insider, place) == (21, 21)
    # And again whoever wants to: a mark that is set back counts.
    read_states.mark_unread(user=scene.outsider, channel=place, seq=11)
    assert counts(scene.outsider, place) == (11, 11)


@pytest.mark.parametrize("was_synced", [False, True])
def test_channel_that_is_moved_lets_in_who_sees_the_category(was_synced: bool) -> None:
    scene = make_scene()
    scene.close()
    left, entered = (ChannelFactory.create(server=scene.server, category=True) for _ in range(2))
    for category, roles_in_it in (
        (left, [scene.insiders]),
        (entered, [scene.insiders, scene.outsiders]),
    ):
        ChannelPermissionFactory.create(channel=category, role=scene.everyone, deny=VIEW.value)
        for role in roles_in_it:
            ChannelPermissionFactory.create(channel=category, role=role, allow=VIEW.value)
    Channel.objects.filter(pk=scene.channel.pk).update(parent=left)
    if not was_synced:
        scene.overwrite(role=RoleFactory.create(server=scene.server), allow=VIEW)
    scene.call(20)

    channels.move_channel(
        actor=scene.server.owner, channel=scene.channel, parent=entered, position=0
    )

    assert counts(scene.insider, scene.channel) == (20, 20)
    assert counts(scene.outsider, scene.channel) == ((0, 0) if was_synced else None)
    scene.call(1)
    assert counts(scene.insider, scene.channel) == (21, 21)
    assert counts(scene.outsider, scene.channel) == ((1, 1) if was_synced else None)


@pytest.mark.parametrize("client", ["service", "sql"])
@pytest.mark.parametrize("was_there", [False, True])
def test_who_comes_into_a_group_has_read_what_was_there(client: str, was_there: bool) -> None:
    owner, other, comer = UserFactory.create_batch(3)
    group = direct.open_group(owner=owner, others=[other, comer] if was_there else [other])
    if was_there:
        direct.leave_group(user=comer, conversation=group)
    MessageFactory.create_batch(50, channel=group, author=owner)

    if client == "service":
        direct.add_to_group(actor=owner, conversation=group, user=comer)
    elif was_there:
        execute("UPDATE participants SET left_at = NULL WHERE user_id = %s", comer.pk)
    else:
        execute("INSERT INTO participants (space_id, user_id) VALUES (%s, %s)", group.pk, comer.pk)

    for user, unread in ((comer, 0), (other, 50)):
        assert counts(user, group) == (unread, 0)
        (listed,) = conversation_list(user=user).conversations
        assert listed.unread == unread
    MessageFactory.create(channel=group, author=owner)
    assert counts(comer, group) == (1, 0)
    assert counts(other, group) == (51, 0)


@pytest.mark.parametrize("client", ["service", "sql"])
@pytest.mark.parametrize("kind", ["channel", "group"])
def test_what_is_imported_is_new_to_nobody(kind: str, client: str) -> None:
    scene = make_scene()
    channel, author = scene.channel, scene.server.owner
    if kind == "group":
        channel = direct.open_group(owner=author, others=[scene.insider, scene.outsider])
    MessageFactory.create_batch(5, channel=channel, author=author)

    for start in (6, 21):
        if client == "service":
            import_messages(
                channel=channel,
                messages=[
                    MessageRow(uuid7(), author.pk, datetime.now(UTC), "ahoy") for _ in range(15)
                ],
            )
            continue
        execute("SET LOCAL chat.import = 'on'")
        execute(
            "INSERT INTO messages (space_id, channel_id, author_id, seq) "
            "SELECT %s, %s, %s, %s + n FROM generate_series(0, 14) AS n",
            *(channel.space_id, channel.pk, author.pk, start),
        )
        execute("SET LOCAL chat.import = 'off'")

    for user in (scene.insider, scene.outsider):
        assert counts(user, channel) == (5, 0)
    execute("UPDATE messages SET deleted_at = now() WHERE seq IN (1, 20)")
    assert counts(scene.insider, channel) == (4, 0)
    MessageFactory.create_batch(2, channel=channel, author=author)
    assert counts(scene.insider, channel) == (6, 0)
    if kind == "group":
        assert conversation_list(user=scene.insider).conversations[0].unread == 6

    read_states.mark_unread(user=scene.insider, channel=channel, seq=34)
    assert counts(scene.insider, channel) == (4, 0)
    assert counts(scene.outsider, channel) == (6, 0)


def test_what_was_purged_is_unread_to_nobody() -> None:
    scene = make_scene()
    scene.call(10)
    execute("UPDATE messages SET deleted_at = now() WHERE seq IN (3, 8)")

    for gone, left in (("3, 5", 7), ("4, 10", 5), ("1", 4), ("2, 6", 2), ("7", 1), ("9", 0)):
        purge(f"DELETE FROM messages WHERE seq IN ({gone})")
        assert counts(scene.insider, scene.channel) == (left, left)

    scene.call(2)
    assert counts(scene.insider, scene.channel) == (2, 2)
    read_states.mark_unread(user=scene.insider, channel=scene.channel, seq=1)
    assert counts(scene.insider, scene.channel) == (2, 2)


def test_role_that_comes_or_goes_after_an_opening_leaves_what_was_said_of_it() -> None:
    """Who could read before an opening, and who not, does not change by what they get later."""
    scene = make_scene()
    scene.close()
    scene.call(20)
    overwrites.clear_overwrite(actor=scene.server.owner, channel=scene.channel, role=scene.everyone)
    assert counts(scene.outsider, scene.channel) == (0, 0)

    _grant(scene)
    roles.revoke_role(actor=scene.server.owner, user=scene.insider, role=scene.insiders)

    assert counts(scene.outsider, scene.channel) == (0, 0)
    assert counts(scene.insider, scene.channel) == (20, 20)


def test_mark_that_a_client_sets_back_counts() -> None:
    scene = make_scene()
    scene.close()
    scene.call(20)
    _grant(scene)

    execute("UPDATE read_states SET last_read_seq = 5 WHERE user_id = %s", scene.outsider.pk)

    assert counts(scene.outsider, scene.channel) == (15, 15)
    assert read_states.mark_read(user=scene.outsider, channel=scene.channel) == 20


def test_thread_that_is_moved_in_sql_is_read() -> None:
    scene = make_scene()
    scene.close()
    thread = ChannelFactory.create(server=scene.server, kind="thread", parent=scene.channel)
    scene.call(20, thread)
    open_channel = ChannelFactory.create(server=scene.server)

    execute("UPDATE channels SET parent_id = %s WHERE id = %s", open_channel.pk, thread.pk)

    assert counts(scene.outsider, thread) == (0, 0)


def test_change_for_many_writes_one_range_a_channel_and_moves_no_mark() -> None:
    scene = make_scene(everyone=HISTORY)
    for _ in range(4):
        scene.call(1, ChannelFactory.create(server=scene.server))
    scene.call(1)
    for _ in range(10):
        member = ServerMemberFactory.create(server=scene.server)
        MemberRoleFactory.create(role=scene.outsiders, user=member.user)
    marks = ReadState.objects.count()

    overwrites.set_overwrite(
        actor=scene.server.owner, channel=scene.channel, role=scene.insiders, allow=VIEW, deny=NONE
    )
    assert ReadRange.objects.count() == 1

    # However often: of the same readers before, the last says all.
    for permissions in (VIEW, NONE, VIEW, NONE, VIEW):
        scene.permit(scene.outsiders, permissions)
    assert ReadRange.objects.count() == 1 + 5
    assert ReadState.objects.count() == marks
