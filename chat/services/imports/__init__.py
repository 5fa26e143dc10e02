"""Bulk: people, memberships and whole histories, by COPY.

What is imported is checked before it is written, and what is there already (by its id) is left as
it is, so an import that was interrupted is simply run again. No permission is asked for: this is
for whoever runs the commands, not for people who chat.
"""

from chat.services.imports.messages import Imported, import_messages
from chat.services.imports.people import import_members, import_read_states, import_users
from chat.services.imports.rows import (
    AttachmentRow,
    MemberRow,
    MentionRow,
    MessageRow,
    ReactionRow,
    ReadStateRow,
    UserRow,
)

__all__ = [
    "AttachmentRow",
    "Imported",
    "MemberRow",
    "MentionRow",
    "MessageRow",
    "ReactionRow",
    "ReadStateRow",
    "UserRow",
    "import_members",
    "import_messages",
    "import_read_states",
    "import_users",
]
