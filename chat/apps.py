"""The app's configuration."""

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import pre_migrate

from chat.checks import check_updated_at_triggers
from chat.unmigrated import prepare_for_tables


class ChatConfig(AppConfig):
    """The chat app."""

    name = "chat"
    verbose_name = "Chat"

    def ready(self) -> None:
        """Register the app's system checks, and what tables made without migrations need."""
        checks.register(check_updated_at_triggers, checks.Tags.models)
        pre_migrate.connect(prepare_for_tables, sender=self)
