"""The state of the migrations as text: a table for people, JSON for programs.

Nothing here reads a database or prints; README.md beside this file documents the JSON.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.management.color import Style

from chat.schema.disk.checksums import short_checksum
from chat.schema.drift.reading import Drift, DriftState
from chat.schema.drift.report import drift_as_json
from chat.schema.status.reading import (
    MigrationState,
    MigrationStatus,
    all_ready,
    current_migrations,
)
from chat.schema.status.sentences import next_step, sentence, sentences
from chat.schema.status.tables import listed
from chat.schema.text import WIDTH, shortened, wrapped

JSON_VERSION = 2

_STYLE_ROLES: Mapping[MigrationState, str] = {
    MigrationState.APPLIED: "SUCCESS",
    MigrationState.PENDING: "WARNING",
    MigrationState.MODIFIED: "ERROR",
    MigrationState.MISSING: "ERROR",
    MigrationState.FAKED: "WARNING",
    MigrationState.UNTRACKED: "WARNING",
    MigrationState.INTERRUPTED: "ERROR",
}
_STATE_WIDTH = max(len(state) for state in MigrationState)
_ROW = f"  {{state:<{_STATE_WIDTH}}}  {{kind:<6}}  {{down:<4}}  {{name}}"
# What is known of an applied migration, on a line of its own.
_DETAIL = f"  {'':<{_STATE_WIDTH}}  {{applied:<16}}  {{took:>8}}  {{checksum:<8}}  {{by}}"
_NAME_WIDTH = WIDTH - len(_ROW.format(state="", kind="", down="", name=""))
_BY_WIDTH = WIDTH - len(_DETAIL.format(applied="", took="", checksum="", by=""))


def status_table(
    statuses: Sequence[MigrationStatus],
    *,
    style: Style,
    passed_over: Sequence[str] = (),
    is_drifted: bool = False,
    missing: Sequence[str] = (),
) -> str:
    """Return the migrations app by app, the current versions, what happened, what to do next.

    No line of the table or of what happened is longer than 80 columns: a name that is longer than
    its column loses its middle. Times are UTC. Apps come in the order of their first migrations.
    """
    apps: dict[str, list[MigrationStatus]] = {}
    for status in statuses:
        apps.setdefault(status.app, []).append(status)
    lines = [
        _ROW.format(state="state", kind="kind", down="down", name="migration"),
        _DETAIL.format(applied="applied (UTC)", took="took", checksum="checksum", by="by"),
    ]
    for app, of_app in apps.items():
        lines.append(style.MIGRATE_HEADING(app))
        for status in of_app:
            lines += _rows(status, style=style)
    lines.append("")
    lines += [
        f"Current version of {app}: {name or 'zero'}"
        for app, name in current_migrations(statuses).items()
    ]
    for said in [*sentences(statuses), *passed_over]:
        lines += wrapped(said)
    if missing:
        lines += map(style.ERROR, wrapped(f"Tables or views not there: {listed(missing)}"))
    lines.append(next_step(statuses, is_drifted=is_drifted or bool(missing)))
    return "\n".join(lines)


def status_json(
    statuses: Sequence[MigrationStatus],
    *,
    database: str,
    passed_over: Sequence[str] = (),
    drift: Drift | None = None,
    missing: Sequence[str] = (),
) -> str:
    """Return the migrations as one JSON object, in the order given; status.schema.json is of it.

    With `drift`, the object has a key for it.
    """
    is_drifted = bool(missing) or (drift is not None and drift.state is DriftState.DRIFT)
    return json.dumps(
        {
            "version": JSON_VERSION,
            "database": database,
            "is_ready": all_ready(statuses) and not missing,
            "missing_tables": list(missing),
            "counts": {
                state: sum(status.state is state for status in statuses) for state in MigrationState
            },
            "current": current_migrations(statuses),
            "next_step": next_step(statuses, is_drifted=is_drifted),
            "passed_over": list(passed_over),
            "migrations": [_as_json(status) for status in statuses],
            **({"drift": drift_as_json(drift)} if drift else {}),
        },
        indent=2,
    )


def _as_json(status: MigrationStatus) -> dict[str, Any]:
    return {
        "app": status.app,
        "name": status.name,
        "state": status.state,
        "is_applied": status.is_applied,
        "applied_at": _iso(status.applied_at),
        "applied_by": status.applied_by,
        "duration_ms": status.duration_ms,
        "checksum": status.checksum,
        "checksum_on_disk": status.checksum_on_disk,
        "is_reversible": status.is_reversible,
        "is_atomic": status.is_atomic,
        "kind": status.kind,
        "begun_at": _iso(status.begun.applied_at if status.begun else None),
        "sentence": sentence(status),
    }


def _iso(time: datetime | None) -> str | None:
    return time.astimezone(UTC).isoformat() if time else None


def _rows(status: MigrationStatus, *, style: Style) -> list[str]:
    row = _ROW.format(
        state=status.state,
        kind=status.kind or "?",
        down={True: "yes", False: "no", None: "?"}[status.is_reversible],
        name=shortened(status.name, _NAME_WIDTH),
    ).rstrip()
    paint = getattr(style, _STYLE_ROLES[status.state])
    rows = [row.replace(status.state, paint(status.state), 1)]
    if status.applied_at is not None:
        rows.append(
            _DETAIL.format(
                applied=f"{status.applied_at.astimezone(UTC):%Y-%m-%d %H:%M}",
                took=_duration(status.duration_ms),
                checksum=short_checksum(status.checksum or ""),
                by=shortened(status.applied_by or "", _BY_WIDTH),
            ).rstrip()
        )
    return rows


def _duration(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
