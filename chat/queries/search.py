"""Full-text search in messages: of one server or conversation, or of all that somebody can read.

The words of a message and of a query are made by the same functions of the database (migration
0012), whatever the script; `chat.rules.search_words` finds them in a text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery

from chat.db.statements import Statement, bigint, read_sql
from chat.errors import MissingPermission, NotVisible
from chat.inputs import check_flag, check_limit, check_moment, check_text, id_of
from chat.models import Channel, Server, User
from chat.queries.message_rows import MessageView, message_views
from chat.queries.source import FIRST, LAST, Cursor, check_cursor, merged, of_space
from chat.replicas import read
from chat.rules.limits import EARLIEST, SEARCH_LENGTH
from chat.rules.permissions import Permission
from chat.rules.search_words import Span, find_spans

_SEARCH = Statement(read_sql("queries/sql/search_messages.sql"))
_SEARCH_EVERYWHERE = Statement(read_sql("queries/sql/search_everywhere.sql"))


class SearchText(SearchQuery):
    """What people type into a search box, for the ORM: `filter(search=SearchText("red boat"))`."""

    SEARCH_TYPES = {"text": "public.search_query"}

    def __init__(self, text: str) -> None:
        super().__init__(text, search_type="text")


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Messages with the words, newest first."""

    messages: tuple[MessageView, ...]
    # Pass it as `before` for older ones; None when there are none.
    next: Cursor | None
    # False when the search stopped before the page was full, so as not to take too long: there may
    # be more, from `next` on.
    complete: bool
    # What was looked for in them, as PostgreSQL prints a tsquery.
    query: str = field(repr=False)

    def spans(self) -> tuple[tuple[Span, ...], ...]:
        """Return for each message where the words are in its content, in code points."""
        return tuple([find_spans(hit.content, query=self.query) for hit in self.messages])


def search_messages(
    *,
    viewer: User | UUID,
    text: str,
    server: Server | UUID | None = None,
    channel: Channel | UUID | None = None,
    author: User | UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    has_file: bool = False,
    has_link: bool = False,
    mentions_viewer: bool = False,
    is_pinned: bool = False,
    before: Cursor | None = None,
    limit: int = 25,
) -> SearchPage:
    """Return the messages that have all words of `text`, newest first.

    It takes one statement, or two where more than 2,000 messages have the words and the newest 500
    do not fill the page.

    Of a server: from the channels whose history `viewer` can read, or from one of them. With a
    conversation as `channel`: from it. With neither: from all that `viewer` can read. The other
    arguments narrow it down: to an author, to what was sent from `since` on and before `until`, to
    what has a file or a link, mentions the viewer by name, or is pinned.

    `text` is what people type into a search box: "words in quotes" stand together, -word excludes
    (as do -#tag, -@name and -:emoji:), "or" is a choice, and wor* stands for all words with that
    beginning, of three letters or more; so does the last word, if it has four. Case, accents and
    forms of a letter do not matter; a file's name, an address or a number is found whole and by its
    parts; of scripts without spaces any two characters are found, or one.

    At most 20,000 messages are read for a page. In everything that `viewer` can read, words are
    whole, and the 200 servers and conversations with the newest messages are looked at: the newest
    50 of each, where alone a single character of a script without spaces is found, and unless these
    have the words five times, at most 500 hits of the index. A search that ends there has read less
    far back than was asked; see `SearchPage.complete`.

    Raises: InvalidInput; NotVisible for a server that `viewer` is not in, or a channel that they
    cannot see; MissingPermission for a channel without READ_MESSAGE_HISTORY.
    """
    viewer_id = id_of("viewer", viewer, User)
    server_id = None if server is None else id_of("server", server, Server)
    channel_id = None if channel is None else id_of("channel", channel, Channel)
    space_id = server_id or channel_id
    cursor = check_cursor("before", before, default=LAST)
    if until is not None and check_moment("until", until) <= cursor.at:
        # Before every message of that moment.
        cursor = Cursor(until, FIRST.id)
    params = {
        "user": viewer_id,
        "viewer": viewer_id,
        "text": check_text("text", text, least=1, most=SEARCH_LENGTH),
        "space": space_id,
        "author": None if author is None else id_of("author", author, User),
        "after_at": EARLIEST if since is None else check_moment("since", since),
        "before_at": cursor.at,
        "before_id": cursor.id,
        "has_file": check_flag("has_file", has_file),
        "has_link": check_flag("has_link", has_link),
        "mentions_viewer": check_flag("mentions_viewer", mentions_viewer),
        "is_pinned": check_flag("is_pinned", is_pinned),
        "limit": bigint(check_limit(limit)),
        **of_space(space_id, with_archived=True),
    }
    if space_id is None:
        return _page(read(_SEARCH_EVERYWHERE.tuples, params), limit=limit)
    params |= {"channel": channel_id, "is_far": False}
    rows = read(_SEARCH.tuples, params)
    is_member, permissions, is_long, *_ = rows[0]
    if server_id is not None and not is_member:
        raise NotVisible("server", server_id, to=viewer_id)
    if channel_id is not None:
        if not permissions:
            raise NotVisible("channel", channel_id, to=viewer_id)
        if not permissions & Permission.READ_MESSAGE_HISTORY.value:
            raise MissingPermission(
                Permission.READ_MESSAGE_HISTORY, user=viewer_id, where=f"channel {channel_id}"
            )
    if is_long:
        rows = read(_SEARCH.tuples, params | {"is_far": True})
    return _page([row[3:] for row in rows], limit=limit)


def _page(rows: Sequence[tuple[Any, ...]], *, limit: int) -> SearchPage:
    """Return the messages of rows with words, edge, and of each its moment, id and columns."""
    words = rows[0][0] if rows else ""
    edge, found = merged(rows, edge=1, limit=limit)
    following = edge
    if edge is None and len(found) == limit:
        following = Cursor(*found[-1][:2])
    return SearchPage(
        message_views(found, after=2),
        next=following,
        complete=edge is None,
        query=words if found else "",
    )
