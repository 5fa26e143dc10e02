"""Search for words in the messages of a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chat.errors import MissingPermission, NotVisible
from chat.inputs import check_limit, check_text, identify
from chat.models import Channel, Server, User
from chat.permissions import Permission
from chat.queries.message_rows import Author
from chat.queries.source import LATEST, Cursor, alias, check_cursor, read_statement
from chat.statements import bigint

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

_SEARCH = read_statement("search_messages")

LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A message that has the words."""

    id: UUID
    channel_id: UUID
    seq: int
    created_at: datetime
    content: str
    author: Author | None


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Messages that have the words, newest first."""

    hits: tuple[SearchHit, ...]
    # Pass it as `before` for older ones; None when there are none.
    next: Cursor | None
    # False when the search ended before the page was full, so as not to take too long: there may
    # be older ones, from `next` on.
    complete: bool


def search_messages(
    *,
    viewer: User | UUID,
    server: Server | UUID,
    text: str,
    channel: Channel | UUID | None = None,
    author: User | UUID | None = None,
    before: Cursor | None = None,
    limit: int = 25,
) -> SearchPage:
    """Return the messages of a server that have all words of `text`: one statement.

    Newest first, from the channels whose history `viewer` can read, or from one of them. `text` is
    what people type into a search box: "words in quotes" stand together, -word must not be there,
    "or" is a choice (websearch_to_tsquery). Words are found as they are written, in any case.

    At most 20,000 messages are read for a page; see `SearchPage.complete`.

    Raises: InvalidInput; NotVisible for a server that `viewer` is not in, or a channel that they
    cannot see; MissingPermission for a channel without READ_MESSAGE_HISTORY.
    """
    viewer_id = identify("viewer", viewer, User)
    server_id = identify("server", server, Server)
    channel_id = None if channel is None else identify("channel", channel, Channel)
    cursor = check_cursor("before", before, default=LATEST)
    params = {
        "viewer": viewer_id,
        "server": server_id,
        "text": check_text("text", text, least=1, most=LONGEST_SEARCH),
        "channel": channel_id,
        "author": None if author is None else identify("author", author, User),
        "before_at": cursor.at,
        "before_id": cursor.id,
        "limit": bigint(check_limit(limit)),
    }
    rows = _SEARCH.tuples(params, using=alias())
    is_member, permissions, edge_at, edge_id = rows[0][:4]
    if not is_member:
        raise NotVisible("server", server_id, to=viewer_id)
    if channel_id is not None:
        if not permissions:
            raise NotVisible("channel", channel_id, to=viewer_id)
        if not permissions & Permission.READ_MESSAGE_HISTORY.value:
            raise MissingPermission(
                Permission.READ_MESSAGE_HISTORY, user=viewer_id, place=f"channel {channel_id}"
            )
    hits = tuple(
        SearchHit(
            id=id_,
            channel_id=in_channel,
            seq=seq,
            created_at=created_at,
            content=content,
            author=None if author_id is None else Author(author_id, name, avatar_key, kind),
        )
        for (
            *_,
            id_,
            in_channel,
            seq,
            created_at,
            content,
            author_id,
            name,
            avatar_key,
            kind,
        ) in rows
        if id_ is not None
    )
    if edge_at is not None:
        return SearchPage(hits=hits, next=Cursor(edge_at, edge_id), complete=False)
    is_full = len(hits) == limit
    following = Cursor(hits[-1].created_at, hits[-1].id) if is_full else None
    return SearchPage(hits=hits, next=following, complete=True)
