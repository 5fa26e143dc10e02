"""The page "Who may see what": what somebody may do in a channel, and which rule decides."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from chat.admin.lists.filters import FilterError, as_uuid, cleaned, find_user_id, of_server
from chat.admin.lists.panels import Link
from chat.admin.pages.access_explanation import AccessExplanation, explain_access
from chat.admin.pages.access_words import bits_in_words, reason, rule_in_words
from chat.admin.pages.permission_words import GROUPS, words
from chat.admin_site import admin_page
from chat.models import Channel, ServerMember, User
from chat.rules.permissions import Permission

TITLE = "Who may see what"
# As many as a server can have.
MAX_CHANNELS = 500
MAX_SERVERS = 100


def may_ask(request: HttpRequest) -> bool:
    """Tell whether this person may view channels and overwrites, which this page needs."""
    return request.user.has_perms(["chat.view_channel", "chat.view_channelpermission"])


@admin_page(
    route="who-may-see-what/",
    name="who_may_see_what",
    title=TITLE,
    icon="key_visualizer",
    group="Servers",
    is_allowed=may_ask,
)
def who_may_see_what(request: HttpRequest) -> HttpResponse:
    """Show the answer for ?user=…&channel=…, or what is still to choose; at most ten statements."""
    if not may_ask(request):
        raise PermissionDenied
    asked = {name: cleaned(request.GET.get(name)) for name in ("user", "channel", "server")}
    answer: dict[str, Any] = {}
    try:
        user = _user(asked["user"]) if asked["user"] else None
        channel = _channel(asked["channel"]) if asked["channel"] else None
        answer = {"user_asked": user, "channel_asked": channel}
        if user is not None and channel is not None:
            answer |= _answered(explain_access(user=user, channel=channel))
        elif user is not None:
            answer["choices"] = _choices(user, asked["server"])
    except FilterError as refusal:
        messages.warning(request, str(refusal))
    context = {
        **admin.site.each_context(request),
        "title": TITLE,
        "subtitle": None,
        "asked": asked,
        **answer,
    }
    return TemplateResponse(request, "chat/admin/who_may_see_what.html", context)


def _user(text: str) -> User:
    user = User.objects.filter(pk=find_user_id(text)).first()
    if user is None:
        raise FilterError(f"There is no user with the id {text}.")
    return user


def _channel(text: str) -> Channel:
    channels = of_server(Channel.objects.select_related("server", "parent"))
    channel: Channel | None = channels.filter(pk=as_uuid(text)).first()
    if channel is None:
        raise FilterError(f"There is no channel with the id {text}.")
    return channel


def _answered(reading: AccessExplanation) -> dict[str, Any]:
    explanation = reading.explanation
    return {
        "reading": reading,
        "can_see": Permission.VIEW_CHANNEL in reading.permissions,
        "database_says": bits_in_words(reading.in_database),
        "steps": [
            {
                "rule": rule_in_words(step),
                "speakers": step.speakers,
                "given": bits_in_words(step.given),
                "taken": bits_in_words(step.taken),
                "held": step.held.bit_count(),
            }
            for step in (explanation.steps if explanation else ())
        ],
        "groups": [
            (
                title,
                [
                    (words(bit), verdict.is_held, reason(verdict))
                    for bit, verdict in explanation.verdicts.items()
                    if bit in group
                ],
            )
            for title, group in GROUPS
        ]
        if explanation
        else [],
    }


def _choices(user: User, server: str) -> dict[str, Any]:
    if not server:
        members = (
            ServerMember.objects.filter(user=user).select_related("server").order_by("-server_id")
        )
        return {
            "of": "server",
            "links": [
                _link(member.server.name, user=user.pk, server=member.server_id)
                for member in members[:MAX_SERVERS]
            ],
        }
    channels = (
        of_server(Channel.objects.filter(space_id=as_uuid(server), deleted_at=None))
        .exclude(kind=Channel.Kind.CATEGORY)
        .order_by("parent_id", "position")
    )
    return {
        "of": "channel",
        "links": [
            _link(str(channel), user=user.pk, channel=channel.pk)
            for channel in channels[:MAX_CHANNELS]
        ],
    }


def _link(text: str, **asked: object) -> Link:
    query = urlencode({name: str(value) for name, value in asked.items()})
    return Link(text=text, url=f"{reverse('admin:who_may_see_what')}?{query}")
