"""The permission algebra: the bits, who holds which of them where, and who stands above whom.

Values in, values out. The bits, their names and the order of resolution are those of Discord's
public developer documentation (https://docs.discord.com/developers/topics/permissions). The view
`channel_access` says the same in SQL, and so do the function `channel_permissions` and
chat/queries/sql/places.sql. This room knows neither Django nor the database.
"""

from collections.abc import Iterable
from enum import KEEP, IntFlag, StrEnum
from functools import reduce
from operator import or_
from typing import NamedTuple
from uuid import UUID


class Permission(IntFlag, boundary=KEEP):
    """What a member may do: one bit each, as stored in roles and overwrites.

    A bit that has no name here is kept, so that a row written by a newer version can be read; what
    is resolved never holds one. Bit 47 is unused.
    """

    CREATE_INSTANT_INVITE = 1 << 0
    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_AUDIT_LOG = 1 << 7
    PRIORITY_SPEAKER = 1 << 8
    STREAM = 1 << 9
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    SEND_TTS_MESSAGES = 1 << 12
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    VIEW_GUILD_INSIGHTS = 1 << 19
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    MUTE_MEMBERS = 1 << 22
    DEAFEN_MEMBERS = 1 << 23
    MOVE_MEMBERS = 1 << 24
    USE_VAD = 1 << 25
    CHANGE_NICKNAME = 1 << 26
    MANAGE_NICKNAMES = 1 << 27
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    MANAGE_GUILD_EXPRESSIONS = 1 << 30
    USE_APPLICATION_COMMANDS = 1 << 31
    REQUEST_TO_SPEAK = 1 << 32
    MANAGE_EVENTS = 1 << 33
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    USE_EXTERNAL_STICKERS = 1 << 37
    SEND_MESSAGES_IN_THREADS = 1 << 38
    USE_EMBEDDED_ACTIVITIES = 1 << 39
    MODERATE_MEMBERS = 1 << 40
    VIEW_CREATOR_MONETIZATION_ANALYTICS = 1 << 41
    USE_SOUNDBOARD = 1 << 42
    CREATE_GUILD_EXPRESSIONS = 1 << 43
    CREATE_EVENTS = 1 << 44
    USE_EXTERNAL_SOUNDS = 1 << 45
    SEND_VOICE_MESSAGES = 1 << 46
    SET_VOICE_CHANNEL_STATUS = 1 << 48
    SEND_POLLS = 1 << 49
    USE_EXTERNAL_APPS = 1 << 50
    PIN_MESSAGES = 1 << 51
    BYPASS_SLOWMODE = 1 << 52


NONE = Permission(0)
ALL = Permission(sum(Permission))

# The server's own: an overwrite, which speaks of one channel, cannot give it.
OVERWRITABLE = Permission(ALL.value - Permission.ADMINISTRATOR.value)

KEPT_IN_TIMEOUT = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY

# What everybody has in a conversation that they take part in.
IN_CONVERSATION = (
    Permission.VIEW_CHANNEL
    | Permission.READ_MESSAGE_HISTORY
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.ADD_REACTIONS
    | Permission.PIN_MESSAGES
)

# Ways of sending, meaningless to who cannot send.
FALLS_WITH_SEND_MESSAGES = (
    Permission.SEND_TTS_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.MENTION_EVERYONE
)

VOICE = (
    Permission.PRIORITY_SPEAKER
    | Permission.STREAM
    | Permission.SPEAK
    | Permission.MUTE_MEMBERS
    | Permission.DEAFEN_MEMBERS
    | Permission.MOVE_MEMBERS
    | Permission.USE_VAD
    | Permission.REQUEST_TO_SPEAK
    | Permission.USE_EMBEDDED_ACTIVITIES
    | Permission.USE_SOUNDBOARD
    | Permission.USE_EXTERNAL_SOUNDS
    | Permission.SET_VOICE_CHANNEL_STATUS
)
FALLS_WITH_CONNECT = VOICE | Permission.MANAGE_CHANNELS | Permission.MANAGE_ROLES

# What a new server gives to everyone, without what lets a stranger disturb all the others
# (MENTION_EVERYONE, SEND_TTS_MESSAGES) or meet out of their sight (CREATE_PRIVATE_THREADS).
DEFAULT_EVERYONE = (
    Permission.CREATE_INSTANT_INVITE
    | Permission.ADD_REACTIONS
    | Permission.STREAM
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.CONNECT
    | Permission.SPEAK
    | Permission.USE_VAD
    | Permission.CHANGE_NICKNAME
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.REQUEST_TO_SPEAK
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.USE_EXTERNAL_STICKERS
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.USE_EMBEDDED_ACTIVITIES
    | Permission.USE_SOUNDBOARD
    | Permission.USE_EXTERNAL_SOUNDS
    | Permission.SEND_VOICE_MESSAGES
    | Permission.SEND_POLLS
)
# Holds everyone's too, so that moderators still see and speak after everyone has been silenced.
MODERATOR = (
    DEFAULT_EVERYONE
    | Permission.KICK_MEMBERS
    | Permission.BAN_MEMBERS
    | Permission.VIEW_AUDIT_LOG
    | Permission.PRIORITY_SPEAKER
    | Permission.MANAGE_MESSAGES
    | Permission.MENTION_EVERYONE
    | Permission.MUTE_MEMBERS
    | Permission.DEAFEN_MEMBERS
    | Permission.MOVE_MEMBERS
    | Permission.MANAGE_NICKNAMES
    | Permission.MANAGE_THREADS
    | Permission.CREATE_PRIVATE_THREADS
    | Permission.MODERATE_MEMBERS
    | Permission.PIN_MESSAGES
    | Permission.BYPASS_SLOWMODE
)
# One bit that stands for all, those of later versions too.
ADMIN = Permission.ADMINISTRATOR


class ChannelKind(StrEnum):
    """What a channel is, as stored in `channels.kind`."""

    TEXT = "text"
    VOICE = "voice"
    CATEGORY = "category"
    ANNOUNCEMENT = "announcement"
    THREAD = "thread"
    PAIR = "pair"
    GROUP = "group"


CONVERSATIONS = frozenset({ChannelKind.PAIR, ChannelKind.GROUP})


class Overwrite(NamedTuple):
    """What a channel allows and denies to a role or a member. Where both speak, allow wins."""

    allow: int = 0
    deny: int = 0


class Rank(NamedTuple):
    """Where a role stands: its position, then its id."""

    position: int
    id: UUID


# One above the highest position that a role can have (249), so that no role outranks the owner.
OWNER_RANK = Rank(position=250, id=UUID(int=0))


def resolve(
    *,
    is_owner: bool,
    everyone: int,
    roles: Iterable[int],
    everyone_overwrite: Overwrite | None,
    role_overwrites: Iterable[Overwrite],
    member_overwrite: Overwrite | None,
    kind: ChannelKind,
    is_timed_out: bool,
) -> Permission:
    """Return what a user may do in one channel of a server, or in a conversation.

    `roles` and `role_overwrites` are of the member's own roles, in any order. For a thread, pass
    the overwrites of its parent and ask the answer for SEND_MESSAGES as anywhere else: in a thread
    it says what SEND_MESSAGES_IN_THREADS says. In a conversation nothing but the kind matters. The
    caller has made sure of the membership, or that the user takes part and has not left.

    Raises: ValueError, when `kind` is none of ours.
    """
    # What comes from the database may be the plain word: left as it is, it would match no rule.
    kind = ChannelKind(kind)
    if kind in CONVERSATIONS:
        return IN_CONVERSATION
    held = _base(is_owner=is_owner, everyone=everyone, roles=roles)
    if held & Permission.ADMINISTRATOR.value:
        return ALL

    for layer in (
        _together((everyone_overwrite,)),
        _together(role_overwrites),
        _together((member_overwrite,)),
    ):
        held = (held & ~layer.deny) | (layer.allow & OVERWRITABLE.value)

    if kind is ChannelKind.THREAD:
        held &= ~Permission.SEND_MESSAGES.value
        if held & Permission.SEND_MESSAGES_IN_THREADS.value:
            held |= Permission.SEND_MESSAGES.value

    if not held & Permission.VIEW_CHANNEL.value:
        return NONE
    if is_timed_out:
        return Permission(held & KEPT_IN_TIMEOUT.value)
    if not held & Permission.SEND_MESSAGES.value:
        held &= ~FALLS_WITH_SEND_MESSAGES.value
    if kind is ChannelKind.VOICE and not held & Permission.CONNECT.value:
        held &= ~FALLS_WITH_CONNECT.value
    return Permission(held)


def resolve_in_server(
    *, is_owner: bool, everyone: int, roles: Iterable[int], is_timed_out: bool
) -> Permission:
    """Return what a member may do in the server itself, where no channel is concerned.

    For kicks, bans, roles and the like; in a channel, ask `resolve`.
    """
    held = _base(is_owner=is_owner, everyone=everyone, roles=roles)
    if held & Permission.ADMINISTRATOR.value:
        return ALL
    return Permission(held & KEPT_IN_TIMEOUT.value) if is_timed_out else Permission(held)


def can_grant(*, own: Permission, wanted: Permission) -> bool:
    """Tell whether one who holds `own` may give all of `wanted` to a role or in an overwrite.

    Nobody grants more than they hold, and nobody holds a bit without a name. ADMINISTRATOR holds
    every other. Whether the role stands low enough is for `outranks` to say.
    """
    held = _base(is_owner=False, everyone=own, roles=())
    return not int(wanted) & ~held


def outranks(*, actor: Rank, target: Rank) -> bool:
    """Tell whether `actor` stands strictly above `target`; nobody outranks an equal or themselves.

    At one position the lower id, which is the older role, stands above. For members compare their
    `highest_rank`. Rank decides about actions, never about what can be seen.
    """
    return _height(actor) > _height(target)


def highest_rank(*, is_owner: bool, roles: Iterable[Rank]) -> Rank:
    """Return the rank of a member who has these roles, everyone's among them.

    Raises: ValueError, when there is no role, since each member has at least everyone's.
    """
    if is_owner:
        return OWNER_RANK
    highest = max(roles, key=_height, default=None)
    if highest is None:
        raise ValueError("a member without roles has no rank: pass everyone's role as well")
    return highest


def _base(*, is_owner: bool, everyone: int, roles: Iterable[int]) -> int:
    held = _union((everyone, *roles))
    return ALL.value if is_owner or held & Permission.ADMINISTRATOR.value else held & ALL.value


def _together(overwrites: Iterable[Overwrite | None]) -> Overwrite:
    given = [overwrite for overwrite in overwrites if overwrite is not None]
    return Overwrite(
        allow=_union(overwrite.allow for overwrite in given),
        deny=_union(overwrite.deny for overwrite in given),
    )


# Plain integers until the answer. The complement of a Flag stops at the highest named bit, so a
# check through it would miss the bits above; and the type keeps every value that it was ever given,
# so each intermediate result would stay in memory.
def _union(bits: Iterable[int]) -> int:
    return reduce(or_, map(int, bits), 0)


def _height(rank: Rank) -> tuple[int, int]:
    return rank.position, -rank.id.int
