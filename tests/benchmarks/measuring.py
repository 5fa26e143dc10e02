"""Two or three ways to the same result, taken in turn, so that what slows the machine slows all."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.benchmarks.paths import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """How long one path took, each way, for one of what it does."""

    name: str
    goal: float
    # In seconds.
    ours: float
    bare: float
    orm: float | None
    ratio: float
    # Between which the ratios of the middle half of the rounds lie.
    spread: tuple[float, float]

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.ratio <= self.goal


def measure(path: Path, *, rounds: int) -> Measurement:
    """Return what `rounds` rounds have shown, after one that does not count.

    Each round takes every way once, and each begins as often as the others. The ratio is that of
    the two medians.
    """
    ways = [way for way in (path.ours, path.bare, path.orm) if way is not None]
    taken: dict[Callable[[], object], list[float]] = {way: [] for way in ways}
    for way in ways:
        _time(way, path)
    for number in range(rounds):
        for way in _rotated(ways, number):
            taken[way].append(_time(way, path))

    ours, bare = taken[path.ours], taken[path.bare]
    first, _, third = statistics.quantiles(
        [mine / theirs for mine, theirs in zip(ours, bare, strict=True)], n=4, method="inclusive"
    )
    return Measurement(
        name=path.name,
        goal=path.goal,
        ours=statistics.median(ours),
        bare=statistics.median(bare),
        orm=None if path.orm is None else statistics.median(taken[path.orm]),
        ratio=statistics.median(ours) / statistics.median(bare),
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


def _rotated(ways: Sequence[Callable[[], object]], number: int) -> list[Callable[[], object]]:
    return list(islice(cycle(ways), number % len(ways), number % len(ways) + len(ways)))
