"""The ledger's table, and adding rows to it.

The table is made as Django makes its own: no migration, no model, so that no flush empties it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, TypeAlias

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue.objects import Catalogue
from chat.schema.errors import SchemaError
from chat.schema.ledger import statements as ledger_sql
from chat.schema.ledger.stored import to_stored
from chat.schema.session.lock import KEY, MigrationLock
from chat.schema.session.migrator import operating_system_user

MigrationKey: TypeAlias = tuple[str, str]

_COLUMNS: Final = frozenset(
    {
        *("id", "event", "app", "name", "checksum", "duration_ms", "applied_at", "applied_by"),
        *("postgresql_version", "wal_lsn", "catalogue", "reason"),
    }
)


class Event(StrEnum):
    """What can happen to a migration; the table in README.md says what each means."""

    STARTED = "started"
    APPLIED = "applied"
    UNAPPLY_STARTED = "unapply_started"
    UNAPPLIED = "unapplied"
    FAILED = "failed"
    FAKED = "faked"
    UNFAKED = "unfaked"
    SQUASHED = "squashed"
    ACCEPTED = "accepted"
    DRIFT_ACCEPTED = "drift_accepted"
    DRIFTED = "drifted"
    PRUNED = "pruned"


def has_ledger(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the ledger is there; one statement.

    Raises:
        ForeignLedgerError: a table of this name is there and is not the ledger.
        HiddenRecordsError: this role does not see all rows of the ledger, or of Django's own table.
    """
    with connection.cursor() as cursor:
        cursor.execute(ledger_sql.COLUMNS)
        columns, hidden, role = cursor.fetchone()
    if hidden:
        raise HiddenRecordsError(hidden, role=role)
    if columns is None:
        return False
    if missing := _COLUMNS - set(columns):
        raise ForeignLedgerError(ledger_sql.TABLE, columns=columns, missing=sorted(missing))
    return True


def ensure_ledger(connection: BaseDatabaseWrapper) -> None:
    """Make the ledger where it is not there yet, in one transaction.

    Raises:
        ForeignLedgerError: a table of this name is there and is not the ledger.
    """
    if has_ledger(connection):
        return
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(ledger_sql.CREATE)


def append(
    connection: BaseDatabaseWrapper,
    *,
    event: Event,
    app: str,
    name: str,
    checksum: str | None = None,
    duration_ms: int | None = None,
    catalogue: Catalogue | None = None,
    reason: str | None = None,
    is_durable: bool = True,
    lock: MigrationLock | None = None,
) -> None:
    """Add one row; one statement, in the transaction that is open, if any.

    One that is not durable is committed at once, and may be lost when the server itself crashes
    before it has written something else. With `lock` it is added only while that is held.

    Raises:
        LockLostError: the lock is not held any more.
    """
    # Django's stubs do not know what psycopg can adapt.
    row: dict[str, Any] = {
        "event": event,
        "app": app,
        "name": name,
        "checksum": checksum,
        "duration_ms": duration_ms,
        "user": operating_system_user(),
        "catalogue": to_stored(catalogue) if catalogue is not None else None,
        "reason": reason,
        "is_durable": is_durable or connection.in_atomic_block,
        "key": KEY,
    }
    with connection.cursor() as cursor:
        cursor.execute(ledger_sql.APPEND_UNDER_LOCK if lock else ledger_sql.APPEND, row)
        if lock and not cursor.rowcount:
            lock.verify()


class ForeignLedgerError(SchemaError):
    """A table that is not the ledger has the ledger's name."""

    def __init__(self, table: str, *, columns: Sequence[str], missing: Sequence[str]) -> None:
        self.table = table
        super().__init__(
            seen=(
                f"{table} has the columns {', '.join(columns)}; the ledger also needs "
                f"{', '.join(missing)}. Another migration runner may have made it."
            ),
            next_step=(
                "Keep it under another name, then run this again: "
                f"ALTER TABLE {table} RENAME TO {table}_before_django;"
            ),
        )


class HiddenRecordsError(SchemaError):
    """Row-level security hides the records of migrations from this role; nothing was done."""

    def __init__(self, tables: Sequence[str], *, role: str) -> None:
        self.tables = tuple(tables)
        super().__init__(
            seen=(
                f"It is on for {' and '.join(tables)}, and the role {role} is bound by it: what is "
                "applied would look pending."
            ),
            next_step=(
                "Turn it off, as the owner: "
                + " ".join(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;" for table in tables)
                + " To keep others out, REVOKE their privileges on the tables instead. Or connect "
                "as their owner."
            ),
        )
