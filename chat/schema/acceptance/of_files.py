"""Accepting the files on disk as those of an applied migration, for a reason that is kept."""

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.acceptance.reasons import require_reason
from chat.schema.disk.loading import load_migrations
from chat.schema.disk.names import require_app, require_migration
from chat.schema.errors import RefusedError, SchemaError
from chat.schema.ledger.table import Event, MigrationKey, append, ensure_ledger
from chat.schema.status.reading import MigrationState, MigrationStatus, read_statuses
from chat.schema.text import command_line


class NotAppliedError(SchemaError):
    """The migration is not applied, so there is nothing to accept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The checksums of what was accepted; `before` is None where the ledger had none."""

    migration: str
    before: str | None
    now: str


def accept_migration(
    connection: BaseDatabaseWrapper, *, app_label: str, name: str, reason: str
) -> Acceptance | None:
    """Add a row with the checksum of the files on disk; return None when they are in force.

    `name` is a migration of the app, or the beginning of one only. Runs nothing, keeps the rows
    that are there, touches no other migration. Call it under the migration lock.

    Raises:
        RefusedError: the reason is empty.
        UnknownAppError, UnknownMigrationError: there is no such migration on disk.
        NotAppliedError: it is not applied.
    """
    require_reason(reason)
    loader = load_migrations(connection)
    require_app(app_label, known=loader.migrated_apps)
    name = require_migration(loader, app_label=app_label, name=name)
    statuses = read_statuses(connection, loader=loader, is_lock_ours=True)
    status = _on_disk(statuses, key=(app_label, name))
    if not status.is_applied or status.checksum_on_disk is None:
        raise NotAppliedError(
            seen=f"{status} is {status.state}.",
            next_step="Apply it: " + command_line("migrate", status.app, status.name),
        )
    if status.checksum == status.checksum_on_disk:
        return None
    ensure_ledger(connection)
    append(
        connection,
        event=Event.ACCEPTED,
        app=status.app,
        name=status.name,
        checksum=status.checksum_on_disk,
        reason=reason.strip(),
    )
    return Acceptance(migration=str(status), before=status.checksum, now=status.checksum_on_disk)


def _on_disk(statuses: list[MigrationStatus], *, key: MigrationKey) -> MigrationStatus:
    for status in statuses:
        if status.key == key and status.state is not MigrationState.MISSING:
            return status
    raise RefusedError(
        seen=f"{'.'.join(key)} is in no plan.",
        next_step="Name a migration that is; migration_status shows them.",
    )
