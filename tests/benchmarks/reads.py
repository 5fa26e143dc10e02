"""What the reads cost against the same statements in bare psycopg, on a filled community.

The bare side sends the same SQL on a connection of its own, prepared, and leaves the rows as they
come: whatever more ours takes is Django's cursor, the checks of arguments, and the objects.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from django.db import connection
from django.db.models import Count, F, OuterRef, Prefetch, Q, Subquery, Value
from django.db.models.functions import Coalesce
from psycopg.types.numeric import Int8

from chat.db.statements import read_sql
from chat.models import (
    Channel,
    ChannelAccess,
    MemberRole,
    Mention,
    Message,
    MessageAttachment,
    Reaction,
    ReadState,
)
from chat.queries.access import permissions_in, visible_channels
from chat.queries.history import message_page
from chat.queries.search import SearchText, search_messages
from chat.queries.source import FIRST, LAST
from chat.queries.unread import unread_overview
from chat.rules.permissions import Permission
from tests.benchmarks.community import (
    ABSENT_WORD,
    COMMON_WORD,
    MIDDLING_WORD,
    RARE_WORD,
    Community,
)
from tests.benchmarks.paths import Path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PAGE = 50
HITS = 25

_LARGEST_SEQ = 2**63 - 1
# Five times as it comes and five times with a plan of its own, then PostgreSQL may keep one.
_WARMING = 12

_SEARCH = read_sql("queries/sql/search_messages.sql").encode()
_SHOWN = read_sql("queries/sql/message_rows.sql").encode()


@contextmanager
def read_paths(community: Community) -> Iterator[list[Path]]:
    """Yield the paths of the reads in the database that Django's default connection leads to.

    Nothing is written. DEBUG has to be off: it makes Django note every statement.
    """
    params = connection.get_connection_params()
    known = ("host", "port", "user", "password", "dbname")
    where = {name: params[name] for name in known if name in params}
    # As on our own connections.
    where["options"] = "-c jit=off"
    with psycopg.connect(**where, autocommit=True) as session:
        paths = [
            *_pages(session, community),
            _unread(session, community),
            _permission(session, community),
            _visible(session, community),
            *_searches(session, community),
        ]
        for path in paths:
            for way in (path.ours, path.bare, path.orm):
                for _ in range(_WARMING):
                    if way is not None:
                        way()
        yield paths


def _bare(
    session: psycopg.Connection[Any], statement: str, params: dict[str, Any], *, rows: int
) -> Callable[[], object]:
    """Return what runs the statement `statement`, and expects this many rows."""
    sql = read_sql(f"queries/sql/{statement}.sql").encode()
    return _expecting(rows, lambda: session.execute(sql, params, prepare=True).fetchall())


def _expecting(count: int, ask: Callable[[], Sequence[object]]) -> Callable[[], object]:
    def run() -> object:
        found = ask()
        if len(found) != count:
            raise RuntimeError(f"{len(found)} rows instead of {count}")
        return found

    return run


def _pages(session: psycopg.Connection[Any], at: Community) -> Iterator[Path]:
    middle = at.last_seq // 2
    for name, window, (upto, older, newer) in (
        ("newest", {}, (_LARGEST_SEQ, PAGE, 0)),
        ("before", {"before": middle}, (middle - 1, PAGE, 0)),
        ("after", {"after": middle}, (middle, 0, PAGE)),
        ("around", {"around": middle}, (middle, PAGE - (PAGE - 1) // 2, (PAGE - 1) // 2)),
    ):
        ask = partial(
            message_page, viewer=at.viewer_id, channel=at.channel_id, limit=PAGE, **window
        )
        params = {
            "viewer": at.viewer_id,
            "channel": at.channel_id,
            "upto": Int8(upto),
            "older": Int8(older),
            "newer": Int8(newer),
        }
        yield Path(
            name=f"history page, {name}",
            goal=1.25,
            ours=_expecting(PAGE, lambda ask=ask: ask().messages),  # type: ignore[misc]
            bare=_bare(session, "message_page", params, rows=PAGE),
            orm=_expecting(PAGE, partial(_page_by_orm, at)) if name == "newest" else None,
            calls=20,
        )


def _page_by_orm(at: Community) -> list[Message]:
    access = ChannelAccess.objects.get(
        user=at.viewer_id, space_id=at.server_id, channel=at.channel_id
    )
    if not access.permissions & Permission.READ_MESSAGE_HISTORY.value:
        raise RuntimeError("the viewer may not read there")
    counts = (
        Reaction.objects.filter(space_id=at.server_id)
        .values("message_id", "emoji")
        .annotate(people=Count("id"), own=Count("id", filter=Q(user=at.viewer_id)))
    )
    files = MessageAttachment.objects.filter(space_id=at.server_id).order_by("position")
    page = list(
        Message.objects.filter(space_id=at.server_id, channel=at.channel_id)
        .select_related("author")
        .prefetch_related(Prefetch("messageattachments", queryset=files))
        .order_by("-seq")[:PAGE]
    )
    answered = [message.reply_to_seq for message in page if message.reply_to_seq is not None]
    list(counts.filter(message_id__in=[message.id for message in page]))
    list(
        Message.objects.filter(
            space_id=at.server_id, channel=at.channel_id, seq__in=answered
        ).select_related("author")
    )
    return page


def _unread(session: psycopg.Connection[Any], at: Community) -> Path:
    count = len(unread_overview(user=at.viewer_id))
    return Path(
        name="unread overview, 100 servers",
        goal=1.25,
        ours=_expecting(count, partial(unread_overview, user=at.viewer_id)),
        bare=_bare(session, "unread_overview", {"user": at.viewer_id, "space": None}, rows=count),
        orm=_expecting(count, partial(_unread_by_orm, at)),
    )


def _unread_by_orm(at: Community) -> list[Any]:
    here: dict[str, Any] = {"space_id": OuterRef("space_id"), "channel": OuterRef("channel")}
    later = {**here, "seq__gt": OuterRef("mark")}

    def number_of(rows: Any) -> Subquery:
        return Subquery(rows.order_by().values("space_id").annotate(n=Count("pk")).values("n"))

    roles = MemberRole.objects.filter(user=at.viewer_id).values("role")
    named = Q(user=at.viewer_id) | Q(role__in=roles) | Q(user__isnull=True, role__isnull=True)
    mark = ReadState.objects.filter(user=at.viewer_id, **here).values("last_read_seq")
    deleted = Message.objects.filter(deleted_at__isnull=False, **later)
    return list(
        ChannelAccess.objects.filter(user=at.viewer_id)
        .annotate(mark=Coalesce(Subquery(mark), Value(0)))
        .annotate(
            unread=F("last_seq") - F("mark") - Coalesce(number_of(deleted), Value(0)),
            mentions=Coalesce(number_of(Mention.objects.filter(named, **later)), Value(0)),
        )
        .values_list("space_id", "channel_id", "last_seq", "mark", "unread", "mentions")
    )


def _permission(session: psycopg.Connection[Any], at: Community) -> Path:
    params = {"user": at.viewer_id, "channel": at.channel_id}
    by_orm = ChannelAccess.objects.filter(
        user=at.viewer_id,
        space_id__in=Channel.objects.filter(pk=at.channel_id).values("space_id"),
        channel=at.channel_id,
    ).values_list("permissions", flat=True)
    return Path(
        name="permissions_in, one channel",
        goal=1.5,
        ours=lambda: permissions_in(user=at.viewer_id, channel=at.channel_id),
        bare=_bare(session, "permissions_in", params, rows=1),
        orm=_expecting(1, lambda: list(by_orm.all())),
        calls=100,
    )


def _visible(session: psycopg.Connection[Any], at: Community) -> Path:
    count = len(visible_channels(user=at.viewer_id))
    by_orm = (
        ChannelAccess.objects.filter(user=at.viewer_id)
        .exclude(space_id=F("channel"))
        .select_related("channel")
    )
    return Path(
        name="visible channels, 100 servers",
        goal=1.25,
        ours=_expecting(count, partial(visible_channels, user=at.viewer_id)),
        bare=_bare(session, "visible_channels", {"user": at.viewer_id, "space": None}, rows=count),
        orm=_expecting(count, lambda: list(by_orm.all())),
    )


def _searches(session: psycopg.Connection[Any], at: Community) -> Iterator[Path]:
    for name, word in (
        ("common word", COMMON_WORD),
        ("middling word", MIDDLING_WORD),
        ("rare word", RARE_WORD),
        ("absent word", ABSENT_WORD),
    ):
        ask = partial(
            search_messages, viewer=at.viewer_id, server=at.server_id, text=word, limit=HITS
        )
        by_orm = Message.objects.visible_to(at.viewer_id).filter(
            space_id=at.server_id,
            search=SearchText(word),
        )
        params = {
            "user": at.viewer_id,
            "space": at.server_id,
            "text": word,
            "channel": None,
            "author": None,
            **dict.fromkeys(("has_file", "has_link", "mentions_viewer", "is_pinned"), False),
            "after_at": FIRST.at,
            "before_at": LAST.at,
            "before_id": LAST.id,
            "limit": Int8(HITS),
        }
        hits = len(ask().messages)
        yield Path(
            name=f"search, {name}",
            goal=1.25,
            ours=_expecting(hits, lambda ask=ask: ask().messages),  # type: ignore[misc]
            bare=_expecting(hits, partial(_search_bare, session, params)),
            orm=_expecting(
                hits,
                lambda found=by_orm: list(  # type: ignore[misc]
                    found.select_related("author").order_by("-created_at", "-id")[:HITS]
                ),
            ),
            calls=5,
        )


def _search_bare(session: psycopg.Connection[Any], params: dict[str, Any]) -> Sequence[object]:
    """Find the ids, then what is shown of these messages, as the query does."""
    found = session.execute(_SEARCH, params, prepare=True).fetchall()
    # One row says what is there when nothing is found.
    ids = [row[-2] for row in found if row[-2] is not None]
    if not ids:
        return ids
    shown = {"viewer": params["user"], "spaces": [params["space"]] * len(ids), "ids": ids}
    return session.execute(_SHOWN, shown, prepare=True).fetchall()
