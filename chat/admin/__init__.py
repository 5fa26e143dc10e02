"""The admin, for looking at the data; one file per aggregate.

Only users can be changed here: any other change would go past the services, which check permissions
and write the audit log.
"""

from chat.admin.attachments import DiscardedFileAdmin, MessageAttachmentAdmin
from chat.admin.channels import ChannelAdmin, ChannelPermissionAdmin
from chat.admin.direct import DirectConversationAdmin, DirectMessageAdmin, ParticipantAdmin
from chat.admin.messages import MentionAdmin, MessageAdmin, MessageRevisionAdmin, ReactionAdmin
from chat.admin.moderation import AdminAccessAdmin, AuditLogEntryAdmin, BanAdmin
from chat.admin.pages.schema_page import schema_page, schema_warning
from chat.admin.pages.who_may_see_what import who_may_see_what
from chat.admin.read_states import ReadStateAdmin
from chat.admin.roles import MemberRoleAdmin, RoleAdmin
from chat.admin.servers import InviteAdmin, ServerAdmin, ServerMemberAdmin
from chat.admin.users import GroupAdmin, UserAdmin, UserPreferencesAdmin, UserSessionAdmin

__all__ = [
    "AdminAccessAdmin",
    "AuditLogEntryAdmin",
    "BanAdmin",
    "ChannelAdmin",
    "ChannelPermissionAdmin",
    "DirectConversationAdmin",
    "DirectMessageAdmin",
    "DiscardedFileAdmin",
    "GroupAdmin",
    "InviteAdmin",
    "MemberRoleAdmin",
    "MentionAdmin",
    "MessageAdmin",
    "MessageAttachmentAdmin",
    "MessageRevisionAdmin",
    "ParticipantAdmin",
    "ReactionAdmin",
    "ReadStateAdmin",
    "RoleAdmin",
    "ServerAdmin",
    "ServerMemberAdmin",
    "UserAdmin",
    "UserPreferencesAdmin",
    "UserSessionAdmin",
    "schema_page",
    "schema_warning",
    "who_may_see_what",
]
