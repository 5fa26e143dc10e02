"""The admin, for looking at the data; one file per aggregate, which registers its pages.

Only users can be changed here: any other change would go past the services, which check permissions
and write the audit log.
"""

# ruff: noqa: F401
from chat.admin import (
    attachments,
    channels,
    direct,
    messages,
    moderation,
    read_states,
    roles,
    servers,
    users,
)
from chat.admin.pages import schema_page, who_may_see_what
