"""Reads against themselves in another place: a smaller database, or a member of fewer roles."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from django.db.backends.base.base import BaseDatabaseWrapper

from tests.benchmarks.database import led_to
from tests.benchmarks.paths import BY_HAND, OURS, Goal, Path

SMALLER, EVERY_ROLE, THREE_ROLES = "smaller", "250 roles", "3 roles"
BY_HAND_SMALLER = f"{BY_HAND} {SMALLER}"


def growth_paths(
    *,
    small: tuple[BaseDatabaseWrapper, Sequence[Path]],
    big: tuple[BaseDatabaseWrapper, Sequence[Path]],
) -> Iterator[Path]:
    """Yield each read, which must not grow with the database, with itself in a smaller one.

    With the same by hand, which tells what grows with the number of messages that have a word.
    """
    for lesser, greater in zip(small[1], big[1], strict=True):
        yield Path(
            name=greater.name,
            ways={
                OURS: _at(big[0], greater.ways[OURS]),
                SMALLER: _at(small[0], lesser.ways[OURS]),
                BY_HAND: _at(big[0], greater.ways[BY_HAND]),
                BY_HAND_SMALLER: _at(small[0], lesser.ways[BY_HAND]),
            },
            goals=[
                Goal(way=OURS, other=SMALLER, ratio=1.2),
                Goal(way=BY_HAND, other=BY_HAND_SMALLER, ratio=math.inf),
            ],
            calls=greater.calls,
            counts=partial(_buffers, greater, lesser),
        )


def role_paths(*, few: Sequence[Path], every: Sequence[Path]) -> Iterator[Path]:
    """Yield each read of a member of three roles with that of a member of all 250."""
    for lesser, greater in zip(few, every, strict=True):
        yield Path(
            name=lesser.name.removesuffix(f", {THREE_ROLES}"),
            ways={EVERY_ROLE: greater.ways[OURS], THREE_ROLES: lesser.ways[OURS]},
            goals=[Goal(way=EVERY_ROLE, other=THREE_ROLES, ratio=5)],
            calls=greater.calls,
        )


def _buffers(greater: Path, lesser: Path) -> dict[str, int]:
    return {
        f"{name}{where}": count
        for where, path in (("", greater), (f" {SMALLER}", lesser))
        for name, count in path.counts().items()
    }


def _at(connection: BaseDatabaseWrapper, way: Callable[[], object]) -> Callable[[], object]:
    def run() -> None:
        with led_to(connection):
            way()

    return run
