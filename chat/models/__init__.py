"""The tables of the chat application, one file per aggregate."""

from chat.models.users import User

__all__ = ["User"]
