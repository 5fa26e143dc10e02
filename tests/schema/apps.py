"""The app `chat` without its models: its commands, for situations that stand alone."""

from django.apps import AppConfig


class ChatCommands(AppConfig):
    name = "chat"
    label = "chat_commands"

    def import_models(self) -> None:
        self.models = {}
