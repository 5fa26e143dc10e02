"""The tables of the chat application, one file per aggregate."""

from chat.models.access import ChannelAccess
from chat.models.attachments import DiscardedFile, MessageAttachment
from chat.models.channels import (
    Channel,
    ChannelCounter,
    ChannelPermission,
    DirectConversation,
    Participant,
)
from chat.models.messages import DirectMessage, Mention, Message, MessageRevision, Reaction
from chat.models.moderation import AdminAccess, AuditLogEntry, Ban
from chat.models.read_states import ReadRange, ReadState
from chat.models.roles import MemberRole, Role
from chat.models.schema import Schema
from chat.models.servers import Invite, InviteCode, Server, ServerMember
from chat.models.users import User, UserPreferences, UserSession

__all__ = [
    "AdminAccess",
    "AuditLogEntry",
    "Ban",
    "Channel",
    "ChannelAccess",
    "ChannelCounter",
    "ChannelPermission",
    "DirectConversation",
    "DirectMessage",
    "DiscardedFile",
    "Invite",
    "InviteCode",
    "MemberRole",
    "Mention",
    "Message",
    "MessageAttachment",
    "MessageRevision",
    "Participant",
    "Reaction",
    "ReadRange",
    "ReadState",
    "Role",
    "Schema",
    "Server",
    "ServerMember",
    "User",
    "UserPreferences",
    "UserSession",
]
