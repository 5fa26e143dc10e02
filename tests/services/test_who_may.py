"""Who may do what: every public function that somebody calls, by every kind of actor."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from chat.inputs import UNCHANGED
from chat.models import AuditLogEntry, Ban, Channel, Message, ServerMember, User
from chat.services import direct
from tests.chat.sql import stored
from tests.factories import DirectMessageFactory, MessageFactory, ReactionFactory, UserFactory
from tests.services.actors import Actor, answer_to, read_table
from tests.services.public import NOON, PARAMETERS, PUBLIC, Scene, make_scene

pytestmark = pytest.mark.django_db

# After a colon, against whom or what (VARIANTS). A line with one word holds for everybody.
TABLE = """
                          owner administrator moderator member  overwritten timed_out banned stranger bot
create_server             yes
update_server             yes   yes           power     power   power       power     hidden hidden   power
transfer_ownership        yes   owner         owner     owner   owner       owner     hidden hidden   owner
delete_server             yes   owner         owner     owner   owner       owner     hidden hidden   owner
join_server               yes   yes           yes       yes     yes         yes       banned yes      yes
leave_server              owner yes           yes       yes     yes         yes       hidden hidden   yes
kick_member               yes   yes           yes       power   power       power     hidden hidden   power
kick_member:moderator     yes   yes           rank      power   power       power     hidden hidden   power
kick_member:administrator yes   rank          rank      power   power       power     hidden hidden   power
kick_member:owner         owner owner         owner     power   power       power     hidden hidden   power
ban_user                  yes   yes           yes       power   power       power     hidden hidden   power
ban_user:stranger         yes   yes           yes       power   power       power     hidden hidden   power
unban_user                yes   yes           yes       power   power       power     hidden hidden   power
set_timeout               yes   yes           yes       power   power       power     hidden hidden   power
set_timeout:moderator     yes   yes           rank      power   power       power     hidden hidden   power
set_timeout:administrator rank  rank          rank      power   power       power     hidden hidden   power
clear_timeout             yes   yes           yes       power   power       power     hidden hidden   power
set_nickname              yes   yes           yes       power   power       power     hidden hidden   power
set_nickname:themselves   yes   yes           yes       yes     yes         timeout   hidden hidden   yes
create_invite             yes   yes           yes       yes     yes         timeout   hidden hidden   yes
create_invite:server      yes   yes           yes       yes     yes         timeout   hidden hidden   yes
redeem_invite             yes   yes           yes       yes     yes         yes       banned yes      yes
revoke_invite             yes   yes           power     power   power       power     hidden hidden   power
revoke_invite:channel     yes   yes           power     power   yes         timeout   hidden hidden   power
create_role               yes   yes           power     power   power       power     hidden hidden   power
update_role               yes   yes           power     power   power       power     hidden hidden   power
update_role:admins        yes   rank          power     power   power       power     hidden hidden   power
update_role:everyone      yes   yes           power     power   power       power     hidden hidden   power
delete_role               yes   yes           power     power   power       power     hidden hidden   power
grant_role                yes   yes           power     power   power       power     hidden hidden   power
grant_role:admins         yes   rank          power     power   power       power     hidden hidden   power
revoke_role               yes   yes           power     power   power       power     hidden hidden   power
move_role                 yes   rank          power     power   power       power     hidden hidden   power
create_channel            yes   yes           power     power   power       timeout   hidden hidden   power
create_channel:top        yes   yes           power     power   power       power     hidden hidden   power
create_thread             yes   yes           yes       yes     yes         timeout   hidden hidden   yes
update_channel            yes   yes           power     power   yes         timeout   hidden hidden   power
move_channel              yes   yes           power     power   power       timeout   hidden hidden   power
delete_channel            yes   yes           power     power   yes         timeout   hidden hidden   power
set_overwrite             yes   yes           power     power   power       timeout   hidden hidden   power
set_overwrite:everyone    yes   yes           power     power   power       timeout   hidden hidden   power
clear_overwrite           yes   yes           power     power   power       timeout   hidden hidden   power
erase_user                hidden
erase_user:themselves     OwnsServers yes     yes       yes     yes         yes       yes    yes      yes
send_message              yes   yes           yes       yes     power       timeout   hidden hidden   yes
send_message:slow         yes   yes           yes       slow    slow        timeout   hidden hidden   slow
send_message:answer       yes   yes           yes       yes     power       timeout   hidden hidden   yes
reserve_attachment        yes   yes           yes       yes     power       timeout   hidden hidden   yes
edit_message              author author       author    author  author      author    hidden hidden   author
edit_message:own          yes   yes           yes       yes     yes         timeout   hidden hidden   yes
delete_message            yes   yes           yes       power   yes         timeout   hidden hidden   power
delete_message:own        yes   yes           yes       yes     yes         yes       hidden hidden   yes
pin_message               yes   yes           yes       power   yes         timeout   hidden hidden   power
unpin_message             yes   yes           yes       power   yes         timeout   hidden hidden   power
add_reaction              yes   yes           yes       yes     power       timeout   hidden hidden   yes
add_reaction:again        yes   yes           yes       yes     yes         timeout   hidden hidden   yes
remove_reaction           yes   yes           yes       power   yes         timeout   hidden hidden   power
remove_reaction:own       yes   yes           yes       yes     yes         yes       hidden hidden   yes
clear_reactions           yes   yes           yes       power   yes         timeout   hidden hidden   power
mark_read                 yes   yes           yes       yes     yes         yes       hidden hidden   yes
mark_unread               yes   yes           yes       yes     yes         yes       hidden hidden   yes
mark_all_read             yes   yes           yes       yes     yes         yes       hidden hidden   yes
set_notify                yes   yes           yes       yes     yes         yes       hidden hidden   yes
mute_channel              yes   yes           yes       yes     yes         yes       hidden hidden   yes
open_conversation         yes
open_group                yes
add_to_group              hidden
rename_group              hidden
leave_group               hidden
send_message:pair         yes
edit_message:pair         author
delete_message:pair       power
pin_message:pair          yes
unpin_message:pair        yes
add_reaction:pair         yes
clear_reactions:pair      power
mark_read:pair            yes
send_message:foreign      hidden
reserve_attachment:foreign hidden
edit_message:foreign      hidden
delete_message:foreign    hidden
pin_message:foreign       hidden
unpin_message:foreign     hidden
add_reaction:foreign      hidden
remove_reaction:foreign   hidden
clear_reactions:foreign   hidden
mark_read:foreign         hidden
set_notify:foreign        hidden
mute_channel:foreign      hidden
message_page:foreign      hidden
message_pins:foreign      hidden
search_messages:foreign   hidden
reaction_users:foreign    hidden
message_page              yes   yes           yes       yes     yes         yes       hidden hidden   yes
message_pins              yes   yes           yes       yes     yes         yes       hidden hidden   yes
search_messages           yes   yes           yes       yes     yes         yes       hidden hidden   yes
reaction_users            yes   yes           yes       yes     yes         yes       hidden hidden   yes
archived_threads          yes   yes           yes       yes     yes         yes       hidden hidden   yes
member_page               yes   yes           yes       yes     yes         yes       hidden hidden   yes
audit_page                yes   yes           yes       power   power       power     hidden hidden   power
"""  # noqa: E501

# For whoever runs the commands; and what somebody asks of their own.
WITHOUT_ACTOR = {
    *("confirm_removal", "files_to_remove", "sweep_attachments", "unsent_attachments"),
    *("import_messages", "import_users", "import_members", "import_read_states"),
    *("permissions_in", "visible_channels", "conversation_list"),
    *("messages_by_id", "inbox", "unread_overview"),
}


@dataclass(frozen=True, slots=True)
class Doing:
    """What one actor does it to, beside the scene."""

    scene: Scene
    user: User
    # By the actor, with a reaction of theirs.
    own: Message
    # By another in a conversation with the actor, and one of others.
    pair: Message
    foreign: Message
    # In which the actor has just sent.
    slow: Channel


def make_doing(actor: Actor) -> Doing:
    scene = make_scene()
    user, other = scene.cast[actor], UserFactory.create()
    # Whoever is no member was one when they wrote.
    bans = list(Ban.objects.filter(user=user))
    Ban.objects.filter(user=user).delete()
    own = MessageFactory.create(channel=scene.cast.channel, author=user)
    ReactionFactory.create(message=own, user=user, emoji="⚓")
    pair = direct.open_conversation(user=user, other=other)
    slow = Channel.objects.create(server=scene.cast.server, name="slow", slowmode_seconds=21600)
    MessageFactory.create(channel=slow, author=user)
    if actor in {Actor.BANNED, Actor.STRANGER}:
        ServerMember.objects.filter(user=user).delete()
    Ban.objects.bulk_create(bans)
    return Doing(
        scene=scene,
        user=user,
        own=own,
        pair=MessageFactory.create(channel=pair, author=other),
        foreign=DirectMessageFactory.create(pinned_at=NOON),
        slow=slow,
    )


# Of everyone's role only the permissions change.
LOOKS: dict[str, Any] = dict.fromkeys(("name", "color", "hoist", "mentionable"), UNCHANGED)
# In place of the registry's arguments; of "…:pair" and "…:foreign", the message or its channel.
VARIANTS: dict[str, Callable[[Doing], dict[str, Any]]] = {
    "send_message:slow": lambda on: {"channel": on.slow},
    "send_message:answer": lambda on: {"reply_to": on.scene.message},
    "edit_message:own": lambda on: {"message": on.own},
    "delete_message:own": lambda on: {"message": on.own},
    "remove_reaction:own": lambda on: {"message": on.own, "user": None},
    "add_reaction:again": lambda _: {"emoji": "⚓"},
    "kick_member:moderator": lambda on: {"user": on.scene.cast[Actor.MODERATOR]},
    "kick_member:administrator": lambda on: {"user": on.scene.cast[Actor.ADMINISTRATOR]},
    "kick_member:owner": lambda on: {"user": on.scene.cast[Actor.OWNER]},
    "ban_user:stranger": lambda on: {"user": on.scene.cast[Actor.STRANGER]},
    "set_timeout:moderator": lambda on: {"user": on.scene.cast[Actor.MODERATOR]},
    "set_timeout:administrator": lambda on: {"user": on.scene.cast[Actor.ADMINISTRATOR]},
    "set_nickname:themselves": lambda on: {"user": on.user},
    "create_invite:server": lambda _: {"channel": None},
    "revoke_invite:channel": lambda on: {"invite": on.scene.channel_invite},
    "update_role:admins": lambda on: {"role": on.scene.cast.administrators},
    "update_role:everyone": lambda on: LOOKS | {"role": on.scene.cast.everyone},
    "grant_role:admins": lambda on: {"role": on.scene.cast.administrators},
    "create_channel:top": lambda _: {"parent": None},
    "set_overwrite:everyone": lambda on: {"role": on.scene.cast.everyone, "user": None},
    "erase_user:themselves": lambda on: {"user": on.user, "delete_owned_servers": False},
}
# A file is sent by who reserved it, and an answer has a line of its own.
SEND = {"reply_to": None, "attachments": ()}
CELLS = read_table(TABLE)


def attempt(use_case: str, on: Doing) -> object:
    name, _, variant = use_case.partition(":")
    instead: dict[str, Any] = dict(SEND) if name == "send_message" else {}
    if variant in {"pair", "foreign"}:
        message = getattr(on, variant)
        where = {"channel": message.channel, "message": message, "server": None, "reply_to": None}
        instead |= {known: where[known] for known in where.keys() & set(PARAMETERS[name])}
    elif variant:
        instead |= VARIANTS[use_case](on)
    return on.scene.call(name, by=on.user, **instead)


def test_table_has_a_line_for_every_public_function_and_variant() -> None:
    lines = {use_case for use_case, _, _ in CELLS}

    assert {line.partition(":")[0] for line in lines} | WITHOUT_ACTOR == PUBLIC.keys()
    assert not WITHOUT_ACTOR & lines
    assert VARIANTS.keys() <= lines


@pytest.mark.parametrize("actor", Actor)
def test_actor_may_do_what_the_table_says(actor: Actor) -> None:
    on = make_doing(actor)
    expected = {use_case: word for use_case, column, word in CELLS if column == actor}
    before, answers = stored(), {}

    for use_case in expected:
        with transaction.atomic():
            answers[use_case] = answer_to(partial(attempt, use_case, on))
            if answers[use_case] != "yes":
                assert stored() == before, f"{use_case} was refused, and wrote"
            transaction.set_rollback(True)

    assert answers == expected


@pytest.mark.parametrize(
    "name",
    ["delete_message", "pin_message", "unpin_message", "remove_reaction", "clear_reactions"],
)
def test_what_a_moderator_does_is_in_the_log(name: str) -> None:
    scene = make_scene()
    moderator = scene.cast[Actor.MODERATOR]

    scene.call(name, by=moderator)

    entry = AuditLogEntry.objects.get()
    assert (entry.server_id, entry.actor_id) == (scene.cast.server.id, moderator.id)
