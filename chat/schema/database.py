"""Which database a command works on, in words."""

from django.db.backends.base.base import BaseDatabaseWrapper


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
