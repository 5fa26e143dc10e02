"""`migrate` backwards: what it shows, when it asks, and when it refuses."""

import time

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.schema.conftest import ManageSituation, StartSituation
from tests.schema.test_loss_trial import rows, somebody_else
from tests.schema.test_reset import on_terminal

BACK = ("migrate", "two_steps", "zero")
APPS = ["two_steps", "house"]


@pytest.fixture
def two_messages(manage: ManageSituation, scratch_connection: BaseDatabaseWrapper) -> None:
    assert manage("migrate", situations=APPS).returncode == 0
    with scratch_connection.cursor() as cursor:
        cursor.execute("INSERT INTO two_steps_messages (content) VALUES ('a'), ('b')")


def is_there(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('two_steps_messages') IS NOT NULL")
        row = cursor.fetchone()
    return bool(row and row[0])


@pytest.mark.usefixtures("two_messages")
def test_loss_and_the_migrations_of_other_apps_are_shown_in_order(
    manage: ManageSituation,
) -> None:
    result = manage(*BACK, situations=APPS)

    assert result.returncode == 0, result.stderr
    shown = result.stdout.partition("Running migrations")[2]
    assert shown.index("house.0001_initial") < shown.index("two_steps.0001_initial")
    assert "two_steps_messages" in shown
    assert "2 rows" in shown


@pytest.mark.usefixtures("two_messages")
@pytest.mark.parametrize(("answer", "code"), [(b"yes\n", 0), (b"\x03", 3)])
def test_terminal_is_asked_below_what_will_be_lost(
    scratch_environ: dict[str, str],
    scratch_connection: BaseDatabaseWrapper,
    answer: bytes,
    code: int,
) -> None:
    returncode, seen = on_terminal(
        scratch_environ, *BACK, answer=answer, question=b"Type yes to roll back: "
    )

    assert returncode == code, seen
    assert seen.index("To be lost: 2 rows in 1 table") < seen.index("Type yes to roll back: ")
    assert is_there(scratch_connection) == (code != 0)


@pytest.mark.usefixtures("two_messages")
@pytest.mark.parametrize("options", [(), ("--noinput",)])
def test_production_refuses_whatever_is_said(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, options: tuple[str, ...]
) -> None:
    result = manage(*BACK, *options, situations=APPS, SITUATION_MELO_ENV="production")

    assert result.returncode == 3
    assert "FORCE_ROLLBACK=1" in result.stderr
    assert is_there(scratch_connection)


@pytest.mark.usefixtures("two_messages")
def test_production_goes_back_when_it_is_forced(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    forced = {"SITUATION_MELO_ENV": "production", "SITUATION_FORCE_ROLLBACK": "1"}

    result = manage(*BACK, "--noinput", situations=APPS, **forced)

    assert result.returncode == 0, result.stderr
    assert not is_there(scratch_connection)


@pytest.mark.usefixtures("two_messages")
def test_reset_that_is_forced_is_not_refused_on_its_way_down(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    forced = {"SITUATION_MELO_ENV": "production", "SITUATION_FORCE_RESET": "1"}

    result = manage("migration_reset", "--noinput", situations=APPS, **forced)

    assert result.returncode == 0, result.stderr
    assert is_there(scratch_connection)


@pytest.mark.usefixtures("two_messages")
def test_faked_rollback_loses_nothing_and_is_not_asked_about(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage(*BACK, "--fake", situations=APPS, SITUATION_MELO_ENV="production")

    assert result.returncode == 0, result.stderr
    assert is_there(scratch_connection)


@pytest.mark.usefixtures("two_messages")
@pytest.mark.parametrize(
    ("command", "environ", "said"),
    [
        (BACK, {"SITUATION_MELO_ENV": "production"}, "Refused in production"),
        (
            ("migration_reset", "--noinput"),
            {"SITUATION_MELO_ENV": "production"},
            "Refused in production",
        ),
        (
            ("migration_reset",),
            {"SITUATION_MELO_ENV": "production", "SITUATION_FORCE_RESET": "1"},
            "There is no terminal to ask on.",
        ),
    ],
)
def test_what_is_refused_locks_nobody_out_before(
    start: StartSituation,
    scratch_connection: BaseDatabaseWrapper,
    command: tuple[str, ...],
    environ: dict[str, str],
    said: str,
) -> None:
    locks = set()
    with somebody_else(scratch_connection) as reader:
        # What locks the reader out waits for it first, so that it is seen.
        reader.execute("SELECT FROM two_steps_messages, house_room")
        process = start(*command, situations=APPS, **environ)
        while process.poll() is None:
            locks |= set(
                rows(
                    scratch_connection,
                    "SELECT relation::regclass::text, mode FROM pg_locks "
                    "WHERE relation IN ('two_steps_messages'::regclass, 'house_room'::regclass)",
                )
            )
            time.sleep(0.01)
    _, errors = process.communicate()

    assert process.returncode == 3
    assert said in errors
    assert {mode for _, mode in locks} == {"AccessShareLock"}
    assert rows(scratch_connection, "SELECT count(*) FROM two_steps_messages") == [(2,)]


@pytest.mark.usefixtures("two_messages")
def test_production_is_told_from_the_models_what_it_would_lose(manage: ManageSituation) -> None:
    result = manage(*BACK, situations=APPS, SITUATION_MELO_ENV="production")

    assert result.stdout.partition("two_steps.0001_initial\n")[2].splitlines() == [
        "To be lost: 2 rows in 1 table",
        "  table    two_steps_messages                                             2 rows",
        "  1 table with nothing in it",
        "Not known until it is run:",
        "  two_steps.0002_touch: SQL file 0002_touch",
        "Not tried, but read from the migrations:",
        "  without FORCE_ROLLBACK=1 it is refused, so nothing is locked for it",
    ]
    assert "What is listed above will be lost, and what is not known may be." in result.stderr


def test_way_back_goes_to_within_a_squashed_migration(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    app = "squashed_tables"
    back = ("migrate", app, "0001_one")
    manage("migrate", situations=[app])
    with scratch_connection.cursor() as cursor:
        cursor.execute("INSERT INTO squashed_tables_book DEFAULT VALUES")

    refused = manage(*back, situations=[app], SITUATION_MELO_ENV="production")
    done = manage(*back, situations=[app])
    current = manage("migration_current", app, situations=[app])
    again = manage("migrate", situations=[app])

    assert (refused.returncode, done.returncode) == (3, 0), done.stderr
    for result in (refused, done):
        assert "To be lost: 1 row in 1 table" in result.stdout
        assert "squashed_tables_book" in result.stdout
    assert "Unapplying squashed_tables.0002_two... OK" in done.stdout
    assert current.stdout == "0001_one\n"
    assert again.returncode == 0, again.stderr
    assert rows(scratch_connection, "SELECT count(*) FROM squashed_tables_book") == [(0,)]
