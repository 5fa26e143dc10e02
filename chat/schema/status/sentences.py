"""What the operator is told: a sentence for each state that is not plain, and what to do next."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC

from chat.schema.disk.checksums import short_checksum
from chat.schema.ledger.events import LedgerEvent
from chat.schema.ledger.table import Event
from chat.schema.status.reading import (
    AllowedChange,
    MigrationState,
    MigrationStatus,
    in_state,
    rewritten_apps,
)
from chat.schema.text import command_line, relative_to_cwd

_NAMES_SHOWN = 3
_ALLOWED = {
    AllowedChange.PACKAGE: (
        "{0} is of an installed package, and files of its applied migrations have changed: {1}. "
        "This is not refused: migrate records it, and runs nothing of them again."
    ),
    AllowedChange.SQUASH: (
        "Squashed migrations of {0} replace no others any more, so their files have changed: {1}. "
        "This is not refused: migrate records it, and runs nothing of them again."
    ),
}
_EMPTY = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


def sentence(status: MigrationStatus) -> str | None:
    """Return in one sentence what happened, None where there is nothing to say."""
    return next(iter(sentences([status])), None)


def sentences(statuses: Sequence[MigrationStatus]) -> list[str]:
    """Return what happened, in order; last what changed and is not refused, app by app."""
    return [*filter(None, map(_about, statuses)), *allowed_changes(statuses)]


def _about(status: MigrationStatus) -> str | None:
    about_state = _SENTENCES.get(status.state)
    if about_state is not None:
        return about_state(status)
    if status.only_in_ledger is not None:
        return _only_in_ledger(status.only_in_ledger)
    return _begun(status) if status.begun is not None else None


def allowed_changes(statuses: Iterable[MigrationStatus]) -> list[str]:
    """Return what is said of files that have changed and are not refused: one sentence an app."""
    found: dict[tuple[AllowedChange, str], list[str]] = {}
    for status in statuses:
        if status.allowed_change:
            found.setdefault((status.allowed_change, status.app), []).append(status.name)
    return [_ALLOWED[change].format(app, _some(names)) for (change, app), names in found.items()]


def next_step(statuses: Sequence[MigrationStatus], *, is_drifted: bool = False) -> str:
    """Return in one sentence what the operator does next, the most pressing first."""
    for state in (MigrationState.MISSING, MigrationState.MODIFIED, MigrationState.INTERRUPTED):
        if found := in_state(statuses, state):
            return next_step_for(found, among=statuses)
    pending = in_state(statuses, MigrationState.PENDING)
    about_pending = next_step_for(pending, among=statuses) if pending else ""
    if is_drifted:
        then = f", then {about_pending}" if pending else ""
        return f"See the drift: {command_line('migration_drift')}{then}"
    return about_pending or "Nothing to do: the database is what the code expects."


def next_step_for(found: Sequence[MigrationStatus], *, among: Sequence[MigrationStatus]) -> str:
    """Return what the operator does about migrations in one state; `among` are all of them."""
    first = found[0]
    match first.state:
        case MigrationState.MISSING:
            return _about_missing(found, among=among)
        case MigrationState.MODIFIED:
            return (
                "Restore the files as they were applied, and put the change into a new migration. "
                "Or, if the database already is what they say now (nothing will be run): "
                + _accept_command(first, reason="why it is the same")
            )
        case MigrationState.INTERRUPTED:
            command = finishing_command(first, among=among)
            return f"Finish what was interrupted first: {command}"
        case _ if torn := next((each for each in found if each.only_in_ledger), None):
            before = _name_before(torn, among=among)
            return (
                f"If the database has what {torn} does, record it: "
                f"{command_line('migrate', torn.app, torn.name, '--fake')}. If it was undone by "
                "hand, take it from the ledger too: that command, then "
                f"{command_line('migrate', torn.app, before, '--fake')}, then "
                f"{command_line('migrate')}"
            )
        case _:
            return f"{len(found)} {first.state}: {command_line('migrate')}"


def _about_missing(missing: Sequence[MigrationStatus], *, among: Sequence[MigrationStatus]) -> str:
    if rewritten := rewritten_apps(among):
        return (
            f"The migrations of {', '.join(rewritten)} were written anew since this database was "
            "made: the first has changed, applied ones are gone, and others are pending. Nothing "
            "leads from the old ones to the new. Make the database anew, which loses all that is "
            f"in it: {command_line('dbshell', '--', '-c', _EMPTY)}, then: {command_line('migrate')}"
        )
    return (
        f"The database is ahead of the code by {len(missing)}: deploy the code that has them. If "
        "they were deleted on purpose, forget them with: "
        + command_line("migrate", missing[0].app, "--prune")
    )


def finishing_command(status: MigrationStatus, *, among: Iterable[MigrationStatus]) -> str:
    """Return the command that finishes a migration that was interrupted; `among` is the plan."""
    if not status.is_applied:
        return command_line("migrate", status.app, status.name)
    return command_line("migrate", status.app, _name_before(status, among=among))


def _name_before(status: MigrationStatus, *, among: Iterable[MigrationStatus]) -> str:
    before = "zero"
    for other in among:
        if other.key == status.key:
            break
        if other.app == status.app:
            before = other.name
    return before


def _modified(status: MigrationStatus) -> str:
    files = ", ".join(map(relative_to_cwd, status.files))
    return (
        f"{status} was changed after it was applied: its files had the checksum "
        f"{short_checksum(status.checksum or '')} then and have "
        f"{short_checksum(status.checksum_on_disk or '')} now ({files})."
    )


def _missing(status: MigrationStatus) -> str:
    return f"{status} is applied, and not on disk: the database is ahead of the code."


def _faked(status: MigrationStatus) -> str:
    return f"{status} was recorded as applied by --fake{_by(status)}; nothing of it was run then."


def _untracked(status: MigrationStatus) -> str:
    return (
        f"{status} was applied before checksums were kept; to start checking it: "
        + _accept_command(status, reason="as deployed")
    )


def _accept_command(status: MigrationStatus, *, reason: str) -> str:
    return command_line("migration_accept", status.app, status.name, "--reason", reason)


def _only_in_ledger(event: LedgerEvent) -> str:
    return (
        f"{event.app}.{event.name}: by the ledger it was {event.event} at "
        f"{event.applied_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC by {event.applied_by}, and "
        "django_migrations has no row of it; applied again, it would be done twice."
    )


def _begun(status: MigrationStatus) -> str:
    begun, failure = status.begun, status.failure
    if begun is None:
        return f"{status} was begun and not finished."
    is_rollback = begun.event is Event.UNAPPLY_STARTED
    what = "rolling it back" if is_rollback else "applying it"
    when = f"{begun.applied_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC by {begun.applied_by}"
    if status.runner is not None:
        return (
            f"{status}: {what} began at {when}, and may still be running: {status.runner} holds "
            "the lock."
        )
    if failure is not None:
        how = f"failed ({_first_line(failure.reason)})"
    else:
        how = "was cut off before its end"
    left = (
        "it is one transaction, so nothing of that was kept"
        if status.is_atomic
        else "it is not one transaction, so a part of it may be done"
    )
    return f"{status}: {what} began at {when} and {how}; {left}."


def _some(names: Sequence[str]) -> str:
    shown, more = names[:_NAMES_SHOWN], len(names) - _NAMES_SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _by(status: MigrationStatus) -> str:
    return f" by {status.applied_by}" if status.applied_by else ""


def _first_line(reason: str | None) -> str:
    return (reason or "the reason was not recorded").partition("\n")[0]


_SENTENCES: Mapping[MigrationState, Callable[[MigrationStatus], str]] = {
    MigrationState.MODIFIED: _modified,
    MigrationState.MISSING: _missing,
    MigrationState.FAKED: _faked,
    MigrationState.UNTRACKED: _untracked,
    MigrationState.INTERRUPTED: _begun,
}
