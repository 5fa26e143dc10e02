"""Whatever is passed to the writes around communities, the answer is a named error and no trace."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from chat.errors import InvalidInput, InviteUnusable, NotVisible
from chat.models import Channel, Invite
from chat.rules.permissions import Permission
from chat.services import channels, invites, members, roles, servers, users
from tests.chat.sql import stored
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    InviteFactory,
    RoleFactory,
    ServerMemberFactory,
    UserFactory,
)
from tests.services.actors import Actor
from tests.services.communities import Scene, make_scene, tomorrow

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

NOWHERE = UUID(int=7)


def arguments_of(scene: Scene) -> dict[Callable[..., object], dict[str, Any]]:
    """Return for each public function arguments with which the owner can call it."""
    server, channel, role = scene.cast.server, scene.cast.channel, scene.cast.moderators
    actor, user = scene.cast[Actor.OWNER], scene.sailor
    here = {"actor": actor, "server": server}
    texts = {"name": "reef", "topic": "Ships.", "slowmode_seconds": 5, "nsfw": True}
    looks = {"name": "reef", "permissions": 1, "color": 5, "hoist": True, "mentionable": True}
    why = {"reason": "A storm."}
    return {
        servers.create_server: {"owner": user, "name": "Reef"},
        servers.update_server: here
        | {"name": "Reef", "description": "Shallow.", "icon_key": "icons/reef"}
        | why,
        servers.transfer_ownership: here | {"to": user} | why,
        servers.delete_server: here | why,
        members.join_server: {"user": scene.cast[Actor.STRANGER], "server": server},
        members.leave_server: {"user": user, "server": server},
        members.kick_member: here | {"user": user} | why,
        members.ban_user: here | {"user": user, "expires_at": tomorrow()} | why,
        members.unban_user: here | {"user": scene.cast[Actor.BANNED]} | why,
        members.set_timeout: here | {"user": user, "until": tomorrow()} | why,
        members.clear_timeout: here | {"user": scene.cast[Actor.TIMED_OUT]} | why,
        members.set_nickname: here | {"user": user, "nickname": "Salty"} | why,
        invites.create_invite: here | {"channel": channel, "max_uses": 5, "expires_at": tomorrow()},
        invites.redeem_invite: {"user": scene.cast[Actor.STRANGER], "code": "welcome"},
        invites.revoke_invite: {"actor": actor, "invite": scene.invite} | why,
        roles.create_role: here | looks | why,
        roles.update_role: {"actor": actor, "role": role} | looks | why,
        roles.delete_role: {"actor": actor, "role": role} | why,
        roles.move_role: {"actor": actor, "role": role, "position": 2} | why,
        roles.grant_role: {"actor": actor, "user": user, "role": role} | why,
        roles.revoke_role: {
            "actor": actor,
            "user": scene.cast[Actor.MODERATOR],
            "role": role,
        }
        | why,
        channels.create_channel: here | texts | {"kind": "text", "parent": scene.category} | why,
        channels.create_thread: {"actor": actor, "channel": channel, "name": "rumours"},
        channels.update_channel: {"actor": actor, "channel": channel} | texts | why,
        channels.move_channel: {
            "actor": actor,
            "channel": channel,
            "position": 0,
            "parent": scene.category,
        }
        | why,
        channels.delete_channel: {"actor": actor, "channel": channel} | why,
        channels.set_overwrite: {
            "actor": actor,
            "channel": channel,
            "user": user,
            "allow": 1,
            "deny": 2,
        }
        | why,
        channels.clear_overwrite: {
            "actor": actor,
            "channel": channel,
            "user": scene.cast[Actor.OVERWRITTEN],
        }
        | why,
        users.erase_user: {"actor": user, "user": user, "delete_owned_servers": True},
    }


# Values that no argument of that name can have. A text of 5,000 is too long for each of them.
NO_ID: list[Any] = ["", "harbour", str(NOWHERE), 7, 7.5, True, object(), [], NOWHERE.bytes]
NO_TEXT: list[Any] = ["a\0b", "\ud800", "a" * 5000, 7, b"reef", []]
NO_NAME: list[Any] = [*NO_TEXT, "   ", "\u200b\u200b", "\u3164 \ufe0f", "a\nb", "a\x1b[2J"]
NO_FLAG: list[Any] = [None, 1, 0, "yes"]
NO_MASK: list[Any] = [None, -1, 1 << 47, 1 << 53, 1 << 63, 1 << 70, True, "1", 1.0]
NO_NUMBER: list[Any] = [None, -1, 2**31, 2**63, 2**70, True, "1", 1.0, float("nan")]
NO_MOMENT: list[Any] = [
    datetime(2099, 1, 1),  # noqa: DTZ001 — naive on purpose
    datetime(2000, 1, 1, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
    "2099-01-01T00:00:00Z",
    4070908800,
]

BAD: dict[str, list[Any]] = {
    **dict.fromkeys(["actor", "server", "channel", "role", "invite", "to", "owner"], NO_ID),
    "user": NO_ID,
    "parent": NO_ID,
    **dict.fromkeys(["name", "nickname"], NO_NAME),
    **dict.fromkeys(["description", "icon_key", "topic", "reason"], NO_TEXT),
    "code": ["", "a\0b", "\ud800", "a" * 5000, 7, None],
    **dict.fromkeys(["nsfw", "hoist", "mentionable", "delete_owned_servers"], NO_FLAG),
    **dict.fromkeys(["permissions", "allow", "deny"], NO_MASK),
    **dict.fromkeys(["slowmode_seconds", "color", "position"], NO_NUMBER),
    "max_uses": [0, *NO_NUMBER[1:]],
    "expires_at": NO_MOMENT,
    "until": [None, *NO_MOMENT, datetime.now(UTC) + timedelta(days=29)],
    "kind": [None, "", "thread", "TEXT", 7, ["text"]],
}
# Too short here, and not everywhere.
ALSO_BAD: dict[tuple[Callable[..., object], str], list[Any]] = {
    (servers.create_server, "name"): ["", "a", None],
    (servers.update_server, "name"): ["", "a", None],
    (servers.update_server, "icon_key"): [""],
    (members.set_nickname, "nickname"): [""],
    (roles.create_role, "name"): ["", None],
    (roles.update_role, "name"): ["", None],
    (roles.move_role, "position"): [0, 3, 250],
    (channels.create_channel, "name"): ["", None],
    (channels.update_channel, "name"): ["", None],
    (channels.create_thread, "name"): ["", None],
    (channels.set_overwrite, "allow"): [int(Permission.ADMINISTRATOR), 2],
}

PUBLIC = [
    function
    for module in (servers, members, invites, roles, channels, users)
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if hasattr(function, "__wrapped__")
    and function.__module__.startswith(("chat.services.", module.__name__))
]


def test_every_public_function_is_tried() -> None:
    assert set(PUBLIC) == arguments_of(make_scene()).keys()


def test_every_argument_is_tried() -> None:
    for function, arguments in arguments_of(make_scene()).items():
        named = set(inspect.signature(function).parameters)
        # An overwrite is for a role or for a user.
        assert named - arguments.keys() <= {"role"}, function
        assert named <= BAD.keys(), function


@pytest.mark.parametrize("function", PUBLIC, ids=lambda function: function.__name__)
def test_good_arguments_are_taken(function: Callable[..., object]) -> None:
    function(**arguments_of(make_scene())[function])


@pytest.mark.parametrize("function", PUBLIC, ids=lambda function: function.__name__)
def test_bad_argument_is_named_and_nothing_written(function: Callable[..., object]) -> None:
    arguments = arguments_of(make_scene())[function]
    before = stored()

    for field in arguments:
        for bad in [*BAD[field], *ALSO_BAD.get((function, field), [])]:
            with pytest.raises(InvalidInput) as refusal:
                function(**arguments | {field: bad})
            assert refusal.value.field in {field, "deny"}, f"{field}={bad!r}"
            assert str(refusal.value).startswith(f"{refusal.value.field} is ")
            assert len(str(refusal.value)) < 300

    assert stored() == before


@pytest.mark.parametrize("function", PUBLIC, ids=lambda function: function.__name__)
def test_id_of_nothing_is_not_visible_and_nothing_written(function: Callable[..., object]) -> None:
    arguments = arguments_of(make_scene())[function]
    before = stored()

    for field, value in arguments.items():
        # That nothing is said about a stranger is no error.
        if hasattr(value, "pk") and (function, field) != (channels.clear_overwrite, "user"):
            with pytest.raises(NotVisible):
                function(**arguments | {field: NOWHERE})

    assert stored() == before


def test_unknown_code_is_unusable() -> None:
    with pytest.raises(InviteUnusable, match="There is no invite 'nowhere'"):
        invites.redeem_invite(user=UserFactory.create(), code="nowhere")


def foreign_arguments(scene: Scene) -> list[tuple[Callable[..., object], dict[str, Any]]]:
    """Return calls by the owner that name one thing of another server, or a conversation."""
    of_ours, elsewhere = arguments_of(scene), ChannelFactory.create().server
    other_channel = ChannelFactory.create(server=elsewhere)
    other_category = ChannelFactory.create(server=elsewhere, category=True)
    group = DirectConversationFactory.create(group=True, owner=scene.cast[Actor.OWNER])
    other_role = RoleFactory.create(server=elsewhere)
    other_member = ServerMemberFactory.create(server=elsewhere).user
    other_invite = InviteFactory.create(server=elsewhere)
    by_user: list[Callable[..., object]] = [
        servers.transfer_ownership,
        members.kick_member,
        members.unban_user,
        members.set_timeout,
        members.clear_timeout,
        members.set_nickname,
        roles.grant_role,
        roles.revoke_role,
        channels.set_overwrite,
    ]
    by_server: list[Callable[..., object]] = [
        servers.update_server,
        servers.transfer_ownership,
        servers.delete_server,
        members.kick_member,
        members.ban_user,
        members.unban_user,
        members.set_timeout,
        members.clear_timeout,
        members.set_nickname,
        invites.create_invite,
        roles.create_role,
        channels.create_channel,
    ]
    by_channel: list[Callable[..., object]] = [
        invites.create_invite,
        channels.create_thread,
        channels.update_channel,
        channels.move_channel,
        channels.delete_channel,
        channels.set_overwrite,
        channels.clear_overwrite,
    ]
    by_role: list[Callable[..., object]] = [
        roles.update_role,
        roles.delete_role,
        roles.move_role,
        roles.grant_role,
        roles.revoke_role,
    ]
    user_field: dict[Callable[..., object], str] = {servers.transfer_ownership: "to"}
    return [
        *((each, of_ours[each] | {user_field.get(each, "user"): other_member}) for each in by_user),
        *((each, of_ours[each] | {"server": elsewhere}) for each in by_server),
        *((each, of_ours[each] | {"server": group.pk}) for each in by_server),
        *((each, of_ours[each] | {"channel": other_channel}) for each in by_channel),
        *((each, of_ours[each] | {"channel": group}) for each in by_channel),
        *((each, of_ours[each] | {"role": other_role}) for each in by_role),
        (
            channels.set_overwrite,
            of_ours[channels.set_overwrite] | {"user": None, "role": other_role},
        ),
        *(
            (each, of_ours[each] | {"parent": parent})
            for each in (channels.create_channel, channels.move_channel)
            for parent in (other_category, group)
        ),
        (invites.revoke_invite, of_ours[invites.revoke_invite] | {"invite": other_invite}),
    ]


def test_thing_of_another_server_and_a_conversation_are_not_visible_and_nothing_written() -> None:
    scene = make_scene()
    calls = foreign_arguments(scene)
    before = stored()

    for function, arguments in calls:
        with pytest.raises(NotVisible):
            function(**arguments)

    assert stored() == before


@pytest.mark.parametrize(
    ("function", "field"),
    [
        (channels.update_channel, "channel"),
        (channels.create_thread, "channel"),
        (channels.set_overwrite, "channel"),
        (channels.clear_overwrite, "channel"),
        (roles.update_role, "role"),
        (roles.grant_role, "role"),
        (invites.revoke_invite, "invite"),
        (servers.update_server, "server"),
        (members.kick_member, "server"),
        (members.ban_user, "user"),
        (servers.transfer_ownership, "to"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_stranger_does_not_learn_which_ids_there_are(
    function: Callable[..., object], field: str
) -> None:
    scene = make_scene()
    arguments = arguments_of(scene)[function] | {"actor": scene.cast[Actor.STRANGER]}

    with pytest.raises(NotVisible) as of_there:
        function(**arguments)
    with pytest.raises(NotVisible) as of_nowhere:
        function(**arguments | {field: NOWHERE})

    there = str(arguments[field].pk)
    assert str(of_there.value) == str(of_nowhere.value).replace(str(NOWHERE), there)


def test_things_that_were_never_saved_are_not_visible() -> None:
    owner = make_scene().cast[Actor.OWNER]

    with pytest.raises(NotVisible):
        channels.delete_channel(actor=owner, channel=Channel())
    with pytest.raises(NotVisible):
        invites.revoke_invite(actor=owner, invite=Invite())


def test_overwrite_is_for_one_of_two() -> None:
    scene = make_scene()
    both: dict[str, Any] = {"role": scene.cast.moderators, "user": scene.sailor}
    functions: list[Callable[..., object]] = [channels.set_overwrite, channels.clear_overwrite]

    for target in ({}, both):
        for function in functions:
            with pytest.raises(InvalidInput, match="role is"):
                function(actor=scene.cast[Actor.OWNER], channel=scene.cast.channel, **target)
