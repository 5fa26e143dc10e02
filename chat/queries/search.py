"""Full-text search in the messages of a server or a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chat.db.statements import Statement, bigint, read_sql
from chat.errors import InvalidInput, MissingPermission, NotVisible
from chat.inputs import check_limit, check_text, id_of
from chat.models import Channel, Server, User
from chat.queries.message_rows import find_message_views
from chat.queries.source import LAST, Cursor, check_cursor
from chat.replicas import read
from chat.rules.limits import SEARCH_LENGTH
from chat.rules.permissions import Permission

if TYPE_CHECKING:
    from uuid import UUID

    from chat.queries.message_rows import MessageView

_SEARCH = Statement(read_sql("queries/sql/search_messages.sql"))


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Messages with the words, newest first."""

    messages: tuple[MessageView, ...]
    # Pass it as `before` for older ones; None when there are none.
    next: Cursor | None
    # False when the search stopped before the page was full, so as not to take too long: there may
    # be more, from `next` on.
    complete: bool


def search_messages(
    *,
    viewer: User | UUID,
    text: str,
    server: Server | UUID | None = None,
    channel: Channel | UUID | None = None,
    author: User | UUID | None = None,
    before: Cursor | None = None,
    limit: int = 25,
) -> SearchPage:
    """Return the messages of a server that have all words of `text`: two statements.

    Newest first, from the channels whose history `viewer` can read, or from one of them; without
    `server`, from the conversation `channel`. `text` is what people type into a search box: "words
    in quotes" stand together, -word excludes, "or" is a choice (websearch_to_tsquery). Words are
    found as they are spelled, in any case.

    At most 20,000 messages are read for a page; see `SearchPage.complete`.

    Raises: InvalidInput; NotVisible for a server that `viewer` is not in, or a channel that they
    cannot see; MissingPermission for a channel without READ_MESSAGE_HISTORY.
    """
    viewer_id = id_of("viewer", viewer, User)
    server_id = None if server is None else id_of("server", server, Server)
    channel_id = None if channel is None else id_of("channel", channel, Channel)
    cursor = check_cursor("before", before, default=LAST)
    space_id = server_id or channel_id
    if space_id is None:
        raise InvalidInput("server", seen="None", expected="a server, or a conversation as channel")
    params = {
        "user": viewer_id,
        "space": space_id,
        "text": check_text("text", text, least=1, most=SEARCH_LENGTH),
        "channel": channel_id,
        "author": None if author is None else id_of("author", author, User),
        "before_at": cursor.at,
        "before_id": cursor.id,
        "limit": bigint(check_limit(limit)),
    }
    rows = read(_SEARCH.tuples, params)
    is_member, permissions, edge_at, edge_id, *_ = rows[0]
    if server_id is not None and not is_member:
        raise NotVisible("server", server_id, to=viewer_id)
    if channel_id is not None:
        if not permissions:
            raise NotVisible("channel", channel_id, to=viewer_id)
        if not permissions & Permission.READ_MESSAGE_HISTORY.value:
            raise MissingPermission(
                Permission.READ_MESSAGE_HISTORY, user=viewer_id, where=f"channel {channel_id}"
            )
    found = [row[4:] for row in rows if row[4] is not None]
    # What is deleted between the two statements is not found.
    messages = tuple(
        message
        for message in find_message_views(
            viewer=viewer_id, found=[(space_id, message_id) for _, message_id in found]
        )
        if message.deleted_at is None
    )
    if edge_at is not None:
        return SearchPage(messages=messages, next=Cursor(edge_at, edge_id), complete=False)
    following = Cursor(*found[-1]) if len(found) == limit else None
    return SearchPage(messages=messages, next=following, complete=True)
