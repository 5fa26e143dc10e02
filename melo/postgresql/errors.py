"""The errors of connecting to the database, in words.

libpq gives a failed connection no SQLSTATE, so the reason is read from its text. Where that is in
another language the reason is OTHER, and the message still has the text and what was tried.
"""

import re
import shlex
from dataclasses import dataclass, field
from enum import StrEnum

import psycopg
from django.core.management import CommandError
from django.db import OperationalError

TOO_OLD_CHECK = "melo.E001"


class Reason(StrEnum):
    """Why there is no connection."""

    NOT_LISTENING = "not listening"
    UNKNOWN_HOST = "unknown host"
    TIMEOUT = "timeout"
    WRONG_PASSWORD = "wrong password"  # noqa: S105 — a reason
    NO_PASSWORD = "no password"  # noqa: S105 — a reason
    WRONG_OPTION = "wrong option"
    MISSING_ROLE = "missing role"
    MISSING_DATABASE = "missing database"
    NOT_ALLOWED = "not allowed"
    ENCRYPTION = "encryption"
    TOO_MANY_CONNECTIONS = "too many connections"
    POOL_EXHAUSTED = "pool exhausted"
    NOT_READY = "not ready"
    TOO_OLD = "too old"
    EMBEDDED = "embedded"
    OTHER = "other"


class DatabaseUnavailable(OperationalError, CommandError):  # noqa: N818 — as Django's own are named
    """The database cannot be reached or used.

    Code catches it as OperationalError; a management command prints it and exits with 1.
    """

    def __init__(self, message: str, *, reason: Reason = Reason.OTHER) -> None:
        super().__init__(message)
        self.reason = reason
        self.returncode = 1


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What was tried: the server, the user, and the variables that named them ("" if none did)."""

    host: str
    port: str
    user: str
    name: str
    variables: str
    alias: str = "default"
    password: str = field(repr=False)

    @property
    def place(self) -> str:
        """The server, as host:port."""
        if self.host.startswith("/"):
            return f"{self.host} (port {self.port})"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def setting(self, *parts: str) -> str:
        """Return the names of the variables of settings such as HOST, for a message."""
        words = " or ".join(part.lower() for part in parts)
        if self.variables == "DATABASE_URL":
            return f"the {words} in DATABASE_URL"
        if self.variables == "DB_REPLICA_HOSTS":
            return "DB_REPLICA_HOSTS" if "HOST" in parts else f"the primary's {words}"
        return " or ".join(f"DB_{part}" for part in parts)


# The server's own answers first: an attempt over several addresses has several texts, and the
# address that did answer is the one that matters.
_PATTERNS = (
    # psycopg's pool, not the server.
    (Reason.POOL_EXHAUSTED, r"couldn't get a connection after|requests waiting"),
    (Reason.MISSING_DATABASE, r'FATAL: +database ".*" does not exist'),
    (Reason.MISSING_ROLE, r'FATAL: +role ".*" does not exist'),
    (Reason.NOT_ALLOWED, r"no pg_hba\.conf entry|pg_hba\.conf rejects|permission denied for datab"),
    (Reason.NO_PASSWORD, r"no password supplied"),
    (Reason.WRONG_PASSWORD, r"authentication failed"),
    (Reason.WRONG_OPTION, r"^(bad value for|invalid (\S+ )?(value|integer))|: invalid \S+ value"),
    (
        Reason.TOO_MANY_CONNECTIONS,
        r"too many (clients|connections)|remaining connection slots|connection limit exceeded",
    ),
    (Reason.NOT_READY, r"the database system is|not (yet )?accepting connections"),
    (Reason.ENCRYPTION, r"\bSSL\b|certificate|sslmode|GSSAPI"),
    (Reason.UNKNOWN_HOST, r"failed to resolve host|could not translate host name"),
    (Reason.TIMEOUT, r"timeout|timed out"),
    (
        Reason.NOT_LISTENING,
        r"Connection refused|No such file or directory|unreachable|No route to host",
    ),
)


# What is wrong, and what to do next.
_WORDING = {
    Reason.NOT_LISTENING: (
        "No PostgreSQL server listens at {place}.",
        (
            "start it, or correct {address}; `pg_isready {client}` tells whether it answers. "
            "Outside production, without {variables}, an embedded server is used."
        ),
    ),
    Reason.UNKNOWN_HOST: (
        "There is no host named {host!r}.",
        "correct {host_setting}, or look at this machine's DNS with `getent hosts {host_word}`.",
    ),
    Reason.TIMEOUT: (
        "{place} did not answer in time.",
        (
            "check for a firewall in between, and that {address} is right; "
            "`pg_isready {client}` tries it again."
        ),
    ),
    Reason.WRONG_PASSWORD: (
        "The server does not let {user!r} in with this password.",
        "correct {credentials}; `psql {client} -U {user_word} -W {name_word}` tries another.",
    ),
    Reason.NO_PASSWORD: (
        "The server asks {user!r} for a password, and none is set.",
        "set {password_setting}, or put one into ~/.pgpass.",
    ),
    Reason.WRONG_OPTION: (
        "A connection option has a value that it cannot have.",
        "correct what follows the ? in DATABASE_URL, or the PG… variable of that option.",
    ),
    Reason.MISSING_ROLE: (
        "The server has no role {user!r}.",
        "correct {user_setting}, or create the role: `createuser {client} --pwprompt {user_word}`.",
    ),
    Reason.MISSING_DATABASE: (
        "The server has no database {name!r}.",
        (
            "`python manage.py migrate{alias_option} --create-database` creates it and its tables, "
            "`createdb {client} -U {user_word} {name_word}` creates it empty; "
            "or correct {name_setting}."
        ),
    ),
    Reason.NOT_ALLOWED: (
        "The server does not allow {user!r} to connect to {name!r} from here.",
        (
            "add a line to its pg_hba.conf (`SHOW hba_file` says where that is), or grant the "
            "right to connect, or correct {address}, {credentials} or {name_setting}."
        ),
    ),
    Reason.ENCRYPTION: (
        "{place} and this client do not agree about encryption.",
        (
            "enable ssl on the server, or correct sslmode and the certificates "
            "(?sslmode=… in DATABASE_URL, or PGSSLMODE)."
        ),
    ),
    Reason.TOO_MANY_CONNECTIONS: (
        "{place} has no connection left for {user!r}.",
        (
            "close some (`SELECT pid, usename, application_name, state FROM pg_stat_activity` "
            "shows them), or raise the limit: max_connections, or that of the role or database."
        ),
    ),
    Reason.POOL_EXHAUSTED: (
        "No connection of this process's pool became free in time.",
        (
            "raise max_size in the pool's options, shorten the transactions that hold its "
            "connections, or look whether the server answers: `pg_isready {client}`."
        ),
    ),
    Reason.NOT_READY: (
        "{place} is starting up, shutting down or recovering.",
        "wait and try again; `pg_isready {client}` tells when it is ready.",
    ),
    Reason.OTHER: (
        "There is no connection to the database at {place}.",
        "correct what PostgreSQL reports, or {address}, {credentials} or {name_setting}.",
    ),
}


def reason_of(text: str) -> Reason:
    """Return the reason in libpq's text."""
    for reason, pattern in _PATTERNS:
        if re.search(pattern, text):
            return reason
    return Reason.OTHER


def unavailable(text: str, *, attempt: Attempt) -> DatabaseUnavailable:
    """Return the error for a connection that failed with libpq's `text`."""
    reason = reason_of(text)
    wrong, remedy = (text.format_map(_words(attempt)) for text in _WORDING[reason])
    tried = f"Tried: {attempt.place}, database {attempt.name}, user {attempt.user}."
    speaker = "The pool" if reason is Reason.POOL_EXHAUSTED else "PostgreSQL"
    said = f"{speaker} said: {_first_line(text, attempt)}"
    return DatabaseUnavailable("\n".join((wrong, tried, said, f"Next: {remedy}")), reason=reason)


def too_old(*, found: str, minimum: str, attempt: Attempt) -> DatabaseUnavailable:
    """Return the error for a server that is too old for this project.

    It bears the name of the system check that says the same: checks run in no fixed order, and
    another one may be the first to connect.
    """
    return DatabaseUnavailable(
        f"({TOO_OLD_CHECK}) The server is PostgreSQL {found}, and PostgreSQL {minimum} or newer is "
        "needed.\n"
        f"Tried: {attempt.place}, database {attempt.name}, user {attempt.user}.\n"
        f"Next: upgrade it, or let {attempt.setting('HOST', 'PORT')} name a newer server.",
        reason=Reason.TOO_OLD,
    )


def without_values(error: psycopg.Error) -> str:
    """Return the text of an error without what it tells of rows: hashes, tokens, content.

    Of data and constraints that is the detail, and of data what follows a colon; while COPY runs
    also the context. `error.diag` has all of it still.
    """
    said = error.diag
    state = error.sqlstate or ""
    if not said.message_primary or not (state.startswith(("22", "23")) or said.context):
        return str(error)
    hint = f"\nHINT:  {said.message_hint}" if said.message_hint else ""
    # Of data, as `invalid input syntax for type integer: "…"`.
    message = said.message_primary.partition(":")[0] if state.startswith("22") else None
    return f"{message or said.message_primary}{hint}"


def _words(attempt: Attempt) -> dict[str, str]:
    is_url = attempt.variables == "DATABASE_URL"
    return {
        "place": attempt.place,
        "alias_option": "" if attempt.alias == "default" else f" --database {attempt.alias}",
        "host": attempt.host,
        "host_word": shlex.quote(attempt.host),
        "user": attempt.user,
        "user_word": shlex.quote(attempt.user),
        "name": attempt.name,
        "name_word": shlex.quote(attempt.name),
        "client": shlex.join(["-h", attempt.host or "localhost", "-p", attempt.port]),
        "address": attempt.setting("HOST", "PORT"),
        "credentials": attempt.setting("USER", "PASSWORD"),
        "password_setting": attempt.setting("PASSWORD"),
        "host_setting": attempt.setting("HOST"),
        "user_setting": attempt.setting("USER"),
        "name_setting": attempt.setting("NAME"),
        "variables": "DATABASE_URL" if is_url else "any DB_ variable",
    }


def _first_line(text: str, attempt: Attempt) -> str:
    line = text.strip().split("\n", 1)[0]
    # libpq does not repeat the password; this is for the day on which something does.
    if attempt.password and attempt.password not in {attempt.user, attempt.name, attempt.host}:
        line = line.replace(attempt.password, "***")
    return line
