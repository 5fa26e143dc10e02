"""The app's configuration."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """The chat app."""

    name = "chat"
    verbose_name = "Chat"
