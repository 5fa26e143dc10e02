"""The app, and Django's admin with our own site."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
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


class ChatAdminConfig(admin_apps.AdminConfig):
    """Django's admin with our site; in INSTALLED_APPS it takes the place of Django's."""

    default = False
    default_site = "chat.admin_site.ChatAdminSite"
