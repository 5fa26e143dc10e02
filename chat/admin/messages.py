"""Messages, and what hangs on those in channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q

from chat.admin.lists.inspection import InspectionAdmin, OfServersAdmin
from chat.admin.lists.keyset import cursor_at
from chat.admin.lists.message_texts import (
    READ_DELETED,
    messages_panel,
    parts_panels,
    with_text_column,
    with_words,
)
from chat.admin.lists.narrowing import (
    by_channel,
    by_choice,
    by_message,
    by_role,
    by_server,
    by_user,
    uuid_or_none,
)
from chat.admin.lists.panels import list_link, row_link, rows_panel
from chat.models import Mention, Message, MessageRevision, Reaction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from chat.admin.lists.narrowing import Conditions
    from chat.admin.lists.panels import Panel


class AnyMessageAdmin(InspectionAdmin):
    """Messages of channels or of conversations; `place` is what the list calls those."""

    place: str
    columns_first = ("space_id", "channel", "author", "content", "created_at")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Show what a message says to whom may read it."""
        return with_text_column(request, self.list_display, is_clipped=True)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show what a message says to whom may read it."""
        return with_text_column(request, super().get_fields(request, obj), is_clipped=False)

    def search(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str, place: Conditions
    ) -> QuerySet[Any]:
        """Find an id, or words along the index of the space that was chosen."""
        if uuid_or_none(term) is not None:
            return super().search(request, queryset, term, place)
        if "space_id" not in place:
            return queryset.none()
        within = self.countable(self.get_queryset(request))
        return with_words(queryset, term, within=within, space_id=place["space_id"])

    def panels(self, request: HttpRequest, row: Message) -> Iterable[Panel | None]:
        """Return what was answered, what hangs on the message, and who is named in it."""
        around = list_link(
            f"The {self.place} from here on",
            self.model,
            **{self.place: row.channel_id},
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
class MessageAdmin(OfServersAdmin, AnyMessageAdmin):
    """Messages in channels."""

    place = "channel"
    list_display = ("__str__", "author", "content", "channel", "server", "created_at", "deleted_at")
    list_select_related = ("channel__server",)
    search_help_text = "Words, within a server or channel; or an id"
    narrowings = (
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
    # messages_uq, messages_seq_uq and the partial indexes. That of authors has no order of its own:
    # what one has written is sorted.
    scopes = {
        ("server",): ("-space_id", "-id"),
        ("channel",): ("-seq",),
        ("server", "channel"): ("-seq",),
        ("author",): ("-author_id", "-id"),
        ("server", "author"): ("-author_id", "-id"),
        ("channel", "author"): ("-author_id", "-seq"),
        ("channel", "only"): ("-seq",),
    }

    @admin.display(description="server")
    def server(self, message: Message) -> object:
        """Return the server of the channel."""
        return message.channel.server

    def search(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str, place: Conditions
    ) -> QuerySet[Any]:
        """Say so where words are looked for everywhere."""
        if "space_id" not in place and uuid_or_none(term) is None:
            self.message_user(
                request,
                "Choose a server or a channel to search for words: their index is by server.",
                level="warning",
            )
        return super().search(request, queryset, term, place)


@admin.register(MessageRevision)
class MessageRevisionAdmin(OfServersAdmin):
    """Earlier versions of edited messages in channels."""

    list_display = ("__str__", "version", "editor", "replaced_at")
    narrowings = (by_server(column="space_id"), by_message())
    # message_revisions_uq.
    scopes = {
        ("server",): ("-message_id", "-version"),
        ("message",): ("-version",),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out what deleted messages said, for whom may not read it."""
        rows = super().get_queryset(request)
        if request.user.has_perm(READ_DELETED):
            return rows
        return rows.filter(Q(message__deleted_at=None))


@admin.register(Mention)
class MentionAdmin(OfServersAdmin):
    """Who is named in a message of a channel."""

    list_display = ("__str__", "seq", "channel", "user", "role", "created_at")
    narrowings = (
        by_server(column="space_id"),
        by_channel(),
        by_user(),
        by_role(space="space_id"),
    )
    # mentions_uq, mentions_inbox_ix and mentions_role_ix.
    scopes = {
        ("server",): ("-channel_id", "-seq", "-id"),
        ("channel",): ("-seq", "-id"),
        ("user",): ("-created_at", "-id"),
        ("role",): ("-id",),
    }


@admin.register(Reaction)
class ReactionAdmin(OfServersAdmin):
    """Emoji under messages in channels."""

    list_display = ("emoji", "user", "message", "created_at")
    narrowings = (by_server(column="space_id"), by_message(), by_user())
    # reactions_uq and reactions_user_ix.
    scopes = {
        ("message",): ("emoji", "user_id"),
        ("user",): ("-space_id", "-id"),
        ("server", "user"): ("-id",),
    }


def _mentioned(mention: Mention) -> object:
    if mention.user_id:
        return row_link(mention.user)
    return row_link(mention.role) if mention.role_id else "everyone"
