"""The contents of messages, in lists and in panels, as this person may read them.

Everybody who may look at messages sees of a deleted one its author and its times; its content and
its earlier versions take a permission of their own.
"""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest

from chat.admin.lists.keyset import estimated_rows
from chat.admin.lists.panels import Panel, column, moment, row_link, rows_panel, shortened
from chat.models import Message
from chat.queries.search import SearchText

READ_DELETED = "chat.read_deleted_messages"
WITHHELD = "(deleted; reading it takes a permission)"
# Fewer matches than these are fetched by their index in a fraction of a list's time limit.
COMMON_FROM_ROWS = 5_000
# For when the planner estimated too few.
MATCHES_LIMIT = 20_000


def text_of(request: HttpRequest, message: Message) -> str:
    """Return the content of a message, or that this person may not read it."""
    if message.deleted_at is not None and not request.user.has_perm(READ_DELETED):
        return WITHHELD
    return message.content


def without_deleted(request: HttpRequest, parts: QuerySet[Any]) -> QuerySet[Any]:
    """Return the parts of messages; those of deleted ones only to those who may read them."""
    if request.user.has_perm(READ_DELETED):
        return parts
    return parts.filter(message__deleted_at=None)


def with_text_column(request: HttpRequest, names: Any, *, is_shortened: bool) -> list[Any]:
    """Return the columns, with that of the content as this person may read it."""

    def shown(message: Message) -> str:
        text = text_of(request, message)
        return (shortened(text) if is_shortened else text) or "-"

    return [column("content", shown) if name == "content" else name for name in names]


def matching_text(
    rows: QuerySet[Any], term: str, *, within: QuerySet[Any], space_id: UUID
) -> QuerySet[Any]:
    """Return the messages of `rows` with these words; `within` are all such messages, unfiltered.

    Words that the planner takes for common are soon found by reading from the newest on. Rare ones
    are looked up in their index first, in a statement of its own: in one with the order of the list
    the planner would read from the newest on after all. At most two statements.
    """
    words = SearchText(term)
    matching = within.filter(space_id=space_id, search=words, deleted_at=None)
    if estimated_rows(matching) > COMMON_FROM_ROWS:
        return rows.filter(search=words, deleted_at=None)
    # With the space as an equality, the ids are looked up in the order of the list.
    return rows.filter(
        space_id=space_id, pk__in=list(matching.values_list("pk", flat=True)[:MATCHES_LIMIT])
    )


def messages_panel(
    request: HttpRequest, *, title: str, messages: QuerySet[Any], **options: Any
) -> Panel | None:
    """Return messages as a panel; one statement."""
    return rows_panel(
        request,
        title=title,
        rows=messages.select_related("author").defer("search"),
        columns={
            "number": lambda message: row_link(message, f"#{message.seq}"),
            "author": lambda message: row_link(message.author),
            "content": lambda message: shortened(text_of(request, message)) or f"({message.kind})",
            "sent": lambda message: moment(message.created_at),
        },
        **options,
    )


def parts_panels(request: HttpRequest, message: Message) -> list[Panel | None]:
    """Return the panels of versions, reactions and files of a message; three statements."""
    is_withheld = text_of(request, message) is WITHHELD
    # A file of a conversation has no page of its own: it is seen with its message, which is logged.
    is_direct = message.space_id == message.channel_id
    return [
        rows_panel(
            request,
            title="Earlier versions",
            rows=_parts(message, "messagerevisions").select_related("editor").order_by("-version"),
            columns={
                "version": lambda part: f"{part.version}",
                "content": lambda part: WITHHELD if is_withheld else shortened(part.content),
                "replaced by": lambda part: row_link(part.editor),
                "at": lambda part: moment(part.replaced_at),
            },
            nothing="Never edited.",
        ),
        rows_panel(
            request,
            title="Reactions",
            rows=_parts(message, "reactions").select_related("user").order_by("emoji", "user_id"),
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
            rows=_parts(message, "messageattachments").order_by("position"),
            columns={
                "file": lambda part: (
                    WITHHELD if is_withheld else part.filename if is_direct else row_link(part)
                ),
                "type": lambda part: part.content_type,
                "size": lambda part: f"{part.size_bytes:,} bytes",
            },
        ),
    ]


def _parts(message: Message, name: str) -> QuerySet[Any]:
    parts: QuerySet[Any] = getattr(message, name).filter(space_id=message.space_id)
    return parts
