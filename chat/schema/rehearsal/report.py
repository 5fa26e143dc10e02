"""The rehearsal of migrations as text: a table for people, JSON for programs.

Nothing here reads a database or prints; README.md beside this file documents the JSON.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.color import Style

from chat.schema.catalogue.objects import Difference
from chat.schema.rehearsal.observation import LOCK_MODES, Observation
from chat.schema.rehearsal.round_trip import Rehearsal, RehearsalResult, counts
from chat.schema.text import WIDTH, shortened, wrapped

JSON_VERSION = 1

_STYLE_ROLES: Mapping[RehearsalResult, str] = {
    RehearsalResult.EXACT: "SUCCESS",
    RehearsalResult.IRREVERSIBLE: "WARNING",
    RehearsalResult.WRONG: "ERROR",
    RehearsalResult.FAILED: "ERROR",
    RehearsalResult.NOT_REACHED: "WARNING",
}
_RESULT_WIDTH = max(len(result) for result in RehearsalResult)
_ROW = f"  {{result:<{_RESULT_WIDTH}}}  {{up:>6}}  {{down:>7}}  {{wal:>7}}  {{name}}"
_NAME_WIDTH = WIDTH - len(_ROW.format(result="", up="", down="", wal="", name=""))
_INDENT = " " * 6
# The first mode that makes anybody wait but those who change the schema.
_MODES_SHOWN = list(LOCK_MODES.values())[3:][::-1]


def heading(*, server: str) -> str:
    """Return what stands above the table: where it is tried, and the names of the columns."""
    where = wrapped(f"Scratch database: {server}")
    columns = _ROW.format(
        result="result", up="up ms", down="down ms", wal="WAL kB", name="migration"
    )
    return "\n".join([*where, columns])


def rows(rehearsal: Rehearsal, *, style: Style) -> str:
    """Return one migration's row, and below it what it does to tables and what is wrong with it.

    No line is longer than 80 columns but those of an error's own words and of names that are.
    """
    up, down = rehearsal.up, rehearsal.down
    row = _ROW.format(
        result=rehearsal.result,
        up=f"{up.duration_ms:.0f}" if up else "",
        down=f"{down.duration_ms:.0f}" if down else "",
        wal=f"{up.wal_bytes / 1024:.0f}" if up else "",
        name=shortened(rehearsal.name, _NAME_WIDTH),
    ).rstrip()
    paint = getattr(style, _STYLE_ROLES[rehearsal.result])
    lines = [row.replace(rehearsal.result, paint(rehearsal.result), 1)]
    if up:
        lines += _work(up)
    for title, differences in (
        ("after down, against before it", rehearsal.after_down),
        ("up again, against the first time", rehearsal.after_up_again),
    ):
        lines += _differences(title, differences)
    if rehearsal.error:
        lines += [f"{_INDENT}{line}" for line in rehearsal.error.splitlines()]
    return "\n".join(lines)


def summary(rehearsals: Sequence[Rehearsal]) -> str:
    """Return how many ended in which way, in one line."""
    found = ", ".join(f"{count} {result}" for result, count in counts(rehearsals).items() if count)
    return f"Rehearsed up, down and up again: {found or 'nothing'}."


def rehearsal_json(rehearsals: Sequence[Rehearsal], *, server: str) -> str:
    """Return the rehearsals as one JSON object, in the order given; README.md has its schema."""
    return json.dumps(
        {
            "version": JSON_VERSION,
            "server": server,
            "counts": counts(rehearsals),
            "migrations": [_as_json(rehearsal) for rehearsal in rehearsals],
        },
        indent=2,
    )


def _work(seen: Observation) -> Iterator[str]:
    by_mode: dict[str, list[str]] = defaultdict(list)
    for table, mode in seen.locks.items():
        by_mode[mode].append(table)
    for mode in _MODES_SHOWN:
        if mode in by_mode:
            yield from _listed(f"locks {mode}", by_mode[mode])
    if seen.rewritten:
        yield from _listed("rewrites", seen.rewritten)
    if seen.scanned:
        yield from _listed("reads all of", seen.scanned)
    by_waiting: dict[str, list[str]] = defaultdict(list)
    for table, waiting in seen.blocked.items():
        by_waiting[waiting].append(table)
    for waiting, tables in by_waiting.items():
        yield from _listed(f"meanwhile {waiting} wait on", tables)
    if seen.unseen:
        yield f"{_INDENT}statements that refuse a transaction, so locks not seen: {seen.unseen}"


def _listed(title: str, tables: Iterable[str]) -> list[str]:
    return wrapped(f"{title}: {', '.join(tables)}", indent=_INDENT)


def _differences(title: str, differences: Sequence[Difference]) -> Iterator[str]:
    if differences:
        yield f"{_INDENT}{title}:"
    for difference in differences:
        yield from _listed_object(difference)


def _listed_object(difference: Difference) -> Iterator[str]:
    yield f"{_INDENT}  {difference}"
    for word, definition in (("was", difference.before), ("is", difference.after)):
        if definition is not None:
            one_line = f"{_INDENT}    {word} {' '.join(definition.split())}"
            yield one_line if len(one_line) <= WIDTH else f"{one_line[: WIDTH - 1]}…"


def _as_json(rehearsal: Rehearsal) -> dict[str, Any]:
    told = asdict(rehearsal)
    for step in ("up", "down"):
        if told[step]:
            told[step]["duration_ms"] = round(told[step]["duration_ms"], 1)
    return told
