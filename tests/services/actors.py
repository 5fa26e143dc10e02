"""The cast of one server, one of each kind of person, and tables of who may do what.

A table is written by hand in a test: a line for each use case, a column for each actor, and in it
`yes` or the word for the refusal that is expected (WORDS).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from django.db import transaction

from chat import errors
from chat.models import (
    Ban,
    Channel,
    ChannelPermission,
    MemberRole,
    Role,
    Server,
    ServerMember,
    User,
)
from chat.rules.permissions import ADMIN, DEFAULT_EVERYONE, MODERATOR, Permission
from tests.factories import ServerFactory, ServerMemberFactory, UserFactory

FAR_AWAY = datetime(2099, 1, 1, tzinfo=UTC)


class Actor(StrEnum):
    """Who acts."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    MODERATOR = "moderator"
    MEMBER = "member"
    # In the channel, and there alone: ALLOWED to the member, and DENIED.
    OVERWRITTEN = "overwritten"
    TIMED_OUT = "timed_out"
    BANNED = "banned"
    STRANGER = "stranger"
    # A member of kind bot, without a role.
    BOT = "bot"


ALLOWED = Permission.MANAGE_MESSAGES | Permission.MANAGE_CHANNELS
DENIED = Permission.SEND_MESSAGES | Permission.ADD_REACTIONS

# What a table says of each error.
WORDS: Mapping[type[Exception], str] = {
    errors.NotVisible: "hidden",
    errors.MissingPermission: "power",
    errors.RankTooLow: "rank",
    errors.OwnerProtected: "owner",
    errors.TimedOut: "timeout",
    errors.Banned: "banned",
    errors.SlowModeActive: "slow",
    errors.InviteUnusable: "invite",
    errors.Conflict: "conflict",
    errors.NotAuthor: "author",
    errors.Unreachable: "unreachable",
}


@dataclass(frozen=True, slots=True)
class Cast:
    """A server with everyone's role (0), moderators (10) and administrators (20), and its people.

    The moderator and the administrator each hold the role of that name. All can see the one
    channel who are members.
    """

    server: Server
    channel: Channel
    everyone: Role
    moderators: Role
    administrators: Role
    people: Mapping[Actor, User]

    def __getitem__(self, actor: Actor) -> User:
        return self.people[actor]


def make_cast() -> Cast:
    """Write a server with all its actors."""
    with transaction.atomic():
        server = ServerFactory.create(owner=UserFactory.create(username=Actor.OWNER.value))
        everyone = _role(server, "everyone", 0, DEFAULT_EVERYONE)
        moderators = _role(server, "moderator", 10, MODERATOR)
        administrators = _role(server, "admin", 20, ADMIN)
        channel = Channel.objects.create(server=server, name="harbour")

        people = {Actor.OWNER: server.owner}
        for actor in Actor:
            if actor is not Actor.OWNER:
                kind = "bot" if actor is Actor.BOT else "human"
                people[actor] = UserFactory.create(username=actor.value, kind=kind)
        for actor in set(Actor) - {Actor.OWNER, Actor.BANNED, Actor.STRANGER}:
            ServerMemberFactory.create(server=server, user=people[actor])

        _give(moderators, people[Actor.MODERATOR])
        _give(administrators, people[Actor.ADMINISTRATOR])
        ChannelPermission.objects.create(
            server=server,
            channel=channel,
            user=people[Actor.OVERWRITTEN],
            allow=ALLOWED.value,
            deny=DENIED.value,
        )
        ServerMember.objects.filter(server=server, user=people[Actor.TIMED_OUT]).update(
            timed_out_until=FAR_AWAY
        )
        Ban.objects.create(server=server, user=people[Actor.BANNED], actor=server.owner)
    return Cast(server, channel, everyone, moderators, administrators, people)


def read_table(table: str) -> list[tuple[str, Actor, str]]:
    """Return (use case, actor, word) for each cell; the first line names the actors.

    Every actor has a column and every cell a word, or the table is wrong. A single word is that
    of every cell of its line.
    """
    head, *lines = (line.split() for line in table.strip().splitlines())
    actors = [Actor(name) for name in head]
    assert set(actors) == set(Actor)
    assert len({line[0] for line in lines}) == len(lines)
    return [
        (use_case, actor, word)
        for use_case, *words in lines
        for actor, word in zip(
            actors, words * len(actors) if len(words) == 1 else words, strict=True
        )
    ]


def answer_to(attempt: Callable[[], object]) -> str:
    """Return `yes`, or the word for the refusal."""
    try:
        attempt()
    except errors.ChatError as error:
        return WORDS.get(type(error), type(error).__name__)
    return "yes"


def _role(server: Server, name: str, position: int, permissions: Permission) -> Role:
    return Role.objects.create(
        server=server, name=name, position=position, permissions=permissions.value
    )


def _give(role: Role, user: User) -> None:
    MemberRole.objects.create(server_id=role.server_id, user=user, role=role)
