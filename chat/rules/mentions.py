"""Who is named in the content of a message.

Values in, values out: whether somebody may be named, and is there at all, the database decides when
the message is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from chat.rules.limits import MENTION_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_NAME = re.compile(rf"<@(?P<role>&)?(?P<id>{_ID})>|@(?P<everyone>everyone|here)(?![0-9A-Za-z_])")
_TICKS = re.compile("`+")


@dataclass(frozen=True, slots=True)
class Mentions:
    """The users and roles that are named, in the order in which they are; and whether everyone is.

    `@here` is everyone too: who is here is known to no table.
    """

    users: tuple[UUID, ...] = ()
    roles: tuple[UUID, ...] = ()
    everyone: bool = False

    def __bool__(self) -> bool:
        return bool(self.users or self.roles or self.everyone)


NOBODY = Mentions()


def find_mentions(content: str) -> Mentions:
    """Return whom `content` names by `<@id>`, `<@&id>`, `@everyone` and `@here`.

    Nobody is named inside of code, which is what stands between two runs of equally many
    backticks. Each is named once, and `MENTION_LIMIT` users and roles at the most.
    """
    if "@" not in content:
        return NOBODY
    named: dict[tuple[bool, UUID], None] = {}
    everyone = False
    for text in _outside_code(content):
        for found in _NAME.finditer(text):
            if found["everyone"]:
                everyone = True
            elif len(named) < MENTION_LIMIT:
                named[bool(found["role"]), UUID(found["id"])] = None
    if not named and not everyone:
        return NOBODY
    return Mentions(
        users=tuple(id for is_role, id in named if not is_role),  # noqa: A001
        roles=tuple(id for is_role, id in named if is_role),  # noqa: A001
        everyone=everyone,
    )


def _outside_code(content: str) -> Iterator[str]:
    """Yield what is not code, in time that grows with the length and no faster."""
    runs = [found.span() for found in _TICKS.finditer(content)]
    # Where the runs of each length are, the first on top.
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
