"""Why somebody may do something in a channel: `permissions.resolve`, told step by step.

Values in, values out, and in the end the same answer as `resolve`, which a test sees to. Every
permission comes with the rule that has the last word on it and the roles or overwrites that say it.
This room knows neither Django nor the database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from chat.rules.permissions import (
    ALL,
    CONVERSATIONS,
    FALLS_WITH_CONNECT,
    FALLS_WITH_SEND_MESSAGES,
    IN_CONVERSATION,
    KEPT_IN_TIMEOUT,
    NONE,
    OVERWRITABLE,
    ChannelKind,
    Overwrite,
    Permission,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


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


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedRole:
    """A role, by the name under which the explanation speaks of it."""

    name: str
    permissions: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedOverwrite:
    """An overwrite, by the name of the role that it is for."""

    name: str
    overwrite: Overwrite


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One rule at work: what it gave and took that was not so before, and what is held after it.

    `speakers` are the roles or overwrites behind it; none where the rule is not written in a row.
    """

    rule: Rule
    speakers: tuple[str, ...]
    given: Permission
    taken: Permission
    held: Permission


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether one permission is held, the rule with the last word on it, and who says so.

    `rule` is None where nobody ever gave the permission. `overruled` are the overwrites of the
    same step that say the opposite: among roles, an allow beats a deny.
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
    """Return how `permissions.resolve` comes to its answer about these same facts.

    Raises: ValueError, when `kind` is none of ours.
    """
    kind = ChannelKind(kind)
    account = _Account()
    if kind in CONVERSATIONS:
        account.give_whole(Rule.CONVERSATION, IN_CONVERSATION, ())
        return account.close()
    account.give(Rule.EVERYONE, [everyone])
    for role in roles:
        account.give(Rule.ROLE, [role])
    if is_owner:
        account.give_whole(Rule.OWNER, ALL, ())
        return account.close()
    if administrators := [role.name for role in (everyone, *roles) if _is_administrator(role)]:
        account.give_whole(Rule.ADMINISTRATOR, ALL, administrators)
        return account.close()

    account.overwrite(Rule.EVERYONE_OVERWRITE, _named(everyone.name, everyone_overwrite))
    account.overwrite(Rule.ROLE_OVERWRITES, role_overwrites)
    account.overwrite(Rule.MEMBER_OVERWRITE, _named("the member", member_overwrite))
    if kind is ChannelKind.THREAD:
        account.send_as_in_threads()
    _take_what_falls(account, kind=kind, is_timed_out=is_timed_out)
    return account.close()


def _is_administrator(role: NamedRole) -> bool:
    return bool(role.permissions & Permission.ADMINISTRATOR.value)


def _named(name: str, overwrite: Overwrite | None) -> Sequence[NamedOverwrite]:
    return () if overwrite is None else (NamedOverwrite(name=name, overwrite=overwrite),)


def _take_what_falls(account: _Account, *, kind: ChannelKind, is_timed_out: bool) -> None:
    if not account.held & Permission.VIEW_CHANNEL.value:
        account.take(Rule.NO_VIEW, ALL.value)
        return
    if is_timed_out:
        account.take(Rule.TIMEOUT, ~KEPT_IN_TIMEOUT.value)
        return
    if not account.held & Permission.SEND_MESSAGES.value:
        account.take(Rule.NO_SEND, FALLS_WITH_SEND_MESSAGES.value)
    if kind is ChannelKind.VOICE and not account.held & Permission.CONNECT.value:
        account.take(Rule.NO_CONNECT, FALLS_WITH_CONNECT.value)


@dataclass(kw_only=True)
class _Account:
    """What is held so far, as a plain integer, and what is to be said about it."""

    held: int = 0
    steps: list[Step] = field(default_factory=list)
    last_word: dict[Permission, Verdict] = field(default_factory=dict)

    def give(self, rule: Rule, roles: Sequence[NamedRole]) -> None:
        words = _union(role.permissions for role in roles) & ALL.value
        for bit in _bits(words):
            earlier = self.last_word.get(bit)
            said = tuple(role.name for role in roles)
            self.last_word[bit] = Verdict(
                is_held=True,
                rule=earlier.rule if earlier else rule,
                speakers=(*earlier.speakers, *said) if earlier else said,
            )
        self._step(rule, [role.name for role in roles], self.held | words)

    def give_whole(self, rule: Rule, mask: Permission, speakers: Sequence[str]) -> None:
        for bit in _bits(mask):
            self.last_word[bit] = Verdict(is_held=True, rule=rule, speakers=tuple(speakers))
        self._step(rule, speakers, mask.value)

    def overwrite(self, rule: Rule, overwrites: Sequence[NamedOverwrite]) -> None:
        if not overwrites:
            return
        allow = _union(given.overwrite.allow for given in overwrites) & OVERWRITABLE.value
        deny = _union(given.overwrite.deny for given in overwrites) & ALL.value
        for bit in _bits(allow | deny):
            allowing = tuple(g.name for g in overwrites if g.overwrite.allow & bit.value)
            denying = tuple(g.name for g in overwrites if g.overwrite.deny & bit.value)
            is_allowed = bool(allow & bit.value)
            self.last_word[bit] = Verdict(
                is_held=is_allowed,
                rule=rule,
                speakers=allowing if is_allowed else denying,
                overruled=denying if is_allowed else (),
            )
        names = [given.name for given in overwrites]
        self._step(rule, names, (self.held & ~deny) | allow)

    def send_as_in_threads(self) -> None:
        asked = self.last_word.get(Permission.SEND_MESSAGES_IN_THREADS)
        may_send = bool(self.held & Permission.SEND_MESSAGES_IN_THREADS.value)
        self.last_word[Permission.SEND_MESSAGES] = Verdict(
            is_held=may_send, rule=Rule.THREAD, speakers=asked.speakers if asked else ()
        )
        without = self.held & ~Permission.SEND_MESSAGES.value
        self._step(Rule.THREAD, (), without | (Permission.SEND_MESSAGES.value if may_send else 0))

    def take(self, rule: Rule, bits: int) -> None:
        for bit in _bits(self.held & bits):
            self.last_word[bit] = Verdict(is_held=False, rule=rule)
        self._step(rule, (), self.held & ~bits)

    def _step(self, rule: Rule, speakers: Iterable[str], held: int) -> None:
        self.steps.append(
            Step(
                rule=rule,
                speakers=tuple(speakers),
                given=Permission(held & ~self.held),
                taken=Permission(self.held & ~held),
                held=Permission(held),
            )
        )
        self.held = held

    def close(self) -> Explanation:
        never_given = Verdict(is_held=False)
        return Explanation(
            permissions=Permission(self.held) if self.held else NONE,
            steps=tuple(self.steps),
            verdicts={bit: self.last_word.get(bit, never_given) for bit in Permission},
        )


def _union(masks: Iterable[int]) -> int:
    return reduce(or_, map(int, masks), 0)


def _bits(mask: int) -> list[Permission]:
    return [bit for bit in Permission if mask & bit.value]
