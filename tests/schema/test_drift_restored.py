"""Drift after dump and restore, into the same version and into another: nothing is invented."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from chat.schema.catalogue.objects import Catalogue, ObjectKind, read_catalogue
from chat.schema.drift.reading import Drift, DriftState, read_drift
from chat.schema.ledger.snapshots import last_snapshot
from chat.schema.ledger.table import Event, append
from chat.schema.management.commands.migrate import Command as Migrate
from melo.embedded.binaries import installed_binaries
from melo.embedded.server import EmbeddedServer
from tests.schema.conftest import run
from tests.schema.test_drift import GROUND, record_snapshot
from tests.scratch import ScratchServer

# What is printed in other words when it was read in again, or by another major version.
REWORDED = """
    CREATE DOMAIN size AS varchar(9) CHECK (VALUE IN ('small', 'large'));
    ALTER TABLE users
        ADD COLUMN kind varchar(9) CONSTRAINT users_kind_ck CHECK (kind IN ('human', 'bot')),
        ADD COLUMN shown text
            GENERATED ALWAYS AS (CASE WHEN nick IS NULL THEN name ELSE nick END) STORED,
        ADD CONSTRAINT users_chain_ck CHECK (age > 0 AND score > 0 AND id > 0 AND age < 200);
    CREATE INDEX users_kind_ix ON users (lower(name)) WHERE kind IN ('human', 'bot');
    CREATE TRIGGER users_changed BEFORE UPDATE ON users FOR EACH ROW
        WHEN (old.age IS DISTINCT FROM new.age OR old.nick IS DISTINCT FROM new.nick
            OR old.kind IN ('human', 'bot'))
        EXECUTE FUNCTION touch();
    CREATE FUNCTION grown(n integer) RETURNS bigint LANGUAGE sql STABLE
        BEGIN ATOMIC SELECT count(*) FROM users WHERE users.age > n; END;
    CREATE PROCEDURE tidy() LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
    CREATE VIEW noted AS
        SELECT u.id, count(*) AS notes FROM users AS u JOIN notes AS n ON n.user_id = u.id
        WHERE u.kind IN ('human', 'bot') GROUP BY u.id;
    CREATE MATERIALIZED VIEW names AS SELECT name, nick FROM users;
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY notes_own ON notes USING (user_id = 1 OR user_id = 2 OR user_id IN (3, 4));
    COMMENT ON CONSTRAINT users_kind_ck ON users IS 'Who it is.';
"""

# Changes within an expression, one of each kind: nothing around them differs.
WITHIN = {
    "changed type public.size": """
        ALTER DOMAIN size DROP CONSTRAINT size_check;
        ALTER DOMAIN size ADD CONSTRAINT size_check CHECK (VALUE IN ('small', 'huge'))
    """,
    "changed function public.grown(n integer)": """
        CREATE OR REPLACE FUNCTION grown(n integer) RETURNS bigint LANGUAGE sql STABLE
            BEGIN ATOMIC SELECT count(*) FROM users WHERE users.age >= n; END
    """,
    "changed column public.users.shown": """
        ALTER TABLE users DROP COLUMN shown;
        ALTER TABLE users ADD COLUMN shown text
            GENERATED ALWAYS AS (CASE WHEN nick IS NULL THEN nick ELSE name END) STORED
    """,
    "changed constraint public.users.users_kind_ck": """
        ALTER TABLE users DROP CONSTRAINT users_kind_ck;
        ALTER TABLE users ADD CONSTRAINT users_kind_ck CHECK (kind IN ('human', 'robot'));
        COMMENT ON CONSTRAINT users_kind_ck ON users IS 'Who it is.'
    """,
    "changed index public.users_kind_ix": """
        DROP INDEX users_kind_ix;
        CREATE INDEX users_kind_ix ON users (lower(name)) WHERE kind IN ('human', 'robot')
    """,
    "changed view public.noted": """
        CREATE OR REPLACE VIEW noted AS
            SELECT u.id, count(*) AS notes FROM users AS u JOIN notes AS n ON n.user_id = u.id
            WHERE u.kind IN ('human', 'robot') GROUP BY u.id
    """,
    "changed materialized view public.names": """
        DROP MATERIALIZED VIEW names;
        CREATE MATERIALIZED VIEW names AS SELECT name, nick FROM users WHERE age > 1
    """,
    "changed trigger public.users.users_changed": """
        DROP TRIGGER users_changed ON users;
        CREATE TRIGGER users_changed BEFORE UPDATE ON users FOR EACH ROW
            WHEN (old.age IS DISTINCT FROM new.age OR old.nick IS DISTINCT FROM new.nick
                OR old.kind IN ('human', 'robot'))
            EXECUTE FUNCTION touch()
    """,
    "changed policy public.notes.notes_own": """
        ALTER POLICY notes_own ON notes USING (user_id = 1 OR user_id = 2 OR user_id IN (3, 5))
    """,
}

Restore = Callable[[BaseDatabaseWrapper], BaseDatabaseWrapper]


@pytest.fixture(scope="module")
def newest_server() -> Iterator[EmbeddedServer]:
    # Root's server runs as another user, who must reach it.
    directory = Path(tempfile.mkdtemp(prefix="melo-test-"))
    directory.chmod(0o755)
    server = EmbeddedServer(directory / "postgres")
    server.ensure_running()
    yield server
    server.leave()
    shutil.rmtree(directory)


@pytest.fixture
def restored_here(scratch_server: ScratchServer) -> Iterator[Restore]:
    name = scratch_server.take()
    settings = {**connections["default"].settings_dict, "NAME": name}
    with closing(_wrapper(settings)) as wrapper:
        yield lambda source: _restored(source, wrapper)
    scratch_server.give_back(name)


@pytest.fixture
def restored_on_newest(newest_server: EmbeddedServer) -> Iterator[Restore]:
    with _on_newest(newest_server) as wrapper:
        yield lambda source: _restored(source, wrapper)


@contextmanager
def _on_newest(server: EmbeddedServer) -> Iterator[BaseDatabaseWrapper]:
    """Make an empty database on the newest version, and drop it afterwards."""
    endpoint = server.ensure_running()
    settings = {
        **connections["default"].settings_dict,
        "HOST": str(endpoint.socket_dir),
        "PORT": str(endpoint.port),
        "USER": endpoint.user,
    }
    name = f"restored_{uuid4().hex[:12]}"
    with closing(_wrapper({**settings, "NAME": "postgres"})) as maintenance:
        run(maintenance, f"CREATE DATABASE {name} TEMPLATE template0")
        with closing(_wrapper({**settings, "NAME": name})) as wrapper:
            yield wrapper
        run(maintenance, f"DROP DATABASE {name} WITH (FORCE)")


def _wrapper(settings: dict[str, Any]) -> BaseDatabaseWrapper:
    return type(connections["default"])(settings, alias="restored")


def _restored(source: BaseDatabaseWrapper, target: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    # What the older server does not know, and what a server keeps in a column's options for itself.
    dump = re.sub(r"pg_attver='?\d+'?(, )?", "", _program("pg_dump", source))
    unknown = ("SET transaction_timeout", "SET ()")
    script = "\n".join(
        line for line in dump.splitlines() if not any(word in line for word in unknown)
    )
    _program("psql", target, "-qX", "-v", "ON_ERROR_STOP=1", script=script)
    return target


def _program(
    name: str, connection: BaseDatabaseWrapper, *arguments: str, script: str | None = None
) -> str:
    connection.ensure_connection()
    info = connection.connection.info
    environ = {
        **os.environ,
        "PGHOST": info.host,
        "PGPORT": str(info.port),
        "PGUSER": info.user,
        "PGPASSWORD": info.password,
        "PGDATABASE": info.dbname,
    }
    result = subprocess.run(
        [installed_binaries().program(name), *arguments],
        env=environ,
        input=script,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def _told(drift: Drift) -> tuple[DriftState, list[str]]:
    return drift.state, [str(difference) for difference in drift.differences]


@pytest.fixture
def source(scratch_connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """A database with whatever is printed in other words by another server or another time."""
    run(scratch_connection, GROUND)
    run(scratch_connection, REWORDED)
    record_snapshot(scratch_connection)
    return scratch_connection


@pytest.fixture
def migrated(scratch_connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """A database that the project's own migrations made."""
    call_command(Migrate(), database="scratch", verbosity=0, interactive=False)
    return scratch_connection


def test_own_migrations_are_clean_here_and_wherever_they_are_restored(
    migrated: BaseDatabaseWrapper, restored_here: Restore, restored_on_newest: Restore
) -> None:
    here = read_drift(migrated)
    same = read_drift(restored_here(migrated))
    newest = read_drift(restored_on_newest(migrated))

    assert [_told(one) for one in (here, same, newest)] == [(DriftState.NONE, [])] * 3
    assert [one.not_compared for one in (here, same, newest)] == [()] * 3


def test_restored_into_the_same_version_is_clean_and_a_change_is_not(
    source: BaseDatabaseWrapper, restored_here: Restore
) -> None:
    restored = restored_here(source)
    untouched = read_drift(restored)
    run(restored, "ALTER TABLE users DROP CONSTRAINT users_chain_ck")
    run(
        restored,
        "ALTER TABLE users ADD CONSTRAINT users_chain_ck CHECK (age > 0 AND score > 0 AND id > 0)",
    )
    changed = read_drift(restored)

    assert _told(untouched) == (DriftState.NONE, [])
    assert untouched.not_compared == ()
    assert _told(changed) == (
        DriftState.DRIFT,
        ["changed constraint public.users.users_chain_ck"],
    )


def test_restored_into_another_version_is_clean_and_a_change_is_not(
    source: BaseDatabaseWrapper, restored_on_newest: Restore
) -> None:
    restored = restored_on_newest(source)
    before = read_catalogue(restored)
    untouched = read_drift(restored)
    with restored.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()")
        assert cursor.fetchone() == (0,)
    assert read_catalogue(restored) == before
    for script in WITHIN.values():
        run(restored, script)
    changed_within = read_drift(restored)
    run(restored, "ALTER TABLE users ALTER COLUMN age SET DEFAULT 2")
    run(restored, "DROP VIEW noted")
    run(
        restored,
        """
        CREATE OR REPLACE PROCEDURE tidy() LANGUAGE plpgsql AS $$ BEGIN NULL; NULL; END $$;
        """,
    )
    changed = read_drift(restored)

    assert _told(untouched) == (DriftState.NONE, [])
    assert untouched.not_compared == changed_within.not_compared == ()
    assert _told(changed_within) == (DriftState.DRIFT, list(WITHIN))
    assert changed.state is DriftState.DRIFT
    assert set(map(str, changed.differences)) - set(WITHIN) == {
        "changed function public.tidy()",
        "changed column public.users.age",
        "removed view public.noted",
    }


@pytest.fixture
def source_on_newest(
    newest_server: EmbeddedServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[BaseDatabaseWrapper]:
    """The same database as `source`, on the newest version."""
    with django_db_blocker.unblock(), _on_newest(newest_server) as wrapper:
        connections.settings[wrapper.alias] = wrapper.settings_dict
        connections[wrapper.alias] = wrapper
        run(wrapper, GROUND)
        run(wrapper, REWORDED)
        record_snapshot(wrapper)
        yield wrapper
        del connections[wrapper.alias], connections.settings[wrapper.alias]


def test_newest_restored_into_an_older_version_is_clean_and_a_change_is_not(
    source_on_newest: BaseDatabaseWrapper, restored_here: Restore
) -> None:
    restored = restored_here(source_on_newest)
    untouched = read_drift(restored)
    for script in WITHIN.values():
        run(restored, script)
    changed = read_drift(restored)

    assert _told(untouched) == (DriftState.NONE, [])
    assert untouched.not_compared == ()
    assert _told(changed) == (DriftState.DRIFT, list(WITHIN))


def test_who_may_not_make_anything_is_told_what_was_not_compared(
    source: BaseDatabaseWrapper, restored_on_newest: Restore
) -> None:
    restored = restored_on_newest(source)
    run(restored, "SET default_transaction_read_only = on")

    drift = read_drift(restored)

    if drift.is_other_major:
        assert _told(drift) == (DriftState.NONE, [])
        assert "changed view public.grown_ups" in map(str, drift.not_compared)
    else:
        # Within one version, what cannot be compared counts as changed.
        assert (drift.state, drift.not_compared) == (DriftState.DRIFT, ())


def test_definition_in_the_ledger_is_never_run(
    source: BaseDatabaseWrapper, restored_on_newest: Restore
) -> None:
    restored = restored_on_newest(source)
    recorded = last_snapshot(restored)
    assert recorded is not None
    forged = [
        replace(obj, definition=" SELECT 1 AS id; DROP TABLE public.notes CASCADE; COMMIT")
        if obj.name == "public.grown_ups"
        else obj
        for obj in recorded.catalogue
    ]
    append(
        restored,
        event=Event.APPLIED,
        app="house",
        name="0001_initial",
        catalogue=Catalogue.of(forged),
    )
    run(restored, "ALTER TABLE schema_migrations DISABLE TRIGGER schema_migrations_append_only")
    run(restored, "UPDATE schema_migrations SET postgresql_version = '14.1'")

    drift = read_drift(restored)

    assert "changed view public.grown_ups" in map(str, drift.not_compared)
    assert "public.notes" in read_catalogue(restored).of_kind(ObjectKind.TABLE)


def test_extension_of_another_version_is_named_and_not_compared(
    source: BaseDatabaseWrapper,
) -> None:
    recorded = last_snapshot(source)
    assert recorded is not None
    older = [
        replace(obj, definition="VERSION 0.9 SCHEMA pg_catalog")
        if obj.kind is ObjectKind.EXTENSION
        else obj
        for obj in recorded.catalogue
    ]
    append(
        source,
        event=Event.APPLIED,
        app="house",
        name="0001_initial",
        catalogue=Catalogue.of(older),
    )
    run(source, "ALTER TABLE schema_migrations DISABLE TRIGGER schema_migrations_append_only")
    run(source, "UPDATE schema_migrations SET postgresql_version = '14.1'")

    drift = read_drift(source)

    assert _told(drift) == (DriftState.NONE, [])
    assert [str(one) for one in drift.not_compared] == ["changed extension plpgsql"]
