"""One message of an export, as a row; and a tally of what has no place here."""

from __future__ import annotations

import mimetypes
import re
from collections import Counter
from datetime import datetime
from hashlib import file_digest
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any

from chat.discord.people import REPLACED_NAMES, storable
from chat.discord.snowflakes import uuid_of
from chat.rules.limits import (
    ATTACHMENT_BYTES,
    ATTACHMENT_LIMIT,
    CONTENT_LENGTH,
    EMOJI_LIMIT,
    PIN_LIMIT,
)
from chat.rules.names import is_visible
from chat.services.attachments import STRAY_IN_FILENAME
from chat.services.imports import AttachmentRow, MentionRow, MessageRow, ReactionRow

if TYPE_CHECKING:
    from pathlib import Path

    from chat.discord.people import People


# A number is how an exporter writes a type that it has no name for: 20 and 23 answer a command.
_REPLIES = {"Reply", "19"}
_TEXTS = {"Default", *_REPLIES, "20", "23"}
_EVENTS = {
    "GuildMemberJoin": "join",
    "ChannelPinnedMessage": "pin",
    "ChannelNameChange": "rename",
    "ThreadCreated": "thread",
    "18": "thread",
    "RecipientAdd": "notice",
    "RecipientRemove": "notice",
    "Call": "notice",
    "ChannelIconChange": "notice",
    "PollResult": "notice",
}
_NAMED = re.compile(r"<(@[!&]?|a?:\w+:)(\d{5,20})>")
_PARTS = ("embeds", "stickers", "components", "interaction", "inlineEmojis")


class Mapper:
    """Makes rows of the messages of one channel; `unmapped` counts what was left out."""

    def __init__(self, people: People, *, files: Path) -> None:
        self.unmapped: Counter[str] = Counter()
        self._people = people
        self._files = files
        self._pins = 0

    def register(self, message: dict[str, Any]) -> None:
        """Make everybody known who has to be there before the message is written."""
        register = self._people.register
        register(message["author"])
        for user in message.get("mentions") or ():
            register(user)
        for reaction in message.get("reactions") or ():
            for user in reaction.get("users") or ():
                register(user)

    def row(self, message: dict[str, Any]) -> MessageRow | None:
        """Return the row for a message whose people are known; none for one of an erased person."""
        register = self._people.register
        created_at = datetime.fromisoformat(message["timestamp"])
        edited = message.get("timestampEdited")
        author = register(message["author"])
        if author in self._people.erased:
            self.unmapped["messages of people whose account was erased"] += 1
            return None
        kind = _EVENTS.get(message["type"], "text")
        content = message["content"]
        if kind != "text":
            # They may name people, and what is renamed or begun is called as somebody wants it.
            if content:
                self.unmapped["words that tell of a join, a pin or another event"] += 1
            content = ""
        elif message["type"] not in _TEXTS:
            kind = "text" if content or message.get("attachments") else "notice"
            self.unmapped[f"messages of type {message['type']}, kept as {kind}s"] += 1
        elif message.get("forwardedMessage"):
            # They would be left when their author is erased.
            self.unmapped["words of forwarded messages, of which it does not say whose"] += 1
        for part in _PARTS:
            if message.get(part):
                self.unmapped[part] += 1
        is_text = kind == "text"
        return MessageRow(
            id=uuid_of("message", int(message["id"])),
            author=author,
            created_at=created_at,
            content=self._content(_with_ids(message, content)),
            kind=kind,
            reply_to=_answered(message) if is_text else None,
            edited_at=datetime.fromisoformat(edited) if edited else None,
            pinned_at=created_at if self._is_pinned(message) else None,
            mentions=[
                MentionRow(user=named)
                for user in message.get("mentions") or ()
                if (named := register(user)) not in self._people.erased
            ],
            reactions=self._reactions(message),
            attachments=self._attachments(message) if is_text else (),
        )

    def _content(self, content: str) -> str:
        if "<" in content:
            content = _NAMED.sub(self._name, content)
        kept = storable(content)
        if kept != content:
            self.unmapped["texts with characters that cannot be stored, replaced"] += 1
        if len(kept) > CONTENT_LENGTH:
            self.unmapped[f"texts of more than {CONTENT_LENGTH} characters, cut"] += 1
            kept = kept[:CONTENT_LENGTH]
        return kept

    def _name(self, match: re.Match[str]) -> str:
        sign, snowflake = match.groups()
        if ":" in sign:
            return sign.removeprefix("a")
        if sign == "@&":
            role = self._people.role(snowflake)
            return f"<@&{role}>" if role else match[0]
        return f"<@{uuid_of('user', int(snowflake))}>"

    def _is_pinned(self, message: dict[str, Any]) -> bool:
        if not message.get("isPinned"):
            return False
        if self._pins == PIN_LIMIT:
            self.unmapped[f"pins after the {PIN_LIMIT}th, kept unpinned"] += 1
            return False
        self._pins += 1
        return True

    def _reactions(self, message: dict[str, Any]) -> list[ReactionRow]:
        rows: list[ReactionRow] = []
        kept: set[str] = set()
        for reaction in message.get("reactions") or ():
            emoji = reaction["emoji"]
            name = f":{emoji['name']}:" if emoji.get("id") else emoji["name"]
            symbol = storable(name)[:64] or "?"
            users = reaction.get("users") or ()
            people = [
                person
                for user in users
                if (person := self._people.register(user)) not in self._people.erased
            ]
            if people and symbol not in kept and len(kept) == EMOJI_LIMIT:
                self.unmapped[f"reactions past {EMOJI_LIMIT} different emoji"] += len(people)
            elif people:
                kept.add(symbol)
                rows += [ReactionRow(person, symbol) for person in people]
            if missing := int(reaction["count"]) - len(users):
                self.unmapped["reactions of whom the export does not say"] += max(0, missing)
        return rows

    def _attachments(self, message: dict[str, Any]) -> list[AttachmentRow]:
        rows: list[AttachmentRow] = []
        for attachment in message.get("attachments") or ():
            path = self._file(attachment["url"])
            if path is None:
                self.unmapped["files that were not downloaded with the export"] += 1
                continue
            size_bytes = path.stat().st_size
            if not 0 < size_bytes <= ATTACHMENT_BYTES or len(rows) == ATTACHMENT_LIMIT:
                self.unmapped["files that are empty, too large, or an eleventh"] += 1
                continue
            snowflake = int(attachment["id"])
            name = STRAY_IN_FILENAME.sub("_", storable(attachment["fileName"]))[-255:]
            if not is_visible(name):
                name = "file"
                self.unmapped[REPLACED_NAMES] += 1
            with path.open("rb") as file:
                digest = file_digest(file, "sha256").digest()
            rows.append(
                AttachmentRow(
                    id=uuid_of("attachment", snowflake),
                    filename=name,
                    content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
                    size_bytes=size_bytes,
                    sha256=digest,
                    storage_key=f"discord/{snowflake}",
                )
            )
        return rows

    def _file(self, url: str) -> Path | None:
        """Return where the export's own directory has this file, under Windows' name for it too."""
        if "://" in url:
            return None
        for name in (url, PureWindowsPath(url).as_posix()):
            path = (self._files / name).resolve()
            if path.is_relative_to(self._files.resolve()) and path.is_file():
                return path
        return None


def _with_ids(message: dict[str, Any], content: str) -> str:
    """Return the text with Discord's ids for the names that an exporter wrote instead of them.

    Only of those who are mentioned, the longest name first. A name would stay after its erasure.
    """
    mentioned = message.get("mentions")
    if not mentioned or "@" not in content:
        return content
    ids = {
        name: user["id"]
        for user in mentioned
        for name in (user["name"], user.get("nickname"))
        if name
    }
    names = "|".join(map(re.escape, sorted(ids, key=len, reverse=True)))
    return re.sub(
        rf"<@!?\d+>|@({names})",
        lambda found: f"<@{ids[found[1]]}>" if found[1] else found[0],
        content,
    )


def _answered(message: dict[str, Any]) -> Any:
    reference = message.get("reference") or {}
    is_reply = message["type"] in _REPLIES or reference.get("type") == "Default"
    answered = reference.get("messageId")
    return uuid_of("message", int(answered)) if is_reply and answered else None
