"""The best that the ordinary ORM does for the reads, for orientation."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Count, F, OuterRef, Prefetch, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

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
from chat.queries.search import SearchText
from chat.rules.permissions import Permission
from tests.benchmarks.community import Community
from tests.benchmarks.reads import HITS, PAGE, Read


def by_orm(at: Community, read: Read) -> Callable[[], Sequence[Any]] | None:
    """Return what asks the same by the ORM; None where it has no way."""
    if read.name == "history page, newest":
        return partial(_page, at)
    if read.name.startswith("search"):
        return partial(_search, at, read.params["text"])
    if read.own == "permissions_in":
        return partial(_permission, at)
    ways: dict[str, Callable[..., Sequence[Any]]] = {
        "unread_overview": partial(_unread, at.viewer_id),
        "visible_channels": _visible,
    }
    return partial(ways[read.own], _seen(at, read)) if read.own in ways else None


def _seen(at: Community, read: Read) -> QuerySet[ChannelAccess]:
    """Return what the viewer sees of the servers and conversations of a page."""
    return ChannelAccess.objects.filter(
        user=at.viewer_id,
        space_id__range=(read.params["first_space"], read.params["last_space"]),
        channel__archived_at=None,
    )


def _page(at: Community) -> list[Message]:
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


def _unread(viewer: UUID, seen: QuerySet[ChannelAccess]) -> list[Any]:
    here: dict[str, Any] = {"space_id": OuterRef("space_id"), "channel": OuterRef("channel")}
    later = {**here, "seq__gt": OuterRef("mark")}

    def number_of(rows: Any) -> Subquery:
        return Subquery(rows.order_by().values("space_id").annotate(n=Count("pk")).values("n"))

    roles = MemberRole.objects.filter(user=viewer).values("role")
    named = Q(user=viewer) | Q(role__in=roles) | Q(user__isnull=True, role__isnull=True)
    mark = ReadState.objects.filter(user=viewer, **here).values("last_read_seq")
    deleted = Message.objects.filter(deleted_at__isnull=False, **later)
    return list(
        seen.annotate(mark=Coalesce(Subquery(mark), Value(0)))
        .annotate(
            unread=F("last_seq") - F("mark") - Coalesce(number_of(deleted), Value(0)),
            mentions=Coalesce(number_of(Mention.objects.filter(named, **later)), Value(0)),
        )
        .values_list("space_id", "channel_id", "last_seq", "mark", "unread", "mentions")
    )


def _visible(seen: QuerySet[ChannelAccess]) -> list[ChannelAccess]:
    return list(seen.exclude(space_id=F("channel")).select_related("channel"))


def _permission(at: Community) -> list[int]:
    return list(
        ChannelAccess.objects.filter(
            user=at.viewer_id,
            space_id__in=Channel.objects.filter(pk=at.channel_id).values("space_id"),
            channel=at.channel_id,
        ).values_list("permissions", flat=True)
    )


def _search(at: Community, word: str) -> list[Message]:
    return list(
        Message.objects.visible_to(at.viewer_id)
        .filter(
            space_id=at.server_id,
            search=SearchText(word),
        )
        .select_related("author")
        .order_by("-created_at", "-id")[:HITS]
    )
