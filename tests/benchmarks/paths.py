"""What a benchmark compares: ways to the same result, and how far they may be from each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

OURS, BARE, BY_HAND, FLOOR, ORM = "ours", "bare", "by hand", "floor", "ORM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The greatest ratio of the time of `way` to the time of `other`.

    Where the specification speaks of a rate, this is its inverse: at least 0.7 of the rate is at
    most 1 / 0.7 of the time.
    """

    way: str
    other: str
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One path, as callables of which each call does the same work.

    The callables open their connections and prepare their statements before the first measured
    call, and raise when they are answered with something else than expected.
    """

    # Such as "history page, newest".
    name: str
    ways: Mapping[str, Callable[[], object]]
    goals: Sequence[Goal]
    # How many calls make one measurement: more for what takes microseconds.
    calls: int = 1
    # How many things one call does, where it does many: the times are of one of them.
    units: int = 1
    # Undoes what the calls wrote, between measurements.
    reset: Callable[[], object] | None = None
    # What is counted and not timed, asked once.
    counts: Callable[[], Mapping[str, int]] = field(default=dict)
