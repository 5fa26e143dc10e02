"""The reads that must not grow with the database, against themselves in a smaller one."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests.benchmarks.database import led_to
from tests.benchmarks.paths import Path
from tests.benchmarks.reads import read_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

    from tests.benchmarks.database import Place

_GOAL = 1.2
_GROWING = ("history page", "unread overview", "permissions_in")


@contextmanager
def growth_paths(*, small: Place, big: Place) -> Iterator[list[Path]]:
    """Yield each read as a path whose bare measure is itself in the smaller database."""
    with ExitStack() as stack:
        of = []
        for place in (small, big):
            with led_to(place.connection):
                of.append(stack.enter_context(read_paths(place.community)))
        yield [
            Path(
                name=greater.name,
                goal=_GOAL,
                ours=_at(big.connection, greater.ours),
                bare=_at(small.connection, lesser.ours),
                calls=greater.calls,
            )
            for lesser, greater in zip(*of, strict=True)
            if greater.name.startswith(_GROWING)
        ]


def _at(connection: BaseDatabaseWrapper, way: Callable[[], object]) -> Callable[[], object]:
    def run() -> None:
        with led_to(connection):
            way()

    return run
