"""Messages, and the parts of those in channels."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from chat.admin.lists.base import ReadOnlyAdmin, ServerDataAdmin
from chat.admin.lists.filters import (
    Conditions,
    by_channel,
    by_choice,
    by_message,
    by_role,
    by_server,
    by_user,
)
from chat.admin.lists.keyset import cursor_at
from chat.admin.lists.message_texts import (
    matching_text,
    messages_panel,
    parts_panels,
    with_text_column,
    without_deleted,
)
from chat.admin.lists.panels import Panel, column, list_link, row_link, rows_panel
from chat.models import Mention, Message, MessageRevision, Reaction


class AnyMessageAdmin(ReadOnlyAdmin):
    """Messages of channels or of conversations; `container` is the filter by one of those."""

    container: str
    columns_first = ("space_id", "channel", "author", "content", "created_at")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Show the content to those who may read it."""
        return with_text_column(request, self.list_display, is_shortened=True)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the content to those who may read it."""
        return with_text_column(request, super().get_fields(request, obj), is_shortened=False)

    def search_text(
        self, request: HttpRequest, queryset: QuerySet[Any], text: str, conditions: Conditions
    ) -> QuerySet[Any]:
        """Return the messages with these words, by the index of the space that is filtered by."""
        if "space_id" not in conditions:
            return queryset.none()
        within = self.rows_to_estimate(self.get_queryset(request))
        return matching_text(queryset, text, within=within, space_id=conditions["space_id"])

    def panels(self, request: HttpRequest, row: Message) -> Iterable[Panel | None]:
        """Return the message that was answered, the parts of this one, and who is mentioned."""
        around = list_link(
            f"The {self.container} from here on",
            self.model,
            **{self.container: row.channel_id},
            after=cursor_at(row.seq + 1),
        )
        there = {"space_id": row.space_id, "channel_id": row.channel_id}
        if row.reply_to_seq:
            answered = self.model._default_manager.filter(**there, seq=row.reply_to_seq)
            yield messages_panel(request, title="Answers", messages=answered, links=[around])
        yield from parts_panels(request, row)
        yield rows_panel(
            request,
            title="Mentions",
            rows=Mention.objects.filter(**there, seq=row.seq).select_related("user", "role"),
            columns={"who": _mentioned},
            links=[] if row.reply_to_seq else [around],
        )


@admin.register(Message)
class MessageAdmin(ServerDataAdmin, AnyMessageAdmin):
    """Messages in channels."""

    container = "channel"
    list_display = (
        *("__str__", "author", "content", "channel"),
        column("server", lambda message: message.channel.server),
        *("created_at", "deleted_at"),
    )
    list_select_related = ("channel__server",)
    search_help_text = "Words, within a server or channel; or an id"
    filters = (
        by_server(column="space_id", is_range=True),
        by_channel(),
        by_user(name="author", label="Author", column="author_id", is_range=True),
        by_choice(
            name="only",
            label="Only",
            options={
                "pinned": ("pinned", {"pinned_at__isnull": False, "deleted_at": None}),
                "deleted": ("deleted", {"deleted_at__isnull": False}),
            },
        ),
    )
    # messages_uq, messages_seq_uq and the partial indexes. The one by author has no order: the rows
    # of an author are sorted.
    indexed_orders = {
        ("server",): ("-space_id", "-id"),
        ("channel",): ("-seq",),
        ("server", "channel"): ("-seq",),
        ("author",): ("-author_id", "-id"),
        ("server", "author"): ("-author_id", "-id"),
        ("channel", "author"): ("-author_id", "-seq"),
        ("channel", "only"): ("-seq",),
    }

    def search_text(
        self, request: HttpRequest, queryset: QuerySet[Any], text: str, conditions: Conditions
    ) -> QuerySet[Any]:
        """Return the messages with these words; without a filter by space, none and a hint."""
        if "space_id" not in conditions:
            self.message_user(
                request,
                "Choose a server or a channel to search for words: their index is by server.",
                level="warning",
            )
        return super().search_text(request, queryset, text, conditions)


@admin.register(MessageRevision)
class MessageRevisionAdmin(ServerDataAdmin):
    """Earlier versions of edited messages in channels."""

    list_display = ("__str__", "version", "editor", "replaced_at")
    filters = (by_server(column="space_id"), by_message())
    # message_revisions_uq.
    indexed_orders = {
        ("server",): ("-message_id", "-version"),
        ("message",): ("-version",),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out the versions of deleted messages for those who may not read those."""
        return without_deleted(request, super().get_queryset(request))


@admin.register(Mention)
class MentionAdmin(ServerDataAdmin):
    """Who is mentioned in a message of a channel."""

    list_display = ("__str__", "seq", "channel", "user", "role", "created_at")
    filters = (
        by_server(column="space_id"),
        by_channel(),
        by_user(),
        by_role(space="space_id"),
    )
    # mentions_uq, mentions_latest_ix and mentions_role_ix.
    indexed_orders = {
        ("server",): ("-channel_id", "-seq", "-id"),
        ("channel",): ("-seq", "-id"),
        ("user",): ("-created_at", "-id"),
        ("role",): ("-id",),
    }


@admin.register(Reaction)
class ReactionAdmin(ServerDataAdmin):
    """Emoji under messages in channels."""

    list_display = ("emoji", "user", "message", "created_at")
    filters = (by_server(column="space_id"), by_message(), by_user())
    # reactions_uq and reactions_user_ix.
    indexed_orders = {
        ("message",): ("emoji", "user_id"),
        ("user",): ("-space_id", "-id"),
        ("server", "user"): ("-id",),
    }


def _mentioned(mention: Mention) -> object:
    if mention.user_id:
        return row_link(mention.user)
    return row_link(mention.role) if mention.role_id else "everyone"
