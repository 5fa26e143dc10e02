"""Roles, and the members who have them."""

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Deferrable, Index, Q, UniqueConstraint

from chat.db.checks import legible_constraint, length_constraint, moments_constraint
from chat.db.constraints import CompositeForeignKey, OnDelete, foreign_key, tenant_key
from chat.db.fields import Reference
from chat.models.base import ChangingRow, Row
from chat.rules.limits import LARGEST_COLOR, LARGEST_MASK, NAME_LENGTH, ROLE_LIMIT


class Role(ChangingRow):
    """A named set of permissions. The one at position 0 is everyone's."""

    server = Reference(
        "chat.Server",
        related_name="roles",
        db_column="space_id",
        db_comment="The tenant: the server.",
    )
    name = models.CharField(max_length=NAME_LENGTH)
    position = models.SmallIntegerField(
        db_comment="0 is everyone's role; who stands higher has more say."
    )
    permissions = models.BigIntegerField(
        default=0, db_default=0, db_comment="Bits of chat.rules.permissions.Permission."
    )
    color = models.IntegerField(default=0, db_default=0)
    hoist = models.BooleanField(
        default=False, db_default=False, db_comment="Shown apart in the member list."
    )
    mentionable = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "roles"
        db_table_comment = "Named sets of permissions; position 0 is everyone's, higher outranks."
        constraints = [
            UniqueConstraint(name="roles_uq", fields=["server", "id"]),
            # Deferrable, so that two roles can change places in one transaction. At most 250
            # positions and one role each: no server has more roles than that.
            UniqueConstraint(
                name="roles_position_uq",
                fields=["server", "position"],
                deferrable=Deferrable.DEFERRED,
            ),
            CheckConstraint(
                name="roles_position_ck", condition=Q(position__gte=0, position__lte=ROLE_LIMIT - 1)
            ),
            length_constraint("roles", "name", least=1),
            legible_constraint("roles", "name"),
            CheckConstraint(
                name="roles_permissions_ck",
                condition=Q(permissions__gte=0, permissions__lte=LARGEST_MASK),
            ),
            CheckConstraint(
                name="roles_color_ck", condition=Q(color__gte=0, color__lte=LARGEST_COLOR)
            ),
            moments_constraint("roles", "created_at", "updated_at"),
            foreign_key("roles", "server", to="chat.Server.space_id", on_delete=OnDelete.CASCADE),
        ]

    def __str__(self) -> str:
        return self.name


class MemberRole(Row):
    """A role of a member; everyone's role needs no row."""

    server = Reference(
        "chat.Server", related_name="+", db_column="space_id", db_comment="The tenant: the server."
    )
    user = Reference(settings.AUTH_USER_MODEL, related_name="+")
    role = Reference(Role, related_name="member_roles")

    class Meta:
        db_table = "member_roles"
        db_table_comment = "Roles given to members; a role of another server cannot be."
        indexes = [
            # The members with a role, and the cascade from roles.
            Index(fields=["server", "role"], name="member_roles_role_ix"),
        ]
        constraints = [
            UniqueConstraint(name="member_roles_uq", fields=["server", "user", "role"]),
            moments_constraint("member_roles", "created_at"),
            CompositeForeignKey(
                name="member_roles_member_fk",
                fields=["server", "user"],
                to="chat.ServerMember",
                to_fields=["server", "user"],
                on_delete=OnDelete.CASCADE,
            ),
            tenant_key(
                "member_roles", "role", to="chat.Role.id", space="server", to_space="server"
            ),
        ]

    def __str__(self) -> str:
        return f"role {self.role_id} of user {self.user_id}"
