"""What pages of messages have in common, of channels and of conversations.

Of a deleted message everybody who may look at messages sees that it was there, whose it was and
when; what it said, then and in its earlier versions, takes a permission of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import display
from django.contrib.postgres.search import SearchQuery

from chat.admin.keyset import estimated_rows
from chat.admin.panels import clipped, row_link, rows_panel

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from chat.admin.narrowing import Place
    from chat.admin.panels import Panel
    from chat.models.posts import Post

READ_DELETED = "chat.read_deleted_messages"
WITHHELD = "(deleted; reading it takes a permission)"
# The columns that the indexes of words begin with.
TENANTS = {"server_id", "conversation_id"}
# So many matches are fetched by their index in a fraction of what is allowed to a page.
COMMON = 5_000
# The bound for when the planner was wrong about it.
MOST = 20_000


def text_of(request: HttpRequest, post: Post) -> str:
    """Return what a message says, or that it is withheld from this person."""
    if post.deleted_at is not None and not request.user.has_perm(READ_DELETED):
        return WITHHELD
    return post.content


def text_column(
    request: HttpRequest, *, is_clipped: bool, empty: str = "-"
) -> Callable[[Post], str]:
    """Return the column of contents as this person may see them."""

    @display(description="content")
    def content(post: Post) -> str:
        text = text_of(request, post)
        return (clipped(text) if is_clipped else text) or empty

    return content


def with_text_column(request: HttpRequest, names: Any, *, is_clipped: bool) -> list[Any]:
    """Return the columns with that of contents in the place of the bare one."""
    column = text_column(request, is_clipped=is_clipped)
    return [column if name == "content" else name for name in names]


def with_words(posts: QuerySet[Any], term: str, place: Place) -> QuerySet[Any]:
    """Return those posts that have these words, in the server or conversation of `place`.

    Words that the planner takes for common are met soon by whoever reads from the newest on. Rare
    ones are found by their index first, in a statement of its own: together with the order of the
    list the planner would read on from the newest after all. At most two statements.
    """
    words = SearchQuery(term, config="simple", search_type="websearch")
    tenant = {column: value for column, value in place.items() if column in TENANTS}
    matching = posts.model._default_manager.filter(**tenant, search=words, deleted_at=None)
    if estimated_rows(matching) > COMMON:
        return posts.filter(search=words, deleted_at=None)
    # With the tenant as an equality, the ids are looked up in the order of the list.
    return posts.filter(**tenant, pk__in=list(matching.values_list("pk", flat=True)[:MOST]))


def posts_panel(
    request: HttpRequest, *, title: str, posts: QuerySet[Any], **options: Any
) -> Panel | None:
    """Return messages as a panel; one statement."""
    return rows_panel(
        request,
        title=title,
        rows=posts.select_related("author").defer("search"),
        columns={
            "number": lambda post: row_link(post, f"#{post.seq}"),
            "author": lambda post: row_link(post.author),
            "content": lambda post: clipped(text_of(request, post)) or f"({post.kind})",
            "sent": lambda post: moment(post.created_at),
        },
        **options,
    )


def parts_panels(request: HttpRequest, post: Post, **of_post: Any) -> list[Panel | None]:
    """Return the panels of what hangs on a message; three statements."""
    is_withheld = text_of(request, post) is WITHHELD
    return [
        rows_panel(
            request,
            title="Earlier versions",
            rows=_parts(post, "messagerevisions", of_post)
            .select_related("editor")
            .order_by("-version"),
            columns={
                "version": lambda part: f"{part.version}",
                "content": lambda part: WITHHELD if is_withheld else clipped(part.content),
                "replaced by": lambda part: row_link(part.editor),
                "at": lambda part: moment(part.replaced_at),
            },
            nothing="Never edited.",
        ),
        rows_panel(
            request,
            title="Reactions",
            rows=_parts(post, "reactions", of_post)
            .select_related("user")
            .order_by("emoji", "user_id"),
            columns={
                "emoji": lambda part: part.emoji,
                "user": lambda part: row_link(part.user),
                "at": lambda part: moment(part.created_at),
            },
            limit=20,
        ),
        rows_panel(
            request,
            title="Attachments",
            rows=_parts(post, "messageattachments", of_post).order_by("position"),
            columns={
                "file": lambda part: WITHHELD if is_withheld else _file(part),
                "type": lambda part: part.content_type,
                "size": lambda part: f"{part.size_bytes:,} bytes",
            },
        ),
    ]


def moment(at: Any) -> str:
    """Return a moment to the second, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "-"


def _parts(post: Post, name: str, of_post: dict[str, Any]) -> QuerySet[Any]:
    parts: QuerySet[Any] = getattr(post, name).filter(**of_post)
    return parts


def _file(part: Any) -> object:
    # A file of a conversation has no page of its own: it is seen with its message, and logged.
    return part.filename if part.direct_message_id else row_link(part)
