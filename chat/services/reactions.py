"""Reactions: emoji under messages, in channels and in conversations alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from chat.errors import LimitReached
from chat.inputs import check_text, identify
from chat.models import DirectMessage, Message, Reaction, User
from chat.permissions import Permission
from chat.services.limits import EMOJI_LIMIT
from chat.services.posts import PostAccess, find_post, log
from chat.services.use_case import alias, use_case
from chat.statements import Statement

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

EMOJI_LENGTH = 64

_SQL = Path(__file__).parent / "sql"


class _Added(NamedTuple):
    kinds: int
    was_there: bool
    is_new: bool


_ADD = Statement.read(_SQL / "add_reaction.sql", row=_Added)


@use_case
def add_reaction(
    *, actor: User | UUID, message: Message | DirectMessage | UUID, emoji: str
) -> bool:
    """Put an emoji under a message, and tell whether it is new: twice is once.

    Needs READ_MESSAGE_HISTORY, and ADD_REACTIONS for an emoji that is not there yet; in a
    conversation, to take part. An id is that of a message in a channel; pass a direct message as
    such. Nobody reacts in a timeout. Two statements. Locks the message's row.

    Raises: InvalidInput, NotVisible, TimedOut, MissingPermission; LimitReached, for the
    twenty-first emoji; DatabaseRefused, for one that is not there yet, in a transaction of the
    caller's that is not READ COMMITTED.
    """
    actor_id = identify("actor", actor, User)
    check_text("emoji", emoji, least=1, most=EMOJI_LENGTH)

    post = find_post(message, user=actor_id, lock=True)
    post.require(Permission.READ_MESSAGE_HISTORY)
    post.require_no_timeout()
    params = {
        "space": post.space_id,
        "message": None if post.channel_id is None else post.id,
        "direct_message": post.id if post.channel_id is None else None,
        "emoji": emoji,
        "user": actor_id,
        "may_begin": post.may(Permission.ADD_REACTIONS),
        "limit": EMOJI_LIMIT,
    }
    added = _ADD.rows(params, using=alias())[0]
    if not added.was_there:
        post.require(Permission.ADD_REACTIONS)
        if not added.is_new:
            raise LimitReached(f"different emoji under message {post.id}", EMOJI_LIMIT)
    return added.is_new


@use_case
def remove_reaction(
    *,
    actor: User | UUID,
    message: Message | DirectMessage | UUID,
    emoji: str,
    user: User | UUID | None = None,
) -> bool:
    """Take an emoji away, one's own or that of `user`, and tell whether it was there.

    One's own can go as long as the message is seen; that of another needs MANAGE_MESSAGES, and the
    audit log tells it. Two statements, three for another's. Locks nothing but the reaction.

    Raises: InvalidInput, NotVisible, TimedOut, MissingPermission.
    """
    actor_id = identify("actor", actor, User)
    user_id = actor_id if user is None else identify("user", user, User)
    check_text("emoji", emoji, least=1, most=EMOJI_LENGTH)

    post = find_post(message, user=actor_id)
    if user_id != actor_id:
        post.require(Permission.MANAGE_MESSAGES)
    removed = _under(post).filter(emoji=emoji, user_id=user_id).delete()[0] > 0
    if removed and user_id != actor_id:
        # Not which: sixty-four characters that somebody wrote would outlive their erasure there.
        log(post, "reaction.remove", user_id=[str(user_id), None])
    return removed


@use_case
def clear_reactions(
    *, actor: User | UUID, message: Message | UUID, emoji: str | None = None
) -> int:
    """Take away all reactions, or all of one emoji, and return how many these were.

    Needs MANAGE_MESSAGES, and is told in the audit log. Two statements, three when there were any.

    Raises: InvalidInput, NotVisible, TimedOut, MissingPermission.
    """
    actor_id = identify("actor", actor, User)
    if emoji is not None:
        check_text("emoji", emoji, least=1, most=EMOJI_LENGTH)

    post = find_post(identify("message", message, Message), user=actor_id)
    post.require(Permission.MANAGE_MESSAGES)
    reactions = _under(post) if emoji is None else _under(post).filter(emoji=emoji)
    removed = reactions.delete()[0]
    if removed:
        log(post, "reaction.clear", count=[removed, 0])
    return removed


def _under(post: PostAccess) -> QuerySet[Reaction]:
    reactions = Reaction.objects.using(alias()).filter(space_id=post.space_id)
    if post.channel_id is None:
        return reactions.filter(direct_message_id=post.id)
    return reactions.filter(message_id=post.id)
