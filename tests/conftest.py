"""What every test may use: the role of the application, databases of its own, `manage.py`."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_django
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection, connections, transaction
from django.test import TransactionTestCase
from psycopg import sql
from pytest_django import DjangoDbBlocker

from chat.db.integrity import Finding, check_rules
from chat.db.roles import DatabaseRoles, apply_roles
from melo.environment.reading import VARIABLES
from tests.cluster import spread
from tests.in_process import run_in_process
from tests.scratch import ScratchServer, connect, open_connection

Completed = subprocess.CompletedProcess[str]
Manage = Callable[..., Completed]

ROOT = Path(settings.BASE_DIR)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of these tests."""
    parser.addoption(
        "--race-rounds",
        type=int,
        default=1,
        help="how often each public function races each event in tests/services/test_any_race.py; "
        "with more than 1, test_any_input.py gives each argument every value, not every third",
    )
    parser.addoption(
        "--distributed",
        action="store_true",
        help="spread the test database, made on a Citus coordinator, over its cluster",
    )


def pytest_configure() -> None:
    """Set up what the processes that tests start inherit: ^C, bytecode, and no wait for the disk.

    Whoever runs the tests in the background has ^C ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Else every worker would rewrite the tests, and hundreds of processes compile the project.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # No test switches the machine off, so no commit waits for the disk: 0.5 ms in place of 6. Read
    # by every client here and in the processes that tests start.
    os.environ.setdefault("PGOPTIONS", "-c synchronous_commit=off")


# On a cluster, other sessions are asked to explain or to analyze, and they do not see what the
# transaction of a test has written.
COMMITTED_ON_A_CLUSTER = ("test_lists.py", "test_seed_demo.py", "test_statements.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip on a cluster what it cannot do or hold, for the reason that the test's mark gives."""
    if not config.getoption("distributed"):
        return
    for item in items:
        if item.path.name in COMMITTED_ON_A_CLUSTER and item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.django_db(transaction=True), append=False)
        if mark := item.get_closest_marker("one_machine"):
            item.add_marker(pytest.mark.skip(reason=f"on a cluster: {mark.args[0]}"))


@pytest.fixture(scope="session", autouse=True)
def transactional_tests_end_by_deleting() -> Iterator[None]:
    """Let a test that commits end by DELETE, which takes its few rows in 0.01 s.

    Django's way is TRUNCATE, which makes the files of 35 tables and their indexes anew: 0.4 s.
    """
    flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def delete_or_flush(test: TransactionTestCase) -> None:
        if test._databases_names() != ["default"] or not _delete_few_rows():  # type: ignore[attr-defined]
            flush(test)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", delete_or_flush)
        yield


@pytest.fixture(scope="session", autouse=True)
def passwords_are_hashed_at_once() -> Iterator[None]:
    """Let a password take one round in place of a million, which are 0.4 s and no test's subject.

    The method and the form of what is stored are those of production.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PBKDF2PasswordHasher, "iterations", 1)
        yield


# Of all tables together; past it dead rows would be what later tests measure.
_FEW_BYTES = 4 << 20
# What `migrate` writes stays.
_WRITTEN_BY_MIGRATE = {"django_content_type", "auth_permission"}


def _delete_few_rows() -> bool:
    """Delete every row of a small test database; return whether it is one."""
    connection = connections["default"]
    tables = set(connection.introspection.django_table_names(include_views=False))
    names = sorted(tables - _WRITTEN_BY_MIGRATE)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_relation_size(name::regclass)) FROM unnest(%s::text[]) AS name", [names]
        )
        # As whoever made the tables.
        is_large = cursor.fetchone()[0] > _FEW_BYTES
        cursor.execute("SET LOCAL ROLE NONE")
        if is_large:
            # Which no TRUNCATE takes.
            for held in ("servers", "channels"):
                cursor.execute(
                    sql.SQL(
                        "UPDATE {} SET legal_hold_at = NULL WHERE legal_hold_at IS NOT NULL"
                    ).format(sql.Identifier(held))
                )
            return False
        # Past the triggers and keys, so in any order.
        cursor.execute("SET LOCAL session_replication_role = replica")
        for name in names:
            cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
    return True


def clean_environ(**variables: str) -> dict[str, str]:
    """Return this process's environment with only these of the project's variables set.

    The others are empty and not absent, because an empty one switches off what `.env` says.
    """
    others = dict.fromkeys(VARIABLES, "")
    return {**os.environ, "PYTHONWARNINGS": "", **others, **variables}


# What is tested here is done with the rights of the application, and not with a superuser's.
AS_APPLICATION = ("admin", "concurrency", "discord", "queries", "services")


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None,
    django_db_blocker: pytest_django.DjangoDbBlocker,
    pytestconfig: pytest.Config,
) -> Iterator[None]:
    """Make the test database, and give its roles their rights; they go with it."""
    roles = DatabaseRoles.named_after(connection.settings_dict["NAME"])
    with django_db_blocker.unblock():
        if pytestconfig.getoption("distributed"):
            # As its superuser: the roles are applied before a database is spread.
            with spread(connection):
                yield
            return
        apply_roles(connection, roles)
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for role in (roles.app, roles.readonly, roles.owner):
            name = sql.Identifier(role)
            cursor.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(name))
            cursor.execute(sql.SQL("DROP OWNED BY {}").format(name))
            cursor.execute(sql.SQL("DROP ROLE {}").format(name))


@pytest.fixture(autouse=True)
def as_application(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run a test of AS_APPLICATION as the application's role, also in connections that it opens."""
    room = request.path.relative_to(ROOT / "tests").parts[0]
    uses_database = {"db", "transactional_db"} & {*request.fixturenames}
    if (
        room not in AS_APPLICATION
        or request.config.getoption("distributed")
        or request.node.get_closest_marker("superuser")
        or not (uses_database or request.node.get_closest_marker("django_db"))
    ):
        yield
        return
    # First, so that the tables are emptied by who may do that, when the test is over.
    request.getfixturevalue("db")
    role = DatabaseRoles.named_after(connection.settings_dict["NAME"]).app
    options = connection.settings_dict["OPTIONS"]
    options["options"] = f"-c role={role} {os.environ['PGOPTIONS']}"
    if connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    else:
        connection.close()
    yield
    del options["options"]
    if not connection.in_atomic_block:
        connection.close()


# Where tests race, or kill processes, in the tables of chat.
RACES = ("chat", "commands", "concurrency", "discord", "queries", "services")


@pytest.fixture
def rules_left_broken() -> frozenset[str]:
    """The rules of chat/db/integrity.sql that a test leaves broken on purpose."""
    return frozenset()


@pytest.fixture(autouse=True)
def rules_hold_at_the_end(
    request: pytest.FixtureRequest, rules_left_broken: frozenset[str]
) -> Iterator[None]:
    """Whatever several connections or a killed process did, what they leave breaks no rule."""
    marker = request.node.get_closest_marker("django_db")
    commits = "transactional_db" in request.fixturenames or (
        marker is not None and marker.kwargs.get("transaction")
    )
    if not commits or request.path.relative_to(ROOT / "tests").parts[0] not in RACES:
        yield
        return
    # First, so that the rows are still there.
    request.getfixturevalue("transactional_db")
    yield
    assert broken_rules("default", but=rules_left_broken) == []


def broken_rules(using: str, *, but: frozenset[str] = frozenset()) -> list[Finding]:
    """Return what breaks a rule of chat/db/integrity.sql, or could not be checked."""
    found = check_rules(using=using, timeout=timedelta(seconds=30))
    return [each for each in found if (each.count or each.error) and each.rule.name not in but]


@dataclass(frozen=True, kw_only=True)
class ScratchDatabase:
    """A database that is there for one test; `environ` leads a process to it."""

    name: str
    environ: Mapping[str, str]

    @classmethod
    def named(cls, name: str) -> "ScratchDatabase":
        """Return the database of this name on the server that the tests use."""
        params = connections["default"].get_connection_params()
        return cls(
            name=name,
            environ=clean_environ(
                DB_HOST=str(params.get("host") or ""),
                DB_PORT=str(params.get("port") or ""),
                DB_USER=str(params.get("user") or ""),
                DB_PASSWORD=str(params.get("password") or ""),
                DB_NAME=name,
            ),
        )


@pytest.fixture(scope="session")
def scratch_server(django_db_blocker: DjangoDbBlocker) -> Iterator[ScratchServer]:
    """Where databases of a test's own are made."""
    with closing(connect("postgres", alias="maintenance")) as wrapper:
        server = ScratchServer(wrapper)
        yield server
        with django_db_blocker.unblock():
            for name in server.spare:
                server.drop(name)


@pytest.fixture
def scratch_database(
    scratch_server: ScratchServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[ScratchDatabase]:
    """An empty database on the server that the tests use."""
    with django_db_blocker.unblock():
        database = ScratchDatabase.named(scratch_server.take())
    yield database
    with django_db_blocker.unblock():
        scratch_server.give_back(database.name)


@pytest.fixture(scope="session")
def migrated_template(
    scratch_server: ScratchServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """The name of a database that is migrated and otherwise empty, to be copied."""
    with django_db_blocker.unblock():
        name = scratch_server.take()
        environ = ScratchDatabase.named(name).environ
        migrated = run_in_process("migrate", "-v0", environ=environ)
        assert migrated.returncode == 0, migrated.stderr
    yield name
    with django_db_blocker.unblock():
        scratch_server.drop(name)


@pytest.fixture
def migrated_database(
    scratch_server: ScratchServer, migrated_template: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[ScratchDatabase]:
    """A migrated database: a copy, made in a tenth of the time of `migrate`.

    Whatever a process did to it that was killed, what is there at the end breaks no rule.
    """
    with django_db_blocker.unblock():
        name = scratch_server.create(template=migrated_template)
        database = ScratchDatabase.named(name)
    yield database
    with django_db_blocker.unblock():
        with open_connection(name, alias="checked"):
            broken = broken_rules("checked")
        scratch_server.drop(name)
    assert broken == []


@pytest.fixture
def manage(django_db_blocker: DjangoDbBlocker) -> Manage:
    """Return a function that runs `python manage.py …`, within this process, to its end."""

    def run(*args: str, env: Mapping[str, str] | None = None, input: str = "") -> Completed:  # noqa: A002
        with django_db_blocker.unblock():
            return run_in_process(*args, environ=os.environ if env is None else env, input=input)

    return run


@pytest.fixture
def manage_process() -> Manage:
    """Return a function that runs `python manage.py …` as a process of its own."""

    def run(*args: str, env: Mapping[str, str] | None = None) -> Completed:
        return subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
