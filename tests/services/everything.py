"""Every public function of services and queries, found by looking, and arguments that it takes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chat import queries, services
from chat.db.ids import uuid7
from chat.models import Message
from chat.queries.source import Cursor
from chat.services import attachments, direct
from chat.services.imports import MemberRow, MessageRow, ReadStateRow, UserRow
from tests.factories import MessageFactory, UserFactory
from tests.services.actors import Actor
from tests.services.communities import Scene, make_scene

if TYPE_CHECKING:
    from collections.abc import Callable


# Keyword-only all the same, and for the rooms themselves.
_PLUMBING = {"drafts.check_draft", "message_rows.find_message_views"}
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
                if is_own and kinds == {inspect.Parameter.KEYWORD_ONLY}:
                    found[f"{module.name.removeprefix(f'{room.__name__}.')}.{name}"] = function
    return {name: function for name, function in found.items() if name not in _PLUMBING}


# By "module.function"; no module of the one room has a function of that name in the other.
PUBLIC = _found()


def arguments_of_everything() -> dict[str, dict[str, Any]]:
    """Write a place in which each public function can be called, and return how: all arguments.

    Everything is there before any is called, and nothing was: call each once, or roll back.
    """
    scene = make_scene()
    return _community(scene) | _messages(scene) | _conversations(scene) | _reads(scene)


def _community(scene: Scene) -> dict[str, dict[str, Any]]:
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
        "servers.create_server": {"owner": user, "name": "Reef"},
        "servers.update_server": here
        | {"name": "Reef", "description": "Shallow.", "icon_key": "icons/reef"}
        | why,
        "servers.transfer_ownership": here | {"to": user} | why,
        "servers.delete_server": here | why,
        "members.join_server": {"user": stranger, "server": server},
        "members.leave_server": {"user": user, "server": server},
        "members.kick_member": person,
        "members.ban_user": person | {"expires_at": tomorrow},
        "members.unban_user": person | {"user": scene.cast[Actor.BANNED]},
        "members.set_timeout": person | {"until": tomorrow},
        "members.clear_timeout": person | {"user": scene.cast[Actor.TIMED_OUT]},
        "members.set_nickname": person | {"nickname": "Salty"},
        "invites.create_invite": here | {"channel": channel, "max_uses": 5, "expires_at": tomorrow},
        "invites.redeem_invite": {"user": stranger, "code": scene.invite.code},
        "invites.revoke_invite": {"actor": owner, "invite": scene.invite} | why,
        "roles.create_role": here | looks | why,
        "roles.update_role": of_role | looks,
        "roles.delete_role": of_role,
        "roles.move_role": of_role | {"position": 2},
        "roles.grant_role": of_role | {"user": user},
        "roles.revoke_role": of_role | {"user": scene.cast[Actor.MODERATOR]},
        "channels.create_channel": here | texts | {"kind": "text", "parent": scene.category} | why,
        "channels.create_thread": {"actor": owner, "channel": channel, "name": "rumours"},
        "channels.update_channel": of_channel | texts,
        "channels.move_channel": of_channel | {"position": 0, "parent": scene.category},
        "channels.delete_channel": of_channel,
        "overwrites.set_overwrite": of_channel
        | {"role": None, "user": user, "allow": 1, "deny": 2},
        "overwrites.clear_overwrite": of_channel
        | {"role": None, "user": scene.cast[Actor.OVERWRITTEN]},
        "users.erase_user": {"actor": user, "user": user, "delete_owned_servers": True},
        "imports.people.import_users": {"users": [UserRow(uuid7(), "castaway")]},
        "imports.people.import_members": {"server": server, "members": [MemberRow(stranger.id)]},
        "imports.people.import_read_states": {
            "states": [ReadStateRow(scene.cast[Actor.BOT].id, channel.id, 0)],
        },
    }


def _messages(scene: Scene) -> dict[str, dict[str, Any]]:
    channel, owner, user = scene.cast.channel, scene.cast[Actor.OWNER], scene.sailor
    message = MessageFactory.create(channel=channel, author=user)
    attachments_of = attachments.reserve_attachment
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
    by_user: dict[str, Any] = {"actor": user, "message": message}
    of_channel: dict[str, Any] = {"user": user, "channel": channel}
    emoji = {"emoji": "⚓"}
    return {
        "attachments.reserve_attachment": file,
        "attachments.unsent_attachments": {"before": NOON, "limit": 1},
        "attachments.files_to_remove": {"limit": 1, "after": uuid7()},
        "attachments.confirm_removal": {"storage_keys": ["key"]},
        "attachments.sweep_attachments": {"before": NOON, "limit": 1},
        "sending.send_message": {
            "author": user,
            "channel": channel,
            "content": "aye",
            "id": uuid7(),
            "reply_to": message,
            "attachments": [attachments_of(**file)],
        },
        "editing.edit_message": by_user | {"content": "avast", "expected_version": 1},
        "editing.delete_message": by_user,
        "pins.pin_message": by_user | {"actor": owner},
        "pins.unpin_message": by_user | {"actor": owner},
        "reactions.add_reaction": by_user | emoji,
        "reactions.remove_reaction": by_user | emoji | {"actor": owner, "user": user},
        "reactions.clear_reactions": by_user | emoji | {"actor": owner},
        "read_states.mark_read": of_channel | {"seq": 1},
        "read_states.mark_unread": of_channel | {"seq": 1},
        "read_states.mark_all_read": {"user": user, "server": scene.cast.server},
        "read_states.set_notify": of_channel | {"notify": "all"},
        "read_states.mute_channel": of_channel | {"until": NOON},
        "imports.messages.import_messages": {
            "channel": channel,
            "messages": [MessageRow(uuid7(), user.id, NOON, "ahoy")],
            "allow_missing_replies": True,
            "on_progress": None,
        },
    }


def _conversations(scene: Scene) -> dict[str, dict[str, Any]]:
    user, other = scene.sailor, UserFactory.create()
    group = direct.open_group(owner=user, others=[other], name="crew")
    of_group: dict[str, Any] = {"actor": user, "conversation": group}
    return {
        "direct.open_conversation": {"user": user, "other": scene.cast[Actor.OWNER]},
        "direct.open_group": {"owner": user, "others": [other], "name": "crew"},
        "direct.add_to_group": of_group | {"user": scene.cast[Actor.STRANGER]},
        "direct.rename_group": of_group | {"name": "mates"},
        "direct.leave_group": {"user": user, "conversation": group},
    }


def _reads(scene: Scene) -> dict[str, dict[str, Any]]:
    server, channel, user = scene.cast.server, scene.cast.channel, scene.sailor
    message = Message.objects.get(channel=channel)
    page = {"before": Cursor(NOON, uuid7()), "limit": 5}
    return {
        "access.permissions_in": {"user": user, "channel": channel},
        "access.visible_channels": {"user": user, "server": server},
        "audit.audit_page": {"viewer": scene.cast[Actor.OWNER], "server": server} | page,
        "direct.conversation_list": {"user": user} | page,
        "history.message_page": {
            "viewer": user,
            "channel": channel,
            "before": 1,
            "after": None,
            "around": None,
            "limit": 5,
        },
        "history.message_pins": {"viewer": user, "channel": channel} | page,
        "history.messages_by_id": {"viewer": user, "messages": [message]},
        "members.member_page": {
            "viewer": user,
            "server": server,
            "after": Cursor(NOON, uuid7()),
            "limit": 5,
        },
        "mentions.inbox": {"user": user} | page,
        "reactions.reaction_users": {
            "viewer": user,
            "message": message,
            "emoji": "⚓",
            "after": uuid7(),
            "limit": 5,
        },
        "search.search_messages": {
            "viewer": user,
            "server": server,
            "text": "ahoy",
            "channel": channel,
            "author": user,
        }
        | page,
        "unread.unread_overview": {"user": user},
    }
