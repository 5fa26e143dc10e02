"""The state of the migrations as text: a table for people, JSON for programs.

Nothing here reads a database or prints; README.md beside this file documents the JSON.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC

from django.core.management.color import Style

from chat.schema.status import MigrationState, MigrationStatus, current_migrations, next_step

JSON_VERSION = 1
WIDTH = 80

_STYLE_ROLES: Mapping[MigrationState, str] = {
    MigrationState.APPLIED: "SUCCESS",
    MigrationState.PENDING: "WARNING",
    MigrationState.MISSING: "ERROR",
}
_STATE_WIDTH = max(len(state) for state in MigrationState)
_ROW = f"  {{state:<{_STATE_WIDTH}}}  {{applied:<16}}  {{kind:<6}}  {{down:<4}}  {{name}}"
_NAME_WIDTH = WIDTH - len(_ROW.format(state="", applied="", kind="", down="", name=""))


def status_table(statuses: Sequence[MigrationStatus], *, style: Style) -> str:
    """Return the migrations app by app, then the current versions and what to do next.

    No line of the table is longer than 80 columns: a name that is longer than its column loses its
    middle. Times are UTC. Apps come in the order in which they are first met.
    """
    apps: dict[str, list[MigrationStatus]] = {}
    for status in statuses:
        apps.setdefault(status.app, []).append(status)
    lines = [
        _ROW.format(
            state="state", applied="applied (UTC)", kind="kind", down="down", name="migration"
        )
    ]
    for app, of_app in apps.items():
        lines.append(style.MIGRATE_HEADING(app))
        lines += [_row(status, style=style) for status in of_app]
    lines.append("")
    lines += [
        f"Current version of {app}: {name or 'zero'}"
        for app, name in current_migrations(statuses).items()
    ]
    lines.append(next_step(statuses))
    return "\n".join(lines)


def status_json(statuses: Sequence[MigrationStatus], *, database: str) -> str:
    """Return the migrations as one JSON object, in the order given; README.md has its schema."""
    return json.dumps(
        {
            "version": JSON_VERSION,
            "database": database,
            "is_ready": all(status.state is MigrationState.APPLIED for status in statuses),
            "counts": {
                state: sum(status.state is state for status in statuses) for state in MigrationState
            },
            "current": current_migrations(statuses),
            "next_step": next_step(statuses),
            "migrations": [
                {
                    "app": status.app,
                    "name": status.name,
                    "state": status.state,
                    "applied_at": status.applied_at.astimezone(UTC).isoformat()
                    if status.applied_at
                    else None,
                    "is_reversible": status.is_reversible,
                    "kind": status.kind,
                }
                for status in statuses
            ],
        },
        indent=2,
    )


def _row(status: MigrationStatus, *, style: Style) -> str:
    applied = (
        status.applied_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if status.applied_at else ""
    )
    down = {True: "yes", False: "no", None: "?"}[status.is_reversible]
    line = _ROW.format(
        state=status.state,
        applied=applied,
        kind=status.kind or "?",
        down=down,
        name=_shortened(status.name),
    ).rstrip()
    paint = getattr(style, _STYLE_ROLES[status.state])
    return line.replace(status.state, paint(status.state), 1)


def _shortened(name: str) -> str:
    if len(name) <= _NAME_WIDTH:
        return name
    tail = _NAME_WIDTH // 2
    return f"{name[: _NAME_WIDTH - tail - 1]}…{name[-tail:]}"
