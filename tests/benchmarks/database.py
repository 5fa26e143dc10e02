"""Databases of a given size for as long as they are measured, and what they run on."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from django.core.management import call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from tests.benchmarks.community import Community, fill


@dataclass(frozen=True, slots=True)
class Place:
    """A database that has been filled: who is where in it, and the connection that leads there."""

    community: Community
    connection: BaseDatabaseWrapper


@contextmanager
def migrated_database() -> Iterator[BaseDatabaseWrapper]:
    """Make a database where the settings lead to, migrate it, and drop it at the end."""
    with copied_database("template1") as own:
        with led_to(own):
            call_command("migrate", verbosity=0, interactive=False)
        yield own


@contextmanager
def copied_database(of: str) -> Iterator[BaseDatabaseWrapper]:
    """Make a copy of a database that nobody is connected to, and drop it at the end."""
    name = f"benchmark_{uuid4().hex}"
    with psycopg.connect(**_params(), autocommit=True) as session:
        session.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(of)
            )
        )
        own = connections["default"].copy()
        own.settings_dict["NAME"] = name
        try:
            yield own
        finally:
            own.close()
            session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def filled_database(*, messages: int, is_giant: bool = False) -> Iterator[Place]:
    """Make a database of so many messages, and drop it at the end."""
    with migrated_database() as own:
        params = _params() | {"dbname": own.settings_dict["NAME"]}
        with psycopg.connect(**params, autocommit=True) as filling:
            community = fill(filling, messages=messages, is_giant=is_giant)
        yield Place(community=community, connection=own)


@contextmanager
def led_to(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let `connection` be Django's default for as long as the block lasts."""
    before = connections["default"]
    connections["default"] = connection
    try:
        yield
    finally:
        connections["default"] = before


def describe_machine() -> str:
    """Return one line on what it runs: the server, the interpreter, the processor, the memory."""
    with psycopg.connect(**_params()) as session:
        version = session.info.parameter_status("server_version") or "unknown"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"PostgreSQL {version.split()[0]}, Python {platform.python_version()}, "
        f"{os.cpu_count()} x {_processor()}, {memory:.0f} GiB"
    )


def _params() -> dict[str, Any]:
    # The database of the settings need not be there.
    return connections["default"].get_connection_params() | {"dbname": "postgres"}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
