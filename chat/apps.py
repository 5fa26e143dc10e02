"""The app, and Django's admin with our own site."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.contrib.admin import autodiscover
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks

from chat.checks import check_database_role, check_distribution


class ChatConfig(AppConfig):
    """The chat app."""

    name = "chat"
    verbose_name = "Chat"

    def ready(self) -> None:
        """Register the app's system checks."""
        checks.register(check_database_role, checks.Tags.database, deploy=True)
        checks.register(check_distribution, checks.Tags.models)


class ChatAdminConfig(admin_apps.SimpleAdminConfig):
    """Django's admin with our site; in INSTALLED_APPS it takes the place of Django's.

    Its pages are loaded by the URLs and by the checks, for most commands need none of them.
    """

    default = False
    default_site = "chat.admin_site.ChatAdminSite"

    def ready(self) -> None:
        """Register the admin's system checks."""
        checks.register(check_admin, checks.Tags.admin)


def check_admin(
    *, app_configs: Sequence[AppConfig] | None, **options: Any
) -> list[checks.CheckMessage]:
    """Return what Django finds wrong with the admin and its pages, which it loads."""
    autodiscover()
    return [*check_dependencies(), *check_admin_app(app_configs, **options)]
