"""The guild and the channel of an export: a server, and in it a channel or a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chat.discord.people import legible, storable
from chat.discord.snowflakes import moment_of, uuid_of
from chat.errors import ChatError
from chat.models import Channel, ChannelCounter, ChannelPermission, Role, Server, User
from chat.rules.permissions import Permission
from chat.services.core.use_case import use_case, write_alias
from chat.services.servers import SEEDED_ROLES

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path
    from uuid import UUID

ARCHIVIST = "discord_import"

_KINDS = {
    "GuildTextChat": "text",
    "GuildVoiceChat": "voice",
    "GuildStageVoice": "voice",
    "GuildNews": "announcement",
    "GuildNewsThread": "thread",
    "GuildPublicThread": "thread",
    # Not a thread: that would be seen by whoever sees its channel.
    "GuildPrivateThread": "text",
}


class UnsupportedExportError(ChatError):
    """The export is of a kind that has no place here."""


@dataclass(frozen=True, slots=True)
class PreparedChannel:
    """Where an export goes, and what whoever imports it may not expect of who sees it there."""

    server_id: UUID
    channel_id: UUID
    remark: str


@use_case
def prepare_channel(
    path: Path,
    header: dict[str, Any],
    *,
    owner: User | None,
    is_visible: bool,
    unmapped: Counter[str],
) -> PreparedChannel:
    """Return the server and the channel of an export, made where they are missing.

    An export does not say who may see a channel: a new one is seen by administrators only, unless
    `is_visible`, and a private thread always. What is here already stays as it is. An export does
    not say either who owns the guild: `owner` does, or else an account of the system. `unmapped`
    counts the names that could not stay. Raises: UnsupportedExportError, also for the first of a
    channel or thread that others would see without `is_visible`.
    """
    guild, channel = header["guild"], header["channel"]
    kind = _KINDS.get(channel["type"])
    if guild["id"] == "0" or channel["type"].startswith("Direct"):
        raise UnsupportedExportError(
            f"{path} is of direct messages, and does not say between whom; only channels of guilds "
            "are imported. Nothing of it was."
        )
    if kind is None:
        raise UnsupportedExportError(
            f"{path} is of a {channel['type']}, in which nobody writes; export its threads or its "
            "channels one by one. Nothing of it was imported."
        )
    is_private = channel["type"] == "GuildPrivateThread"
    server_id = _server(guild, owner=owner, unmapped=unmapped)
    parent_id = (
        None
        if is_private
        else _parent(server_id, channel, kind=kind, is_visible=is_visible, unmapped=unmapped)
    )
    channel_id = _channel(
        server_id,
        int(channel["id"]),
        kind=kind,
        name=channel["name"],
        topic=channel.get("topic") or "",
        parent_id=parent_id,
        is_visible=is_visible and not is_private,
        unmapped=unmapped,
    )
    if is_private:
        remark = (
            "It is a private thread, and so a channel of its own here, which administrators alone "
            "see until they let others in: an export does not say who was in it."
        )
    else:
        remark = _remark(path, channel_id, is_visible=is_visible)
    return PreparedChannel(server_id, channel_id, remark)


def _remark(path: Path, channel_id: UUID, *, is_visible: bool) -> str:
    """Return what to say when the channel is seen by more or fewer than was asked for."""
    channel = Channel.objects.using(write_alias()).select_related("parent").get(pk=channel_id)
    # A thread is seen by whoever sees its channel.
    ruling = channel.parent if channel.kind == Channel.Kind.THREAD else channel
    is_hidden = _is_hidden(ruling)
    if is_hidden and is_visible:
        return f"It stays hidden, as #{ruling.name} is: --visible is for new channels."
    if is_hidden or is_visible:
        return ""
    counter = ChannelCounter.objects.using(write_alias()).get(
        space_id=channel.space_id, channel_id=channel.pk
    )
    if counter.last_seq == 0:
        raise UnsupportedExportError(
            f"{path} would be read by whoever sees #{ruling.name}, and not by administrators "
            f"alone. Import it with --visible, or hide #{ruling.name} first. Nothing of it was "
            "imported."
        )
    return f"It is read by whoever sees #{ruling.name}, as before: only new channels are hidden."


def _is_hidden(channel: Channel) -> bool:
    """Tell whether administrators alone can see a channel: nobody's overwrite lets them in."""
    view = int(Permission.VIEW_CHANNEL)
    rules = (
        ChannelPermission.objects.using(write_alias())
        .filter(server_id=channel.space_id, channel_id=channel.pk)
        .values_list("role__position", "allow", "deny")
    )
    return any(position == 0 and deny & view for position, _, deny in rules) and not any(
        allow & view for _, allow, _ in rules
    )


def _server(guild: dict[str, Any], *, owner: User | None, unmapped: Counter[str]) -> UUID:
    database = write_alias()
    snowflake = int(guild["id"])
    server_id = uuid_of("guild", snowflake)
    if Server.objects.using(database).filter(pk=server_id).exists():
        return server_id
    if owner is None:
        owner = _archivist()
    Server.objects.using(database).create(
        id=server_id,
        name=legible(guild["name"], 100, instead="unnamed", tally=unmapped).ljust(2, "-"),
        owner=owner,
        created_at=moment_of(snowflake),
    )
    Role.objects.using(database).bulk_create(
        Role(server_id=server_id, name=name, position=position, permissions=int(permissions))
        for position, (name, permissions) in enumerate(SEEDED_ROLES)
    )
    return server_id


def _archivist() -> User:
    """Return the system's account that owns what nobody else does, made if there is none."""
    account, _ = User.objects.using(write_alias()).get_or_create(
        username=ARCHIVIST, defaults={"kind": User.Kind.SYSTEM}
    )
    if account.kind != User.Kind.SYSTEM:
        # Whoever took that name is not to own, and to read, what others archive.
        raise UnsupportedExportError(
            f"The name {ARCHIVIST}, of the account that owns imported servers, is taken by user "
            f"{account.pk}, of kind {account.kind}. Say with --owner who owns this one."
        )
    return account


def _parent(
    server_id: UUID,
    channel: dict[str, Any],
    *,
    kind: str,
    is_visible: bool,
    unmapped: Counter[str],
) -> UUID | None:
    """Return the category of a channel, or the channel of a thread."""
    if not channel.get("categoryId"):
        if kind == "thread":
            raise UnsupportedExportError(
                f"Thread {channel['id']} does not say to which channel it belongs."
            )
        return None
    return _channel(
        server_id,
        int(channel["categoryId"]),
        kind="text" if kind == "thread" else "category",
        name=channel.get("category") or "",
        is_visible=is_visible,
        unmapped=unmapped,
    )


def _channel(
    server_id: UUID,
    snowflake: int,
    *,
    kind: str,
    name: str,
    topic: str = "",
    parent_id: UUID | None = None,
    is_visible: bool,
    unmapped: Counter[str],
) -> UUID:
    database = write_alias()
    channel_id = uuid_of("channel", snowflake)
    if Channel.objects.using(database).filter(server_id=server_id, pk=channel_id).exists():
        return channel_id
    Channel.objects.using(database).create(
        id=channel_id,
        server_id=server_id,
        kind=kind,
        name=legible(name, 100, instead="unnamed", tally=unmapped),
        topic=storable(topic)[:1024],
        parent_id=parent_id,
        created_at=moment_of(snowflake),
    )
    # A thread is seen by whoever sees its channel.
    if not is_visible and kind != "thread":
        everyone = Role.objects.using(database).get(server_id=server_id, position=0)
        ChannelPermission.objects.using(database).create(
            server_id=server_id,
            channel_id=channel_id,
            role=everyone,
            deny=int(Permission.VIEW_CHANNEL),
        )
    return channel_id
