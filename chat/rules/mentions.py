"""The mentions in the content of a message.

Whether a user or a role exists and may be mentioned is decided by the database, when the message is
written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from chat.rules.limits import MENTION_LIMIT

_ID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# An address is taken whole, so that nobody is named in it.
_NAME = re.compile(
    rf"https?://[^\s<>]*|<@(?P<role>&)?(?P<id>{_ID})>"
    r"|(?<![0-9A-Za-z_+/-])@(?P<everyone>everyone|here)(?![0-9A-Za-z_]|\.[0-9A-Za-z])"
)
_TICKS = re.compile("`+")


@dataclass(frozen=True, slots=True)
class Mentions:
    """The users and roles that are mentioned, in their order in the text; and whether everyone is.

    `@here` means everyone too: no table knows who is here.
    """

    users: tuple[UUID, ...] = ()
    roles: tuple[UUID, ...] = ()
    everyone: bool = False

    def __bool__(self) -> bool:
        return bool(self.users or self.roles or self.everyone)


NOBODY = Mentions()


def find_mentions(content: str) -> Mentions:
    """Return the mentions in `content`: `<@id>`, `<@&id>`, `@everyone` and `@here`.

    Code does not count, which is what is between two runs of equally many backticks; nor does a
    part of an e-mail or web address. Each user and role is returned once, `MENTION_LIMIT` of them
    at most; further ones stay plain text.
    """
    if "@" not in content:
        return NOBODY
    named: dict[tuple[bool, UUID], None] = {}
    everyone = False
    for text in _outside_code(content):
        for found in _NAME.finditer(text):
            if found["everyone"]:
                everyone = True
            elif found["id"] and len(named) < MENTION_LIMIT:
                named[bool(found["role"]), UUID(found["id"])] = None
    if not named and not everyone:
        return NOBODY
    return Mentions(
        users=tuple(id for is_role, id in named if not is_role),  # noqa: A001
        roles=tuple(id for is_role, id in named if is_role),  # noqa: A001
        everyone=everyone,
    )


def _outside_code(content: str) -> Iterator[str]:
    """Yield the parts that are not code, in linear time."""
    runs = [found.span() for found in _TICKS.finditer(content)]
    # The indices of the runs of each length, the first on top.
    ahead: dict[int, list[int]] = {}
    for index in range(len(runs) - 1, -1, -1):
        start, end = runs[index]
        ahead.setdefault(end - start, []).append(index)

    at = index = 0
    while index < len(runs):
        start, end = runs[index]
        same = ahead[end - start]
        while same and same[-1] <= index:
            same.pop()
        if same:
            yield content[at:start]
            index = same[-1]
            at = runs[index][1]
        index += 1
    yield content[at:]
