"""One message of an export as a row, and counts of what is left out."""

import mimetypes
import re
from collections import Counter
from datetime import datetime
from hashlib import file_digest
from pathlib import Path, PureWindowsPath
from typing import Any
from uuid import UUID

from chat.discord.people import CUT_NAMES, REPLACED_NAMES, People, storable
from chat.discord.snowflakes import snowflake_in, snowflake_of, uuid_of
from chat.inputs import describe
from chat.models import MessageAttachment
from chat.rules.emoji import full_emoji
from chat.rules.limits import (
    ATTACHMENT_BYTES,
    ATTACHMENT_LIMIT,
    CONTENT_LENGTH,
    EMOJI_LIMIT,
    FILENAME_LENGTH,
    PIN_LIMIT,
)
from chat.rules.names import is_visible
from chat.services.attachments import STRAY_IN_FILENAME
from chat.services.core.use_case import write_alias
from chat.services.imports import AttachmentRow, MentionRow, MessageRow, ReactionRow

# The exporter writes types that it has no name for as numbers; 20 and 23 are answers to commands.
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
_MENTION = re.compile(r"<(@[!&]?|a?:\w+:)(\d{5,20})>")
_MENTION_OF_MANY = re.compile(r"<@&\d{5,20}>|@(?:everyone|here|deleted-role)\b")
# What has no place here: in the export, and in the report.
_IGNORED_PARTS = {
    "embeds": "embeds",
    "stickers": "stickers",
    "components": "components",
    "interaction": "interaction",
    "inlineEmojis": "inlineEmojis",
    "callEndedTimestamp": "ends of calls",
}
# They would stay when their author is erased.
_FORWARDED_PARTS = {
    "content": "texts of forwarded messages, which have no author there",
    "attachments": "files of forwarded messages",
    "embeds": "embeds of forwarded messages",
    "stickers": "stickers of forwarded messages",
}


class Mapper:
    """Makes rows of the messages of one channel; `left_out` counts what is not in them."""

    def __init__(self, people: People, *, files: Path) -> None:
        self.left_out: Counter[str] = Counter()
        self._people = people
        self._files = files
        self._pins = 0
        # Files, and the messages that they are in.
        self._attached: dict[int, int] = {}
        self._new_files: list[UUID] = []

    def register(self, message: dict[str, Any]) -> None:
        """Register the users who have to be written before the message, and its files."""
        register = self._people.register
        register(message["author"])
        for user in message.get("mentions") or ():
            register(user)
        for reaction in message.get("reactions") or ():
            for user in reaction.get("users") or ():
                register(user)
        self._new_files += [
            uuid_of("attachment", int(attachment["id"]))
            for attachment in message.get("attachments") or ()
        ]

    def look_up_files(self) -> None:
        """Note which files of the registered messages are in a message here already."""
        if self._new_files:
            there = MessageAttachment.objects.using(write_alias()).filter(pk__in=self._new_files)
            for file_id, message_id in there.values_list("pk", "message_id"):
                self._attached[snowflake_in(file_id)] = (
                    snowflake_in(message_id) if message_id else 0
                )
            self._new_files = []

    def row(self, message: dict[str, Any]) -> MessageRow | None:
        """Return the row of a message with registered users; None if its author was erased."""
        register = self._people.register
        created_at = datetime.fromisoformat(message["timestamp"])
        edited = message.get("timestampEdited")
        author = register(message["author"])
        if author in self._people.erased:
            self.left_out["messages of people whose account was erased"] += 1
            return None
        kind = _EVENTS.get(message["type"], "text")
        content = message["content"]
        if kind != "text":
            # The exporter's texts name people, and the names that people gave.
            self._leave_out("texts of joins, pins and other events", content)
            self._leave_out("files of joins, pins and other events", message.get("attachments"))
            content = ""
        elif message["type"] not in _TEXTS:
            kind = "text" if content or message.get("attachments") else "notice"
            self.left_out[f"messages of type {message['type']}, kept as {kind}s"] += 1
        for part, what in _IGNORED_PARTS.items():
            self._leave_out(what, message.get(part))
        if forwarded := message.get("forwardedMessage"):
            for part, what in _FORWARDED_PARTS.items():
                self._leave_out(what, forwarded.get(part))
        is_text = kind == "text"
        reply_to = _replied_to(message) if is_text else None
        if reply_to is None and snowflake_of((message.get("reference") or {}).get("messageId")):
            self.left_out["references of pins, threads and forwards to messages"] += 1
        attachments = self._attachments(message) if is_text else []
        if is_text and not content and not attachments:
            self.left_out["contents of messages that are empty here, such as polls"] += 1
        return MessageRow(
            id=uuid_of("message", int(message["id"])),
            author=author,
            created_at=created_at,
            content=self._content(message, _with_ids(message, content)),
            kind=kind,
            reply_to=reply_to,
            edited_at=datetime.fromisoformat(edited) if edited else None,
            pinned_at=created_at if self._is_pinned(message) else None,
            mentions=[
                MentionRow(user=named)
                for user in message.get("mentions") or ()
                if (named := register(user)) not in self._people.erased
            ],
            reactions=self._reactions(message),
            attachments=attachments,
        )

    def _leave_out(self, what: str, part: Any) -> None:
        """Count a part of a message that has no place here, each entry of a list."""
        if part:
            self.left_out[what] += len(part) if isinstance(part, list) else 1

    def _content(self, message: dict[str, Any], content: str) -> str:
        if "@" in content:
            many = len(_MENTION_OF_MANY.findall(content))
            many += self._people.count_role_mentions(content)
            self.left_out["mentions of roles or of everyone"] += many
        if "<" in content:
            if not message.get("inlineEmojis"):
                # Versions before November 2024 do not list them.
                emoji = sum(":" in sign for sign, _ in _MENTION.findall(content))
                self.left_out["inlineEmojis"] += emoji
            content = _MENTION.sub(self._mention, content)
        kept = storable(content)
        if kept != content:
            self.left_out["texts with characters that PostgreSQL cannot store, replaced"] += 1
        if len(kept) > CONTENT_LENGTH:
            self.left_out[f"texts of more than {CONTENT_LENGTH} characters, cut"] += 1
            kept = kept[:CONTENT_LENGTH]
        return kept

    def _mention(self, match: re.Match[str]) -> str:
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
            self.left_out[f"pins after the {PIN_LIMIT}th, kept unpinned"] += 1
            return False
        self._pins += 1
        return True

    def _reactions(self, message: dict[str, Any]) -> list[ReactionRow]:
        rows: list[ReactionRow] = []
        # By symbol, for custom emoji can have one name.
        kept: dict[str, int | None] = {}
        for reaction in message.get("reactions") or ():
            emoji = reaction["emoji"]
            emoji_id = snowflake_of(emoji.get("id"))
            name = f":{emoji['name']}:" if emoji_id else emoji["name"]
            symbol = full_emoji(name)
            users = reaction.get("users") or ()
            people = [
                person
                for user in users
                if (person := self._people.register(user)) not in self._people.erased
            ]
            if symbol is None:
                self.left_out[f"reactions with {describe(name)}, which is no emoji"] += len(people)
            elif people and symbol not in kept and len(kept) == EMOJI_LIMIT:
                self.left_out[f"reactions past {EMOJI_LIMIT} different emoji"] += len(people)
            elif people and kept.setdefault(symbol, emoji_id) != emoji_id:
                self.left_out["reactions with another custom emoji of the same name"] += len(people)
            elif people:
                rows += [ReactionRow(person, symbol) for person in people]
            if missing := int(reaction["count"]) - len(users):
                self.left_out["reactions whose users the export does not name"] += max(0, missing)
        return rows

    def _attachments(self, message: dict[str, Any]) -> list[AttachmentRow]:
        rows: dict[int, AttachmentRow] = {}
        in_message = int(message["id"])
        for attachment in message.get("attachments") or ():
            path = self._file(attachment["url"])
            if path is None:
                continue
            size_bytes = path.stat().st_size
            if not 0 < size_bytes <= ATTACHMENT_BYTES or len(rows) == ATTACHMENT_LIMIT:
                self.left_out["files that are empty, too large or after the tenth"] += 1
                continue
            snowflake = int(attachment["id"])
            if snowflake in rows or self._attached.setdefault(snowflake, in_message) != in_message:
                self.left_out[f"repetitions of file {snowflake}"] += 1
                continue
            name = STRAY_IN_FILENAME.sub("_", storable(attachment["fileName"]))
            if len(name) > FILENAME_LENGTH:
                self.left_out[CUT_NAMES] += 1
                name = name[-FILENAME_LENGTH:]
            if not is_visible(name):
                name = "file"
                self.left_out[REPLACED_NAMES] += 1
            with path.open("rb") as file:
                digest = file_digest(file, "sha256").digest()
            rows[snowflake] = AttachmentRow(
                id=uuid_of("attachment", snowflake),
                filename=name,
                content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
                size_bytes=size_bytes,
                sha256=digest,
                storage_key=f"discord/{snowflake}",
            )
        return list(rows.values())

    def _file(self, url: str) -> Path | None:
        """Return the path of a downloaded file; None if it is not in the export's directory."""
        if "://" in url:
            self.left_out["files that were not downloaded with the export"] += 1
            return None
        for name in (url, PureWindowsPath(url).as_posix()):
            path = (self._files / name).resolve()
            if path.is_relative_to(self._files.resolve()) and path.is_file():
                return path
        self.left_out["files that are missing beside the export, or elsewhere than below it"] += 1
        return None


def _with_ids(message: dict[str, Any], content: str) -> str:
    """Return the text with ids in place of the mentioned names, which the exporter has put there.

    A name would stay when its user is erased. The longest name is tried first.
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


def _replied_to(message: dict[str, Any]) -> Any:
    reference = message.get("reference") or {}
    is_reply = message["type"] in _REPLIES or reference.get("type") == "Default"
    answered = snowflake_of(reference.get("messageId"))
    return uuid_of("message", answered) if is_reply and answered else None
