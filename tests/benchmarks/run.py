"""What `python -m tests.benchmarks` does: fill databases, measure the paths, print Markdown."""

import argparse
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from secrets import randbits

from django.conf import settings
from django.db import transaction

from tests.benchmarks.community import OF_THREE_ROLES, look_up
from tests.benchmarks.database import describe_machine, filled_database, led_to, migrated_database
from tests.benchmarks.equality import check_equality
from tests.benchmarks.first_calls import first_calls
from tests.benchmarks.growth import EVERY_ROLE, THREE_ROLES, growth_paths, role_paths
from tests.benchmarks.imports import import_paths
from tests.benchmarks.measuring import Measurement, Ratio, measure
from tests.benchmarks.paths import Path
from tests.benchmarks.read_paths import bare_session, read_paths
from tests.benchmarks.send_parts import part_paths
from tests.benchmarks.sends import SHAPES, make_place, send_path

# A send takes a millisecond, an import a second, and neither may fill the disk.
_SENDS = 1600
_IMPORT_ROUNDS = 7


def main(arguments: Sequence[str]) -> int:
    """Measure what the arguments ask for; return 1 when a goal was missed, 0 otherwise."""
    options = _parser().parse_args(arguments)
    # With it Django keeps every statement.
    settings.DEBUG = False
    if not options.json:
        sys.stdout.write(
            f"{describe_machine()}\n{options.messages:,} messages, {options.rounds} rounds, "
            "times in milliseconds, each ratio with the middle half of the rounds and its goal\n"
        )
        sys.stdout.flush()
    missed = 0
    heading = ""
    for measurement in _measurements(options):
        missed += not all(ratio.is_met for ratio in measurement.ratios)
        if options.json:
            sys.stdout.write(_as_json(measurement, options))
        else:
            if heading != (heading := _heading(measurement)):
                sys.stdout.write(f"\n{heading}\n")
            sys.stdout.write(f"{_as_row(measurement)}\n")
        sys.stdout.flush()
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=(
            "Fill databases of their own on the server that the settings lead to, measure each hot "
            "path in turn with its own statement in bare psycopg and, of the reads, with one that "
            "was written by hand for speed alone, and drop the databases. Exits with 1 when a goal "
            "is missed. What migrate costs: python -m tests.benchmarks.migrate."
        ),
    )
    parser.add_argument("--messages", type=int, default=200_000, help="how many (200000)")
    parser.add_argument("--rounds", type=int, default=30, help="how often each way runs (30)")
    parser.add_argument("--only", default="", metavar="WORDS", help="paths whose name has these")
    parser.add_argument("--orm", action="store_true", help="the reads by the ordinary ORM as well")
    parser.add_argument("--json", action="store_true", help="one object a line for each path")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--growth",
        type=int,
        nargs="?",
        const=10,
        metavar="TIMES",
        help="compare the reads with themselves in a database so many times smaller instead (10)",
    )
    instead.add_argument(
        "--send-parts",
        action="store_true",
        help="compare a bare send with one without each trigger, key, CHECK and index instead",
    )
    return parser


def _measurements(options: argparse.Namespace) -> Iterator[Measurement]:
    if options.growth:
        yield from _growth(options)
    elif options.send_parts:
        yield from _measured(part_paths(), options, rounds=min(options.rounds, _IMPORT_ROUNDS))
    else:
        with migrated_database() as empty, led_to(empty), transaction.atomic():
            check_equality(seed=randbits(32))
            transaction.set_rollback(True)
        yield from _many(options)
        yield from _giant(options)


def _many(options: argparse.Namespace) -> Iterator[Measurement]:
    with filled_database(messages=options.messages) as place, led_to(place.connection):
        with bare_session() as session:
            reads = read_paths(session, place.community, only=options.only, with_orm=options.orm)
            yield from _measured(reads, options, rounds=options.rounds)
        with first_calls(place.community) as path:
            yield from _measured([path], options, rounds=options.rounds)
        here = make_place()
        for shape in SHAPES:
            if options.only in shape.name:
                with send_path(here, shape, each=_SENDS // shape.clients) as path:
                    yield from _measured([path], options, rounds=options.rounds)
        with import_paths(here) as paths:
            yield from _measured(paths, options, rounds=min(options.rounds, _IMPORT_ROUNDS))


def _giant(options: argparse.Namespace) -> Iterator[Measurement]:
    with (
        filled_database(messages=options.messages, is_giant=True) as place,
        led_to(place.connection),
        bare_session() as session,
    ):
        few_roles = look_up(session, viewer=OF_THREE_ROLES)
        every, few = (
            read_paths(session, viewer, place=f", {roles}", only=options.only)
            for viewer, roles in ((place.community, EVERY_ROLE), (few_roles, THREE_ROLES))
        )
        yield from _measured([*every, *few], options, rounds=options.rounds)
        yield from _measured(role_paths(few=few, every=every), options, rounds=options.rounds)


def _growth(options: argparse.Namespace) -> Iterator[Measurement]:
    with ExitStack() as stack:
        sides = []
        for messages in (options.messages // options.growth, options.messages):
            place = stack.enter_context(filled_database(messages=messages))
            with led_to(place.connection):
                session = stack.enter_context(bare_session())
                paths = read_paths(session, place.community, only=options.only)
            sides.append((place.connection, paths))
        small, big = sides
        yield from _measured(growth_paths(small=small, big=big), options, rounds=options.rounds)


def _measured(
    paths: Iterable[Path], options: argparse.Namespace, *, rounds: int
) -> Iterator[Measurement]:
    for path in paths:
        if options.only in path.name:
            yield measure(path, rounds=rounds)


def _heading(measurement: Measurement) -> str:
    ratios = [f"{ratio.goal.way} / {ratio.goal.other}" for ratio in measurement.ratios]
    columns = [*measurement.times, *ratios, *measurement.counts]
    return f"{_line('', columns)}\n|---|{'---:|' * len(columns)}"


def _as_row(measurement: Measurement) -> str:
    times = [_milliseconds(seconds) for seconds in measurement.times.values()]
    counts = [f"{count:,}" for count in measurement.counts.values()]
    return _line(measurement.name, [*times, *map(_with_goal, measurement.ratios), *counts])


def _milliseconds(seconds: float) -> str:
    taken = seconds * 1000
    return f"{taken:,.{3 if taken < 1 else 2 if taken < 10 else 1 if taken < 100 else 0}f}"


def _with_goal(ratio: Ratio) -> str:
    least, most = ratio.spread
    found = f"{ratio.ratio:.2f} ({least:.2f} to {most:.2f})"
    if math.isinf(ratio.goal.ratio):
        return found
    return f"{found} {'≤' if ratio.is_met else '>'} {ratio.goal.ratio:.2f}"


def _line(name: str, cells: Iterable[str]) -> str:
    return f"| {' | '.join([name, *cells])} |"


def _as_json(measurement: Measurement, options: argparse.Namespace) -> str:
    known = asdict(measurement) | {
        "messages": options.messages,
        "is_met": all(ratio.is_met for ratio in measurement.ratios),
    }
    return json.dumps(known) + "\n"
