"""The sidebar: tables and pages in groups, each shown to those who may view it."""

from typing import Any

from django.apps import apps
from django.http import HttpRequest
from django.urls import reverse

from chat.admin.lists.panels import list_url, may_view
from chat.admin_site import PAGES

# Group, then label of the model and its Material symbol.
GROUPS: dict[str, dict[str, str]] = {
    "People": {
        "chat.User": "person",
        "chat.UserSession": "devices",
        "chat.UserPreferences": "tune",
        "auth.Group": "groups",
    },
    "Servers": {
        "chat.Server": "dns",
        "chat.ServerMember": "badge",
        "chat.Role": "shield_person",
        "chat.MemberRole": "assignment_ind",
        "chat.Channel": "tag",
        "chat.ChannelPermission": "rule",
        "chat.Invite": "mail",
    },
    "Conversations": {
        "chat.Message": "chat",
        "chat.MessageRevision": "history",
        "chat.Mention": "alternate_email",
        "chat.Reaction": "add_reaction",
        "chat.MessageAttachment": "attach_file",
        "chat.DiscardedFile": "delete_sweep",
        "chat.ReadState": "mark_chat_read",
        "chat.DirectConversation": "forum",
        "chat.Participant": "group",
        "chat.DirectMessage": "lock",
    },
    "Moderation": {
        "chat.Ban": "gavel",
        "chat.AuditLogEntry": "policy",
        "chat.AdminAccess": "visibility",
    },
    "Schema": {},
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups for Unfold, with what this person may view; no further statement."""
    start = {"title": "Start", "icon": "home", "link": reverse("admin:index")}
    return [
        {"items": [start]},
        *(
            {"title": title, "separator": True, "items": items}
            for title in GROUPS
            if (items := _items(request, title))
        ),
    ]


def _items(request: HttpRequest, group: str) -> list[dict[str, Any]]:
    pages = [
        {"title": page.title, "icon": page.icon, "link": page.url}
        for page in PAGES
        if page.group == group and page.is_allowed(request)
    ]
    return pages + [
        {
            "title": str(model._meta.verbose_name_plural).capitalize(),
            "icon": icon,
            "link": list_url(model),
        }
        for label, icon in GROUPS[group].items()
        for model in [apps.get_model(label)]
        if may_view(request, model)
    ]
