"""What a user may do in a channel, and why: the rules, applied one after another.

The order of the rules is that of Discord's public developer documentation
(https://docs.discord.com/developers/topics/permissions). The view `channel_access` says the same in
SQL, and so do the function `channel_permissions` and chat/queries/sql/places.sql: a test compares
the four.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import NamedTuple

from chat.rules.permissions import (
    ALL,
    FALLS_WITH_CONNECT,
    FALLS_WITH_SEND_MESSAGES,
    IN_CONVERSATION,
    KEPT_IN_TIMEOUT,
    OVERWRITABLE,
    Permission,
)


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
    """What a channel allows and denies to a role or a member. Where both are set, allow wins."""

    allow: int = 0
    deny: int = 0


class Rule(StrEnum):
    """The rules, in the order in which they are applied."""

    CONVERSATION = "taking part in a conversation"
    EVERYONE = "everyone's role"
    ROLE = "a role of the member"
    OWNER = "the owner of the server"
    ADMINISTRATOR = "an administrator"
    EVERYONE_OVERWRITE = "the overwrite for everyone"
    ROLE_OVERWRITES = "the overwrites for the member's roles, together"
    MEMBER_OVERWRITE = "the overwrite for the member"
    THREAD = "sending in a thread"
    NO_VIEW = "without VIEW_CHANNEL nothing"
    TIMEOUT = "a timeout"
    NO_SEND = "what falls with SEND_MESSAGES"
    NO_CONNECT = "what falls with CONNECT in a voice channel"


class NamedRole(NamedTuple):
    """A role, with the name that the explanation calls it by."""

    name: str
    permissions: int


class NamedOverwrite(NamedTuple):
    """An overwrite, with the name of the role that it is for."""

    name: str
    overwrite: Overwrite


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """The effect of one rule: what it added and removed, and what is held after it.

    `speakers` are the names of its roles or overwrites; empty for a rule without a row.
    """

    rule: Rule
    speakers: tuple[str, ...]
    given: Permission
    taken: Permission
    held: Permission


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether one permission is held, the rule that decides it, and the rows that say so.

    `rule` is None when the permission was never given. `overruled` are the overwrites of the same
    step that say the opposite: among roles, an allow beats a deny.
    """

    is_held: bool
    rule: Rule | None = None
    speakers: tuple[str, ...] = ()
    overruled: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """The steps in their order, and for each permission the verdict."""

    permissions: Permission
    steps: Sequence[Step]
    verdicts: Mapping[Permission, Verdict]


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
    caller has checked that the user is a member, or takes part and has not left.

    Raises: ValueError, when `kind` is none of ours.
    """
    *_, (_, _, held) = _apply_rules(
        is_owner=is_owner,
        everyone=NamedRole("", everyone),
        roles=[NamedRole("", permissions) for permissions in roles],
        everyone_overwrite=everyone_overwrite,
        role_overwrites=[NamedOverwrite("", overwrite) for overwrite in role_overwrites],
        member_overwrite=member_overwrite,
        kind=kind,
        is_timed_out=is_timed_out,
    )
    return Permission(held)


def explain(
    *,
    is_owner: bool,
    everyone: NamedRole,
    roles: Sequence[NamedRole],
    everyone_overwrite: Overwrite | None,
    role_overwrites: Sequence[NamedOverwrite],
    member_overwrite: Overwrite | None,
    kind: ChannelKind,
    is_timed_out: bool,
) -> Explanation:
    """Return how `resolve` comes to its answer for the same arguments.

    Raises: ValueError, when `kind` is none of ours.
    """
    steps: list[Step] = []
    verdicts: dict[Permission, Verdict] = {}
    before = 0
    for rule, sources, held in _apply_rules(
        is_owner=is_owner,
        everyone=everyone,
        roles=roles,
        everyone_overwrite=everyone_overwrite,
        role_overwrites=role_overwrites,
        member_overwrite=member_overwrite,
        kind=kind,
        is_timed_out=is_timed_out,
    ):
        step = Step(
            rule=rule,
            speakers=tuple(source.name for source in sources),
            given=Permission(held & ~before),
            taken=Permission(before & ~held),
            held=Permission(held),
        )
        steps.append(step)
        verdicts |= _verdicts(step, sources, verdicts)
        before = held
    never_given = Verdict(is_held=False)
    return Explanation(
        permissions=Permission(before),
        steps=tuple(steps),
        verdicts={bit: verdicts.get(bit, never_given) for bit in Permission},
    )


def resolve_in_server(
    *, is_owner: bool, everyone: int, roles: Iterable[int], is_timed_out: bool
) -> Permission:
    """Return what a member may do in the server itself, where no channel is concerned.

    For kicks, bans, roles and the like; in a channel, ask `resolve`.
    """
    held = _union((everyone, *roles)) & ALL.value
    if is_owner or held & Permission.ADMINISTRATOR.value:
        return ALL
    return Permission(held & KEPT_IN_TIMEOUT.value if is_timed_out else held)


def can_grant(*, own: int, wanted: int) -> bool:
    """Tell whether who holds `own` may give all of `wanted` to a role or in an overwrite.

    Nobody grants more than they hold, and nobody holds a bit without a name. ADMINISTRATOR includes
    every other. Whether the role is low enough is answered by `outranks`.
    """
    held = resolve_in_server(is_owner=False, everyone=own, roles=(), is_timed_out=False)
    return not int(wanted) & ~held.value


def _apply_rules(
    *,
    is_owner: bool,
    everyone: NamedRole,
    roles: Sequence[NamedRole],
    everyone_overwrite: Overwrite | None,
    role_overwrites: Sequence[NamedOverwrite],
    member_overwrite: Overwrite | None,
    kind: ChannelKind,
    is_timed_out: bool,
) -> Iterator[tuple[Rule, Sequence[NamedRole | NamedOverwrite], int]]:
    """Yield each rule that applies, the roles or overwrites behind it, and what is held after it.

    What is held is a plain integer: the complement of a Flag stops at the highest named bit, and
    the type keeps every value that it was ever given in memory.
    """
    # A plain str from the database would match no rule.
    kind = ChannelKind(kind)
    if kind in CONVERSATIONS:
        yield Rule.CONVERSATION, (), IN_CONVERSATION.value
        return

    held = 0
    for rule, role in ((Rule.EVERYONE, everyone), *((Rule.ROLE, role) for role in roles)):
        held |= int(role.permissions) & ALL.value
        yield rule, (role,), held
    if is_owner:
        yield Rule.OWNER, (), ALL.value
        return
    if held & Permission.ADMINISTRATOR.value:
        yield Rule.ADMINISTRATOR, [r for r in (everyone, *roles) if _is_administrator(r)], ALL.value
        return

    for rule, overwrites in (
        (Rule.EVERYONE_OVERWRITE, _named(everyone.name, everyone_overwrite)),
        (Rule.ROLE_OVERWRITES, role_overwrites),
        (Rule.MEMBER_OVERWRITE, _named("the member", member_overwrite)),
    ):
        if overwrites:
            allow, deny = _together(overwrites)
            held = (held & ~deny) | allow
            yield rule, overwrites, held

    yield from _apply_channel_rules(held, kind=kind, is_timed_out=is_timed_out)


def _apply_channel_rules(
    held: int, *, kind: ChannelKind, is_timed_out: bool
) -> Iterator[tuple[Rule, Sequence[NamedRole], int]]:
    if kind is ChannelKind.THREAD:
        held &= ~Permission.SEND_MESSAGES.value
        if held & Permission.SEND_MESSAGES_IN_THREADS.value:
            held |= Permission.SEND_MESSAGES.value
        yield Rule.THREAD, (), held
    if not held & Permission.VIEW_CHANNEL.value:
        yield Rule.NO_VIEW, (), 0
        return
    if is_timed_out:
        yield Rule.TIMEOUT, (), held & KEPT_IN_TIMEOUT.value
        return
    if not held & Permission.SEND_MESSAGES.value:
        held &= ~FALLS_WITH_SEND_MESSAGES.value
        yield Rule.NO_SEND, (), held
    if kind is ChannelKind.VOICE and not held & Permission.CONNECT.value:
        yield Rule.NO_CONNECT, (), held & ~FALLS_WITH_CONNECT.value


def _verdicts(
    step: Step,
    sources: Sequence[NamedRole | NamedOverwrite],
    earlier: Mapping[Permission, Verdict],
) -> dict[Permission, Verdict]:
    """Return the verdicts that the step changes."""
    if step.rule in {Rule.EVERYONE, Rule.ROLE}:
        return {
            bit: Verdict(
                is_held=True,
                rule=earlier[bit].rule if bit in earlier else step.rule,
                speakers=(*(earlier[bit].speakers if bit in earlier else ()), *step.speakers),
            )
            for role in sources
            if isinstance(role, NamedRole)
            for bit in _bits(role.permissions)
        }
    if step.rule in {Rule.CONVERSATION, Rule.OWNER, Rule.ADMINISTRATOR}:
        verdict = Verdict(is_held=True, rule=step.rule, speakers=step.speakers)
        return dict.fromkeys(_bits(step.held), verdict)
    if step.rule is Rule.THREAD:
        asked = earlier.get(Permission.SEND_MESSAGES_IN_THREADS)
        return {
            Permission.SEND_MESSAGES: Verdict(
                is_held=Permission.SEND_MESSAGES in step.held,
                rule=step.rule,
                speakers=asked.speakers if asked else (),
            )
        }
    overwrites = [source for source in sources if isinstance(source, NamedOverwrite)]
    if overwrites:
        allow, deny = _together(overwrites)
        return {bit: _verdict_of(overwrites, bit, step.rule) for bit in _bits(allow | deny)}
    return dict.fromkeys(_bits(step.taken), Verdict(is_held=False, rule=step.rule))


def _verdict_of(overwrites: Iterable[NamedOverwrite], bit: Permission, rule: Rule) -> Verdict:
    allowing = tuple(name for name, overwrite in overwrites if overwrite.allow & bit.value)
    denying = tuple(name for name, overwrite in overwrites if overwrite.deny & bit.value)
    is_allowed = bool(allowing) and bit in OVERWRITABLE
    return Verdict(
        is_held=is_allowed,
        rule=rule,
        speakers=allowing if is_allowed else denying,
        overruled=denying if is_allowed else (),
    )


def _is_administrator(role: NamedRole) -> bool:
    return bool(role.permissions & Permission.ADMINISTRATOR.value)


def _named(name: str, overwrite: Overwrite | None) -> Sequence[NamedOverwrite]:
    return () if overwrite is None else (NamedOverwrite(name, overwrite),)


def _together(overwrites: Iterable[NamedOverwrite]) -> Overwrite:
    given = [overwrite for _, overwrite in overwrites]
    return Overwrite(
        allow=_union(overwrite.allow for overwrite in given) & OVERWRITABLE.value,
        deny=_union(overwrite.deny for overwrite in given),
    )


def _union(masks: Iterable[int]) -> int:
    return reduce(or_, map(int, masks), 0)


def _bits(mask: int) -> list[Permission]:
    return [bit for bit in Permission if mask & bit.value]
