"""What `python -m tests.benchmarks` does: fill a database, measure the paths, print a table."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from django.conf import settings

from tests.benchmarks.database import describe_machine, filled_database, led_to
from tests.benchmarks.growth import growth_paths
from tests.benchmarks.imports import import_paths
from tests.benchmarks.measuring import measure
from tests.benchmarks.reads import read_paths
from tests.benchmarks.sends import SHAPES, make_place, send_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.benchmarks.measuring import Measurement
    from tests.benchmarks.paths import Path

# A send takes a millisecond, an import a second, and neither may fill the disk.
_SENDS = 1600
_IMPORT_ROUNDS = 7
_ROW = "{name:<46} {ours:>9} {bare:>9} {orm:>9} {ratio:>6} {spread:>13} {goal:>7}\n"


def main(arguments: Sequence[str]) -> int:
    """Measure what the arguments ask for; return 1 when a goal was missed, 0 otherwise."""
    options = _parser().parse_args(arguments)
    # With it Django keeps every statement.
    settings.DEBUG = False
    if not options.json:
        sys.stdout.write(_heading(options))
        sys.stdout.flush()
    missed = 0
    for measurement in _growth(options) if options.growth else _against_bare(options):
        missed += not measurement.is_met
        sys.stdout.write(_as_json(measurement, options) if options.json else _as_row(measurement))
        sys.stdout.flush()
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=(
            "Fill a database of its own on the server that the settings lead to, measure each hot "
            "path in turn with the same work in bare psycopg, and drop the database. Exits with 1 "
            "when a goal is missed. What migrate costs: python -m tests.benchmarks.migrate."
        ),
    )
    parser.add_argument("--messages", type=int, default=200_000, help="how many (200000)")
    parser.add_argument("--rounds", type=int, default=30, help="how often each way runs (30)")
    parser.add_argument("--only", default="", metavar="WORDS", help="paths whose name has these")
    parser.add_argument(
        "--growth",
        action="store_true",
        help="compare the reads with themselves in a database of a tenth of the size instead",
    )
    parser.add_argument("--json", action="store_true", help="one object a line for each path")
    return parser


def _against_bare(options: argparse.Namespace) -> Iterator[Measurement]:
    with filled_database(messages=options.messages) as place, led_to(place.connection):
        with read_paths(place.community) as paths:
            yield from _measured(paths, options, rounds=options.rounds)
        here = make_place()
        for shape in SHAPES:
            if options.only in shape.name:
                with send_path(here, shape, each=_SENDS // shape.clients) as path:
                    yield from _measured([path], options, rounds=options.rounds)
        with import_paths() as paths:
            yield from _measured(paths, options, rounds=min(options.rounds, _IMPORT_ROUNDS))


def _growth(options: argparse.Namespace) -> Iterator[Measurement]:
    with (
        filled_database(messages=options.messages // 10) as small,
        filled_database(messages=options.messages) as big,
        growth_paths(small=small, big=big) as paths,
    ):
        yield from _measured(paths, options, rounds=options.rounds)


def _measured(
    paths: Iterable[Path], options: argparse.Namespace, *, rounds: int
) -> Iterator[Measurement]:
    for path in paths:
        if options.only in path.name:
            yield measure(path, rounds=rounds)


def _heading(options: argparse.Namespace) -> str:
    return (
        f"{describe_machine()}\n"
        f"{options.messages:,} messages, {options.rounds} rounds, times in milliseconds\n\n"
    ) + _ROW.format(
        name="",
        ours="ours",
        bare="a tenth" if options.growth else "bare",
        orm="" if options.growth else "ORM",
        ratio="ratio",
        spread="middle half",
        goal="goal",
    )


def _as_row(measurement: Measurement) -> str:
    first, third = measurement.spread
    return _ROW.format(
        name=measurement.name,
        ours=_milliseconds(measurement.ours),
        bare=_milliseconds(measurement.bare),
        orm="" if measurement.orm is None else _milliseconds(measurement.orm),
        ratio=f"{measurement.ratio:.2f}",
        spread=f"{first:.2f} to {third:.2f}",
        goal=f"≤ {measurement.goal:.2f}",
    )


def _as_json(measurement: Measurement, options: argparse.Namespace) -> str:
    known = asdict(measurement) | {"messages": options.messages, "is_met": measurement.is_met}
    return json.dumps(known) + "\n"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3f}"
