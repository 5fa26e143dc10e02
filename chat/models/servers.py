"""Servers, their members and their invites."""

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Index, Q, UniqueConstraint
from django.db.models.functions import Now

from chat.db.checks import legible_constraint, length_constraint, moments_constraint
from chat.db.constraints import CompositeForeignKey, OnDelete, foreign_key, tenant_key
from chat.db.fields import Reference, SpaceField
from chat.models.base import ChangingRow
from chat.rules.limits import (
    DESCRIPTION_LENGTH,
    INVITE_CODE_LENGTH,
    NAME_LENGTH,
    NICKNAME_LENGTH,
    SERVER_NAME_MINIMUM,
    STORAGE_KEY_LENGTH,
)


class Server(ChangingRow):
    """A community: the tenant of channels, roles, members and messages.

    Its owner becomes a member with it (trigger), and cannot leave while they own it.
    """

    space_id = SpaceField(of=["id"], db_comment="The tenant: the server's own id.")
    name = models.CharField(max_length=NAME_LENGTH)
    description = models.CharField(
        max_length=DESCRIPTION_LENGTH, blank=True, default="", db_default=""
    )
    icon_key = models.CharField(
        max_length=STORAGE_KEY_LENGTH,
        null=True,
        blank=True,
        db_comment="Where the picture is in the file store.",
    )
    owner = Reference(settings.AUTH_USER_MODEL, related_name="owned_servers")
    deleted_at = models.DateTimeField(null=True, blank=True)
    retention_days = models.IntegerField(
        null=True,
        blank=True,
        db_comment="After how many days its messages are purged. NULL: never.",
    )
    legal_hold_at = models.DateTimeField(
        null=True,
        blank=True,
        db_comment="Since when nothing of it may be purged (trigger). NULL: no hold.",
    )

    class Meta:
        db_table = "servers"
        db_table_comment = "Communities. The owner is a member (trigger and key)."
        indexes = [
            # The servers that somebody owns, asked before an account is erased.
            Index(fields=["owner"], name="servers_owner_ix"),
            # Servers by the beginning of their name, as support is told it.
            Index(fields=["name"], name="servers_name_ix", opclasses=["varchar_pattern_ops"]),
        ]
        constraints = [
            length_constraint("servers", "name", least=SERVER_NAME_MINIMUM),
            legible_constraint("servers", "name"),
            CheckConstraint(name="servers_retention_days_ck", condition=Q(retention_days__gte=1)),
            moments_constraint(
                "servers", "created_at", "updated_at", "deleted_at", "legal_hold_at"
            ),
            UniqueConstraint(name="servers_space_uq", fields=["space_id"]),
            # The target of a channel's key, which is not checked for a conversation (no server).
            UniqueConstraint(name="servers_uq", fields=["space_id", "id"]),
            CheckConstraint(name="servers_space_ck", condition=Q(space_id=F("id"))),
            # A trigger makes the owner a member before this key is checked.
            CompositeForeignKey(
                name="servers_owner_fk",
                fields=["space_id", "owner"],
                to="chat.ServerMember",
                to_fields=["server", "user"],
                violation_error_message="The owner must be a member of the server.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ServerMember(ChangingRow):
    """A user in a server."""

    server = Reference(
        Server, related_name="members", db_column="space_id", db_comment="The tenant: the server."
    )
    user = Reference(settings.AUTH_USER_MODEL, related_name="memberships")
    nickname = models.CharField(max_length=NICKNAME_LENGTH, null=True, blank=True)
    joined_at = models.DateTimeField(db_default=Now())
    # Until then a member can only read.
    timed_out_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "server_members"
        db_table_comment = "Who is in which server. Somebody banned cannot be (trigger)."
        indexes = [
            # "My servers", and channel_access of a user.
            Index(fields=["user", "server"], name="server_members_user_ix"),
            # The member list, page by page.
            Index(fields=["server", "joined_at", "user"], name="server_members_joined_ix"),
        ]
        constraints = [
            UniqueConstraint(name="server_members_uq", fields=["server", "user"]),
            length_constraint("server_members", "nickname", least=1),
            legible_constraint("server_members", "nickname"),
            moments_constraint(
                "server_members", "created_at", "updated_at", "joined_at", "timed_out_until"
            ),
            foreign_key(
                "server_members", "server", to="chat.Server.space_id", on_delete=OnDelete.CASCADE
            ),
            foreign_key("server_members", "user", to="chat.User.id"),
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} in server {self.server_id}"


class InviteCode(models.Model):
    """The code of an invite, also of a deleted one: unique in all servers, and never used twice."""

    code = models.CharField(max_length=INVITE_CODE_LENGTH, primary_key=True)
    space_id = models.UUIDField(db_comment="The server that it leads to.")

    class Meta:
        db_table = "invite_codes"
        db_table_comment = "The server that each invite's code leads to; a code is given once."
        constraints = [
            UniqueConstraint(name="invite_codes_uq", fields=["space_id", "code"]),
            CheckConstraint(
                name="invite_codes_code_ck", condition=Q(code__regex=r"^[A-Za-z0-9-]{2,32}$")
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Invite(ChangingRow):
    """A code that lets users join a server, up to `max_uses` times and until `expires_at`."""

    server = Reference(
        Server, related_name="invites", db_column="space_id", db_comment="The tenant: the server."
    )
    channel = Reference("chat.Channel", related_name="invites", null=True, blank=True)
    code = models.CharField(max_length=INVITE_CODE_LENGTH)
    creator = Reference(settings.AUTH_USER_MODEL, related_name="invites")
    max_uses = models.IntegerField(null=True, blank=True, db_comment="NULL: as often as one likes.")
    uses = models.IntegerField(default=0, db_default=0)
    # NULL: for ever.
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "invites"
        db_table_comment = "Codes to join by. uses never exceeds max_uses: a race fails here."
        indexes = [
            # A server's invites, newest first.
            Index(F("server"), F("created_at").desc(), name="invites_server_ix"),
        ]
        constraints = [
            UniqueConstraint(name="invites_code_uq", fields=["server", "code"]),
            CheckConstraint(
                name="invites_uses_ck",
                condition=Q(uses__gte=0)
                & (Q(max_uses__isnull=True) | Q(max_uses__gte=1, uses__lte=F("max_uses"))),
                violation_error_message="This invite has been used as often as it may be.",
            ),
            CheckConstraint(
                name="invites_expires_at_ck", condition=Q(expires_at__gt=F("created_at"))
            ),
            moments_constraint("invites", "created_at", "updated_at", "expires_at", "revoked_at"),
            foreign_key("invites", "server", to="chat.Server.space_id", on_delete=OnDelete.CASCADE),
            tenant_key(
                "invites",
                "code",
                to="chat.InviteCode.code",
                space="server",
                on_delete=OnDelete.NO_ACTION,
            ),
            tenant_key("invites", "channel", to="chat.Channel.id", space="server"),
            foreign_key("invites", "creator", to="chat.User.id"),
        ]

    def __str__(self) -> str:
        return self.code
