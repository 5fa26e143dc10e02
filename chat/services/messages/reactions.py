"""Reactions: emoji that users put under messages."""

from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from chat.db.statements import Statement, read_sql
from chat.inputs import check_emoji, id_of
from chat.models import Reaction, User
from chat.rules.permissions import Permission
from chat.services.core.authority import AnyMessage, MessageAuthority, message_authority
from chat.services.core.use_case import use_case, write_alias


class _Added(NamedTuple):
    was_there: bool
    is_new: bool


_ADD = Statement(read_sql("services/sql/add_reaction.sql"), _Added)


@use_case
def add_reaction(*, actor: User | UUID, message: AnyMessage, emoji: str) -> bool:
    """Add a reaction of the actor to a message, and tell whether it is new.

    An emoji is one of Unicode, stored in its full form, or a custom one as `:name:`.

    Needs READ_MESSAGE_HISTORY, and ADD_REACTIONS for an emoji that is not there yet; in a
    conversation, to take part. Nobody reacts in a timeout. Two statements. Locks the message's row
    for an emoji that is not there yet, and otherwise one of the reactions with it FOR KEY SHARE.

    Raises: InvalidInput, NotVisible, TimedOut, MissingPermission; LimitReached, for the
    twenty-first emoji; DatabaseRefused, for one that is not there yet, in a transaction of the
    caller's that is not READ COMMITTED.
    """
    actor_id = id_of("actor", actor, User)
    emoji = check_emoji("emoji", emoji)

    found = message_authority(message, user=actor_id)
    found.require(Permission.READ_MESSAGE_HISTORY)
    found.require_no_timeout()
    params = {
        "space": found.space_id,
        "message": found.id,
        "emoji": emoji,
        "user": actor_id,
        "may_begin": found.may(Permission.ADD_REACTIONS),
    }
    added = _ADD.rows(params, using=write_alias())[0]
    if not added.was_there:
        found.require(Permission.ADD_REACTIONS)
    return added.is_new


@use_case
def remove_reaction(
    *,
    actor: User | UUID,
    message: AnyMessage,
    emoji: str,
    user: User | UUID | None = None,
) -> bool:
    """Remove a reaction, the actor's own or that of `user`, and tell whether it was there.

    One's own needs only to see the message; another's needs MANAGE_MESSAGES, and is logged. Two
    statements, three for another's. Locks nothing but the reaction.

    Raises: InvalidInput, NotVisible, TimedOut, MissingPermission.
    """
    actor_id = id_of("actor", actor, User)
    user_id = actor_id if user is None else id_of("user", user, User)
    emoji = check_emoji("emoji", emoji)

    found = message_authority(message, user=actor_id)
    if user_id != actor_id:
        found.require(Permission.MANAGE_MESSAGES)
    removed = _under(found).filter(emoji=emoji, user_id=user_id).delete()[0] > 0
    if removed and user_id != actor_id:
        # Without the emoji: a name that somebody wrote would outlive their erasure there.
        found.log_moderation("reaction.remove", user_id=(user_id, None))
    return removed


@use_case
def clear_reactions(*, actor: User | UUID, message: AnyMessage, emoji: str | None = None) -> int:
    """Remove all reactions to a message, or all with one emoji, and return how many.

    Needs MANAGE_MESSAGES, and is logged. Two statements, three when there were any.

    Raises: InvalidInput, NotVisible, TimedOut, MissingPermission.
    """
    actor_id = id_of("actor", actor, User)
    if emoji is not None:
        emoji = check_emoji("emoji", emoji)

    found = message_authority(message, user=actor_id)
    found.require(Permission.MANAGE_MESSAGES)
    reactions = _under(found) if emoji is None else _under(found).filter(emoji=emoji)
    removed = reactions.delete()[0]
    if removed:
        found.log_moderation("reaction.clear", count=(removed, 0))
    return removed


def _under(message: MessageAuthority) -> QuerySet[Reaction]:
    return Reaction.objects.using(write_alias()).filter(
        space_id=message.space_id, message_id=message.id
    )
