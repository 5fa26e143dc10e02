"""Every public function of services and queries, found by looking, and arguments that it takes."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chat import queries, services
from chat.db.ids import uuid7
from chat.models import Channel, Invite, Message, User
from chat.queries.source import Cursor
from chat.services import attachments, direct
from chat.services.imports import MemberRow, MessageRow, ReadStateRow, UserRow
from tests.factories import (
    ChannelFactory,
    InviteFactory,
    MentionFactory,
    MessageFactory,
    ReactionFactory,
    ServerMemberFactory,
    UserFactory,
)
from tests.services.actors import Actor, Cast, make_cast

# Keyword-only all the same, and for the rooms themselves.
_INTERNAL = {"check_draft", "find_message_views", "old_conversations", "policies"}
_ROOMS = (services, queries)

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def _found() -> dict[str, Callable[..., object]]:
    found: dict[str, Callable[..., object]] = {}
    for room in _ROOMS:
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            imported = importlib.import_module(module.name)
            for name, function in inspect.getmembers(imported, inspect.isfunction):
                kinds = {each.kind for each in inspect.signature(function).parameters.values()}
                is_own = function.__module__ == module.name and not name.startswith("_")
                if is_own and kinds == {inspect.Parameter.KEYWORD_ONLY} and name not in _INTERNAL:
                    assert name not in found, f"two public functions are called {name}"
                    found[name] = function
    return found


PUBLIC = _found()
# For each, in its own order; the first is who acts, where anybody does.
PARAMETERS = {name: tuple(inspect.signature(call).parameters) for name, call in PUBLIC.items()}
# One of these is given, and the others are None.
_ONE_OF = {
    "message_page": {"before", "after", "around"},
    "visible_channels": {"server", "after"},
    "set_overwrite": {"role", "user"},
    "clear_overwrite": {"role", "user"},
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A cast, what can be done to it, and for each public function arguments that it takes.

    Everything is there before any is called, and nothing was: call each once, or roll back.
    """

    cast: Cast
    # A member without a role, who wrote the message and reacted to it.
    sailor: User
    # In a group with the sailor.
    other: User
    category: Channel
    invite: Invite
    channel_invite: Invite
    message: Message
    pinned: Message
    arguments: dict[str, dict[str, Any]]

    def call(self, called: str, /, *, by: User | None = None, **instead: Any) -> object:
        """Call a public function as it can be called, by somebody else or with other arguments."""
        actor = {} if by is None else {PARAMETERS[called][0]: by}
        return PUBLIC[called](**self.arguments[called] | actor | instead)

    def call_with(self, called: str, argument: str, value: Any) -> object:
        """Call a public function as it can be called, but for one argument."""
        others = _ONE_OF.get(called, set())
        instead = dict.fromkeys(others) if argument in others else {}
        return self.call(called, **instead | {argument: value})


def make_scene() -> Scene:
    cast = make_cast()
    owner, server = cast[Actor.OWNER], cast.server
    sailor = ServerMemberFactory.create(server=server, user=UserFactory.create()).user
    message, pinned = (MessageFactory.create(channel=cast.channel, author=sailor) for _ in "12")
    Message.objects.filter(pk=pinned.pk).update(pinned_at=NOON)
    ReactionFactory.create(message=message, user=sailor, emoji="⚓")
    MentionFactory.create(message=pinned, user=sailor)
    scene = Scene(
        cast=cast,
        sailor=sailor,
        other=UserFactory.create(),
        category=ChannelFactory.create(server=server, category=True),
        invite=InviteFactory.create(server=server, code="welcome", creator=owner),
        channel_invite=InviteFactory.create(
            server=server, channel=cast.channel, code="harbour", creator=owner
        ),
        message=message,
        pinned=pinned,
        arguments={},
    )
    scene.arguments.update(
        _of_communities(scene) | _of_messages(scene) | _of_conversations(scene) | _of_reads(scene)
    )
    return scene


def _of_communities(scene: Scene) -> dict[str, dict[str, Any]]:
    server, channel, role = scene.cast.server, scene.cast.channel, scene.cast.moderators
    owner, user, stranger = scene.cast[Actor.OWNER], scene.sailor, scene.cast[Actor.STRANGER]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    why = {"reason": "A storm."}
    here = {"actor": owner, "server": server}
    person = here | {"user": user} | why
    of_role: dict[str, Any] = {"actor": owner, "role": role} | why
    of_channel: dict[str, Any] = {"actor": owner, "channel": channel} | why
    looks = {"name": "reef", "permissions": 1, "color": 5, "hoist": True, "mentionable": True}
    texts = {"name": "reef", "topic": "Ships.", "slowmode_seconds": 5, "nsfw": True}
    return {
        "create_server": {"owner": user, "name": "Reef"},
        "update_server": here
        | {"name": "Reef", "description": "Shallow.", "icon_key": "icons/reef"}
        | why,
        "transfer_ownership": here | {"to": user} | why,
        "delete_server": here | why,
        "join_server": {"user": stranger, "server": server},
        "leave_server": {"user": user, "server": server},
        "kick_member": person,
        "ban_user": person | {"expires_at": tomorrow},
        "unban_user": person | {"user": scene.cast[Actor.BANNED]},
        "set_timeout": person | {"until": tomorrow},
        "clear_timeout": person | {"user": scene.cast[Actor.TIMED_OUT]},
        "set_nickname": person | {"nickname": "Salty"},
        "create_invite": here | {"channel": channel, "max_uses": 5, "expires_at": tomorrow},
        "redeem_invite": {"user": stranger, "code": scene.invite.code},
        "revoke_invite": {"actor": owner, "invite": scene.invite} | why,
        "create_role": here | looks | why,
        "update_role": of_role | looks,
        "delete_role": of_role,
        "move_role": of_role | {"position": 2},
        "grant_role": of_role | {"user": user},
        "revoke_role": of_role | {"user": scene.cast[Actor.MODERATOR]},
        "create_channel": here | texts | {"kind": "text", "parent": scene.category} | why,
        "create_thread": {"actor": owner, "channel": channel, "name": "rumours"},
        "update_channel": of_channel | texts,
        "move_channel": of_channel | {"position": 0, "parent": scene.category},
        "delete_channel": of_channel,
        "set_overwrite": of_channel | {"role": None, "user": user, "allow": 1, "deny": 2},
        "clear_overwrite": of_channel | {"role": None, "user": scene.cast[Actor.OVERWRITTEN]},
        "erase_user": {"actor": user, "user": user, "delete_owned_servers": True},
        "import_users": {"users": [UserRow(uuid7(), "castaway")]},
        "import_members": {"server": server, "members": [MemberRow(stranger.id)]},
        "import_read_states": {"states": [ReadStateRow(scene.cast[Actor.BOT].id, channel.id, 0)]},
    }


def _of_messages(scene: Scene) -> dict[str, dict[str, Any]]:
    channel, owner, user = scene.cast.channel, scene.cast[Actor.OWNER], scene.sailor
    reserve = attachments.reserve_attachment
    file: dict[str, Any] = {
        "uploader": user,
        "channel": channel,
        "filename": "chart.png",
        "content_type": "image/png",
        "size_bytes": 1,
        "sha256": bytes(32),
        "width": 1,
        "height": 1,
        "duration_ms": 1,
        "alt_text": "A chart.",
    }
    by_user: dict[str, Any] = {"actor": user, "message": scene.message}
    of_channel: dict[str, Any] = {"user": user, "channel": channel}
    return {
        "reserve_attachment": file,
        "unsent_attachments": {"before": NOON, "limit": 1},
        "files_to_remove": {"limit": 1, "after": uuid7()},
        "confirm_removal": {"storage_keys": ["key"]},
        "sweep_attachments": {"before": NOON, "limit": 1},
        "send_message": {
            "author": user,
            "channel": channel,
            "content": "aye",
            "id": uuid7(),
            "reply_to": scene.message,
            "attachments": [reserve(**file)],
        },
        "edit_message": by_user | {"content": "avast", "expected_version": 1},
        "delete_message": by_user,
        "pin_message": by_user | {"actor": owner},
        "unpin_message": {"actor": owner, "message": scene.pinned},
        "add_reaction": by_user | {"emoji": "🐙"},
        "remove_reaction": by_user | {"actor": owner, "emoji": "⚓", "user": user},
        "clear_reactions": by_user | {"actor": owner, "emoji": "⚓"},
        "mark_read": of_channel | {"seq": 1},
        "mark_unread": of_channel | {"seq": 1},
        "mark_all_read": {"user": user, "server": scene.cast.server},
        "set_notify": of_channel | {"notify": "all"},
        "mute_channel": of_channel | {"until": NOON},
        "import_messages": {
            "channel": channel,
            "messages": [MessageRow(uuid7(), user.id, datetime.now(UTC), "ahoy")],
            "allow_missing_replies": True,
            "on_progress": None,
        },
    }


def _of_conversations(scene: Scene) -> dict[str, dict[str, Any]]:
    user, other = scene.sailor, scene.other
    group = direct.open_group(owner=user, others=[other], name="crew")
    of_group: dict[str, Any] = {"actor": user, "conversation": group}
    return {
        "open_conversation": {"user": user, "other": other},
        "open_group": {"owner": user, "others": [other], "name": "crew"},
        "add_to_group": of_group | {"user": scene.cast[Actor.STRANGER]},
        "rename_group": of_group | {"name": "mates"},
        "leave_group": {"user": user, "conversation": group},
    }


def _of_reads(scene: Scene) -> dict[str, dict[str, Any]]:
    server, channel, message, user = (
        scene.cast.server,
        scene.cast.channel,
        scene.message,
        scene.sailor,
    )
    cursor = Cursor(NOON, uuid7())
    page = {"before": cursor, "limit": 5}
    window = {"before": 1, "after": None, "around": None, "limit": 5}
    reaction: dict[str, Any] = {"message": message, "emoji": "⚓", "after": uuid7(), "limit": 5}
    where = {"server": server, "channel": channel, "author": user}
    flags = ("has_file", "has_link", "mentions_viewer", "is_pinned")
    narrow = {"since": NOON, "until": NOON, **dict.fromkeys(flags, False)}
    return {
        "permissions_in": {"user": user, "channel": channel},
        "visible_channels": {"user": user, "server": server, "after": None, "limit": 5},
        "audit_page": {"viewer": scene.cast[Actor.OWNER], "server": server} | page,
        "conversation_list": {"user": user} | page,
        "message_page": {"viewer": user, "channel": channel} | window,
        "message_pins": {"viewer": user, "channel": channel} | page,
        "messages_by_id": {"viewer": user, "messages": [message]},
        "member_page": {"viewer": user, "server": server, "after": cursor, "limit": 5},
        "inbox": {"user": user} | page,
        "reaction_users": {"viewer": user} | reaction,
        "search_messages": {"viewer": user, "text": "ahoy"} | where | narrow | page,
        "archived_threads": {"viewer": user, "channel": channel} | page,
        "unread_overview": {"user": user, "after": uuid7(), "limit": 5},
    }
