"""An explanation of permissions, in sentences."""

from chat.admin.pages.permission_words import words
from chat.rules.permissions import Permission
from chat.rules.resolution import Rule, Step, Verdict

_RULES = {
    Rule.EVERYONE: "What everyone's role gives",
    Rule.ROLE: "What a role of the member adds",
    Rule.OWNER: "The owner of the server may do everything; nothing below is asked",
    Rule.ADMINISTRATOR: "An administrator may do everything; nothing below is asked",
    Rule.EVERYONE_OVERWRITE: "The channel's overwrite for everyone: first its denies, then its "
    "allows",
    Rule.ROLE_OVERWRITES: "The channel's overwrites for the member's roles, taken together: an "
    "allow beats a deny",
    Rule.MEMBER_OVERWRITE: "The channel's overwrite for this member",
    Rule.THREAD: "In a thread, Send messages in threads decides about Send messages",
    Rule.NO_VIEW: "Who cannot view the channel can do nothing in it",
    Rule.TIMEOUT: "In a timeout only viewing and reading are left",
    Rule.NO_SEND: "Who cannot send messages cannot send them in special ways",
    Rule.NO_CONNECT: "Who cannot connect to a voice channel has no voice permissions in it",
}
_BECAUSE = {
    Rule.OWNER: "Is the owner of the server",
    Rule.NO_VIEW: "Cannot view the channel",
    Rule.TIMEOUT: "Is in a timeout",
    Rule.NO_SEND: "Cannot send messages",
    Rule.NO_CONNECT: "Cannot connect to this voice channel",
}
_OVERWRITES = {Rule.EVERYONE_OVERWRITE, Rule.ROLE_OVERWRITES, Rule.MEMBER_OVERWRITE}


def rule_in_words(step: Step) -> str:
    """Return the rule of a step, in words."""
    return _RULES[step.rule]


def bits_in_words(bits: Permission) -> str:
    """Return all permissions of a mask, in words."""
    if bits.bit_count() == len(Permission):
        return "everything"
    return ", ".join(words(bit) for bit in Permission if bit in bits) or "nothing"


def reason(verdict: Verdict) -> str:
    """Return which rule decides about a permission, and by which role or overwrite."""
    if verdict.rule is None:
        return "No role gives it."
    if verdict.rule in _BECAUSE:
        return f"{_BECAUSE[verdict.rule]}."
    if verdict.rule in _OVERWRITES:
        return _overwritten(verdict)
    if verdict.rule is Rule.THREAD:
        by = f", on which {_quoted(verdict.speakers)} has the last word" if verdict.speakers else ""
        return f"In a thread it is Send messages in threads{by}."
    how = "Administrator" if verdict.rule is Rule.ADMINISTRATOR else "Given"
    return f"{how} by the {_plural('role', verdict.speakers)} {_quoted(verdict.speakers)}."


def _overwritten(verdict: Verdict) -> str:
    said = "Allowed" if verdict.is_held else "Denied"
    if verdict.rule is Rule.MEMBER_OVERWRITE:
        return f"{said} by the overwrite for this member."
    over = f"{_plural('overwrite', verdict.speakers)} for {_quoted(verdict.speakers)}"
    beaten = f", which beats the deny for {_quoted(verdict.overruled)}"
    return f"{said} by the {over}{beaten if verdict.overruled else ''}."


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"“{name}”" for name in names)


def _plural(noun: str, names: tuple[str, ...]) -> str:
    return noun if len(names) == 1 else f"{noun}s"
