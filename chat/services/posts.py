"""One message, in a channel or a conversation, and what one user may do about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chat.errors import MissingPermission, NotVisible, TimedOut
from chat.inputs import identify
from chat.models import AuditLogEntry, DirectMessage, Message
from chat.permissions import NONE, Permission
from chat.services.use_case import alias
from chat.statements import Statement

if TYPE_CHECKING:
    from typing import Any
    from uuid import UUID

    from chat.errors import ChatError

_SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class PostAccess:
    """A message that is not deleted, and who is about to do something with it.

    `space_id` is its server or its conversation; `channel_id` is None for a direct message.
    """

    id: UUID
    space_id: UUID
    channel_id: UUID | None
    seq: int
    author_id: UUID | None
    kind: str
    content: str
    version: int
    is_pinned: bool
    has_files: bool
    user_id: UUID
    permissions: int
    is_timed_out: bool

    @property
    def is_own(self) -> bool:
        """Whether the user wrote it, which of an event nobody did."""
        return self.author_id == self.user_id and self.kind == Message.Kind.TEXT

    def may(self, *wanted: Permission) -> bool:
        """Tell whether the user holds one of these."""
        return any(wanted_one in Permission(self.permissions) for wanted_one in wanted)

    def require(self, needed: Permission) -> None:
        """Raise TimedOut or MissingPermission unless the user holds all of `needed`."""
        error = lacking(
            needed,
            held=self.permissions,
            is_timed_out=self.is_timed_out,
            user=self.user_id,
            place=f"channel {self.channel_id}"
            if self.channel_id
            else f"conversation {self.space_id}",
        )
        if error is not None:
            raise error

    def require_no_timeout(self) -> None:
        """Raise TimedOut if the user is in one."""
        if self.is_timed_out:
            raise TimedOut(f"User {self.user_id} is in a timeout.")


def lacking(
    needed: Permission, *, held: int, is_timed_out: bool, user: UUID, place: str
) -> ChatError | None:
    """Return what to raise when not all of `needed` is held, or None."""
    missing = Permission(needed & ~held)
    if missing == NONE:
        return None
    if is_timed_out:
        return TimedOut(f"User {user} is in a timeout, and can only read in {place}.")
    return MissingPermission(missing, user=user, place=place)


def find_post(
    post: Message | DirectMessage | UUID, *, user: UUID, lock: bool = False
) -> PostAccess:
    """Return a message with what `user` may do about it: one statement.

    An id is that of a message in a channel; a direct message is passed as such. With `lock` its row
    is locked FOR NO KEY UPDATE.

    Raises: InvalidInput; NotVisible, when it is not for this user to see, deleted or none at all.
    """
    if isinstance(post, DirectMessage):
        return find_direct_post(post, user=user, lock=lock)
    post_id = identify("message", post, Message)
    found = (_LOCKED if lock else _FOUND).first({"post": post_id, "user": user}, using=alias())
    if found is None:
        raise NotVisible("message", post_id, to=user)
    return found


def find_direct_post(post: DirectMessage | UUID, *, user: UUID, lock: bool = False) -> PostAccess:
    """Return a direct message as `find_post` does: one statement. Raises: as `find_post`."""
    post_id = identify("message", post, DirectMessage)
    params = {"post": post_id, "user": user}
    found = (_DIRECT_LOCKED if lock else _DIRECT).first(params, using=alias())
    if found is None:
        raise NotVisible("direct message", post_id, to=user)
    return found


def log(post: PostAccess, action: str, **changes: Any) -> None:
    """Write into the server's log what a moderator did with a message of another: one statement."""
    AuditLogEntry.objects.using(alias()).create(
        server_id=post.space_id,
        actor_id=post.user_id,
        action=action,
        target_type="message",
        target_id=post.id,
        changes={
            "channel_id": [str(post.channel_id), str(post.channel_id)],
            "author_id": [str(post.author_id), str(post.author_id)],
            **changes,
        },
    )


_FOUND = Statement.read(_SQL / "find_message.sql", row=PostAccess)
_DIRECT = Statement.read(_SQL / "find_direct_message.sql", row=PostAccess)
_LOCK = "\nFOR NO KEY UPDATE OF post"
_LOCKED = Statement(_FOUND.sql.removesuffix(";") + _LOCK, row=PostAccess)
_DIRECT_LOCKED = Statement(_DIRECT.sql.removesuffix(";") + _LOCK, row=PostAccess)
