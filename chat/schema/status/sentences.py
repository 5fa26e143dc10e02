"""What the operator is told: a sentence for each state that is not plain, and what to do next."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC

from chat.schema.disk.checksums import short_checksum
from chat.schema.ledger.table import Event
from chat.schema.status.reading import MigrationState, MigrationStatus, in_state, rewritten_apps
from chat.schema.status.refusals import RewrittenMigrationsError


def sentence(status: MigrationStatus) -> str | None:
    """Return in one sentence what happened, None where there is nothing to say."""
    about_state = _SENTENCES.get(status.state)
    if about_state is not None:
        return about_state(status)
    if status.begun is not None:
        return _begun(status)
    return None


def next_step(statuses: Sequence[MigrationStatus], *, is_drifted: bool = False) -> str:
    """Return in one sentence what the operator does next, the most pressing first."""
    missing = in_state(statuses, MigrationState.MISSING)
    modified = in_state(statuses, MigrationState.MODIFIED)
    interrupted = in_state(statuses, MigrationState.INTERRUPTED)
    pending = in_state(statuses, MigrationState.PENDING)
    if missing:
        return _about_missing(statuses, missing)
    if modified:
        return (
            f"{len(modified)} modified: restore the files, or, if the database already is what "
            "they say now, run: python manage.py migration_accept "
            f'{modified[0].app} {modified[0].name} --reason "why"'
        )
    if interrupted:
        return (
            f"{len(interrupted)} interrupted: {finishing_command(interrupted[0], among=statuses)}"
        )
    if is_drifted:
        then = f", then {len(pending)} pending: python manage.py migrate" if pending else ""
        return f"See the drift: python manage.py migration_drift{then}"
    if pending:
        return f"{len(pending)} pending: python manage.py migrate"
    return "Nothing to do: the database is what the code expects."


def _about_missing(statuses: Sequence[MigrationStatus], missing: Sequence[MigrationStatus]) -> str:
    if rewritten := rewritten_apps(statuses):
        return (
            f"The migrations of {', '.join(rewritten)} were written anew since this database was "
            f"made. {RewrittenMigrationsError.NEXT_STEP}"
        )
    return (
        f"The database is ahead of the code by {len(missing)}: deploy the code that has "
        "them, or, if they were deleted on purpose, run: "
        f"python manage.py migrate {missing[0].app} --prune"
    )


def finishing_command(status: MigrationStatus, *, among: Iterable[MigrationStatus]) -> str:
    """Return the command that finishes a migration that was interrupted; `among` is the plan."""
    if not status.is_applied:
        return f"python manage.py migrate {status.app} {status.name}"
    before = "zero"
    for other in among:
        if other.key == status.key:
            break
        if other.app == status.app:
            before = other.name
    return f"python manage.py migrate {status.app} {before}"


def _modified(status: MigrationStatus) -> str:
    return (
        f"{status} was changed after it was applied: its files had the checksum "
        f"{short_checksum(status.checksum or '')} then and have "
        f"{short_checksum(status.checksum_on_disk or '')} now."
    )


def _missing(status: MigrationStatus) -> str:
    return f"{status} is applied, and not on disk: the database is ahead of the code."


def _faked(status: MigrationStatus) -> str:
    return f"{status} was recorded as applied by --fake{_by(status)}; nothing of it was run then."


def _untracked(status: MigrationStatus) -> str:
    return (
        f"{status} was applied without the ledger, so nobody knows with which bytes; "
        "migration_accept takes those on disk."
    )


def _begun(status: MigrationStatus) -> str:
    begun, failure = status.begun, status.failure
    if begun is None:
        return f"{status} was not ended."
    is_rollback = begun.event is Event.UNAPPLY_STARTED
    what = "rolling it back" if is_rollback else "applying it"
    when = f"{begun.applied_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC by {begun.applied_by}"
    if status.runner is not None:
        return f"{status}: {what} began at {when}, and may go on: {status.runner} has the lock."
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


def _by(status: MigrationStatus) -> str:
    return f" by {status.applied_by}" if status.applied_by else ""


def _first_line(reason: str | None) -> str:
    return (reason or "nobody knows why").partition("\n")[0]


_SENTENCES: Mapping[MigrationState, Callable[[MigrationStatus], str]] = {
    MigrationState.MODIFIED: _modified,
    MigrationState.MISSING: _missing,
    MigrationState.FAKED: _faked,
    MigrationState.UNTRACKED: _untracked,
    MigrationState.INTERRUPTED: _begun,
}
