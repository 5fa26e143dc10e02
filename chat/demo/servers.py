"""Servers with roles, channels, overwrites and members, each written in one transaction."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from uuid import UUID

from django.db import transaction

from chat.demo.histories import DemoChannel, Space
from chat.demo.language import NAMES, choose_language
from chat.demo.people import People
from chat.demo.plan import Plan, id_at, shares, zipf
from chat.models import (
    AuditLogEntry,
    Ban,
    Channel,
    ChannelPermission,
    Invite,
    InviteCode,
    Role,
    Server,
    ServerMember,
)
from chat.rules.permissions import ADMIN, DEFAULT_EVERYONE, MODERATOR, Permission
from chat.services.core.use_case import write_alias
from chat.services.imports import MemberRow, import_members

_CHANNELS_OF_LARGEST = 24
_WRITTEN = {"text", "announcement", "thread"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Structure:
    roles: list[Role]
    channels: list[Channel]
    overwrites: list[ChannelPermission]


def servers(plan: Plan, people: People, *, messages: int) -> list[Space]:
    """Return all servers, the largest first, having written those that are missing."""
    sizes = shares(messages, zipf(plan.servers))
    return [_server(plan, people, rank=rank, messages=size) for rank, size in enumerate(sizes, 1)]


def _server(plan: Plan, people: People, *, rank: int, messages: int) -> Space:
    chance = plan.chance("server", rank)
    since = plan.since - timedelta(minutes=chance.randrange(60 * 24 * 90))
    server = Server(
        id=id_at(since, chance),
        name=f"{chance.choice(NAMES['first_words'])} {chance.choice(NAMES['second_words'])}",
        description=f"Made by seed_demo, number {rank} by size.",
        created_at=since,
    )
    everybody = people.ids
    # The larger a server, the more of the users are in it.
    wanted = min(len(everybody), max(3, round(0.8 * len(everybody) / rank**0.7)))
    members = sorted(chance.sample(range(len(everybody)), wanted))
    ids = [everybody[number] for number in members]
    server.owner_id = ids[0]
    structure = _structure(server, rank=rank, chance=chance)
    channels = _written_channels(
        structure, ids, people.languages[ids[0]], messages=messages, chance=chance
    )
    if not Server.objects.using(write_alias()).filter(pk=server.pk).exists():
        rows = _member_rows(plan, server, structure.roles, ids, chance)
        _write(plan, server, structure, rows, chance)
    return Space(id=server.pk, people=ids, channels=channels)


def _roles(server: Server, chance: Random) -> list[Role]:
    colored = chance.sample(NAMES["roles"], chance.randint(1, len(NAMES["roles"])))
    given: list[tuple[str, Permission]] = [
        ("member", DEFAULT_EVERYONE),
        *((name, Permission(0)) for name in colored),
        ("moderator", MODERATOR),
        ("admin", ADMIN),
    ]
    return [
        Role(
            id=id_at(server.created_at, chance),
            server=server,
            name=name,
            position=position,
            permissions=int(permissions),
            color=chance.randrange(0x1000000) if position else 0,
            hoist=name in {"moderator", "admin"},
            mentionable=0 < position <= len(colored),
        )
        for position, (name, permissions) in enumerate(given)
    ]


def _structure(server: Server, *, rank: int, chance: Random) -> _Structure:
    roles = _roles(server, chance)
    everyone, moderator = roles[0], roles[-2]

    def make(kind: str, name: str, parent: Channel | None = None, **fields: str | int) -> Channel:
        made = Channel(
            id=id_at(server.created_at, chance),
            server=server,
            kind=kind,
            name=name,
            parent=parent,
            position=len(channels),
            **fields,
        )
        channels.append(made)
        return made

    channels: list[Channel] = []
    lobby = make("category", "Lobby")
    talk = make("category", "Talk")
    news = make("announcement", "news", lobby, topic="What happens here.")
    texts = [make("text", "general", lobby, topic="Whatever fits nowhere else.")]
    count = max(2, round(_CHANNELS_OF_LARGEST / rank**0.5))
    texts += [
        make("text", topic, talk, slowmode_seconds=10 if topic == "market" else 0)
        for topic in chance.sample(NAMES["topics"][1:], min(count, len(NAMES["topics"]) - 1))
    ]
    staff = make("text", "staff", lobby, topic="Moderators only.")
    make("voice", "Lounge", talk)
    for parent in texts[: 1 + len(texts) // 3]:
        make("thread", f"About {chance.choice(NAMES['topics'])}", parent)
    overwrites = [
        ChannelPermission(
            id=id_at(server.created_at, chance),
            server=server,
            channel=channel,
            role=role,
            allow=int(allow),
            deny=int(deny),
        )
        for channel, role, allow, deny in (
            (news, everyone, Permission(0), Permission.SEND_MESSAGES),
            (news, moderator, Permission.SEND_MESSAGES, Permission(0)),
            (staff, everyone, Permission(0), Permission.VIEW_CHANNEL),
            (staff, moderator, Permission.VIEW_CHANNEL, Permission(0)),
        )
    ]
    return _Structure(roles=roles, channels=channels, overwrites=overwrites)


def _written_channels(
    structure: _Structure,
    members: list[UUID],
    language: str,
    *,
    messages: int,
    chance: Random,
) -> list[DemoChannel]:
    staff = members[: _moderators(len(members))]
    mentionable = [role.pk for role in structure.roles if role.mentionable]
    written = [channel for channel in structure.channels if channel.kind in _WRITTEN]
    order = sorted(written, key=lambda channel: (channel.name != "general", channel.kind))
    sizes = shares(messages, zipf(len(order), exponent=0.9))
    return [
        DemoChannel(
            id=channel.pk,
            writers=staff if channel.name in {"news", "staff"} else members,
            language=choose_language(chance) if channel.name == "languages" else language,
            messages=size,
            roles=mentionable,
        )
        for channel, size in zip(order, sizes, strict=True)
    ]


def _moderators(members: int) -> int:
    return max(1, min(12, members // 40))


def _member_rows(
    plan: Plan, server: Server, roles: list[Role], members: list[UUID], chance: Random
) -> list[MemberRow]:
    span = int((plan.until - server.created_at).total_seconds())
    staff = set(members[: _moderators(len(members))])
    colored = [role.pk for role in roles if role.mentionable]
    rows = []
    for user in members:
        given = [chance.choice(colored)] if chance.random() < 0.3 else []
        if user in staff:
            given.append(roles[-2].pk)
        if user == members[0]:
            given.append(roles[-1].pk)
        rows.append(
            MemberRow(
                user=user,
                joined_at=server.created_at + timedelta(seconds=chance.randrange(span)),
                nickname=chance.choice(NAMES["roles"]).lower() if chance.random() < 0.06 else None,
                roles=given,
            )
        )
    return rows


def _write(
    plan: Plan, server: Server, structure: _Structure, rows: list[MemberRow], chance: Random
) -> None:
    database = write_alias()
    with transaction.atomic(using=database):
        Server.objects.using(database).bulk_create([server])
        # The owner was made a member by a trigger.
        ServerMember.objects.using(database).filter(server=server).update(
            joined_at=server.created_at
        )
        Role.objects.using(database).bulk_create(structure.roles)
        Channel.objects.using(database).bulk_create(structure.channels)
        ChannelPermission.objects.using(database).bulk_create(structure.overwrites)
        import_members(server=server, members=rows[1:])
        _write_moderation(plan, server, structure.channels, rows, chance)


def _write_moderation(
    plan: Plan, server: Server, channels: list[Channel], rows: list[MemberRow], chance: Random
) -> None:
    """Write invites, and ban and time out a few members."""
    database = write_alias()
    invites = [
        Invite(
            id=id_at(plan.until, chance),
            server=server,
            channel=channels[3],
            code=f"demo-{plan.key}-{chance.getrandbits(40):010x}",
            creator_id=server.owner_id,
            max_uses=uses,
        )
        for uses in (None, 25)
    ]
    InviteCode.objects.using(database).bulk_create(
        InviteCode(code=invite.code, space_id=server.pk) for invite in invites
    )
    Invite.objects.using(database).bulk_create(invites)
    banned = [row.user for row in rows[-(len(rows) // 200 + 1) :] if row.user != server.owner_id]
    ServerMember.objects.using(database).filter(server=server, user__in=banned).delete()
    Ban.objects.using(database).bulk_create(
        Ban(
            id=id_at(plan.until, chance),
            server=server,
            user_id=user,
            actor_id=server.owner_id,
            reason="Sold the same bicycle three times.",
        )
        for user in banned
    )
    AuditLogEntry.objects.using(database).bulk_create(
        AuditLogEntry(
            id=id_at(plan.until, chance),
            server=server,
            actor_id=server.owner_id,
            action="member.ban",
            target_type="user",
            target_id=user,
            reason="Sold the same bicycle three times.",
        )
        for user in banned
    )
    timed_out = [row.user for row in rows[1:-2][::97]][:5]
    ServerMember.objects.using(database).filter(server=server, user__in=timed_out).update(
        timed_out_until=plan.until + timedelta(days=7)
    )
