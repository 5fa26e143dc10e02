"""Permissions as words and check boxes."""

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chat.rules.permissions import ALL, VOICE, Permission

P = Permission
_MODERATION = (
    P.KICK_MEMBERS
    | P.BAN_MEMBERS
    | P.MODERATE_MEMBERS
    | P.MANAGE_NICKNAMES
    | P.MANAGE_MESSAGES
    | P.MANAGE_THREADS
    | P.PIN_MESSAGES
    | P.VIEW_AUDIT_LOG
)
_SERVER = (
    P.ADMINISTRATOR
    | P.VIEW_CHANNEL
    | P.MANAGE_CHANNELS
    | P.MANAGE_GUILD
    | P.MANAGE_ROLES
    | P.MANAGE_WEBHOOKS
    | P.MANAGE_GUILD_EXPRESSIONS
    | P.CREATE_GUILD_EXPRESSIONS
    | P.MANAGE_EVENTS
    | P.CREATE_EVENTS
    | P.CREATE_INSTANT_INVITE
    | P.CHANGE_NICKNAME
    | P.VIEW_GUILD_INSIGHTS
    | P.VIEW_CREATOR_MONETIZATION_ANALYTICS
)
_CALLS = (VOICE | P.CONNECT) & ~_MODERATION
GROUPS = (
    ("Server", _SERVER),
    ("Moderation", _MODERATION),
    ("Text", Permission(ALL.value & ~(_SERVER | _MODERATION | _CALLS).value)),
    ("Voice", _CALLS),
)
_SHOWN = 4
_WORDS = {"guild": "server", "tts": "TTS", "vad": "voice activity detection"}


def words(permission: Permission) -> str:
    """Return the name of a permission in words, such as "Send messages in threads"."""
    said = " ".join(_WORDS.get(word, word) for word in str(permission.name).lower().split("_"))
    return said[0].upper() + said[1:]


def in_words(mask: int) -> str:
    """Return the first permissions of a mask in words, and how many more it has."""
    held = [bit for bit in Permission if mask & bit.value]
    if Permission.ADMINISTRATOR in held:
        return "Administrator: everything"
    if not held:
        return "None"
    said = ", ".join(words(bit) for bit in held[:_SHOWN])
    return f"{said} and {len(held) - _SHOWN} more" if len(held) > _SHOWN else said


def check_boxes(mask: int) -> SafeString:
    """Return every permission as a box that is checked or not, in groups."""
    groups = (
        (
            title,
            format_html_join(
                "",
                '<li><label><input type="checkbox" disabled{}> {}</label></li>',
                (
                    (" checked" if mask & bit.value else "", words(bit))
                    for bit in Permission
                    if bit in group
                ),
            ),
        )
        for title, group in GROUPS
    )
    return format_html(
        '<div class="chat-boxes">{}</div>',
        format_html_join("", "<section><h3>{}</h3><ul>{}</ul></section>", groups),
    )


def folded_check_boxes(mask: int) -> SafeString:
    """Return the permissions in words, which unfold into the boxes without a script."""
    return format_html(
        "<details><summary>{}</summary>{}</details>", in_words(mask), check_boxes(mask)
    )
