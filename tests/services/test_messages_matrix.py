"""Who may do what with messages: every use case by every actor, as written by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

from chat.models import AuditLogEntry, Channel
from chat.queries import audit, history, members, reactions, search
from chat.services import attachments, direct, messages, read_states
from tests.chat.sql import stored
from tests.factories import (
    DirectConversationFactory,
    DirectMessageFactory,
    MessageFactory,
    ReactionFactory,
    UserFactory,
)
from tests.services.actors import Actor, Cast, answer_to, make_cast, read_table
from tests.services.communities import CALLS
from tests.services.everything import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

# hidden: there is no such thing, or not for them; power: a permission is missing; author: only who
# wrote it; timeout and slow: not now.
MATRIX = """
                  owner  administrator moderator member overwritten timed_out banned stranger bot
send              yes    yes           yes       yes    power       timeout   hidden hidden   yes
send_in_slow_mode yes    yes           yes       slow   power       timeout   hidden hidden   slow
answer            yes    yes           yes       yes    power       timeout   hidden hidden   yes
reserve           yes    yes           yes       yes    power       timeout   hidden hidden   yes
edit_own          yes    yes           yes       yes    yes         timeout   hidden hidden   yes
edit_others       author author        author    author author      author    hidden hidden   author
delete_own        yes    yes           yes       yes    yes         yes       hidden hidden   yes
delete_others     yes    yes           yes       power  yes         timeout   hidden hidden   power
pin               yes    yes           yes       power  yes         timeout   hidden hidden   power
unpin             yes    yes           yes       power  yes         timeout   hidden hidden   power
react_first       yes    yes           yes       yes    power       timeout   hidden hidden   yes
react_again       yes    yes           yes       yes    yes         timeout   hidden hidden   yes
unreact_own       yes    yes           yes       yes    yes         yes       hidden hidden   yes
unreact_others    yes    yes           yes       power  yes         timeout   hidden hidden   power
clear_reactions   yes    yes           yes       power  yes         timeout   hidden hidden   power
mark_read         yes    yes           yes       yes    yes         yes       hidden hidden   yes
mark_unread       yes    yes           yes       yes    yes         yes       hidden hidden   yes
mark_server_read  yes    yes           yes       yes    yes         yes       hidden hidden   yes
set_notify        yes    yes           yes       yes    yes         yes       hidden hidden   yes
mute_channel      yes    yes           yes       yes    yes         yes       hidden hidden   yes
open_conversation yes    yes           yes       yes    yes         yes       yes    yes      yes
open_group        yes    yes           yes       yes    yes         yes       yes    yes      yes
send_direct       yes    yes           yes       yes    yes         yes       yes    yes      yes
answer_direct     yes    yes           yes       yes    yes         yes       yes    yes      yes
pin_direct        yes    yes           yes       yes    yes         yes       yes    yes      yes
unpin_direct      yes    yes           yes       yes    yes         yes       yes    yes      yes
react_direct      yes    yes           yes       yes    yes         yes       yes    yes      yes
clear_direct      power  power         power     power  power       power     power  power    power
delete_direct     power  power         power     power  power       power     power  power    power
edit_direct       author author        author    author author      author    author author   author
direct_send       hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_edit       hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_delete     hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_pin        hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_unpin      hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_react      hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_clear      hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_mark       hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
join_group        hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
rename_group      hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
leave_group       hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_reserve    hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_unreact    hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_notify     hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_mute       hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
read_page         yes    yes           yes       yes    yes         yes       hidden hidden   yes
read_pins         yes    yes           yes       yes    yes         yes       hidden hidden   yes
read_search       yes    yes           yes       yes    yes         yes       hidden hidden   yes
read_reactions    yes    yes           yes       yes    yes         yes       hidden hidden   yes
read_members      yes    yes           yes       yes    yes         yes       hidden hidden   yes
read_audit        yes    yes           yes       power  power       power     hidden hidden   power
read_direct_search hidden hidden       hidden    hidden hidden      hidden    hidden hidden   hidden
read_direct_reactions hidden hidden    hidden    hidden hidden      hidden    hidden hidden   hidden
read_direct_page  hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
read_direct_pins  hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
"""


CELLS = read_table(MATRIX)


@pytest.mark.parametrize("use_case", dict.fromkeys(use_case for use_case, _, _ in CELLS))
def test_who_may(use_case: str) -> None:
    expected = {actor: word for name, actor, word in CELLS if name == use_case}
    cast = make_cast()
    answers = {}

    for actor in Actor:
        with transaction.atomic():
            attempt = _prepare(use_case, cast, actor)
            before = stored()
            answers[actor] = answer_to(attempt)
            if answers[actor] != "yes":
                assert stored() == before, f"{use_case} by {actor} was refused, and wrote"
            transaction.set_rollback(True)

    assert answers == expected


# For whoever runs the commands; and what somebody asks of their own.
WITHOUT_ACTOR = {
    *("attachments.confirm_removal", "attachments.files_to_remove"),
    *("attachments.sweep_attachments", "attachments.unsent_attachments"),
    *("imports.messages.import_messages", "imports.people.import_users"),
    *("imports.people.import_members", "imports.people.import_read_states"),
    *("access.permissions_in", "access.visible_channels", "direct.conversation_list"),
    *("history.messages_by_id", "mentions.inbox", "unread.unread_overview"),
}


def test_every_public_function_is_in_a_matrix() -> None:
    cast = make_cast()
    lines = {use_case for use_case, _, _ in CELLS}
    called = {getattr(_prepare(line, cast, Actor.MODERATOR), "func", None) for line in lines}
    around = {call.partition(":")[0] for call in CALLS}

    asked = {
        name
        for name, function in PUBLIC.items()
        if function in called or function.__name__ in around
    }

    assert asked | WITHOUT_ACTOR == PUBLIC.keys()
    assert not asked & WITHOUT_ACTOR


@pytest.mark.parametrize(
    "use_case", ["delete_others", "pin", "unpin", "unreact_others", "clear_reactions"]
)
def test_what_a_moderator_does_is_in_the_log(use_case: str) -> None:
    cast = make_cast()

    _prepare(use_case, cast, Actor.MODERATOR)()

    entry = AuditLogEntry.objects.get()
    assert (entry.server_id, entry.actor_id) == (cast.server.id, cast[Actor.MODERATOR].id)


def _prepare(use_case: str, cast: Cast, actor: Actor) -> Callable[[], object]:
    """Write what there has to be before, and return the attempt."""
    if "direct" in use_case or use_case.endswith(("_group", "_conversation")):
        return _prepare_direct(use_case, cast, actor)
    user, channel = cast[actor], cast.channel
    author = user if use_case in {"edit_own", "delete_own"} else UserFactory.create()
    message = MessageFactory.create(channel=channel, author=author)
    reaction = ReactionFactory.create(
        message=message, emoji="⚓", user=user if use_case == "unreact_own" else author
    )
    if use_case == "send_in_slow_mode":
        Channel.objects.update(slowmode_seconds=60)
        MessageFactory.create(channel=channel, author=user)
    if use_case == "unpin":
        type(message).objects.filter(pk=message.pk).update(pinned_at=message.created_at)

    send = partial(messages.send_message, author=user, channel=channel, content="ahoy")
    on_message: dict[str, Callable[[], object]] = {
        "send": send,
        "send_in_slow_mode": send,
        "answer": partial(send, reply_to=message),
        "reserve": partial(
            attachments.reserve_attachment,
            uploader=user,
            channel=channel,
            filename="chart.png",
            content_type="image/png",
            size_bytes=1,
            sha256=bytes(32),
        ),
        "edit_own": partial(messages.edit_message, actor=user, message=message, content="avast"),
        "edit_others": partial(messages.edit_message, actor=user, message=message, content="avast"),
        "delete_own": partial(messages.delete_message, actor=user, message=message),
        "delete_others": partial(messages.delete_message, actor=user, message=message),
        "pin": partial(messages.pin_message, actor=user, message=message),
        "unpin": partial(messages.unpin_message, actor=user, message=message),
        "react_first": partial(messages.add_reaction, actor=user, message=message, emoji="🐙"),
        "react_again": partial(messages.add_reaction, actor=user, message=message, emoji="⚓"),
        "unreact_own": partial(messages.remove_reaction, actor=user, message=message, emoji="⚓"),
        "unreact_others": partial(
            messages.remove_reaction,
            actor=user,
            message=message,
            emoji="⚓",
            user=reaction.user,
        ),
        "clear_reactions": partial(messages.clear_reactions, actor=user, message=message),
        "read_page": partial(history.message_page, viewer=user, channel=channel),
        "read_pins": partial(history.message_pins, viewer=user, channel=channel),
        "read_search": partial(
            search.search_messages, viewer=user, server=cast.server, text="ahoy"
        ),
        "read_reactions": partial(
            reactions.reaction_users, viewer=user, message=message, emoji="⚓"
        ),
        "read_members": partial(members.member_page, viewer=user, server=cast.server),
        "read_audit": partial(audit.audit_page, viewer=user, server=cast.server),
        "mark_read": partial(read_states.mark_read, user=user, channel=channel),
        "mark_unread": partial(read_states.mark_unread, user=user, channel=channel, seq=1),
        "mark_server_read": partial(read_states.mark_all_read, user=user, server=cast.server),
        "set_notify": partial(read_states.set_notify, user=user, channel=channel, notify="all"),
        "mute_channel": partial(
            read_states.mute_channel,
            user=user,
            channel=channel,
            until=datetime(2098, 1, 1, tzinfo=UTC),
        ),
    }
    return on_message[use_case]


def _prepare_direct(use_case: str, cast: Cast, actor: Actor) -> Callable[[], object]:
    user, other = cast[actor], UserFactory.create()
    group = DirectConversationFactory.create(group=True)
    own = direct.open_conversation(user=user, other=other)
    # In a conversation of the actor's, or in one of others.
    is_own = use_case.endswith("_direct")
    message = DirectMessageFactory.create(**{"channel": own, "author": other} if is_own else {})
    channel = message.channel
    if "unpin" in use_case:
        type(message).objects.filter(pk=message.pk).update(pinned_at=message.created_at)

    send = partial(messages.send_message, author=user, channel=channel, content="ahoy")
    on_message: dict[str, Any] = {"actor": user, "message": message}
    in_channel: dict[str, Any] = {"user": user, "channel": channel}
    in_conversation: dict[str, Callable[[], object]] = {
        "open_conversation": partial(direct.open_conversation, user=user, other=other),
        "open_group": partial(direct.open_group, owner=user, others=[other]),
        "rename_group": partial(direct.rename_group, actor=user, conversation=group, name="x"),
        "leave_group": partial(direct.leave_group, user=user, conversation=group),
        "join_group": partial(direct.add_to_group, actor=user, conversation=group, user=user),
        "send": send,
        "answer": partial(send, reply_to=message),
        "edit": partial(messages.edit_message, **on_message, content="avast"),
        "delete": partial(messages.delete_message, **on_message),
        "pin": partial(messages.pin_message, **on_message),
        "unpin": partial(messages.unpin_message, **on_message),
        "react": partial(messages.add_reaction, **on_message, emoji="⚓"),
        "unreact": partial(messages.remove_reaction, **on_message, emoji="⚓"),
        "clear": partial(messages.clear_reactions, **on_message),
        "mark": partial(read_states.mark_read, **in_channel),
        "notify": partial(read_states.set_notify, **in_channel, notify="all"),
        "mute": partial(read_states.mute_channel, **in_channel, until=None),
        "reserve": partial(
            attachments.reserve_attachment,
            uploader=user,
            channel=channel,
            filename="chart.png",
            content_type="image/png",
            size_bytes=1,
            sha256=bytes(32),
        ),
        "read_page": partial(history.message_page, viewer=user, channel=channel),
        "read_pins": partial(history.message_pins, viewer=user, channel=channel),
        "read_search": partial(search.search_messages, viewer=user, text="ahoy", channel=channel),
        "read_reactions": partial(
            reactions.reaction_users, viewer=user, message=message, emoji="⚓"
        ),
    }
    what = use_case.replace("direct_", "").removesuffix("_direct")
    return in_conversation[what]
