"""The tables of the chat application, one file per aggregate."""

from chat.models.access import ChannelAccess
from chat.models.access_log import AdminAccess
from chat.models.attachments import DiscardedFile, MessageAttachment
from chat.models.channels import Channel, ChannelPermission
from chat.models.direct import DirectConversation, DirectMessage, DirectParticipant
from chat.models.messages import Mention, Message, MessageRevision, Reaction
from chat.models.moderation import AuditLogEntry, Ban
from chat.models.read_states import ReadState
from chat.models.roles import MemberRole, Role
from chat.models.schema import Schema
from chat.models.servers import Invite, Server, ServerMember
from chat.models.users import User, UserPreferences, UserSession

__all__ = [
    "AdminAccess",
    "AuditLogEntry",
    "Ban",
    "Channel",
    "ChannelAccess",
    "ChannelPermission",
    "DirectConversation",
    "DirectMessage",
    "DirectParticipant",
    "DiscardedFile",
    "Invite",
    "MemberRole",
    "Mention",
    "Message",
    "MessageAttachment",
    "MessageRevision",
    "Reaction",
    "ReadState",
    "Role",
    "Schema",
    "Server",
    "ServerMember",
    "User",
    "UserPreferences",
    "UserSession",
]
