"""The users who reacted to a message."""

from dataclasses import dataclass
from uuid import UUID

from chat.db.statements import Statement, bigint, read_sql
from chat.errors import MissingPermission, NotVisible
from chat.inputs import check_emoji, check_limit, id_of
from chat.models import Message, User
from chat.queries.message_rows import Author
from chat.replicas import read
from chat.rules.permissions import Permission

_REACTION_USERS = Statement(read_sql("queries/sql/reaction_users.sql"))


@dataclass(frozen=True, slots=True)
class ReactionUsers:
    """The users who reacted to a message with one emoji, by id."""

    users: tuple[Author, ...]
    # Pass it as `after` for the next page; None when there is none.
    next: UUID | None


def reaction_users(
    *,
    viewer: User | UUID,
    message: Message | UUID,
    emoji: str,
    after: UUID | None = None,
    limit: int = 50,
) -> ReactionUsers:
    """Return the users who reacted with `emoji` to a message, at most `limit`: one statement.

    None for a deleted message.

    Raises: InvalidInput; NotVisible for a message in a channel that `viewer` cannot see;
    MissingPermission without READ_MESSAGE_HISTORY.
    """
    viewer_id = id_of("viewer", viewer, User)
    message_id = id_of("message", message, Message)
    params = {
        "viewer": viewer_id,
        "message": message_id,
        "emoji": check_emoji("emoji", emoji),
        "after": UUID(int=0) if after is None else id_of("after", after, User),
        "limit": bigint(check_limit(limit)),
    }
    rows = read(_REACTION_USERS.tuples, params)
    if not rows:
        raise NotVisible("message", message_id, to=viewer_id)
    if not rows[0][0] & Permission.READ_MESSAGE_HISTORY.value:
        raise MissingPermission(
            Permission.READ_MESSAGE_HISTORY,
            user=viewer_id,
            where=f"the channel of message {message_id}",
        )
    users = tuple(Author(*row[1:]) for row in rows if row[1] is not None)
    return ReactionUsers(users=users, next=users[-1].id if len(users) == limit else None)
