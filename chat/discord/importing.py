"""One export into the database: all of it, or nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import connections, transaction

from chat.discord.mapping import Mapper
from chat.discord.people import People, legible
from chat.discord.places import prepare_channel
from chat.discord.reader import ExportFile
from chat.errors import ChatError, DatabaseRefused, IdTaken, InvalidInput, LimitReached
from chat.services.core.use_case import write_alias
from chat.services.imports import Imported, MessageRow, import_messages
from chat.services.imports.copying import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from uuid import UUID

    from chat.models import User

# Messages whose people are written together; a message takes 8 kB while it is a dict.
_AT_ONCE = 2000
# What reading a part of an export raises when that is not of the form or the size it has to be.
_NOT_AS_EXPECTED = (LookupError, TypeError, ValueError, AttributeError, OverflowError)


class RefusedExportError(ChatError):
    """What an export holds cannot be stored."""

    def __init__(self, path: Path, reason: ChatError) -> None:
        self.path = path
        super().__init__(f"{path}: {reason} Nothing of this file was imported.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedExport:
    """What came of one file."""

    guild: str
    channel: str
    channel_id: UUID
    imported: Imported
    # Where the channel is seen by others than one may expect.
    remark: str = ""
    unmapped: Mapping[str, int] = field(default_factory=dict)


def import_export(
    *,
    path: Path,
    owner: User | None = None,
    is_visible: bool = False,
    on_progress: Callable[[int], object] | None = None,
) -> ImportedExport:
    """Import one file of DiscordChatExporter; what was imported before stays as it is.

    One transaction, in which the channel is locked and other imports wait: if the process ends in
    it, nothing has happened. `on_progress` is called with the number of bytes read since the last
    time. Raises: MalformedExportError; UnsupportedExportError, for direct messages and for what
    others would see without `is_visible`; RefusedExportError, from what `import_messages` raises.
    """
    with path.open("rb") as file, transaction.atomic(using=write_alias()):
        _wait_for_others()
        export = ExportFile(path, file, on_progress=on_progress)
        header = export.read_header()
        unmapped: Counter[str] = Counter()
        try:
            place = prepare_channel(
                path, header, owner=owner, is_visible=is_visible, unmapped=unmapped
            )
            # As they are told on a terminal.
            guild = legible(header["guild"]["name"], 100, instead="unnamed", tally=Counter())
            channel = legible(header["channel"]["name"], 100, instead="unnamed", tally=Counter())
        except (LimitReached, DatabaseRefused) as error:
            raise RefusedExportError(path, error) from error
        except _NOT_AS_EXPECTED as error:
            raise export.mistake(f"its guild or channel is not as expected ({error!r})") from error
        mapper = Mapper(people := People(place.server_id), files=path.parent)
        try:
            imported = import_messages(
                channel=place.channel_id,
                messages=_rows(export, mapper, people),
                allow_missing_replies=True,
            )
        except (InvalidInput, IdTaken, LimitReached, DatabaseRefused) as error:
            raise RefusedExportError(path, error) from error
    return ImportedExport(
        guild=guild,
        channel=channel,
        channel_id=place.channel_id,
        imported=imported,
        remark=place.remark,
        unmapped=dict(sorted((unmapped + mapper.unmapped + people.unmapped).items())),
    )


def _wait_for_others() -> None:
    """Let one import at a time go on: two would make the same server and the same people."""
    with connections[write_alias()].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('chat.discord', 0))")


def _rows(export: ExportFile, mapper: Mapper, people: People) -> Iterator[MessageRow]:
    """Yield the rows in batches as they are written, the people of each batch before it."""
    for batch in batches(_in_order(export, mapper), size=_AT_ONCE):
        for message in batch:
            _reading(export, message, mapper.register)
        people.write()
        for message in batch:
            row: MessageRow | None = _reading(export, message, mapper.row)
            if row is not None:
                yield row


def _reading(
    export: ExportFile, message: dict[str, Any], read: Callable[[dict[str, Any]], Any]
) -> Any:
    try:
        return read(message)
    except (*_NOT_AS_EXPECTED, OSError) as error:
        raise export.mistake(
            f"message {message.get('id')!r}, before this line, is not as expected ({error!r})"
        ) from error


def _in_order(export: ExportFile, mapper: Mapper) -> Iterator[dict[str, Any]]:
    """Yield each message once, and refuse an export that begins with the newest."""
    newest = -1
    for message in export.messages():
        try:
            snowflake = int(message["id"])
        except _NOT_AS_EXPECTED as error:
            raise export.mistake(f"a message has no id ({error!r})") from error
        if snowflake == newest:
            mapper.unmapped["messages that came twice"] += 1
            continue
        if snowflake < newest:
            raise export.mistake(
                f"message {snowflake} comes after the later {newest}; export again with the "
                "oldest first, without --reverse"
            )
        newest = snowflake
        yield message
