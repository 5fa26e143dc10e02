"""Imports of users, memberships and whole histories, by COPY.

Rows are checked before they are written, and rows whose id is known already are skipped, so an
import that was interrupted is run again. No permission is checked: this is for commands, not for
users.
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
