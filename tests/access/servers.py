"""Random servers and conversations, in which every rule bites often, from one seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from chat.db.ids import direct_pair_id
from chat.rules.permissions import Permission
from chat.rules.resolution import ChannelKind, Overwrite

STORABLE_BITS = 53

# What the rules ask for. All other bits are only carried along.
_RULED = (
    Permission.VIEW_CHANNEL,
    Permission.SEND_MESSAGES,
    Permission.SEND_MESSAGES_IN_THREADS,
    Permission.CONNECT,
)
_KINDS = (
    ChannelKind.TEXT,
    ChannelKind.TEXT,
    ChannelKind.VOICE,
    ChannelKind.VOICE,
    ChannelKind.ANNOUNCEMENT,
)


@dataclass(frozen=True, slots=True)
class Role:
    """A role of a server; everyone's stands at position 0."""

    id: UUID
    position: int
    permissions: int


@dataclass(frozen=True, slots=True)
class Member:
    """A member, with the roles that have been given to them."""

    user_id: UUID
    role_ids: frozenset[UUID]
    timed_out_until: datetime | None


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, with its overwrites by the id of the role or of the user."""

    id: UUID
    kind: ChannelKind
    parent_id: UUID | None
    is_deleted: bool
    of_roles: Mapping[UUID, Overwrite]
    of_users: Mapping[UUID, Overwrite]


@dataclass(frozen=True, slots=True)
class Server:
    """A server with all that decides about permissions in it."""

    id: UUID
    owner_id: UUID
    is_deleted: bool
    roles: Sequence[Role]
    members: Sequence[Member]
    channels: Sequence[Channel]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation, with who takes part in it and who has left."""

    id: UUID
    kind: ChannelKind
    is_deleted: bool
    present: Sequence[UUID]
    left: Sequence[UUID]
    # Who has nothing to do with it.
    strangers: Sequence[UUID]


def random_servers(*, seed: int, count: int, users: int) -> list[Server]:
    """Return `count` servers with about 20 members and 20 channels each, of `users` users."""
    rng = Random(seed)
    user_ids = [_random_id(rng) for _ in range(users)]
    return [_random_server(rng, user_ids, number) for number in range(count)]


def random_conversations(*, seed: int, count: int, user_ids: Sequence[UUID]) -> list[Conversation]:
    """Return at most `count` conversations of these users, half of them pairs, a fifth deleted."""
    # Another row of ids than that of the servers.
    rng = Random(f"conversations {seed}")
    made = [_random_conversation(rng, user_ids, number) for number in range(count)]
    # Two users have one pair.
    return list({conversation.id: conversation for conversation in made}.values())


def _random_conversation(rng: Random, user_ids: Sequence[UUID], number: int) -> Conversation:
    people = rng.sample(user_ids, 12)
    is_pair = number % 2 == 0
    present = 2 if is_pair else rng.randint(0, 5)
    return Conversation(
        id=direct_pair_id(*people[:2]) if is_pair else _random_id(rng),
        kind=ChannelKind.PAIR if is_pair else ChannelKind.GROUP,
        is_deleted=number % 10 in {0, 1},
        present=people[:present],
        left=[] if is_pair else people[present : present + rng.randint(0, 3)],
        strangers=people[9:],
    )


def _random_server(rng: Random, user_ids: Sequence[UUID], number: int) -> Server:
    # What a whole server is or has goes by its number: left to chance, some seeds had none of it.
    roles = _random_roles(rng)
    if number % 12 != 1:
        everyones = Role(
            id=_random_id(rng),
            position=0,
            permissions=_random_role_mask(rng, administrator=number % 12 == 2),
        )
        roles.insert(rng.randint(0, len(roles)), everyones)
    people = rng.sample(user_ids, rng.randint(22, 26))
    members = [_random_member(rng, user_id, roles) for user_id in people[:-3]]
    timed_out = [member for member in members if member.timed_out_until]
    return Server(
        id=_random_id(rng),
        owner_id=rng.choice(timed_out if number % 3 == 0 and timed_out else members).user_id,
        is_deleted=number % 12 == 3,
        roles=roles,
        members=members,
        # The last three of the people have overwrites, and are not members.
        channels=_random_channels(rng, roles, people),
    )


def _random_roles(rng: Random) -> list[Role]:
    positions = rng.sample(range(1, 250), rng.randint(2, 7))
    return [
        Role(
            id=_random_id(rng),
            position=position,
            permissions=_random_role_mask(rng, administrator=rng.random() < 0.06),
        )
        for position in positions
    ]


def _random_member(rng: Random, user_id: UUID, roles: Sequence[Role]) -> Member:
    # Now and then everyone's role among them, which changes nothing.
    given = rng.sample(roles, min(rng.randint(0, 4), len(roles)))
    hours = rng.choice([None, None, None, -1, -24, 1, 24])
    return Member(
        user_id=user_id,
        role_ids=frozenset(role.id for role in given),
        timed_out_until=None if hours is None else datetime.now(UTC) + timedelta(hours=hours),
    )


def _random_channels(rng: Random, roles: Sequence[Role], people: Sequence[UUID]) -> list[Channel]:
    def make(kind: ChannelKind, parents: Sequence[Channel]) -> Channel:
        return Channel(
            id=_random_id(rng),
            kind=kind,
            parent_id=rng.choice(parents).id if parents else None,
            is_deleted=rng.random() < 0.08,
            of_roles={
                role.id: _random_overwrite(rng)
                for role in roles
                if rng.random() < (0.7 if role.position == 0 else 0.5)
            },
            of_users={user_id: _random_overwrite(rng) for user_id in people if rng.random() < 0.4},
        )

    categories = [make(ChannelKind.CATEGORY, []) for _ in range(2)]
    places = [make(rng.choice(_KINDS), categories if rng.random() < 0.7 else []) for _ in range(11)]
    threads = [make(ChannelKind.THREAD, places) for _ in range(7)]
    channels = [*categories, *places, *threads]
    rng.shuffle(channels)
    return channels


def _random_id(rng: Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)


def _random_role_mask(rng: Random, *, administrator: bool) -> int:
    mask = _random_bits(rng, density=0.25)
    for permission in _RULED:
        mask = _with_bit(mask, permission, present=rng.random() < 0.35)
    return _with_bit(mask, Permission.ADMINISTRATOR, present=administrator)


def _random_overwrite(rng: Random) -> Overwrite:
    allow = _random_bits(rng, density=0.3)
    deny = _random_bits(rng, density=0.3)
    for permission in _RULED:
        allow = _with_bit(allow, permission, present=rng.random() < 0.4)
        deny = _with_bit(deny, permission, present=rng.random() < 0.4)
    return Overwrite(allow=allow & ~deny, deny=deny)


def _random_bits(rng: Random, *, density: float) -> int:
    return sum(1 << bit for bit in range(STORABLE_BITS) if rng.random() < density)


def _with_bit(mask: int, permission: Permission, *, present: bool) -> int:
    return mask | permission.value if present else mask & ~permission.value
