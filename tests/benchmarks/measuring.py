"""Ways to the same result, taken in turn, so that what slows the machine slows all."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from tests.benchmarks.paths import Goal, Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """How the times of two ways compare."""

    goal: Goal
    # Of the two medians.
    ratio: float
    # Between which the ratios of the middle half of the rounds lie.
    spread: tuple[float, float]

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.ratio <= self.goal.ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """How long one path took, each way, for one of what it does: medians, in seconds."""

    name: str
    times: Mapping[str, float]
    ratios: Sequence[Ratio]
    counts: Mapping[str, int]


def measure(path: Path, *, rounds: int) -> Measurement:
    """Return what `rounds` rounds have shown, after one that does not count.

    Each round takes every way once, and each begins as often as the others.
    """
    names = list(path.ways)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for way in path.ways.values():
        _time(way, path)
    for number in range(rounds):
        for name in _rotated(names, number):
            taken[name].append(_time(path.ways[name], path))
    return Measurement(
        name=path.name,
        times={name: statistics.median(seconds) for name, seconds in taken.items()},
        ratios=[_ratio(goal, taken[goal.way], taken[goal.other]) for goal in path.goals],
        counts=path.counts(),
    )


def _ratio(goal: Goal, mine: Sequence[float], theirs: Sequence[float]) -> Ratio:
    first, _, third = statistics.quantiles(
        [one / other for one, other in zip(mine, theirs, strict=True)], n=4, method="inclusive"
    )
    return Ratio(
        goal=goal,
        ratio=statistics.median(mine) / statistics.median(theirs),
        spread=(first, third),
    )


def _time(way: Callable[[], object], path: Path) -> float:
    # A collection that falls into one way's time would be of the other's garbage.
    gc.collect()
    gc.disable()
    try:
        began = time.perf_counter()
        for _ in range(path.calls):
            way()
        return (time.perf_counter() - began) / (path.calls * path.units)
    finally:
        gc.enable()
        if path.reset is not None:
            path.reset()


def _rotated(names: Sequence[str], number: int) -> list[str]:
    return list(islice(cycle(names), number % len(names), number % len(names) + len(names)))
