"""The messages of a channel, with replies, reactions, files, edits and deletions."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from uuid import UUID

from chat.demo.language import EMOJI, Language, make_language
from chat.demo.plan import Plan, id_at, zipf
from chat.demo.rhythm import Rhythm
from chat.rules.limits import ATTACHMENT_BYTES, PIN_LIMIT
from chat.services.imports import AttachmentRow, MentionRow, MessageRow, ReactionRow

# A reply answers one of so many last messages.
_RECENT = 12
_EMOJI_WEIGHTS = zipf(len(EMOJI))
_FILES = (
    ("photo", "jpg", "image/jpeg", 1600, 1200, None),
    ("screenshot", "png", "image/png", 1920, 1080, None),
    ("notes", "pdf", "application/pdf", None, None, None),
    ("voice", "ogg", "audio/ogg", None, None, 14_000),
    ("clip", "mp4", "video/mp4", 1280, 720, 9_500),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoChannel:
    """A channel or a conversation: its writers, its language and its number of messages."""

    id: UUID
    writers: Sequence[UUID]
    language: str
    messages: int
    # Those that can be mentioned.
    roles: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A server or a conversation, with its users, the most active first, and its channels."""

    id: UUID
    people: Sequence[UUID]
    channels: Sequence[DemoChannel]


class MessageGenerator:
    """Generates the messages of a plan, one channel at a time, always the same."""

    def __init__(self, plan: Plan, rhythm: Rhythm) -> None:
        self._plan = plan
        self._rhythm = rhythm
        self._languages: dict[str, Language] = {}

    def history(self, channel: DemoChannel) -> Iterator[MessageRow]:
        """Yield the messages of a channel, the oldest first."""
        chance = self._plan.chance("history", str(channel.id))
        moments = self._rhythm.moments(channel.messages, chance)
        sentences = self._language(channel.language).sentences
        return _History(channel, chance, self._plan.until).messages(moments, sentences)

    def _language(self, code: str) -> Language:
        if code not in self._languages:
            self._languages[code] = make_language(code, self._plan.chance("language", code))
        return self._languages[code]


class _History:
    """The history of one channel while it is generated; it keeps the last few messages."""

    def __init__(self, channel: DemoChannel, chance: Random, until: datetime) -> None:
        self._channel = channel
        self._chance = chance
        self._until = until
        self._recent: deque[MessageRow] = deque(maxlen=_RECENT)
        self._pins = 0

    def messages(
        self, moments: Sequence[datetime], sentences: Sequence[str]
    ) -> Iterator[MessageRow]:
        """Yield one message for each moment."""
        chance, recent = self._chance, self._recent
        writers = list(self._channel.writers)
        chance.shuffle(writers)
        authors = chance.choices(writers, cum_weights=zipf(len(writers)), k=len(moments))
        for moment, chosen in zip(moments, authors, strict=True):
            # The last author often writes again.
            author = recent[-1].author if recent and chance.random() < 0.25 else chosen
            content = chance.choice(sentences)
            while chance.random() < 0.35:
                end = "" if content.endswith(("!", "?")) else "."
                content = f"{content}{end} {chance.choice(sentences)}"
            row = MessageRow(id_at(moment, chance), author, moment, content)
            if (luck := chance.random()) < 0.45:
                row = self._with_extra(row, luck)
            recent.append(row)
            yield row

    def _with_extra(self, row: MessageRow, luck: float) -> MessageRow:
        """Return the message as a reply, or with reactions, files, a mention or a change."""
        if luck < 0.15:
            return row._replace(reply_to=self._earlier().id) if self._recent else row
        if luck < 0.28:
            return row._replace(reactions=self._reactions(row.created_at))
        if luck < 0.32:
            return row._replace(attachments=self._files(row.created_at))
        if luck < 0.38:
            return self._with_mention(row)
        return self._with_change(row, luck)

    def _with_change(self, row: MessageRow, luck: float) -> MessageRow:
        if luck < 0.43:
            return row._replace(edited_at=self._after(row, seconds=3600))
        if luck < 0.448:
            deleted_at = self._after(row, seconds=90_000)
            return row._replace(deleted_at=deleted_at, deleted_by=row.author)
        pinned_at = self._after(row, seconds=90_000)
        if self._pins == PIN_LIMIT:
            return row
        self._pins += 1
        return row._replace(pinned_at=pinned_at, pinned_by=self._channel.writers[0])

    def _earlier(self) -> MessageRow:
        return self._recent[-self._chance.randint(1, len(self._recent))]

    def _after(self, row: MessageRow, *, seconds: int) -> datetime:
        return min(
            self._until, row.created_at + timedelta(seconds=self._chance.randint(1, seconds))
        )

    def _with_mention(self, row: MessageRow) -> MessageRow:
        if self._channel.roles and self._chance.random() < 0.1:
            role = self._chance.choice(self._channel.roles)
            return row._replace(
                content=f"<@&{role}> {row.content}", mentions=(MentionRow(role=role),)
            )
        user = self._chance.choice(self._channel.writers)
        return row._replace(content=f"<@{user}> {row.content}", mentions=(MentionRow(user=user),))

    def _reactions(self, moment: datetime) -> list[ReactionRow]:
        count = min(len(self._channel.writers), 1 + int(self._chance.expovariate(0.6)))
        return [
            ReactionRow(self._chance.choice(self._channel.writers), emoji, moment)
            for emoji in self._chance.choices(EMOJI, cum_weights=_EMOJI_WEIGHTS, k=count)
        ]

    def _files(self, moment: datetime) -> list[AttachmentRow]:
        count = 1 if self._chance.random() < 0.8 else 3
        return [self._file(moment) for _ in range(count)]

    def _file(self, moment: datetime) -> AttachmentRow:
        name, ending, content_type, width, height, duration_ms = self._chance.choice(_FILES)
        file_id = id_at(moment, self._chance)
        return AttachmentRow(
            id=file_id,
            filename=f"{name}-{self._chance.randrange(10_000)}.{ending}",
            content_type=content_type,
            size_bytes=int(self._chance.lognormvariate(12, 1)) % ATTACHMENT_BYTES + 1,
            # There is no such file.
            sha256=sha256(file_id.bytes).digest(),
            storage_key=f"demo/{file_id}",
            width=width,
            height=height,
            duration_ms=duration_ms,
            alt_text="Something blue." if width and self._chance.random() < 0.2 else "",
        )
