"""Scratch databases for the migration room, and its commands run as an operator runs them."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql
from pytest_django import DjangoDbBlocker

PROJECT = Path(__file__).resolve().parents[2]

ManageSituation = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True, slots=True)
class ScratchServer:
    """Where scratch databases are made."""

    maintenance: BaseDatabaseWrapper

    def create(self) -> str:
        name = f"scratch_{uuid4().hex[:12]}"
        self._execute("CREATE DATABASE {} TEMPLATE template0", name)
        return name

    def drop(self, name: str) -> None:
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _execute(self, statement: str, name: str) -> None:
        with self.maintenance.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def scratch_server(django_db_blocker: DjangoDbBlocker) -> Iterator[ScratchServer]:
    with django_db_blocker.unblock(), closing(_connect("postgres", alias="maintenance")) as wrapper:
        yield ScratchServer(wrapper)


@pytest.fixture(scope="module")
def scratch_connection(scratch_server: ScratchServer) -> Iterator[BaseDatabaseWrapper]:
    """A connection, known to Django as `scratch`, to an empty database that is dropped again."""
    name = scratch_server.create()
    wrapper = _connect(name, alias="scratch")
    connections.settings["scratch"] = wrapper.settings_dict
    connections["scratch"] = wrapper
    try:
        yield wrapper
    finally:
        wrapper.close()
        del connections["scratch"]
        del connections.settings["scratch"]
        scratch_server.drop(name)


def _connect(name: str, *, alias: str) -> BaseDatabaseWrapper:
    default: dict[str, Any] = connections["default"].settings_dict
    wrapper_class = type(connections["default"])
    return wrapper_class({**default, "NAME": name}, alias=alias)
