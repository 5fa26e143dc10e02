"""The server and the channel or thread that an export goes into."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db.models import Value
from django.db.models.functions import Coalesce, Now

from chat.discord.people import legible_name, storable
from chat.discord.snowflakes import created_at_of, snowflake_of, uuid_of
from chat.errors import ChatError
from chat.models import Channel, ChannelCounter, ChannelPermission, Role, Server, User
from chat.rules.limits import TOPIC_LENGTH
from chat.rules.permissions import Permission
from chat.services.core.use_case import save_fields, use_case, write_alias
from chat.services.servers import insert_server

IMPORT_ACCOUNT = "discord_import"

# A version that has no name for a type writes its number.
_KINDS = {
    "GuildTextChat": "text",
    "GuildVoiceChat": "voice",
    "GuildStageVoice": "voice",
    "13": "voice",
    "GuildNews": "announcement",
    "GuildNewsThread": "thread",
    "10": "thread",
    "GuildPublicThread": "thread",
    "11": "thread",
    # Not a thread, which everybody sees who sees its channel.
    "GuildPrivateThread": "text",
    "12": "text",
}
_PRIVATE_THREADS = {"GuildPrivateThread", "12"}
_NEWS_THREADS = {"GuildNewsThread", "10"}
# What versions up to 2023 call the category of a channel that is in none.
_NO_CATEGORY = {
    *("", "Text", "Voice", "News", "Store", "Default", "Category", "<unknown category>"),
    *("Private", "Group", "Private Thread", "Public Thread", "News Thread"),
}
_UNNAMED = "unnamed"
# Discord archives a thread when nothing was written in it for so long, at the latest.
_QUIET = timedelta(days=7)


class UnsupportedExportError(ChatError):
    """The export is of a kind that cannot be imported."""


@dataclass(frozen=True, slots=True)
class PreparedChannel:
    """Where an export goes; `remark` says who can see it, where that is not what was asked for."""

    server_id: UUID
    channel: Channel
    is_new: bool
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
    is `owner`, or else a system account. What exists stays as it is, except that a thread is
    reopened, and a channel that a thread brought gets what its own export says. `left_out` counts
    the names that were replaced.

    Raises:
        UnsupportedExportError: nobody writes in such a channel; it was deleted here; or it is new,
            and others than administrators would see it without `is_visible`.
    """
    guild, channel = header["guild"], header["channel"]
    if channel["type"].startswith("Direct") or not (guild_id := snowflake_of(guild["id"])):
        raise UnsupportedExportError(
            f"{path} has direct messages, and does not say between whom; only channels of guilds "
            "can be imported. Nothing of it was imported."
        )
    kind = _KINDS.get(channel["type"])
    if kind is None:
        raise UnsupportedExportError(
            f"{path} is of a {channel['type']}, which has no messages of its own; export its "
            "threads or channels one by one. Nothing of it was imported."
        )
    is_private = channel["type"] in _PRIVATE_THREADS
    server_id = _server(path, guild_id, guild["name"], owner=owner, left_out=left_out)
    parent = (
        None
        if is_private
        else _parent(path, server_id, channel, is_visible=is_visible, left_out=left_out)
    )
    prepared, is_new = _channel(
        path,
        server_id,
        int(channel["id"]),
        kind=kind,
        name=channel["name"],
        topic=channel.get("topic") or "",
        parent_id=parent.pk if parent else None,
        is_visible=is_visible and not is_private,
        left_out=left_out,
    )
    if is_private:
        remark = (
            "It was a private thread and is a channel of its own now, visible to administrators "
            "only: an export does not say who was in it."
        )
    else:
        remark = _remark(path, prepared, is_visible=is_visible)
    if kind == Channel.Kind.THREAD and prepared.archived_at is not None:
        Channel.objects.using(write_alias()).filter(pk=prepared.pk).update(archived_at=None)
    return PreparedChannel(server_id, prepared, is_new, remark)


@use_case
def archive_if_quiet(thread: Channel, exported_at: datetime | None) -> None:
    """Archive a thread in which nothing was written for a week before the export, as Discord does.

    An export does not say whether a thread is archived. One that does not say when it was made
    either is taken for one of today.
    """
    quiet_at = (_counter(thread).last_message_at or thread.created_at) + _QUIET
    threads = Channel.objects.using(write_alias()).filter(pk=thread.pk, kind=Channel.Kind.THREAD)
    threads.annotate(asked_at=Coalesce(Value(exported_at), Now())).filter(
        asked_at__gt=quiet_at
    ).update(archived_at=quiet_at)


def _remark(path: Path, channel: Channel, *, is_visible: bool) -> str:
    """Return the remark on a channel that more or fewer people see than was asked for."""
    # Whoever sees its channel sees a thread.
    deciding = channel.parent if channel.kind == Channel.Kind.THREAD else channel
    is_hidden = _is_hidden(deciding)
    if is_hidden and is_visible:
        return f"It stays hidden, as #{deciding.name} is: --visible is for new channels."
    if is_hidden or is_visible:
        return ""
    if _counter(channel).last_seq == 0:
        raise UnsupportedExportError(
            f"{path} would be visible to everybody who sees #{deciding.name}, and not to "
            f"administrators only. Import it with --visible, or hide #{deciding.name} first. "
            "Nothing of it was imported."
        )
    return f"Everybody who sees #{deciding.name} sees it, as before: only new channels are hidden."


def _counter(channel: Channel) -> ChannelCounter:
    counters = ChannelCounter.objects.using(write_alias())
    return counters.get(space_id=channel.space_id, channel_id=channel.pk)


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


def _server(
    path: Path, snowflake: int, name: str, *, owner: User | None, left_out: Counter[str]
) -> UUID:
    server_id = uuid_of("guild", snowflake)
    server = Server.objects.using(write_alias()).filter(pk=server_id).first()
    if server is None:
        insert_server(
            Server(
                id=server_id,
                name=legible_name(name, 100, instead=_UNNAMED, tally=left_out).ljust(2, "-"),
                owner=owner or _import_account(),
                created_at=created_at_of(snowflake),
            )
        )
    else:
        _refuse_deleted(path, f"server {server.name}", server.pk, server.deleted_at)
    return server_id


def _refuse_deleted(path: Path, what: str, id: UUID, deleted_at: datetime | None) -> None:  # noqa: A002
    if deleted_at is not None:
        raise UnsupportedExportError(
            f"{path} goes into {what} ({id}), which was deleted here on {deleted_at:%Y-%m-%d}: "
            "nobody would see it. Nothing of it was imported."
        )


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
    path: Path,
    server_id: UUID,
    channel: dict[str, Any],
    *,
    is_visible: bool,
    left_out: Counter[str],
) -> Channel | None:
    """Return the category of a channel, or the channel of a thread."""
    is_thread = _KINDS[channel["type"]] == Channel.Kind.THREAD
    snowflake = snowflake_of(channel.get("categoryId"))
    name = channel.get("category") or ""
    if snowflake is None:
        if is_thread:
            raise UnsupportedExportError(
                f"{path} is of thread {channel['id']} and does not say to which channel it "
                "belongs. Nothing of it was imported."
            )
        if name not in _NO_CATEGORY:
            left_out["categories of which the export has the name alone"] += 1
        return None
    if not is_thread:
        kind = "category"
    else:
        kind = "announcement" if channel["type"] in _NEWS_THREADS else "text"
    parent, _ = _channel(
        path,
        server_id,
        snowflake,
        kind=kind,
        name=name,
        is_visible=is_visible,
        left_out=left_out,
    )
    if parent.deleted_at is not None:
        left_out["categories that were deleted here"] += 1
        return None
    return parent


def _channel(
    path: Path,
    server_id: UUID,
    snowflake: int,
    *,
    kind: str,
    name: str,
    topic: str = "",
    parent_id: UUID | None = None,
    is_visible: bool,
    left_out: Counter[str],
) -> tuple[Channel, bool]:
    """Return a channel, and whether it is new."""
    database = write_alias()
    changed: Counter[str] = Counter()
    topic = storable(topic)
    if len(topic) > TOPIC_LENGTH:
        changed[f"topics of more than {TOPIC_LENGTH} characters, cut"] += 1
        topic = topic[:TOPIC_LENGTH]
    wanted = Channel(
        id=uuid_of("channel", snowflake),
        server_id=server_id,
        kind=kind,
        name=legible_name(name, 100, instead=_UNNAMED, tally=changed),
        topic=topic,
        parent_id=parent_id,
        created_at=created_at_of(snowflake),
    )
    channel = Channel.objects.using(database).filter(pk=wanted.pk).first()
    if channel is None:
        wanted.save(using=database, force_insert=True)
        left_out.update(changed)
        # Whoever sees its channel sees a thread.
        if not is_visible and kind != Channel.Kind.THREAD:
            everyone = Role.objects.using(database).get(server_id=server_id, position=0)
            ChannelPermission.objects.using(database).create(
                server_id=server_id,
                channel_id=wanted.pk,
                role=everyone,
                deny=int(Permission.VIEW_CHANNEL),
            )
        return wanted, True
    if channel.server_id != server_id:
        raise UnsupportedExportError(
            f"{path} has channel {snowflake} in another guild than before: it is #{channel.name} of"
            f" server {channel.server_id} here. Nothing of it was imported."
        )
    if channel.kind != Channel.Kind.CATEGORY:
        _refuse_deleted(path, f"#{channel.name}", channel.pk, channel.deleted_at)
    _fill_in(channel, wanted)
    return channel, False


def _fill_in(channel: Channel, wanted: Channel) -> None:
    """Give a channel what it lacks, if a thread of it was imported before its own messages."""
    given: dict[str, Any] = {}
    if wanted.topic and not channel.topic:
        given["topic"] = wanted.topic
    if wanted.parent_id and not channel.parent_id:
        given["parent_id"] = wanted.parent_id
    if channel.name == _UNNAMED != wanted.name:
        given["name"] = wanted.name
    if channel.kind == Channel.Kind.TEXT and wanted.kind in {"voice", "announcement"}:
        given["kind"] = wanted.kind
    if given and _counter(channel).last_seq == 0:
        save_fields(channel, given)
