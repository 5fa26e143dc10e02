"""The users of an export: their accounts, roles and memberships."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef

from chat.discord.snowflakes import created_at_of, uuid_of
from chat.models import Ban, Message, Role, User
from chat.models.users import ERASED_PREFIX, USERNAME_PATTERN
from chat.rules.limits import ROLE_LIMIT
from chat.rules.names import CONTROL, is_visible
from chat.services.core.use_case import write_alias
from chat.services.imports import MemberRow, UserRow, import_members, import_users

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

_USERNAME = re.compile(USERNAME_PATTERN)
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9_.]+")

REPLACED_NAMES = "names that were invisible or had control characters, replaced"


class People:
    """The users of one server that an import has met so far.

    `left_out` counts what is not imported; `erased` are those who were erased here.
    """

    def __init__(self, server_id: UUID) -> None:
        self.left_out: Counter[str] = Counter()
        self.erased: set[UUID] = set()
        self._server_id = server_id
        self._known: dict[str, UUID] = {}
        self._new_users: dict[str, UserRow] = {}
        self._with_roles: set[UUID] = set()
        self._new_members: dict[UUID, set[UUID]] = {}
        self._roles: dict[str, UUID] = {}
        self._new_roles: list[Role] = []
        self._omitted_roles: set[UUID] = set()

    def register(self, user: dict[str, Any]) -> UUID:
        """Return the id of a user of the export; the next `write` stores them."""
        snowflake = user["id"]
        user_id = self._known.get(snowflake)
        if user_id is None:
            user_id = uuid_of("user", int(snowflake))
            self._new_users[snowflake] = UserRow(
                id=user_id,
                username=username(user),
                display_name=self._display_name(user),
                kind="bot" if user.get("isBot") else "human",
                created_at=created_at_of(int(snowflake)),
            )
            self._known[snowflake] = user_id
        # Only members of the guild have roles; the others may have left.
        if (roles := user.get("roles")) and user_id not in self._with_roles:
            self._with_roles.add(user_id)
            self._new_members[user_id] = {self._role(role) for role in roles}
        return user_id

    def _display_name(self, user: dict[str, Any]) -> str:
        """Return the nickname in the guild or the name on Discord, empty if neither is legible."""
        called = legible_name(user.get("nickname") or "", 32, instead="", tally=self.left_out)
        return called or legible_name(user["name"], 32, instead="", tally=self.left_out)

    def role(self, snowflake: str) -> UUID | None:
        """Return the id of a role, None when no registered user has it."""
        return self._roles.get(snowflake)

    def write(self) -> None:
        """Store the users who were registered since the last call, with their roles."""
        if self._new_users:
            import_users(users=list(self._with_unique_names(self._new_users)))
            self._note_erased([user.id for user in self._new_users.values()])
            self._new_users = {}
        if self._new_roles:
            self._write_roles()
        if self._new_members:
            self._write_members()

    def _write_members(self) -> None:
        """Make members of those who have roles and no message in the server yet.

        Whoever has a message and is not a member has left or was removed: an import does not bring
        them back, nor anybody who is banned.
        """
        not_to_join = User.objects.using(write_alias()).filter(
            Exists(Message.objects.filter(author=OuterRef("pk"), space_id=self._server_id))
            | Exists(Ban.objects.filter(user=OuterRef("pk"), server=self._server_id)),
            pk__in=list(self._new_members),
        )
        for user_id in not_to_join.values_list("pk", flat=True):
            del self._new_members[user_id]
        import_members(
            server=self._server_id,
            members=[
                MemberRow(user, roles=list(roles - self._omitted_roles))
                for user, roles in self._new_members.items()
                if user not in self.erased
            ],
        )
        self._new_members = {}

    def _role(self, role: dict[str, Any]) -> UUID:
        snowflake = role["id"]
        if snowflake not in self._roles:
            row = Role(
                id=uuid_of("role", int(snowflake)),
                server_id=self._server_id,
                name=legible_name(role["name"] or "", 100, instead="role", tally=self.left_out),
                # In the guild; `_write_roles` replaces it by one that is free here.
                position=int(role["position"]),
                color=int((role.get("color") or "#0").lstrip("#"), 16) & 0xFFFFFF,
            )
            self._roles[snowflake] = row.pk
            self._new_roles.append(row)
        return self._roles[snowflake]

    def _write_roles(self) -> None:
        roles = Role.objects.using(write_alias()).filter(server_id=self._server_id)
        there = set(roles.values_list("id", flat=True))
        taken = set(roles.values_list("position", flat=True))
        free = [position for position in range(1, ROLE_LIMIT) if position not in taken]
        lowest_first = sorted(self._new_roles, key=lambda role: role.position)
        missing = [role for role in lowest_first if role.pk not in there]
        # A guild can have more roles than fit beside ours: the lowest are omitted.
        omitted = missing[: max(0, len(missing) - len(free))]
        placed = missing[len(omitted) :]
        for role, position in zip(placed, free, strict=False):
            role.position = position
        Role.objects.using(write_alias()).bulk_create(placed)
        self._omitted_roles.update(role.pk for role in omitted)
        if omitted:
            self.left_out["roles beyond the limit of a server"] += len(omitted)
        self._new_roles = []

    def _note_erased(self, users: list[UUID]) -> None:
        erased = User.objects.using(write_alias()).filter(pk__in=users, erased_at__isnull=False)
        self.erased.update(erased.values_list("pk", flat=True))

    def _with_unique_names(self, new_users: Mapping[str, UserRow]) -> Iterable[UserRow]:
        """Yield the users with names that nobody else has."""
        taken = set(
            User.objects.using(write_alias())
            .filter(username__in={row.username for row in new_users.values()})
            .values_list("username", flat=True)
        )
        for snowflake, row in new_users.items():
            name = row.username
            if name in taken:
                # Unique, for it has the whole id in it.
                name = f"{name[: 31 - len(snowflake)]}_{snowflake}"
            taken.add(name)
            yield row._replace(username=name)


def username(user: dict[str, Any]) -> str:
    """Return a username in our form for a user of Discord.

    Discord's present usernames have our form already. Of an older one those letters are kept that
    have an ASCII form, and the four digits of its discriminator.
    """
    name = str(user["name"])
    digits = str(user.get("discriminator") or "0000")
    is_present_form = digits in {"0000", "0"}
    if is_present_form and _USERNAME.fullmatch(name) and not name.startswith(ERASED_PREFIX):
        return name
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    plain = _NOT_IN_A_NAME.sub("_", plain).strip("_.")[:27] or "user"
    if plain.startswith(ERASED_PREFIX):
        plain = f"x_{plain}"[:27]
    if not is_present_form:
        return f"{plain}_{digits}"
    return plain if len(plain) > 1 else f"{plain}_{str(user['id'])[-4:]}"


def legible_name(text: str, most: int, *, instead: str, tally: Counter[str]) -> str:
    """Return the name cut to `most` characters, with spaces for control characters.

    Returns `instead` for an invisible name. `tally` counts the names that were changed.
    """
    given = storable(text)[:most]
    kept = CONTROL.sub(" ", given)
    if not is_visible(kept):
        kept = instead
    if kept != given:
        tally[REPLACED_NAMES] += 1
    return kept


def storable(text: str) -> str:
    """Return the text with replacement characters for what PostgreSQL cannot store."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\0", "\ufffd") if "\0" in text else text
