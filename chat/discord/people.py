"""The users of an export: their accounts, roles and memberships."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from chat.discord.snowflakes import created_at_of, uuid_of
from chat.models import AuditLogEntry, Ban, Role, ServerMember, User
from chat.models.users import ERASED_PREFIX, USERNAME_PATTERN
from chat.rules.limits import ROLE_LIMIT
from chat.rules.names import CONTROL, is_visible
from chat.services.core.use_case import write_alias
from chat.services.imports import MemberRow, UserRow, import_members, import_users
from chat.services.imports.copying import copy_rows

_USERNAME = re.compile(USERNAME_PATTERN)
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9_.]+")

REPLACED_NAMES = "names that were invisible or had control characters, replaced"
CUT_NAMES = "names that are too long, cut"
# By it the audit log knows whom an import has made a member, whatever became of them since.
_JOINED = "member.import"


class People:
    """The users of one server that an import has read so far.

    `erased` are those who were erased here.
    """

    def __init__(self, server_id: UUID) -> None:
        self.erased: set[UUID] = set()
        self._left_out: Counter[str] = Counter()
        self._server_id = server_id
        self._known: dict[tuple[str, str], UUID] = {}
        self._new_users: dict[UUID, tuple[str, UserRow]] = {}
        # Of those who are no members so far.
        self._nicknames: dict[UUID, str] = {}
        self._with_roles: set[UUID] = set()
        self._new_members: dict[UUID, set[UUID]] = {}
        self._roles: dict[str, UUID] = {}
        self._new_roles: list[Role] = []
        self._role_names: set[str] = set()
        self._mention_of_a_role: re.Pattern[str] | None = None
        self._omitted_roles: set[UUID] = set()

    @property
    def left_out(self) -> Counter[str]:
        """Count what is not imported."""
        nicknames = Counter({"nicknames of people who are no members": len(self._nicknames)})
        return self._left_out + nicknames

    def register(self, user: dict[str, Any]) -> UUID:
        """Return the id of a user of the export; the next `write` stores them."""
        snowflake = user["id"]
        # A webhook speaks under one id with many names.
        speaker = storable(user["name"]) if _is_webhook(user) else ""
        user_id = self._known.get((snowflake, speaker))
        if user_id is None:
            user_id = uuid_of("user", int(snowflake), speaker)
            name = legible_name(user["name"], 32, instead="", tally=self._left_out)
            self._new_users[user_id] = (
                snowflake,
                UserRow(
                    id=user_id,
                    username=username(user),
                    display_name=name,
                    kind="bot" if user.get("isBot") else "human",
                    created_at=created_at_of(int(snowflake)),
                ),
            )
            self._known[snowflake, speaker] = user_id
            nickname = user.get("nickname") or ""
            if nickname != user["name"]:
                called = legible_name(nickname, 32, instead="", tally=self._left_out)
                if called:
                    self._nicknames[user_id] = called
        # Only members of the guild have roles; the others may have left.
        if (roles := user.get("roles")) and user_id not in self._with_roles:
            self._with_roles.add(user_id)
            self._new_members[user_id] = {self._role(role) for role in roles}
        return user_id

    def role(self, snowflake: str) -> UUID | None:
        """Return the id of a role, None when no registered user has it."""
        return self._roles.get(snowflake)

    def count_role_mentions(self, content: str) -> int:
        """Count the mentions of roles that were registered, which the exporter writes as names."""
        if self._mention_of_a_role is None and self._role_names:
            names = "|".join(map(re.escape, sorted(self._role_names, key=len, reverse=True)))
            self._mention_of_a_role = re.compile(rf"@(?:{names})(?!\w)")
        return len(self._mention_of_a_role.findall(content)) if self._mention_of_a_role else 0

    def write(self) -> None:
        """Store the users who were registered since the last call, with their roles."""
        if self._new_users:
            import_users(users=list(self._with_unique_names()))
            self._note_erased(list(self._new_users))
            self._new_users = {}
        if self._new_roles:
            self._write_roles()
        if self._new_members:
            self._write_members()

    def _write_members(self) -> None:
        """Make members of those who have roles and were not made members by an earlier import.

        Whoever was and is no member now has left or was removed: an import does not bring them
        back, nor anybody who was kicked or is banned.
        """
        database = write_alias()
        wanted = self._new_members.keys() - self.erased
        there = ServerMember.objects.using(database).filter(server=self._server_id, user__in=wanted)
        members = set(there.values_list("user", flat=True))
        gone = User.objects.using(database).filter(
            Exists(
                AuditLogEntry.objects.filter(
                    server=self._server_id,
                    target_id=OuterRef("pk"),
                    action__in=[_JOINED, "member.kick", "member.ban"],
                )
            )
            | Exists(Ban.objects.filter(user=OuterRef("pk"), server=self._server_id)),
            pk__in=wanted - members,
        )
        joining = sorted(wanted - members - set(gone.values_list("pk", flat=True)))
        import_members(
            server=self._server_id,
            members=[
                MemberRow(
                    user,
                    nickname=self._nicknames.get(user),
                    roles=list(self._new_members[user] - self._omitted_roles),
                )
                for user in joining
            ],
        )
        copy_rows(
            "audit_log",
            ["space_id", "action", "target_type", "target_id"],
            [(self._server_id, _JOINED, "user", user) for user in joining],
            using=database,
        )
        for user in members.union(joining):
            self._nicknames.pop(user, None)
        self._new_members = {}

    def _role(self, role: dict[str, Any]) -> UUID:
        snowflake = role["id"]
        if snowflake not in self._roles:
            row = Role(
                id=uuid_of("role", int(snowflake)),
                server_id=self._server_id,
                name=legible_name(role["name"] or "", 100, instead="role", tally=self._left_out),
                # In the guild; `_write_roles` replaces it by one that is free here.
                position=int(role["position"]),
                color=int((role.get("color") or "#0").lstrip("#"), 16) & 0xFFFFFF,
            )
            self._roles[snowflake] = row.pk
            self._role_names.add(role["name"] or "role")
            self._mention_of_a_role = None
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
            self._left_out["roles beyond the limit of a server"] += len(omitted)
        self._new_roles = []

    def _note_erased(self, users: list[UUID]) -> None:
        erased = User.objects.using(write_alias()).filter(pk__in=users, erased_at__isnull=False)
        self.erased.update(erased.values_list("pk", flat=True))

    def _with_unique_names(self) -> Iterable[UserRow]:
        """Yield the new users with names that nobody else has; an earlier import has made some."""
        names = {
            row: [
                row.username,
                f"{row.username[: 31 - len(snowflake)]}_{snowflake}",
                # For those who share an id as well.
                f"{row.username[:18]}_{row.id.hex[-13:]}",
            ]
            for snowflake, row in self._new_users.values()
        }
        whose = dict(
            User.objects.using(write_alias())
            .filter(username__in=[name for possible in names.values() for name in possible])
            .values_list("username", "pk")
        )
        for row, possible in names.items():
            name = next(name for name in possible if whose.setdefault(name, row.id) == row.id)
            yield row._replace(username=name)


def _is_webhook(user: dict[str, Any]) -> bool:
    """Tell whether a webhook speaks: applications keep a discriminator."""
    return bool(user.get("isBot")) and _discriminator(user) == "0000"


def _discriminator(user: dict[str, Any]) -> str:
    """Return four digits, "0000" for none. Versions before March 2021 have a number."""
    return str(user.get("discriminator") or "0").zfill(4)


def username(user: dict[str, Any]) -> str:
    """Return a username in our form for a user of Discord.

    Discord's present usernames have our form already. Of an older one those letters are kept that
    have an ASCII form, and the four digits of its discriminator.
    """
    name = str(user["name"])
    digits = _discriminator(user)
    is_present_form = digits == "0000"
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
    whole = storable(text)
    given = whole[:most]
    if given != whole:
        tally[CUT_NAMES] += 1
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
