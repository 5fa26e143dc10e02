"""What a benchmark compares: one path through the services or queries, and its two measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One path, as three callables of which each call does the same work.

    The callables open their connections and prepare their statements before the first measured
    call, and raise when they are answered with something else than expected.
    """

    # Such as "history page, newest".
    name: str
    # The greatest ratio of the time of `ours` to the time of `bare`. Where the specification speaks
    # of a rate, this is its inverse: at least 0.7 of the rate is at most 1 / 0.7 of the time.
    goal: float
    ours: Callable[[], object]
    # The same result by hand-written SQL in bare psycopg.
    bare: Callable[[], object]
    # The best that the ordinary ORM does, for orientation; None where it has no way.
    orm: Callable[[], object] | None = None
    # How many calls make one measurement: more for what takes microseconds.
    calls: int = 1
    # How many things one call does, where it does many: the times are of one of them.
    units: int = 1
    # Undoes what the calls wrote, between measurements.
    reset: Callable[[], object] | None = None
