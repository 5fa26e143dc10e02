"""Who may do what with messages: every use case by every actor, as written by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest

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
mark_server_read  yes    yes           yes       yes    yes         yes       hidden hidden   yes
set_notify        yes    yes           yes       yes    yes         yes       hidden hidden   yes
mute_channel      yes    yes           yes       yes    yes         yes       hidden hidden   yes
open_conversation yes    yes           yes       yes    yes         yes       yes    yes      yes
open_group        yes    yes           yes       yes    yes         yes       yes    yes      yes
send_direct       yes    yes           yes       yes    yes         yes       yes    yes      yes
direct_send       hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_edit       hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_delete     hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_react      hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_mark       hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
join_group        hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
rename_group      hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
leave_group       hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_reserve    hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_unreact    hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
direct_mute       hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
read_page         yes    yes           yes       yes    yes         yes       hidden hidden   yes
read_pins         yes    yes           yes       yes    yes         yes       hidden hidden   yes
read_search       yes    yes           yes       yes    yes         yes       hidden hidden   yes
read_reactions    yes    yes           yes       yes    yes         yes       hidden hidden   yes
read_members      yes    yes           yes       yes    yes         yes       hidden hidden   yes
read_audit        yes    yes           yes       power  power       power     hidden hidden   power
read_direct_page  hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
read_direct_pins  hidden hidden        hidden    hidden hidden      hidden    hidden hidden   hidden
"""


@pytest.mark.parametrize(("use_case", "actor", "expected"), read_table(MATRIX))
def test_who_may_do_what(use_case: str, actor: Actor, expected: str) -> None:
    attempt = _prepare(use_case, make_cast(), actor)
    before = stored()

    assert answer_to(attempt) == expected

    if expected != "yes":
        assert stored() == before


# For whoever runs the commands; and what somebody asks of their own.
WITHOUT_ACTOR = {
    *("attachments.confirm_removal", "attachments.files_to_remove"),
    *("attachments.sweep_attachments", "attachments.unsent_attachments"),
    *("imports.messages.import_direct_messages", "imports.messages.import_messages"),
    *("imports.people.import_members", "imports.people.import_read_states"),
    "imports.people.import_users",
    *("access.permissions_in", "access.visible_channels", "direct.conversation_list"),
    *("mentions.inbox", "unread.unread_conversations", "unread.unread_overview"),
}


def test_every_public_function_is_in_a_matrix() -> None:
    cast = make_cast()
    lines = {use_case for use_case, _, _ in read_table(MATRIX)}
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
    message = MessageFactory.create(server=cast.server, channel=channel, author=author)
    reaction = ReactionFactory.create(
        message=message, emoji="⚓", user=user if use_case == "unreact_own" else author
    )
    if use_case == "send_in_slow_mode":
        Channel.objects.update(slowmode_seconds=60)
        MessageFactory.create(server=cast.server, channel=channel, author=user)
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
            place=channel,
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
        "read_pins": partial(history.pins, viewer=user, channel=channel),
        "read_search": partial(
            search.search_messages, viewer=user, server=cast.server, text="ahoy"
        ),
        "read_reactions": partial(
            reactions.reaction_users, viewer=user, message=message, emoji="⚓"
        ),
        "read_members": partial(members.member_page, viewer=user, server=cast.server),
        "read_audit": partial(audit.audit_page, viewer=user, server=cast.server),
        "mark_read": partial(read_states.mark_read, user=user, channel=channel),
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
    theirs = DirectMessageFactory.create()
    group = DirectConversationFactory.create(group=True)
    own = direct.open_conversation(user=user, other=other)
    send = partial(direct.send_direct_message, author=user, content="ahoy")
    in_conversation: dict[str, Callable[[], object]] = {
        "open_conversation": partial(direct.open_conversation, user=user, other=other),
        "open_group": partial(direct.open_group, owner=user, others=[other]),
        "send_direct": partial(send, conversation=own),
        "direct_send": partial(send, conversation=theirs.conversation),
        "direct_edit": partial(
            direct.edit_direct_message, actor=user, message=theirs, content="avast"
        ),
        "direct_delete": partial(direct.delete_direct_message, actor=user, message=theirs),
        "direct_react": partial(direct.add_reaction, actor=user, message=theirs, emoji="⚓"),
        "direct_mark": partial(
            read_states.mark_direct_read, user=user, conversation=theirs.conversation
        ),
        "direct_unreact": partial(direct.remove_reaction, actor=user, message=theirs, emoji="⚓"),
        "direct_reserve": partial(
            attachments.reserve_attachment,
            uploader=user,
            place=theirs.conversation,
            filename="chart.png",
            content_type="image/png",
            size_bytes=1,
            sha256=bytes(32),
        ),
        "direct_mute": partial(
            read_states.mute_conversation, user=user, conversation=theirs.conversation, until=None
        ),
        "read_direct_page": partial(
            history.direct_page, viewer=user, conversation=theirs.conversation
        ),
        "read_direct_pins": partial(
            history.direct_pins, viewer=user, conversation=theirs.conversation
        ),
        "rename_group": partial(direct.rename_group, actor=user, conversation=group, name="x"),
        "leave_group": partial(direct.leave_group, user=user, conversation=group),
        "join_group": partial(direct.add_to_group, actor=user, conversation=group, user=user),
    }
    return in_conversation[use_case]
