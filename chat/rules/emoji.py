"""The rule for emoji: one of Unicode in its full form, or a custom one as `:name:`.

In the full form, which Unicode calls fully qualified, U+FE0F stands behind each character that
would be shown as text without it, and nowhere else. So each emoji is stored in one way.

As the rule for names it is one pattern that Python and PostgreSQL read alike, with the characters
in it by number: nothing depends on a server's version, locale or tables. Migration 0007 repeats it
by value. Which characters may have a skin tone, and which countries there are, is not asked.
"""

import re

from chat.rules.limits import EMOJI_LENGTH

# From emoji-data.txt of Unicode 18: what is text without U+FE0F.
_TEXT = (
    r"\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u2328\u23cf\u23ed-\u23ef"
    r"\u23f1\u23f2\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb\u25fc\u2600-\u2604\u260e"
    r"\u2611\u2618\u261d\u2620\u2622\u2623\u2626\u262a\u262e\u262f\u2638-\u263a\u2640\u2642"
    r"\u265f\u2660\u2663\u2665\u2666\u2668\u267b\u267e\u2692\u2694-\u2697\u2699\u269b\u269c\u26a0"
    r"\u26a7\u26b0\u26b1\u26c8\u26cf\u26d1\u26d3\u26e9\u26f0\u26f1\u26f4\u26f7-\u26f9\u2702"
    r"\u2708\u2709\u270c\u270d\u270f\u2712\u2714\u2716\u271d\u2721\u2733\u2734\u2744\u2747"
    r"\u2763\u2764\u27a1\u2934\u2935\u2b05-\u2b07\u3030\u303d\u3297\u3299\U0001f170\U0001f171"
    r"\U0001f17e\U0001f17f\U0001f202\U0001f237\U0001f321\U0001f324-\U0001f32c\U0001f336\U0001f37d"
    r"\U0001f396\U0001f397\U0001f399-\U0001f39b\U0001f39e\U0001f39f\U0001f3cb-\U0001f3ce"
    r"\U0001f3d4-\U0001f3df\U0001f3f3\U0001f3f5\U0001f3f7\U0001f43f\U0001f441\U0001f4fd"
    r"\U0001f549\U0001f54a\U0001f56f\U0001f570\U0001f573-\U0001f579\U0001f587"
    r"\U0001f58a-\U0001f58d\U0001f590\U0001f5a5\U0001f5a8\U0001f5b1\U0001f5b2\U0001f5bc"
    r"\U0001f5c2-\U0001f5c4\U0001f5d1-\U0001f5d3\U0001f5dc-\U0001f5de\U0001f5e1\U0001f5e3"
    r"\U0001f5e8\U0001f5ef\U0001f5f3\U0001f5fa\U0001f6cb\U0001f6cd-\U0001f6cf"
    r"\U0001f6e0-\U0001f6e5\U0001f6e9\U0001f6f0\U0001f6f3"
)

# And what never is, with the places that are kept for emoji to come.
_PICTURE = (
    r"\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693"
    r"\u26a1\u26aa\u26ab\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd"
    r"\u2705\u270a\u270b\u2728\u274c\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf"
    r"\u2b1b\u2b1c\u2b50\u2b55\U0001f004\U0001f0cf\U0001f18e\U0001f191-\U0001f19a\U0001f201"
    r"\U0001f21a\U0001f22f\U0001f232-\U0001f236\U0001f238-\U0001f23a\U0001f250\U0001f251"
    r"\U0001f300-\U0001f320\U0001f32d-\U0001f335\U0001f337-\U0001f37c\U0001f37e-\U0001f393"
    r"\U0001f3a0-\U0001f3ca\U0001f3cf-\U0001f3d3\U0001f3e0-\U0001f3f0\U0001f3f4"
    r"\U0001f3f8-\U0001f3fa\U0001f400-\U0001f43e\U0001f440\U0001f442-\U0001f4fc"
    r"\U0001f4ff-\U0001f53d\U0001f54b-\U0001f54e\U0001f550-\U0001f567\U0001f57a"
    r"\U0001f595\U0001f596\U0001f5a4\U0001f5fb-\U0001f64f\U0001f680-\U0001f6c5\U0001f6cc"
    r"\U0001f6d0-\U0001f6d2\U0001f6d5-\U0001f6df\U0001f6eb\U0001f6ec\U0001f6f4-\U0001f6ff"
    r"\U0001f7e0-\U0001f7ff\U0001f90c-\U0001f93a\U0001f93c-\U0001f945\U0001f947-\U0001f9ff"
    r"\U0001fa70-\U0001faff"
)

_TONE = r"\U0001f3fb-\U0001f3ff"

EMOJI_PATTERN = (
    "^(?:"
    # Custom.
    ":[0-9A-Za-z_]{2,32}:"
    # A key, a letter or a flag, the flag of a part of a country.
    r"|[0-9#*]\ufe0f\u20e3"
    r"|[\U0001f1e6-\U0001f1ff]{1,2}"
    r"|\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
    # One picture, or several that U+200D joins into one.
    rf"|(?:(?:[{_PICTURE}][{_TONE}]?|[{_TEXT}][\ufe0f{_TONE}]|[{_TONE}])(?:\u200d(?=.)|$))+"
    ")$"
)

_EMOJI = re.compile(EMOJI_PATTERN)
_VARIATION = re.compile(r"[\ufe0e\ufe0f]")
_SHOWN_AS_TEXT = re.compile(rf"[{_TEXT}](?![{_TONE}])|[0-9#*](?=\u20e3)")


def full_emoji(text: str) -> str | None:
    """Return an emoji in the form in which it is stored, or None for what is no emoji."""
    full = _SHOWN_AS_TEXT.sub("\\g<0>\ufe0f", _VARIATION.sub("", text))
    return full if len(full) <= EMOJI_LENGTH and _EMOJI.fullmatch(full) else None
