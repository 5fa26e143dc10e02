"""Databases of a test's own, on the server that the tests use."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

_EMPTY = """
    ALTER DATABASE {name} RESET ALL;
    DO $$
    DECLARE
        made text;
    BEGIN
        FOR made IN
            SELECT format('EVENT TRIGGER %I', evtname) FROM pg_event_trigger
            UNION ALL
            SELECT format('SCHEMA %I', nspname) FROM pg_namespace
            WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
            UNION ALL
            SELECT format('EXTENSION IF EXISTS %I', extname) FROM pg_extension
            WHERE extname <> 'plpgsql'
        LOOP
            EXECUTE 'DROP ' || made || ' CASCADE';
        END LOOP;
    END $$;
    CREATE SCHEMA public AUTHORIZATION pg_database_owner;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
    COMMENT ON SCHEMA public IS 'standard public schema';
"""
# What is not of the server itself has a number from 16384 on.
_IS_EMPTY = """
    SELECT count(*) = 0 FROM (
        SELECT oid FROM pg_class WHERE relnamespace::regnamespace::text !~ '^pg_'
        UNION ALL SELECT oid FROM pg_type WHERE typnamespace::regnamespace::text !~ '^pg_'
        UNION ALL SELECT oid FROM pg_proc
        UNION ALL SELECT oid FROM pg_operator
        UNION ALL SELECT oid FROM pg_cast
        UNION ALL SELECT oid FROM pg_language
        UNION ALL SELECT oid FROM pg_extension
        UNION ALL SELECT oid FROM pg_publication
        UNION ALL SELECT oid FROM pg_foreign_data_wrapper
        UNION ALL SELECT oid FROM pg_default_acl
        UNION ALL SELECT oid FROM pg_largeobject_metadata
    ) AS objects WHERE oid >= 16384
"""


@dataclass(frozen=True, slots=True)
class ScratchServer:
    """Where scratch databases are made.

    `spare` are those that tests have left: to empty one takes a tenth of the time of making one.
    """

    maintenance: BaseDatabaseWrapper
    spare: list[str] = field(default_factory=list)

    def create(self, *, template: str = "template0") -> str:
        name = f"{connections['default'].settings_dict['NAME']}_{uuid4().hex[:12]}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def take(self) -> str:
        return self.spare.pop() if self.spare else self.create()

    def give_back(self, name: str) -> None:
        if self._empty(name):
            self.spare.append(name)
        else:
            self.drop(name)

    def drop(self, name: str) -> None:
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _empty(self, name: str) -> bool:
        """Remove what is in the database, and return whether it is as one that was just made."""
        with self.maintenance.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                [name],
            )
        try:
            with closing(connect(name, alias="emptied")) as wrapper, wrapper.cursor() as cursor:
                cursor.execute(sql.SQL(_EMPTY).format(name=sql.Identifier(name)))
                cursor.execute(_IS_EMPTY)
                return bool(cursor.fetchone()[0])
        except Error:
            return False

    def _execute(self, statement: str, *names: str) -> None:
        with self.maintenance.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def open_scratch_connection(server: ScratchServer) -> Iterator[BaseDatabaseWrapper]:
    """A connection, known to Django as `scratch`, to an empty database."""
    name = server.take()
    try:
        with open_connection(name, alias="scratch") as wrapper:
            yield wrapper
    finally:
        server.give_back(name)


@contextmanager
def open_connection(name: str, *, alias: str) -> Iterator[BaseDatabaseWrapper]:
    """A connection to a database, known to Django under this alias until the end of the block."""
    wrapper = connect(name, alias=alias)
    connections.settings[alias] = wrapper.settings_dict
    connections[alias] = wrapper
    try:
        yield wrapper
    finally:
        wrapper.close()
        del connections[alias]
        del connections.settings[alias]


def connect(name: str, *, alias: str) -> BaseDatabaseWrapper:
    """Open a connection as whoever runs the tests, also where a test is the application."""
    default: dict[str, Any] = connections["default"].settings_dict
    wrapper_class = type(connections["default"])
    options = {key: value for key, value in default["OPTIONS"].items() if key != "options"}
    return wrapper_class({**default, "NAME": name, "OPTIONS": options}, alias=alias)
