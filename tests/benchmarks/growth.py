"""Reads against themselves in another place: a smaller database, or a member of fewer roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.database import led_to
from tests.benchmarks.paths import OURS, Goal, Path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper

A_TENTH, EVERY_ROLE, THREE_ROLES = "a tenth", "250 roles", "3 roles"

_NOT_GROWING = ("history page", "unread overview", "permissions_in")


def growth_paths(
    *,
    small: tuple[BaseDatabaseWrapper, Sequence[Path]],
    big: tuple[BaseDatabaseWrapper, Sequence[Path]],
) -> Iterator[Path]:
    """Yield each read that must not grow with the database, with itself in a tenth of it."""
    for lesser, greater in zip(small[1], big[1], strict=True):
        if greater.name.startswith(_NOT_GROWING):
            yield Path(
                name=greater.name,
                ways={
                    OURS: _at(big[0], greater.ways[OURS]),
                    A_TENTH: _at(small[0], lesser.ways[OURS]),
                },
                goals=[Goal(way=OURS, other=A_TENTH, ratio=1.2)],
                calls=greater.calls,
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


def _at(connection: BaseDatabaseWrapper, way: Callable[[], object]) -> Callable[[], object]:
    def run() -> None:
        with led_to(connection):
            way()

    return run
