"""Users in channels and conversations: what `rules.resolution` answers, and by which rules."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from pprint import pformat
from uuid import UUID

from chat.rules.permissions import NONE, Permission
from chat.rules.resolution import CONVERSATIONS, ChannelKind, Overwrite, resolve
from tests.access.servers import Channel, Conversation, Member, Server

BIT_47 = 1 << 47


@dataclass(frozen=True, slots=True)
class Inputs:
    """What `chat.rules.resolution.resolve` is asked."""

    is_owner: bool
    everyone: int
    roles: Sequence[int]
    everyone_overwrite: Overwrite | None
    role_overwrites: Sequence[Overwrite]
    member_overwrite: Overwrite | None
    kind: ChannelKind
    is_timed_out: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What one member may do in one channel."""

    user_id: UUID
    space_id: UUID
    channel_id: UUID
    inputs: Inputs
    # Why nobody may do anything here, whatever their permissions.
    gone: str | None
    # What is in the database and must make no difference.
    beside: frozenset[str]

    def answer(self) -> Permission:
        """Return what `chat.rules.resolution` says."""
        if self.gone:
            return NONE
        return resolve(
            is_owner=self.inputs.is_owner,
            everyone=self.inputs.everyone,
            roles=self.inputs.roles,
            everyone_overwrite=self.inputs.everyone_overwrite,
            role_overwrites=self.inputs.role_overwrites,
            member_overwrite=self.inputs.member_overwrite,
            kind=self.inputs.kind,
            is_timed_out=self.inputs.is_timed_out,
        )

    def describe(self) -> str:
        """Return all that it takes to see why."""
        return (
            f"user {self.user_id} in channel {self.channel_id} of space {self.space_id}\n"
            f"gone: {self.gone}; beside: {sorted(self.beside)}\n"
            f"{pformat(self.inputs)}"
        )


def questions(
    servers: Iterable[Server], conversations: Iterable[Conversation] = ()
) -> Iterator[Question]:
    """Yield every pair of a member and a channel of the same server, and users in conversations."""
    now = datetime.now(UTC)
    for server in servers:
        channels = {channel.id: channel for channel in server.channels}
        for channel in server.channels:
            parent = channels[channel.parent_id] if channel.parent_id else None
            for member in server.members:
                yield _question(server, channel, parent, member, now)
    for conversation in conversations:
        for gone, people in (
            (None, conversation.present),
            ("left the conversation", conversation.left),
            ("takes no part in the conversation", conversation.strangers),
        ):
            deleted = "conversation deleted" if conversation.is_deleted else None
            for user_id in people:
                yield Question(
                    user_id=user_id,
                    space_id=conversation.id,
                    channel_id=conversation.id,
                    inputs=_of_nobody(conversation.kind),
                    gone=deleted or gone,
                    beside=frozenset(),
                )


def _of_nobody(kind: ChannelKind) -> Inputs:
    """Return what is asked where there are neither roles nor overwrites."""
    return Inputs(
        is_owner=False,
        everyone=0,
        roles=[],
        everyone_overwrite=None,
        role_overwrites=[],
        member_overwrite=None,
        kind=kind,
        is_timed_out=False,
    )


def _question(
    server: Server, channel: Channel, parent: Channel | None, member: Member, now: datetime
) -> Question:
    in_thread = channel.kind is ChannelKind.THREAD
    rules = parent if parent and in_thread else channel
    everyones = next((role for role in server.roles if role.position == 0), None)
    own = [role for role in server.roles if role.position > 0 and role.id in member.role_ids]
    until = member.timed_out_until
    gone = {
        "server deleted": server.is_deleted,
        "channel deleted": channel.is_deleted,
        "parent of the thread deleted": rules.is_deleted,
    }
    beside = {
        "timeout that is over": until is not None and until < now,
        "everyone's role given": everyones is not None and everyones.id in member.role_ids,
        "server without everyone's role": everyones is None,
        "overwrites on the thread": in_thread and bool(channel.of_roles or channel.of_users),
        "channel in a deleted category": bool(parent and parent.is_deleted and not in_thread),
    }
    return Question(
        user_id=member.user_id,
        space_id=server.id,
        channel_id=channel.id,
        inputs=Inputs(
            is_owner=server.owner_id == member.user_id,
            everyone=everyones.permissions if everyones else 0,
            roles=[role.permissions for role in own],
            everyone_overwrite=rules.of_roles.get(everyones.id) if everyones else None,
            role_overwrites=[rules.of_roles[role.id] for role in own if role.id in rules.of_roles],
            member_overwrite=rules.of_users.get(member.user_id),
            kind=channel.kind,
            is_timed_out=until is not None and until > now,
        ),
        gone=next((name for name, is_so in gone.items() if is_so), None),
        beside=frozenset(name for name, is_so in beside.items() if is_so),
    )


def branches(question: Question) -> Iterator[str]:
    """Yield the rules that decide this question, so that a test can count them."""
    if question.gone:
        return iter([question.gone])
    inputs = question.inputs
    if inputs.kind in CONVERSATIONS:
        return iter([f"in {inputs.kind}"])
    held_by_roles = reduce(or_, inputs.roles, inputs.everyone)
    found = {f"in {inputs.kind}": True, **dict.fromkeys(question.beside, True)}
    if inputs.is_owner or held_by_roles & Permission.ADMINISTRATOR:
        found |= _branches_of_the_unlimited(inputs)
    else:
        found |= _branches_of_overwrites(inputs, held_by_roles)
        found |= _branches_of_the_answer(inputs, held_by_roles, question.answer())
    return (name for name, is_so in found.items() if is_so)


def _branches_of_the_unlimited(inputs: Inputs) -> dict[str, bool]:
    by_everyone = bool(inputs.everyone & Permission.ADMINISTRATOR)
    return {
        "owner": inputs.is_owner,
        "owner in a timeout": inputs.is_owner and inputs.is_timed_out,
        "administrator by everyone's role": not inputs.is_owner and by_everyone,
        "administrator by a role": not inputs.is_owner and not by_everyone,
        "administrator in a timeout": not inputs.is_owner and inputs.is_timed_out,
    }


def _branches_of_overwrites(inputs: Inputs, held_by_roles: int) -> dict[str, bool]:
    everyone = inputs.everyone_overwrite or Overwrite()
    member = inputs.member_overwrite or Overwrite()
    allowed = reduce(or_, (overwrite.allow for overwrite in inputs.role_overwrites), 0)
    denied = reduce(or_, (overwrite.deny for overwrite in inputs.role_overwrites), 0)
    any_allowed = everyone.allow | allowed | member.allow
    view = Permission.VIEW_CHANNEL.value
    return {
        "no overwrite": not (any_allowed | everyone.deny | denied | member.deny),
        "several role overwrites": len(inputs.role_overwrites) > 1,
        "role allows what another role denies": bool(allowed & denied & view),
        "role allows what everyone's denies": bool(allowed & everyone.deny & view),
        "role denies what everyone's allows": bool(denied & ~allowed & everyone.allow & view),
        "member's allows what a role denies": bool(member.allow & denied & ~allowed & view),
        "member's denies what a role allows": bool(member.deny & allowed & view),
        "administrator in an overwrite": bool(any_allowed & Permission.ADMINISTRATOR),
        "bit 47 in a role": bool(held_by_roles & BIT_47),
        "bit 47 in an overwrite": bool(any_allowed & BIT_47),
        "no role": not inputs.roles,
        "four roles": len(inputs.roles) == 4,
        "nothing by roles": not held_by_roles,
    }


def _branches_of_the_answer(
    inputs: Inputs, held_by_roles: int, answer: Permission
) -> dict[str, bool]:
    viewed_by_roles = bool(held_by_roles & Permission.VIEW_CHANNEL)
    if not answer:
        return {"no view": True, "view denied by an overwrite": viewed_by_roles}
    if inputs.is_timed_out:
        return {"timeout": True}
    sends = bool(answer & Permission.SEND_MESSAGES)
    sends_by_roles = bool(held_by_roles & Permission.SEND_MESSAGES)
    connects = bool(answer & Permission.CONNECT)
    in_thread = inputs.kind is ChannelKind.THREAD
    in_voice = inputs.kind is ChannelKind.VOICE
    return {
        "view allowed by an overwrite": not viewed_by_roles,
        "channel with the right to send": not in_thread and sends,
        "channel without the right to send": not in_thread and not sends,
        "thread with the right to send in threads": in_thread and sends,
        "thread without the right to send in threads": in_thread and not sends,
        "thread with it, without SEND_MESSAGES": in_thread and sends and not sends_by_roles,
        "thread without it, with SEND_MESSAGES": in_thread and not sends and sends_by_roles,
        "voice with the right to connect": in_voice and connects,
        "voice without the right to connect": in_voice and not connects,
    }
