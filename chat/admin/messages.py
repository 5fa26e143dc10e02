"""Messages in channels, and what hangs on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q

from chat.admin.inspection import InspectionAdmin
from chat.admin.keyset import cursor_at
from chat.admin.narrowing import (
    by_channel,
    by_choice,
    by_message,
    by_role,
    by_server,
    by_user,
    uuid_or_none,
)
from chat.admin.panels import list_link, row_link, rows_panel
from chat.admin.posts import READ_DELETED, parts_panels, posts_panel, with_text_column, with_words
from chat.models import Mention, Message, MessageRevision, Reaction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from chat.admin.narrowing import Place
    from chat.admin.panels import Panel

_FIRST = {"server", "channel", "author", "content", "created_at"}


@admin.register(Message)
class MessageAdmin(InspectionAdmin):
    """Messages in channels."""

    list_display = ("__str__", "author", "content", "channel", "server", "created_at", "deleted_at")
    search_help_text = "Words, within a server or channel; or an id"
    narrowings = (
        by_server(is_range=True),
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
    # messages_uq, messages_seq_uq, messages_author_ix and the partial indexes.
    scopes = {
        ("server",): ("-server_id", "-id"),
        ("channel",): ("-seq",),
        ("server", "channel"): ("-seq",),
        ("author",): ("-author_id", "-server_id", "-channel_id", "-seq"),
        ("server", "author"): ("-author_id", "-server_id", "-channel_id", "-seq"),
        ("channel", "author"): ("-author_id", "-seq"),
        ("channel", "only"): ("-seq",),
    }

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Show what a message says to whom may read it."""
        return with_text_column(request, self.list_display, is_clipped=True)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show where, by whom and what first, the last to whom may read it."""
        names = sorted(super().get_fields(request, obj), key=lambda name: name not in _FIRST)
        return with_text_column(request, names, is_clipped=False)

    def search(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str, place: Place
    ) -> QuerySet[Any]:
        """Find an id, or words along the index of the server that was chosen."""
        if uuid_or_none(term) is not None:
            return super().search(request, queryset, term, place)
        if "server_id" not in place:
            self.message_user(
                request,
                "Choose a server or a channel to search for words: their index is by server.",
                level="warning",
            )
            return queryset.none()
        return with_words(queryset, term, place)

    def panels(self, request: HttpRequest, row: Message) -> Iterable[Panel | None]:
        """Return what was answered, what hangs on the message, and who is named in it."""
        around = list_link(
            "The channel from here on",
            Message,
            channel=row.channel_id,
            after=cursor_at(row.seq + 1),
        )
        place = {"server_id": row.server_id, "channel_id": row.channel_id}
        if row.reply_to_seq:
            answered = Message.objects.filter(**place, seq=row.reply_to_seq)
            yield posts_panel(request, title="Answers", posts=answered, links=[around])
        yield from parts_panels(request, row, space_id=row.server_id)
        yield rows_panel(
            request,
            title="Mentions",
            rows=Mention.objects.filter(**place, seq=row.seq).select_related("user", "role"),
            columns={"who": _mentioned},
            links=[] if row.reply_to_seq else [around],
        )


class _OfChannels(InspectionAdmin):
    """Parts of messages in channels; those of conversations are shown with their message alone."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out what belongs to a direct conversation: a look there is logged."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(direct_message=None)


@admin.register(MessageRevision)
class MessageRevisionAdmin(_OfChannels):
    """Earlier versions of edited messages in channels."""

    list_display = ("__str__", "version", "editor", "replaced_at")
    narrowings = (by_server(column="space_id"), by_message())
    # message_revisions_message_uq.
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
class MentionAdmin(InspectionAdmin):
    """Who is named in a message."""

    list_display = ("__str__", "seq", "channel", "user", "role", "created_at")
    narrowings = (by_server(), by_channel(), by_user(), by_role())
    # mentions_uq, mentions_inbox_ix and mentions_role_ix.
    scopes = {
        ("server",): ("-channel_id", "-seq", "-id"),
        ("channel",): ("-seq", "-id"),
        ("user",): ("-created_at", "-id"),
        ("role",): ("-id",),
    }


@admin.register(Reaction)
class ReactionAdmin(_OfChannels):
    """Emoji under messages in channels."""

    list_display = ("emoji", "user", "message", "created_at")
    narrowings = (
        by_server(column="space_id"),
        by_message(),
        by_user(),
    )
    # reactions_message_uq and reactions_user_ix.
    scopes = {
        ("message",): ("emoji", "user_id"),
        ("user",): ("-space_id", "-id"),
        ("server", "user"): ("-id",),
    }


def _mentioned(mention: Mention) -> object:
    if mention.user_id:
        return row_link(mention.user)
    return row_link(mention.role) if mention.role_id else "everyone"
