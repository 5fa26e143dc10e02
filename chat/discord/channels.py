"""The server and the channel or thread that an export goes into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chat.discord.people import legible_name, storable
from chat.discord.snowflakes import created_at_of, uuid_of
from chat.errors import ChatError
from chat.models import Channel, ChannelCounter, ChannelPermission, Role, Server, User
from chat.rules.permissions import Permission
from chat.services.core.use_case import use_case, write_alias
from chat.services.servers import insert_server

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path
    from uuid import UUID

IMPORT_ACCOUNT = "discord_import"

_KINDS = {
    "GuildTextChat": "text",
    "GuildVoiceChat": "voice",
    "GuildStageVoice": "voice",
    "GuildNews": "announcement",
    "GuildNewsThread": "thread",
    "GuildPublicThread": "thread",
    # Not a thread, which everybody sees who sees its channel.
    "GuildPrivateThread": "text",
}


class UnsupportedExportError(ChatError):
    """The export is of a kind that cannot be imported."""


@dataclass(frozen=True, slots=True)
class PreparedChannel:
    """Where an export goes; `remark` says who can see it, where that is not what was asked for."""

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
    left_out: Counter[str],
) -> PreparedChannel:
    """Return the server and the channel of an export, created where they are missing.

    An export does not say who may see a channel: a new one is visible to administrators only,
    unless `is_visible`; a private thread always is. It does not say either who owns the guild: that
    is `owner`, or else a system account. What exists stays as it is. `left_out` counts the names
    that were replaced.

    Raises:
        UnsupportedExportError: nobody writes in such a channel; or it is new, and others than
            administrators would see it without `is_visible`.
    """
    guild, channel = header["guild"], header["channel"]
    kind = _KINDS.get(channel["type"])
    if guild["id"] == "0" or channel["type"].startswith("Direct"):
        raise UnsupportedExportError(
            f"{path} has direct messages, and does not say between whom; only channels of guilds "
            "can be imported. Nothing of it was imported."
        )
    if kind is None:
        raise UnsupportedExportError(
            f"{path} is of a {channel['type']}, which has no messages of its own; export its "
            "threads or channels one by one. Nothing of it was imported."
        )
    is_private = channel["type"] == "GuildPrivateThread"
    server_id = _server(guild, owner=owner, left_out=left_out)
    parent_id = (
        None
        if is_private
        else _parent(server_id, channel, kind=kind, is_visible=is_visible, left_out=left_out)
    )
    channel_id = _channel(
        server_id,
        int(channel["id"]),
        kind=kind,
        name=channel["name"],
        topic=channel.get("topic") or "",
        parent_id=parent_id,
        is_visible=is_visible and not is_private,
        left_out=left_out,
    )
    if is_private:
        remark = (
            "It was a private thread and is a channel of its own now, visible to administrators "
            "only: an export does not say who was in it."
        )
    else:
        remark = _remark(path, channel_id, is_visible=is_visible)
    return PreparedChannel(server_id, channel_id, remark)


def _remark(path: Path, channel_id: UUID, *, is_visible: bool) -> str:
    """Return the remark on a channel that more or fewer people see than was asked for."""
    channel = Channel.objects.using(write_alias()).select_related("parent").get(pk=channel_id)
    # Whoever sees its channel sees a thread.
    deciding = channel.parent if channel.kind == Channel.Kind.THREAD else channel
    is_hidden = _is_hidden(deciding)
    if is_hidden and is_visible:
        return f"It stays hidden, as #{deciding.name} is: --visible is for new channels."
    if is_hidden or is_visible:
        return ""
    counter = ChannelCounter.objects.using(write_alias()).get(
        space_id=channel.space_id, channel_id=channel.pk
    )
    if counter.last_seq == 0:
        raise UnsupportedExportError(
            f"{path} would be visible to everybody who sees #{deciding.name}, and not to "
            f"administrators only. Import it with --visible, or hide #{deciding.name} first. "
            "Nothing of it was imported."
        )
    return f"Everybody who sees #{deciding.name} sees it, as before: only new channels are hidden."


def _is_hidden(channel: Channel) -> bool:
    """Tell whether administrators alone can see a channel: no overwrite allows anybody else."""
    view = int(Permission.VIEW_CHANNEL)
    rules = (
        ChannelPermission.objects.using(write_alias())
        .filter(server_id=channel.space_id, channel_id=channel.pk)
        .values_list("role__position", "allow", "deny")
    )
    return any(position == 0 and deny & view for position, _, deny in rules) and not any(
        allow & view for _, allow, _ in rules
    )


def _server(guild: dict[str, Any], *, owner: User | None, left_out: Counter[str]) -> UUID:
    snowflake = int(guild["id"])
    server_id = uuid_of("guild", snowflake)
    if Server.objects.using(write_alias()).filter(pk=server_id).exists():
        return server_id
    if owner is None:
        owner = _import_account()
    insert_server(
        Server(
            id=server_id,
            name=legible_name(guild["name"], 100, instead="unnamed", tally=left_out).ljust(2, "-"),
            owner=owner,
            created_at=created_at_of(snowflake),
        )
    )
    return server_id


def _import_account() -> User:
    """Return the system account that owns imported servers by default; create it if missing."""
    account, _ = User.objects.using(write_alias()).get_or_create(
        username=IMPORT_ACCOUNT, defaults={"kind": User.Kind.SYSTEM}
    )
    if account.kind != User.Kind.SYSTEM:
        # Whoever took that name must not own, and read, what others import.
        raise UnsupportedExportError(
            f"Imported servers are owned by the account {IMPORT_ACCOUNT}, but user {account.pk} of "
            f"kind {account.kind} has that name. Give the owner of this one with --owner."
        )
    return account


def _parent(
    server_id: UUID,
    channel: dict[str, Any],
    *,
    kind: str,
    is_visible: bool,
    left_out: Counter[str],
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
        left_out=left_out,
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
    left_out: Counter[str],
) -> UUID:
    database = write_alias()
    channel_id = uuid_of("channel", snowflake)
    if Channel.objects.using(database).filter(server_id=server_id, pk=channel_id).exists():
        return channel_id
    Channel.objects.using(database).create(
        id=channel_id,
        server_id=server_id,
        kind=kind,
        name=legible_name(name, 100, instead="unnamed", tally=left_out),
        topic=storable(topic)[:1024],
        parent_id=parent_id,
        created_at=created_at_of(snowflake),
    )
    # Whoever sees its channel sees a thread.
    if not is_visible and kind != "thread":
        everyone = Role.objects.using(database).get(server_id=server_id, position=0)
        ChannelPermission.objects.using(database).create(
            server_id=server_id,
            channel_id=channel_id,
            role=everyone,
            deny=int(Permission.VIEW_CHANNEL),
        )
    return channel_id
