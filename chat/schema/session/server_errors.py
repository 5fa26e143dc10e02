"""What the server said of an error, and what usually helps."""

from collections.abc import Iterator
from typing import Any, Final

import psycopg

# SQLSTATEs, or the classes that they begin with; the longest that fits counts.
_ADVICE: Final = {
    "08": "See what became of it: python manage.py migration_status. Then run this again.",
    "22": "Correct the rows that do not fit, or the migration, then run this again.",
    "23": "Correct the rows that break the rule, or the migration, then run this again.",
    "25001": (
        "It cannot run in a transaction: set atomic = False in the migration, leave it that one "
        "operation, and begin no transaction in it."
    ),
    "25006": "It takes no writes, as a standby does. Connect to the primary server.",
    "42501": (
        "Let the role that migrates do that: as the owner, GRANT it (CREATE ON SCHEMA public, say) "
        "or ALTER … OWNER TO it. Or connect as the role that owns the tables."
    ),
    "42P07": (
        "Something of that name is there already. Drop or rename it. If it is what the migration "
        "would make, and all of it: python manage.py migrate APP NAME --fake"
    ),
    "53": "Make room on the server, then run this again.",
    "57014": (
        "If somebody cancelled the statement, run this again. If statement_timeout did, as it may "
        "be set for the role or the database, let the migration begin with SET statement_timeout "
        "= 0, which lasts to its end."
    ),
    "57P": "See what became of it: python manage.py migration_status. Then run this again.",
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
    state = getattr(_of_psycopg(error), "sqlstate", None) or ""
    if state in _ALREADY_THERE:
        state = "42P07"
    fitting = [known for known in _ADVICE if state.startswith(known)]
    return _ADVICE[max(fitting, key=len)] if fitting else otherwise


def _of_psycopg(error: BaseException) -> psycopg.Error | None:
    return next((each for each in _chain(error) if isinstance(each, psycopg.Error)), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
