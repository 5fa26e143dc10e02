"""The import of one file: all of it, or nothing."""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connections, transaction

from chat.discord.channels import UnsupportedExportError, archive_if_quiet, prepare_channel
from chat.discord.mapping import Mapper
from chat.discord.people import People, legible_name
from chat.discord.reader import ExportFile, MalformedExportError
from chat.discord.snowflakes import snowflake_in, snowflake_of
from chat.errors import ChatError, OutOfOrder
from chat.models import Channel, User
from chat.services.core.use_case import write_alias
from chat.services.imports import Imported, MessageRow, import_messages
from chat.services.imports.copying import batches

# The users of so many messages are written together; a message takes 8 kB while it is a dict.
_BATCH_SIZE = 2000
# What reading a part of an export raises when that part has another form or size than expected.
_FORM_ERRORS = (LookupError, TypeError, ValueError, AttributeError, OverflowError)


class RefusedExportError(ChatError):
    """A service refused what is in the export."""

    def __init__(self, path: Path, reason: ChatError | str) -> None:
        self.path = path
        super().__init__(f"{path}: {reason} Nothing of this file was imported.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedExport:
    """The result of one file; `left_out` counts what was not imported, by what it is."""

    guild: str
    channel: str
    channel_id: UUID
    imported: Imported
    # Who can see the channel, where that is not what was asked for.
    remark: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Return files in the order in which they can be imported, whatever their names.

    By guild, channel and first message: a channel is older than its threads, and a history that is
    in several files goes on from one to the next. Files that cannot be read come last.
    """
    return sorted(paths, key=_place)


def _place(path: Path) -> tuple[bool, int, int, int]:
    try:
        with path.open("rb") as file:
            export = ExportFile(path, file)
            header = export.read_header()
            first = next(export.messages(), {"id": 0})
            return (
                False,
                snowflake_of(header["guild"]["id"]) or 0,
                int(header["channel"]["id"]),
                int(first["id"]),
            )
    except (MalformedExportError, OSError, *_FORM_ERRORS):
        # Its import says what is wrong with it.
        return True, 0, 0, 0


def import_export(
    *,
    path: Path,
    owner: User | None = None,
    is_visible: bool = False,
    on_progress: Callable[[int], object] | None = None,
) -> ImportedExport:
    """Import one file of DiscordChatExporter; what was imported before stays as it is.

    One transaction; the channel is locked, and other imports wait. `on_progress` is called with the
    number of bytes that were read since its last call.

    Raises:
        MalformedExportError: the file is not a whole export.
        UnsupportedExportError: it has direct messages, or others would see it without `is_visible`.
        RefusedExportError: a service refused something in it, such as a message that is older than
            what the channel has already.
    """
    try:
        return _import(path, owner=owner, is_visible=is_visible, on_progress=on_progress)
    except (MalformedExportError, UnsupportedExportError):
        raise
    except OutOfOrder as error:
        raise RefusedExportError(
            path,
            f"message {snowflake_in(error.message)}, of {error.sent_at}, is older than what the "
            f"channel has already, up to {error.newest_at}, and would come in behind it. Import "
            "all files of a channel at once, or the oldest first; of what is newer, make an export "
            "of its own with --after.",
        ) from error
    except ChatError as error:
        raise RefusedExportError(path, error) from error


def _import(
    path: Path,
    *,
    owner: User | None,
    is_visible: bool,
    on_progress: Callable[[int], object] | None,
) -> ImportedExport:
    with path.open("rb") as file, transaction.atomic(using=write_alias()):
        _wait_for_others()
        export = ExportFile(path, file, on_progress=on_progress)
        header = export.read_header()
        left_out: Counter[str] = Counter()
        try:
            prepared = prepare_channel(
                path, header, owner=owner, is_visible=is_visible, left_out=left_out
            )
            exported = header.get("exportedAt")
            exported_at = datetime.fromisoformat(exported).astimezone(UTC) if exported else None
            guild, channel = (
                legible_name(header[of]["name"], 100, instead="unnamed", tally=Counter())
                for of in ("guild", "channel")
            )
        except ChatError:
            # Among them InvalidInput, which is a ValueError too.
            raise
        except _FORM_ERRORS as error:
            raise export.malformed(f"its guild or channel has another form ({error!r})") from error
        mapper = Mapper(people := People(prepared.server_id), files=path.parent)
        imported = import_messages(
            channel=prepared.channel,
            messages=_rows(export, mapper, people),
            allow_missing_replies=True,
        )
        if prepared.channel.kind == Channel.Kind.THREAD:
            if imported.messages or prepared.is_new:
                archive_if_quiet(prepared.channel, exported_at)
            elif prepared.channel.archived_at is not None:
                # Nothing came in: it was not reopened.
                transaction.set_rollback(True, using=write_alias())
    return ImportedExport(
        guild=guild,
        channel=channel,
        channel_id=prepared.channel.pk,
        imported=imported,
        remark=prepared.remark,
        left_out=dict(sorted((left_out + mapper.left_out + people.left_out).items())),
    )


def _wait_for_others() -> None:
    """Wait until no other import runs: two would create the same server and the same users."""
    with connections[write_alias()].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('chat.discord', 0))")


def _rows(export: ExportFile, mapper: Mapper, people: People) -> Iterator[MessageRow]:
    """Yield the rows of the messages, having written the users of each batch before its rows."""
    for batch in batches(_oldest_first(export, mapper), size=_BATCH_SIZE):
        for message in batch:
            _convert(export, message, mapper.register)
        people.write()
        mapper.look_up_files()
        for message in batch:
            row: MessageRow | None = _convert(export, message, mapper.row)
            if row is not None:
                yield row


def _convert(
    export: ExportFile, message: dict[str, Any], convert: Callable[[dict[str, Any]], Any]
) -> Any:
    try:
        return convert(message)
    except (*_FORM_ERRORS, OSError) as error:
        raise export.malformed(
            f"message {message.get('id')!r}, before this line, is not as expected ({error!r})"
        ) from error


def _oldest_first(export: ExportFile, mapper: Mapper) -> Iterator[dict[str, Any]]:
    """Yield each message once; refuse an export that begins with the newest."""
    # In ascending order: 8 bytes for a message.
    seen = array("Q")
    for message in export.messages():
        try:
            snowflake = int(message["id"])
            if is_next := not seen or snowflake > seen[-1]:
                seen.append(snowflake)
        except _FORM_ERRORS as error:
            raise export.malformed(f"a message has no id ({error!r})") from error
        if is_next:
            yield message
        elif seen[bisect_left(seen, snowflake)] == snowflake:
            mapper.left_out[f"repetitions of message {snowflake}"] += 1
        else:
            raise export.malformed(
                f"message {snowflake} comes after the newer {seen[-1]}; export again with the "
                "oldest first, without --reverse"
            )
