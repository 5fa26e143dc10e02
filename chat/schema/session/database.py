"""Which database a command works on, in words, and how long a name may be there."""

from typing import Final

from django.core import mail
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.creation import TEST_DATABASE_PREFIX

# NAMEDATALEN of PostgreSQL, without the byte that ends a name.
_NAME_BYTES: Final = 63


def describe_database(connection: BaseDatabaseWrapper) -> str:
    """Return the database in words, never with its password; no statement, no connection.

    A backend that knows better says so by a method `describe()`.
    """
    describe = getattr(connection, "describe", None)
    if callable(describe):
        return str(describe())
    settings = connection.settings_dict
    host = settings["HOST"] or "the local socket"
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    return f"{database_name(connection)} on {host}{port}"


def database_name(connection: BaseDatabaseWrapper) -> str:
    """Return the database's name as the settings give it."""
    return str(connection.settings_dict["NAME"])


def is_of_test_run(connection: BaseDatabaseWrapper) -> bool:
    """Return whether tests run in this process, and made this database; no statement."""
    # Django sets up its outbox with a test run, and keeps no other public trace of one.
    is_test_run = hasattr(mail, "outbox")
    begins = connection.settings_dict["TEST"]["NAME"] or TEST_DATABASE_PREFIX
    return is_test_run and database_name(connection).startswith(begins)


def cut_name(name: str, *, size_bytes: int = _NAME_BYTES) -> str:
    """Return a name cut off as PostgreSQL does it: by its bytes, and between two characters."""
    return name.encode()[:size_bytes].decode(errors="ignore")
