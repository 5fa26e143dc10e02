"""The hot reads: each through its function, by its own statements run bare, and by hand.

by_hand/ has for each a statement that was written for speed alone. The floor is the simplest
statement with as many rows of that kind: no permissions, nothing counted or joined.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.numeric import Int8

from chat.db.distributed import without_marks
from chat.db.statements import read_sql
from chat.errors import ChatError
from chat.queries.access import VisibleChannel, permissions_in, visible_channels
from chat.queries.direct import _conversation, conversation_list
from chat.queries.history import _window, message_page
from chat.queries.mentions import inbox
from chat.queries.message_rows import message_views
from chat.queries.search import search_messages
from chat.queries.source import FIRST, LAST, of_space, own_spaces
from chat.queries.unread import Unread, unread_overview
from tests.benchmarks.community import ABSENT_WORD, COMMON_WORD, MIDDLING_WORD, RARE_WORD, Community

Rows = Sequence[tuple[Any, ...]]

PAGE = 50
HITS = 25

_BY_HAND = FilePath(__file__).parent / "by_hand"
# How long the whole path may take beside its statements. What Python does for each row of messages
# is more than for a row of a list; and one value takes the database no longer than Python.
_LIST, _MESSAGES_SHOWN, _ONE_VALUE = 1.08, 1.15, 1.5

_MESSAGES: LiteralString = """
    SELECT
        message.id, message.space_id, message.channel_id, message.seq, message.kind,
        message.content, message.version, message.created_at, message.edited_at,
        message.pinned_at, message.deleted_at, message.author_id, message.reply_to_seq
    FROM messages AS message
"""
_FLOORS: dict[str, LiteralString] = {
    "message_page": _MESSAGES
    + """
    WHERE space_id = %(home)s AND channel_id = %(channel)s AND seq <= %(floor_seq)s
    ORDER BY seq DESC LIMIT %(rows)s
    """,
    "unread_overview": """
    SELECT space_id, channel_id, last_seq, last_seq, last_seq, last_seq, NULL, last_message_at
    FROM channel_counters
    WHERE space_id = ANY (%(homes)s)
    LIMIT %(rows)s
    """,
    "visible_channels": """
    SELECT space_id, id, parent_id, kind, name, position, 0::bigint, 0::bigint, created_at
    FROM channels
    WHERE space_id = ANY (%(homes)s)
    LIMIT %(rows)s
    """,
    "permissions_in": "SELECT position::bigint FROM channels WHERE id = %(channel)s",
    "search_messages": _MESSAGES
    + "WHERE space_id = %(home)s ORDER BY created_at DESC, id DESC LIMIT %(rows)s",
    "mention_inbox": _MESSAGES
    + """
    INNER JOIN mentions AS mention USING (space_id, channel_id, seq)
    WHERE mention.user_id = %(user)s
    ORDER BY mention.created_at DESC, mention.id DESC
    LIMIT %(rows)s
    """,
    "conversation_list": """
    SELECT channel.id, channel.kind, channel.name, channel.owner_id, channel.created_at
    FROM participants AS participant
    INNER JOIN channels AS channel ON channel.id = participant.space_id
    WHERE participant.user_id = %(user)s
    LIMIT %(rows)s
    """,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One read with its arguments."""

    name: str
    # Through the function; () where it refuses.
    ours: Callable[[], Sequence[Any]]
    # The file in chat/queries/sql, and the one in by_hand/.
    own: str
    by_hand: str
    params: Mapping[str, Any]
    # Makes what `ours` returns of the rows by hand.
    of_rows: Callable[[Rows], Sequence[Any]]
    # What is asked before `own`, and with what.
    before: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    # How long the whole path may take beside its statements.
    goal: float
    calls: int = 1

    @property
    def sql_by_hand(self) -> str:
        """The statement by hand."""
        return read_sql(_BY_HAND / f"{self.by_hand}.sql")

    @property
    def own_sql(self) -> str:
        """The statement of the function."""
        return without_marks(read_sql(f"queries/sql/{self.own}.sql"))

    @property
    def floor_sql(self) -> LiteralString:
        """The simplest statement with such rows."""
        return _FLOORS[self.own]


def reads_of(at: Community) -> Iterator[Read]:
    """Yield each hot read of the viewer, in the channel and the server with the most messages."""
    middle = at.last_seq // 2
    windows: dict[str, dict[str, int]] = {
        "newest": {},
        "before": {"before": middle},
        "after": {"after": middle},
        "around": {"around": middle},
    }
    for name, window in windows.items():
        yield page(at.viewer_id, at.channel_id, window, name=name)
    yield overview(at.viewer_id)
    yield visible(at.viewer_id)
    yield permission(at.viewer_id, at.channel_id)
    for name, word in (
        ("common", COMMON_WORD),
        ("middling", MIDDLING_WORD),
        ("rare", RARE_WORD),
        ("absent", ABSENT_WORD),
    ):
        yield search(at.viewer_id, at.server_id, word, name=name)
    yield mentioned(at.viewer_id)
    yield conversations(at.viewer_id)


def page(
    viewer: UUID,
    channel: UUID,
    at: Mapping[str, int] = MappingProxyType({}),
    *,
    name: str = "",
    limit: int = PAGE,
) -> Read:
    """Return a page of a channel, at what `message_page` is told."""
    window = {"before": None, "after": None, "around": None, **at}
    ask = partial(message_page, viewer=viewer, channel=channel, limit=limit, **window)
    return Read(
        name=f"history page, {name}",
        goal=_MESSAGES_SHOWN,
        ours=_answered(lambda: ask().messages),
        own="message_page",
        by_hand="message_page",
        params={
            "viewer": viewer,
            "user": viewer,
            "channel": channel,
            **_window(limit=limit, **window),
        },
        of_rows=lambda rows: message_views([row for row in rows if row[3] is not None], after=3),
        calls=20,
    )


def overview(user: UUID) -> Read:
    """Return the unread overview."""
    return Read(
        name="unread overview",
        goal=_LIST,
        ours=lambda: unread_overview(user=user).entries,
        own="unread_overview",
        by_hand="unread_overview",
        **_of_spaces(user, has_conversations=True),
        of_rows=lambda rows: tuple(map(Unread._make, rows)),
    )


def visible(user: UUID) -> Read:
    """Return the channels that a user sees."""
    return Read(
        name="visible channels",
        goal=_LIST,
        ours=lambda: visible_channels(user=user).channels,
        own="visible_channels",
        by_hand="visible_channels",
        **_of_spaces(user, has_conversations=False),
        of_rows=lambda rows: tuple(map(VisibleChannel._make, rows)),
    )


def permission(user: UUID, channel: UUID) -> Read:
    """Return what a user may do in one channel."""
    return Read(
        name="permissions_in, one channel",
        goal=_ONE_VALUE,
        ours=lambda: [permissions_in(user=user, channel=channel)],
        own="permissions_in",
        by_hand="permissions_in",
        params={"user": user, "channel": channel},
        of_rows=lambda rows: [rows[0][0] if rows else 0],
        calls=100,
    )


def search(viewer: UUID, server: UUID, text: str, *, name: str = "") -> Read:
    """Return the search for a word in a server; by hand it is not known whether many have it."""
    return Read(
        name=f"search, {name} word",
        goal=_MESSAGES_SHOWN,
        ours=_answered(
            lambda: search_messages(viewer=viewer, server=server, text=text, limit=HITS).messages
        ),
        own="search_messages",
        by_hand="search",
        params={
            "user": viewer,
            "viewer": viewer,
            "space": server,
            **of_space(server, with_archived=True),
            "text": text,
            "channel": None,
            "author": None,
            **dict.fromkeys(("has_file", "has_link", "mentions_viewer", "is_pinned"), False),
            "after_at": FIRST.at,
            "before_at": LAST.at,
            "before_id": LAST.id,
            "is_far": False,
            "limit": Int8(HITS),
        },
        of_rows=message_views,
        calls=5,
    )


def mentioned(user: UUID) -> Read:
    """Return the messages that name a user."""
    return Read(
        name="mention inbox",
        goal=_MESSAGES_SHOWN,
        ours=lambda: inbox(user=user).messages,
        own="mention_inbox",
        by_hand="mention_inbox",
        params=_before_all(user) | {"viewer": user},
        of_rows=message_views,
        calls=5,
    )


def conversations(user: UUID) -> Read:
    """Return the conversations of a user."""
    return Read(
        name="conversation list",
        goal=_LIST,
        ours=lambda: conversation_list(user=user).conversations,
        own="conversation_list",
        by_hand="conversation_list",
        params=_before_all(user),
        of_rows=lambda rows: tuple([_conversation(*row) for row in rows]),
        calls=5,
    )


def _of_spaces(user: UUID, *, has_conversations: bool) -> Any:
    """Return what a read of the first hundred servers asks, and what it asks before."""
    spaces, _ = own_spaces(user, after=None, limit=100, has_conversations=has_conversations)
    asked = {
        "user": user,
        "after": FIRST.id,
        "has_conversations": has_conversations,
        "limit": Int8(100),
    }
    return {
        "params": {"user": user, **(spaces or of_space(None, with_archived=False))},
        "before": ((read_sql("queries/sql/own_spaces.sql"), asked),),
    }


def _before_all(user: UUID) -> dict[str, Any]:
    return {"user": user, "before_at": LAST.at, "before_id": LAST.id, "limit": Int8(PAGE)}


def _answered(ask: Callable[[], Sequence[Any]]) -> Callable[[], Sequence[Any]]:
    def run() -> Sequence[Any]:
        try:
            return ask()
        except ChatError:
            return ()

    return run
