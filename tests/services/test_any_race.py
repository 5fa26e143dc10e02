"""Whatever happens to its people and places meanwhile, a public function ends with a named error.

A few rounds find what is often; `--race-rounds 50` finds what is rare.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from psycopg import sql

from chat.errors import ChatError, DatabaseRefused
from chat.models import MemberRole, User
from chat.services.channels import delete_channel
from chat.services.direct import leave_group
from chat.services.imports.copying import batches
from chat.services.members import kick_member, leave_server
from chat.services.servers import delete_server
from chat.services.users import erase_user
from tests.chat.sql import tables
from tests.factories import as_superuser
from tests.services.actors import Actor
from tests.services.public import PUBLIC, Scene, make_scene

# Calls that run beside what happens.
_AT_ONCE = 5
_SECONDS = 60


def leave(scene: Scene) -> None:
    leave_group(user=scene.sailor, conversation=scene.arguments["leave_group"]["conversation"])
    leave_server(user=scene.sailor, server=scene.cast.server)


def kick(scene: Scene) -> None:
    kick_member(actor=scene.cast[Actor.OWNER], server=scene.cast.server, user=scene.sailor)


def erase(scene: Scene) -> None:
    erase_user(actor=scene.sailor, user=scene.sailor, delete_owned_servers=True)


def close_channel(scene: Scene) -> None:
    delete_channel(actor=scene.cast[Actor.OWNER], channel=scene.cast.channel)


def close_server(scene: Scene) -> None:
    delete_server(actor=scene.cast[Actor.OWNER], server=scene.cast.server)


@pytest.fixture
def scene(transactional_db: None) -> Scene:
    """A scene whose sailor, of whom the events are, may do everything there."""
    scene = make_scene()
    MemberRole.objects.create(
        server=scene.cast.server, user=scene.sailor, role=scene.cast.administrators
    )
    return scene


@pytest.fixture
def restore(scene: Scene) -> Iterator[Callable[[], None]]:
    """Bring every row back as it was."""
    names = [*tables(), "django_admin_log"]
    with as_superuser(), connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA before")
        steps: list[sql.Composable] = [sql.SQL("SET LOCAL session_replication_role = replica")]
        for name in names:
            cursor.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass"
                " AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
                [name],
            )
            columns = sql.SQL(", ").join(sql.Identifier(column) for (column,) in cursor.fetchall())
            table, copy = sql.Identifier("public", name), sql.Identifier("before", name)
            cursor.execute(
                sql.SQL("CREATE TABLE {} AS SELECT {} FROM {}").format(copy, columns, table)
            )
            steps += [
                sql.SQL("DELETE FROM {}").format(table),
                sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(
                    table, columns, columns, copy
                ),
            ]

    def run() -> None:
        with as_superuser(), connection.cursor() as cursor:
            # One by one: a cluster sends the whole text of an execute to each machine.
            for step in steps:
                cursor.execute(step)

    yield run
    with as_superuser(), connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA before CASCADE")


def calls(scene: Scene) -> list[tuple[str, dict[str, Any]]]:
    """Return each public function with the sailor in each place of a user, or as it can be."""
    found: list[tuple[str, dict[str, Any]]] = []
    for name in PUBLIC:
        given = scene.arguments[name]
        people = [key for key, value in given.items() if isinstance(value, User)]
        # Whoever erases an account is its owner.
        if not people or name == "erase_user":
            found.append((name, {}))
            continue
        others = {key: scene.cast[Actor.MEMBER] for key in people if given[key] == scene.sailor}
        found += [(name, others | {place: scene.sailor}) for place in people]
    return found


def outcome(name: str, call: Callable[[], object], start: Barrier, wait: float) -> str:
    """Return the error of a call that has no name, as text, or an empty one."""
    connection.ensure_connection()
    start.wait()
    time.sleep(wait)
    try:
        call()
    except DatabaseRefused as error:
        # What an import brings has to be there, and is not looked for one by one.
        return "" if name.startswith("import_") else f"{name}: {error!r}"
    except ChatError:
        return ""
    except Exception as error:
        return f"{name}: {error!r}"
    return ""


def close(end: Barrier) -> None:
    # So that each thread closes its own.
    end.wait()
    connection.close()


@pytest.mark.parametrize("happen", [leave, kick, erase, close_channel, close_server])
def test_only_named_errors_come_out_of_a_race(
    scene: Scene,
    restore: Callable[[], None],
    request: pytest.FixtureRequest,
    happen: Callable[[Scene], None],
) -> None:
    unnamed: set[str] = set()
    every = calls(scene)

    with ThreadPoolExecutor(_AT_ONCE + 1) as pool:
        for turn in range(request.config.getoption("--race-rounds")):
            chance = Random(turn)
            for batch in batches(chance.sample(every, len(every)), size=_AT_ONCE):
                restore()
                racing: list[tuple[str, Callable[[], object]]] = [
                    (happen.__name__, partial(happen, scene))
                ]
                racing += [(name, partial(scene.call, name, **instead)) for name, instead in batch]
                start = Barrier(len(racing), timeout=_SECONDS)
                done = [
                    pool.submit(outcome, name, call, start, chance.uniform(0, 0.01))
                    for name, call in racing
                ]
                unnamed |= {future.result(timeout=_SECONDS) for future in done}
        end = Barrier(_AT_ONCE + 1, timeout=_SECONDS)
        for _ in range(_AT_ONCE + 1):
            pool.submit(close, end)

    assert unnamed - {""} == set()
