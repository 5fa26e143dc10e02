"""What the server said of an error, and what usually helps."""

import re
from collections.abc import Iterator
from typing import Any, Final

import psycopg
from psycopg import sql

from chat.schema.text import command_line

_LOST: Final = (
    "Look whether the server runs, and whether the settings name it. See what became of it: "
    "{status}. Then run this again."
)
_TO_READ: Final = (
    "To migrate, connect as the role that owns the tables. Only to look, let this role read the "
    "records: as the owner, GRANT SELECT ON django_migrations, schema_migrations TO it."
)
_RECORDS: Final = frozenset({"django_migrations", "schema_migrations"})
# SQLSTATEs, or the classes that they begin with; the longest that fits counts.
_ADVICE: Final = {
    "08": _LOST,
    "22": "Correct the rows that do not fit, or the migration, then run this again.",
    "22021": (
        "A text in the database, perhaps a comment, has bytes that are not UTF-8, as one in "
        "SQL_ASCII may. Write it again in UTF-8, then run this again."
    ),
    "23": "Correct the rows that break the rule, or the migration, then run this again.",
    "23505": (
        "Correct the rows that break the rule, or the migration, then run this again. If this was "
        "a logical replica before, its sequences are behind the rows: {setval}"
    ),
    "25001": (
        "It cannot run in a transaction: set atomic = False in the migration, leave it that one "
        "operation, and begin no transaction in it."
    ),
    "25006": (
        "Nothing can be written here: the server is a standby, or default_transaction_read_only is "
        "on for this role or database. Connect to the primary server, as a role that may write."
    ),
    "42501": (
        "Let the role that migrates do that: as the owner, GRANT it (CREATE ON SCHEMA public, say) "
        "or ALTER … OWNER TO it. Or connect as the role that owns the tables."
    ),
    "42P07": (
        "Something of that name is there already. Drop or rename it. If it is what the migration "
        "would make, and all of it: {fake}"
    ),
    "53": "Make room on the server, then run this again.",
    "57014": (
        "If somebody cancelled the statement, run this again. If statement_timeout did, as it may "
        "be set for the role or the database, let the migration begin with SET statement_timeout "
        "= 0, which lasts to its end."
    ),
    "57P": _LOST,
}
_ALREADY_THERE: Final = frozenset({"42701", "42710", "42723", "42P06", "42P07"})


def what_was_said(error: BaseException) -> str:
    """Return the server's own message behind an error, or the error's where no server spoke."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return getattr(diagnostics, "message_primary", None) or str(error)


def server_message(error: BaseException) -> str:
    """Return what the server said with its detail and hint; the error's text where none spoke.

    The notes of the error come last.
    """
    notes = getattr(error, "__notes__", [])
    diagnosis: Any = getattr(_of_psycopg(error), "diag", None)
    if diagnosis is None or diagnosis.message_primary is None:
        return "\n".join([str(error), *notes])
    said = [f"{diagnosis.severity}: {diagnosis.message_primary}"]
    if diagnosis.message_detail:
        said.append(f"DETAIL: {diagnosis.message_detail}")
    if diagnosis.message_hint:
        said.append(f"HINT: {diagnosis.message_hint}")
    return "\n".join([*said, *notes])


def advice(
    error: BaseException, *, otherwise: str = "Correct what it names, then run this again."
) -> str:
    """Return in a sentence or two what to do about an error of the database."""
    said_by = _of_psycopg(error)
    state = getattr(said_by, "sqlstate", None) or ("08" if is_connection_lost(error) else "")
    if state in _ALREADY_THERE:
        state = "42P07"
    setval = _setval(said_by)
    if state == "23505" and setval is None:
        state = "23"
    named = re.findall(r"\w+", getattr(getattr(said_by, "diag", None), "message_primary", "") or "")
    if state == "42501" and not _RECORDS.isdisjoint(named):
        return _TO_READ
    fitting = [known for known in _ADVICE if state.startswith(known)]
    said = _ADVICE[max(fitting, key=len)] if fitting else otherwise
    return said.format(
        status=command_line("migration_status"),
        fake=command_line("migrate", "APP", "NAME", "--fake"),
        setval=setval,
    )


def is_connection_lost(error: BaseException) -> bool:
    """Return whether there was no connection, or none any more."""
    said_by = _of_psycopg(error)
    # libpq and psycopg themselves have no SQLSTATE.
    if said_by is None or said_by.sqlstate is None:
        return isinstance(said_by, psycopg.OperationalError | psycopg.InterfaceError)
    return said_by.sqlstate.startswith(("08", "57P"))


def _setval(error: psycopg.Error | None) -> str | None:
    """Return the statement that sets a sequence to the last of the keys that came from it.

    None unless a primary key of one column came twice.
    """
    diagnosis = getattr(error, "diag", None)
    if diagnosis is None or not (diagnosis.constraint_name or "").endswith("_pkey"):
        return None
    # In every language the detail names the column as (id)=(1).
    key = re.search(r"\(([^(),]+)\)=\(", diagnosis.message_detail or "")
    if diagnosis.table_name is None or key is None:
        return None
    table = sql.Identifier(diagnosis.schema_name or "public", diagnosis.table_name)
    column = key[1].strip('"')
    statement = sql.SQL(
        "SELECT setval(pg_get_serial_sequence({}, {}), (SELECT max({}) FROM {}));"
    ).format(table.as_string(), column, sql.Identifier(column), table)
    return statement.as_string()


def _of_psycopg(error: BaseException) -> psycopg.Error | None:
    return next((each for each in _chain(error) if isinstance(each, psycopg.Error)), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
