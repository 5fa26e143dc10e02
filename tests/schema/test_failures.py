"""Migrations in Python that fail: what an operator is told, and that it is true."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from chat.schema.ledger.events import read_events
from tests.schema.conftest import EditedSituation, ManageSituation
from tests.scratch import ScratchServer

ROLLED_BACK = (
    "It is one transaction and was rolled back: nothing of it was kept. The migrations before it "
    "stay applied.\n"
)


def shells(connection: BaseDatabaseWrapper) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM shells ORDER BY id")
        return [number for (number,) in cursor.fetchall()]


@pytest.fixture
def file(situations_folder: Path) -> Path:
    return situations_folder / "situations/raises/migrations/0002_fill.py"


@pytest.fixture
def guest(scratch_connection: BaseDatabaseWrapper) -> Iterator[dict[str, str]]:
    """A role that may connect and nothing else, as the environment of a process."""
    name = f"guest_{uuid4().hex[:12]}"
    role = sql.Identifier(name)
    with scratch_connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'guest'").format(role))
        yield {"SITUATION_DB_USER": name, "SITUATION_DB_PASSWORD": "guest"}
        cursor.execute(sql.SQL("DROP OWNED BY {}").format(role))
        cursor.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.mark.parametrize(
    ("how", "line", "said", "next_step"),
    [
        (
            "privilege",
            29,
            "ERROR: permission denied for schema public\n",
            "Let the role that migrates do that: as the owner, GRANT it",
        ),
        (
            "integrity",
            29,
            (
                'ERROR: new row for relation "shells" violates check constraint '
                '"shells_kind_check"\nDETAIL: Failing row contains (1, ).\n'
            ),
            "Correct the rows that break the rule, or the migration, then run this again.\n",
        ),
        (
            "unique",
            29,
            (
                'ERROR: could not create unique index "shells_expr_idx"\n'
                "DETAIL: Key ((1))=(1) is duplicated.\n"
            ),
            "Correct the rows that break the rule, or the migration, then run this again.\n",
        ),
        (
            "data",
            29,
            'ERROR: invalid input syntax for type integer: "one"\n',
            "Correct the rows that do not fit, or the migration, then run this again.\n",
        ),
        (
            "missing",
            29,
            'ERROR: relation "shellz" does not exist\n',
            "Correct what it names, then run this again.\n",
        ),
        (
            "twice",
            29,
            'ERROR: relation "shells" already exists\n',
            "Something of that name is there already. Drop or rename it.",
        ),
        (
            "exit",
            27,
            "ProcessEndedError: it called sys.exit(0)\n",
            "Correct its code, then run this again; --traceback shows where the error is from.\n",
        ),
        (
            "code",
            27,
            "ZeroDivisionError: division by zero\n",
            "Correct its code, then run this again; --traceback shows where the error is from.\n",
        ),
    ],
)
def test_failure_names_migration_place_state_and_what_to_do(
    manage: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
    file: Path,
    how: str,
    line: int,
    said: str,
    next_step: str,
) -> None:
    result = manage("migrate", situations=["raises"], SITUATION_RAISES=how)

    assert result.returncode == 1
    assert result.stderr.startswith(
        "CommandError: A migration failed.\n"
        f"raises.0002_fill: {file}, line {line}, in fill (Raw Python operation)\n"
        f"{said}{ROLLED_BACK}{next_step}"
    )
    assert "Traceback" not in result.stderr
    assert result.stdout.endswith("Applying raises.0002_fill... FAILED\n")
    assert shells(scratch_connection) == []


def test_way_back_that_fails_is_told_alike(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, file: Path
) -> None:
    manage("migrate", "raises", "0001", situations=["raises"], SITUATION_RAISES="code")
    manage("migrate", "raises", "--fake", situations=["raises"], SITUATION_RAISES="code")
    environ = {"SITUATION_RAISES": "missing", "SITUATION_FORCE_ROLLBACK": "1"}

    result = manage("migrate", "raises", "0001", situations=["raises"], **environ)

    assert result.returncode == 1
    assert f"raises.0002_fill: {file}, line 29, in fill" in result.stderr
    assert 'ERROR: relation "shellz" does not exist\n' + ROLLED_BACK in result.stderr
    assert shells(scratch_connection) == []


def test_exit_is_an_error_wherever_code_of_a_migration_runs(
    manage: ManageSituation, edited: Callable[..., EditedSituation]
) -> None:
    environ = {"SITUATION_RAISES": "exit"}
    manage("migrate", "raises", "0001", situations=["raises"], **environ)
    manage("migrate", "raises", "--fake", situations=["raises"], **environ)
    read = edited("two_steps")
    module = read.migrations / "0002_touch.py"
    module.write_text(f"raise SystemExit(0)\n{module.read_text()}")

    tried = manage("migrate", "raises", "0001", situations=["raises"], **environ)
    rehearsed = manage("migration_rehearse", situations=["raises"], **environ)
    imported = manage("migration_status", situations=[read.name], **read.environ)

    assert (tried.returncode, rehearsed.returncode, imported.returncode) == (3, 1, 1)
    assert "trial run failed at raises.0002_fill: it called sys.exit(0)" in tried.stderr
    assert "ProcessEndedError: it called sys.exit(0)" in " ".join(rehearsed.stdout.split())
    assert f"{module}, line 1\nProcessEndedError: it called sys.exit(0)\n" in imported.stderr


@pytest.mark.parametrize("how", ["code", "missing"])
def test_part_of_what_is_not_one_transaction_is_kept(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, how: str
) -> None:
    environ = {"SITUATION_RAISES": how, "SITUATION_ATOMIC": "no"}

    result = manage("migrate", situations=["raises"], **environ)
    status = manage("migration_status", "--check", situations=["raises"], **environ)

    assert result.returncode == 1
    assert "It is not one transaction (atomic = False): what it did before this is kept" in (
        result.stderr
    )
    assert shells(scratch_connection) == [7]
    assert status.returncode == 7


def test_transaction_that_it_began_itself_is_said_to_be_rolled_back(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    how = "BEGIN; UPDATE tides SET height = 0; SELECT nope"

    result = manage("migrate", situations=["loses_lock"], SITUATION_LOSES=how)

    assert result.returncode == 1
    assert "and the one that it began itself was rolled back: what it did before that is kept" in (
        result.stderr
    )
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT height FROM tides")
        assert cursor.fetchone() == (110,)
    assert [event.event for event in read_events(scratch_connection, limit=1)] == ["failed"]


def test_lost_connection_leaves_open_what_became_of_it(manage: ManageSituation) -> None:
    result = manage("migrate", situations=["raises"], SITUATION_RAISES="session")

    assert result.returncode == 1
    assert "raises.0002_fill: " in result.stderr
    assert "The connection was lost: either all of it was kept or nothing." in result.stderr
    assert "python manage.py migration_status" in result.stderr
    assert "Traceback" not in result.stderr


def test_traceback_is_there_for_who_asks(manage: ManageSituation, file: Path) -> None:
    result = manage("migrate", "--traceback", situations=["raises"], SITUATION_RAISES="code")

    assert result.returncode == 1
    assert f'{file}", line 27, in fill\n' in result.stderr
    assert "ZeroDivisionError: division by zero\n" in result.stderr
    assert "CommandError: A migration failed.\n" in result.stderr


@pytest.mark.parametrize("command", ["migrate", "migration_reset"])
def test_role_that_may_make_no_table_is_told_before_anything_is_done(
    manage: ManageSituation, guest: dict[str, str], command: str
) -> None:
    result = manage(command, situations=["two_steps"], **guest)

    assert result.returncode == 1
    assert "CommandError: The database refused a statement.\n" in result.stderr
    assert "ERROR: permission denied for schema public\n" in result.stderr
    assert "GRANT it (CREATE ON SCHEMA public, say)" in result.stderr
    assert "Traceback" not in result.stderr


def test_role_that_may_not_read_the_records_is_told(
    manage: ManageSituation, guest: dict[str, str]
) -> None:
    manage("migrate", situations=["two_steps"])

    result = manage("migration_status", situations=["two_steps"], **guest)

    assert result.returncode == 1
    assert "ERROR: permission denied for table django_migrations\n" in result.stderr
    assert "GRANT SELECT ON django_migrations, schema_migrations" in result.stderr
    assert "CREATE" not in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["migrate", "migration_status", "migration_drift"])
def test_server_that_is_away_is_no_refused_statement(manage: ManageSituation, command: str) -> None:
    result = manage(command, situations=["two_steps"], SITUATION_DB_PORT="1")

    assert result.returncode == 1
    assert result.stderr.startswith(
        "CommandError: There is no connection to the database, or it was lost.\n"
    )
    assert "Look whether the server runs, and whether the settings name it." in result.stderr
    assert "Correct what it names" not in result.stderr


def test_role_that_only_reads_is_told_so_whatever_it_wanted_to_write(
    manage: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
    scratch_server: ScratchServer,
    guest: dict[str, str],
) -> None:
    name = scratch_connection.settings_dict["NAME"]
    scratch = sql.Identifier(f"{name}_rehearsal")
    role = sql.Identifier(guest["SITUATION_DB_USER"])
    comment = f"Scratch database of a rehearsal beside {name}; its rehearsal drops it."
    with scratch_server.maintenance.cursor() as cursor:
        cursor.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(role))
        cursor.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(role))
        cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(scratch, role))
        cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(scratch, comment))
    try:
        results = [
            manage(command, situations=["two_steps"], **guest)
            for command in ("migrate", "migration_rehearse")
        ]
    finally:
        with scratch_server.maintenance.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE {}").format(scratch))

    for result in results:
        assert result.returncode == 1
        assert "in a read-only transaction" in result.stderr
        assert result.stderr.endswith(
            "Nothing can be written here: the server is a standby, or "
            "default_transaction_read_only is on for this role or database. Connect to the primary "
            "server, as a role that may write.\n"
        )


@pytest.mark.parametrize("table", ["schema_migrations", "django_migrations"])
def test_sequence_of_a_promoted_replica_is_put_right_by_what_is_recommended(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, table: str
) -> None:
    manage("migrate", "two_steps", "0001", situations=["two_steps"])
    with scratch_connection.cursor() as cursor:
        # Logical replication brings rows, and leaves sequences where they are.
        cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), 1, false)", [table])

    result = manage("migrate", situations=["two_steps"])
    recommended = re.findall(r"its sequences are behind the rows: (.+;)\n", result.stderr)
    with scratch_connection.cursor() as cursor:
        cursor.execute(recommended[0])
    again = manage("migrate", situations=["two_steps"])

    assert (result.returncode, again.returncode) == (1, 0)
    assert "DETAIL: Key (id)=(1) already exists." in result.stderr


@pytest.mark.parametrize("command", ["migration_status", "migration_current", "migrate"])
@pytest.mark.parametrize("table", ["django_migrations", "schema_migrations"])
def test_records_that_row_level_security_hides_are_not_taken_for_pending(
    manage: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
    guest: dict[str, str],
    table: str,
    command: str,
) -> None:
    manage("migrate", situations=["two_steps"])
    protected, role = sql.Identifier(table), sql.Identifier(guest["SITUATION_DB_USER"])
    with scratch_connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("GRANT SELECT ON django_migrations, schema_migrations TO {}").format(role)
        )
        cursor.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(protected))
        cursor.execute(sql.SQL("CREATE POLICY late_rows ON {} USING (id > 1)").format(protected))

    hidden = manage(command, situations=["two_steps"], **guest)
    of_owner = manage("migration_status", "--check", situations=["two_steps"])

    assert hidden.returncode == 1
    assert "Row-level security hides the records of migrations from this role" in hidden.stderr
    assert f"It is on for {table}, and the role {guest['SITUATION_DB_USER']}" in hidden.stderr
    assert f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;" in hidden.stderr
    assert "pending" not in hidden.stdout
    assert of_owner.returncode == 0, of_owner.stderr


def test_policy_that_lets_the_role_do_everything_hides_nothing(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, guest: dict[str, str]
) -> None:
    manage("migrate", situations=["two_steps"])
    role = sql.Identifier(guest["SITUATION_DB_USER"])
    with scratch_connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "GRANT SELECT ON django_migrations, schema_migrations TO {role};"
                "ALTER TABLE django_migrations ENABLE ROW LEVEL SECURITY;"
                "CREATE POLICY all_rows ON django_migrations TO {role} USING (true)"
            ).format(role=role)
        )

    result = manage("migration_status", "--check", situations=["two_steps"], **guest)

    assert result.returncode == 0, result.stderr
