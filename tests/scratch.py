"""Databases of a test's own, on the server that the tests use."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql


@dataclass(frozen=True, slots=True)
class ScratchServer:
    """Where scratch databases are made."""

    maintenance: BaseDatabaseWrapper

    def create(self) -> str:
        name = f"{connections['default'].settings_dict['NAME']}_{uuid4().hex[:12]}"
        self._execute("CREATE DATABASE {} TEMPLATE template0", name)
        return name

    def drop(self, name: str) -> None:
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _execute(self, statement: str, name: str) -> None:
        with self.maintenance.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))


@contextmanager
def open_scratch_server() -> Iterator[ScratchServer]:
    with closing(connect("postgres", alias="maintenance")) as wrapper:
        yield ScratchServer(wrapper)


@contextmanager
def open_scratch_connection(server: ScratchServer) -> Iterator[BaseDatabaseWrapper]:
    """A connection, known to Django as `scratch`, to an empty database that is dropped again."""
    name = server.create()
    wrapper = connect(name, alias="scratch")
    connections.settings["scratch"] = wrapper.settings_dict
    connections["scratch"] = wrapper
    try:
        yield wrapper
    finally:
        wrapper.close()
        del connections["scratch"]
        del connections.settings["scratch"]
        server.drop(name)


def connect(name: str, *, alias: str) -> BaseDatabaseWrapper:
    default: dict[str, Any] = connections["default"].settings_dict
    wrapper_class = type(connections["default"])
    return wrapper_class({**default, "NAME": name}, alias=alias)
