"""The app's configuration."""

from django.apps import AppConfig
from django.core import checks

from chat.checks import check_updated_at_triggers


class ChatConfig(AppConfig):
    """The chat app."""

    name = "chat"
    verbose_name = "Chat"

    def ready(self) -> None:
        """Register the app's system checks."""
        checks.register(check_updated_at_triggers, checks.Tags.models)
