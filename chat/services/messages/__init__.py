"""What can be done with messages. Import it from here; the modules are internal."""

from chat.services.messages.editing import EditedMessage, delete_message, edit_message
from chat.services.messages.pins import pin_message, unpin_message
from chat.services.messages.reactions import add_reaction, clear_reactions, remove_reaction
from chat.services.messages.sending import SentMessage, send_message

__all__ = [
    "EditedMessage",
    "SentMessage",
    "add_reaction",
    "clear_reactions",
    "delete_message",
    "edit_message",
    "pin_message",
    "remove_reaction",
    "send_message",
    "unpin_message",
]
