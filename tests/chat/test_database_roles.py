"""What the roles of the database may do, tried as them; a superuser made what is there."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError, connection, transaction
from psycopg import sql

import chat.db.roles
from chat.db.roles import DatabaseRoles
from chat.models import Message, MessageRevision
from chat.services.users import erase_user
from tests.chat.sql import Refusal, by_check, execute, refused, rows, value
from tests.factories import (
    AdminAccessFactory,
    AuditLogEntryFactory,
    InviteFactory,
    MessageAttachmentFactory,
    MessageFactory,
    MessageRevisionFactory,
    ParticipantFactory,
    ReadStateFactory,
    RoleFactory,
    UserFactory,
)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.one_machine("two roles write in one transaction, of which a cluster takes one"),
]

NOT_GRANTED = Refusal(ProgrammingError, "42501")


def roles() -> DatabaseRoles:
    return DatabaseRoles.named_after(connection.settings_dict["NAME"])


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        yield
        cursor.execute("RESET ROLE")


@pytest.fixture
def app() -> Iterator[None]:
    """Act as the application, with something of everything to attack."""
    MessageRevisionFactory.create()
    MessageRevisionFactory.create(direct=True)
    for factory in (AuditLogEntryFactory, AdminAccessFactory, ReadStateFactory, InviteFactory):
        factory.create()
    ParticipantFactory.create()
    RoleFactory.create(position=0)
    MessageAttachmentFactory.create()
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("SET CONSTRAINTS ALL DEFERRED")
    with acting_as(roles().app):
        yield


# What the application may not --------------------------------------------------------------------

REVISE = (
    "INSERT INTO message_revisions (space_id, message_id, version, content) "
    "SELECT space_id, message_id, version + 1, 'never said' FROM message_revisions"
)
SEND = "INSERT INTO messages (id, space_id, channel_id, author_id) VALUES (%s, %s, %s, %s)"
REFUSED = [
    "CREATE TEMPORARY TABLE mine (id integer)",
    "CREATE TABLE public.mine (id integer)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE TRIGGER mine BEFORE INSERT ON messages EXECUTE FUNCTION public.set_updated_at()",
    "ALTER TABLE messages DISABLE TRIGGER ALL",
    "DROP TRIGGER messages_place_kept ON messages",
    "SET session_replication_role = replica",
    "UPDATE channel_counters SET last_seq = last_seq + 1",
    "UPDATE channel_counters SET closed = true",
    "INSERT INTO channel_counters SELECT * FROM channel_counters",
    "DELETE FROM channel_counters",
    "SELECT public.update_closed(space_id, ARRAY[channel_id]) FROM channel_counters",
    "INSERT INTO read_ranges (space_id, channel_id) VALUES (%s, %s)",
    "UPDATE read_ranges SET last_seq = 9",
    "DELETE FROM read_ranges",
    "SELECT public.admit_by_role()",
    REVISE,
    "UPDATE message_revisions SET content = 'never said'",
    "DELETE FROM message_revisions",
    "DELETE FROM messages",
    "UPDATE messages SET seq = seq + 1",
    "UPDATE messages SET author_id = NULL",
    "UPDATE messages SET reply_to_seq = NULL",
    "UPDATE messages SET version = 1, edited_at = NULL",
    "UPDATE read_states SET last_sent_at = NULL",
    "INSERT INTO read_states (space_id, last_sent_at) VALUES (%s, now())",
    "INSERT INTO audit_log (space_id, action, created_at) VALUES (%s, 'x', '2001-01-01')",
    "UPDATE audit_log SET reason = ''",
    "DELETE FROM audit_log",
    "INSERT INTO admin_access_log (actor_id, action, created_at) VALUES (%s, 'x', '2001-01-01')",
    "UPDATE admin_access_log SET details = '{}'",
    "DELETE FROM admin_access_log",
    "DELETE FROM users",
    "DELETE FROM servers",
    "DELETE FROM channels",
    "DELETE FROM participants",
    "DELETE FROM invite_codes",
    "INSERT INTO django_migrations (app, name, applied) VALUES ('chat', '0099_mine', now())",
    "DELETE FROM django_migrations",
    "INSERT INTO schema_migrations (event, app, name) VALUES ('a', 'b', 'c')",
    "INSERT INTO auth_permission (name, content_type_id, codename) VALUES ('all', 1, 'all')",
    "TRUNCATE messages CASCADE",
    "TRUNCATE audit_log",
    "TRUNCATE schema_migrations",
]


@pytest.mark.parametrize("purge", ["off", "on"])
def test_application_has_no_right(purge: str, app: None) -> None:
    execute(f"SET LOCAL chat.purge = '{purge}'")

    answers = {each: refused(each.replace("%s", "uuidv7()")) for each in REFUSED}

    assert answers == dict.fromkeys(REFUSED, NOT_GRANTED)


NEW_GROUP = (
    "INSERT INTO channels (id, space_id, kind, name, legal_hold_at)"
    " SELECT new, new, 'group', '', now() FROM uuidv7() AS new"
)
NEW_SERVER = (
    "INSERT INTO servers (id, space_id, name, owner_id, {})"
    " SELECT new, new, 'Mine', id, {} FROM users, uuidv7() AS new LIMIT 1"
)


@pytest.mark.parametrize("purge", ["off", "on"])
@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE channel_counters SET space_id = space_id", "channel_counters_kept"),
        ("DELETE FROM roles WHERE position = 0", "roles_everyone_kept"),
        (
            "UPDATE participants SET left_at = now()",
            "participants_pair_kept",
        ),
        ("UPDATE servers SET retention_days = 1", "servers_policy_kept"),
        ("UPDATE servers SET legal_hold_at = now()", "servers_policy_kept"),
        ("UPDATE channels SET legal_hold_at = now()", "channels_policy_kept"),
        (NEW_SERVER.format("retention_days", "1"), "servers_policy_given"),
        (NEW_SERVER.format("legal_hold_at", "now()"), "servers_policy_given"),
        (NEW_GROUP, "channels_policy_given"),
    ],
)
def test_trigger_refuses_where_a_right_is_needed(
    statement: str, constraint: str, purge: str, app: None
) -> None:
    execute(f"SET LOCAL chat.purge = '{purge}'")

    assert refused(statement) == by_check(constraint)


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        (REVISE, NOT_GRANTED),
        ("DELETE FROM message_revisions", NOT_GRANTED),
        ("UPDATE channel_counters SET last_seq = last_seq + 1", NOT_GRANTED),
        ("UPDATE read_states SET last_read_seq = 9, last_sent_at = now()", NOT_GRANTED),
        (
            "UPDATE channel_counters SET space_id = space_id",
            by_check("channel_counters_place_fixed"),
        ),
        ("DELETE FROM roles WHERE position = 0", by_check("roles_everyone_kept")),
    ],
)
def test_trigger_of_its_own_does_not_help(statement: str, refusal: Refusal, app: None) -> None:
    # As on a server where everybody may make temporary tables.
    execute("RESET ROLE")
    name = sql.Identifier(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO PUBLIC").format(name))
        cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(roles().app)))
    execute("SET LOCAL chat.purge = 'on'")
    execute("CREATE TEMPORARY TABLE way (id integer)")
    execute(
        "CREATE FUNCTION pg_temp.go() RETURNS trigger LANGUAGE plpgsql "
        f"AS $$BEGIN {statement}; RETURN NULL; END$$"
    )
    execute("CREATE TRIGGER go AFTER INSERT ON way FOR EACH ROW EXECUTE FUNCTION pg_temp.go()")

    assert refused("INSERT INTO way VALUES (1)") == refusal
    for owners in ("number_message", "keep_message_revision", "mark_own_message"):
        trigger = f"CREATE TRIGGER t AFTER INSERT ON way EXECUTE FUNCTION public.{owners}()"
        assert refused(trigger) == NOT_GRANTED


def test_number_without_a_message_is_refused_whatever_is_set(app: None) -> None:
    known, elsewhere = rows("SELECT id, space_id, channel_id, author_id FROM messages LIMIT 2")
    execute("SET LOCAL chat.purge = 'on'")

    @transaction.atomic
    def take_a_number() -> None:
        execute(f"{SEND} ON CONFLICT DO NOTHING", known[0], *elsewhere[1:])
        execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(OperationalError, match="belongs to no message"):
        take_a_number()


@pytest.mark.django_db(transaction=True)
def test_application_that_logs_in_takes_no_other_role() -> None:
    names = roles()
    where = connection.get_connection_params()
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("ALTER ROLE {} LOGIN PASSWORD 'secret'").format(sql.Identifier(names.app))
        )
    with psycopg.connect(**where | {"user": names.app, "password": "secret"}) as session:
        for role in (names.owner, str(where["user"])):
            for command in ("SET ROLE {}", "SET SESSION AUTHORIZATION {}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege), session.transaction():
                    session.execute(sql.SQL(command).format(sql.Identifier(role)))


# Erasure -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("whom", ["(SELECT author_id FROM messages LIMIT 1)", "NULL", "uuidv7()"])
def test_histories_of_who_is_not_erased_are_kept(whom: str, app: None) -> None:
    assert refused(f"SELECT purge_erased_user({whom})") == by_check("users_erased_purged")


def test_application_erases_a_user_and_takes_nothing_of_others_back(app: None) -> None:
    person, other = MessageRevision.objects.values_list("message__author", flat=True)
    kept = "SELECT r.content FROM message_revisions AS r JOIN messages AS m ON m.id = r.message_id "

    erase_user(actor=person, user=person)

    assert rows(kept + "WHERE m.author_id = %s", person) == []
    assert rows(kept + "WHERE m.author_id = %s", other) == [("ahoy",)]
    assert refused("DELETE FROM message_revisions") == NOT_GRANTED


def test_objects_of_the_callers_do_not_stand_in_the_way() -> None:
    # A schema that somebody lent to the application: with its own users, and all ids equal.
    revision = MessageRevisionFactory.create()
    erase_user(actor=(ghost := UserFactory.create()), user=ghost)
    app = sql.Identifier(roles().app)
    execute("CREATE SCHEMA mine")
    execute("CREATE VIEW mine.users AS SELECT id, now() AS erased_at FROM public.users")
    execute("CREATE FUNCTION mine.same(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true'")
    execute("CREATE OPERATOR mine.= (FUNCTION = mine.same, LEFTARG = uuid, RIGHTARG = uuid)")
    execute(
        "CREATE FUNCTION mine.pg_has_role(oid, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'"
    )
    with connection.cursor() as cursor:
        cursor.execute("GRANT USAGE ON SCHEMA mine TO PUBLIC")
        cursor.execute("GRANT SELECT ON mine.users TO PUBLIC")
        # As where all is granted: the triggers are left.
        cursor.execute(sql.SQL("GRANT DELETE ON messages TO {}").format(app))
    with acting_as(roles().app):
        execute("SET LOCAL search_path = mine, pg_catalog, public")
        execute("SET LOCAL chat.purge = 'on'")

        author = Message.objects.values_list("author", flat=True).get()
        refusal = refused("SELECT purge_erased_user(%s)", author)
        assert refusal == by_check("users_erased_purged")
        assert refused("DELETE FROM messages") == by_check("messages_place_kept")
        execute("UPDATE messages SET content = 'avast'")
        execute("SET LOCAL search_path = public")
    assert rows("SELECT content FROM message_revisions ORDER BY version") == [
        (revision.content,),
        (f"{revision.content}!",),
    ]


def test_owner_purges_where_it_is_said() -> None:
    MessageFactory.create()
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    with acting_as(roles().owner):
        assert refused("DELETE FROM messages") == by_check("messages_place_kept")
        execute("SET LOCAL chat.purge = 'on'")
        assert execute("DELETE FROM messages") == 1


# Reports -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        "content FROM messages",
        "search FROM messages",
        "content FROM message_revisions",
        "content FROM direct_messages",
        "filename FROM message_attachments",
        "storage_key FROM message_attachments",
        "emoji FROM reactions",
        "user_id FROM mentions",
        "password FROM users",
        "email FROM users",
        "code FROM invites",
        "code FROM invite_codes",
        "token_hash FROM user_sessions",
        "session_data FROM django_session",
        "username FROM axes_accessattempt",
    ],
)
def test_reports_do_not_see(columns: str) -> None:
    with (
        acting_as(roles().readonly),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
    ):
        execute(f"SELECT {columns}")


def test_reports_count_and_write_nothing() -> None:
    MessageFactory.create()
    with acting_as(roles().readonly):
        assert rows("SELECT count(*), max(seq) FROM messages GROUP BY author_id") == [(1, 1)]
        assert rows("SELECT last_seq FROM channel_access LIMIT 1") == [(1,)]
        assert value("SELECT count(username) FROM users") > 0
        for table in ("users", "messages", "audit_log", "channel_counters"):
            with pytest.raises(ProgrammingError), transaction.atomic():
                execute(f"UPDATE {table} SET id = id")


# The schema --------------------------------------------------------------------------------------

GRANTS = re.compile(
    r"^(?:GRANT|REVOKE) (?P<rights>[A-Z, ]+?)(?: \((?P<columns>[^)]+)\))?\s+ON\s+"
    r"(?P<tables>[a-z_,\s]+)\s+(?:TO|FROM) \{(?P<role>app|readonly)\};",
    re.MULTILINE,
)


def decisions() -> tuple[set[tuple[str, str]], dict[tuple[str, str, str], set[str]]]:
    """Return the tables that are named for a role, and the columns for a role and a right."""
    text = Path(chat.db.roles.__file__).with_suffix(".sql").read_text()
    tables, columns = set(), dict[tuple[str, str, str], set[str]]()
    for grant in GRANTS.finditer(text):
        named = {name.strip() for name in grant["tables"].split(",")}
        tables |= {(grant["role"], table) for table in named}
        if grant["columns"]:
            for table in named:
                key = (grant["role"], grant["rights"], table)
                columns.setdefault(key, set()).update(map(str.strip, grant["columns"].split(",")))
    return tables, columns


def undecided() -> set[tuple[str, ...]]:
    """Return the tables, and the columns where rights are by column, of which nothing is said."""
    tables, columns = decisions()
    stored: dict[str, set[str]] = {}
    for table, column in rows(
        "SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') "
        "AND attnum > 0 AND NOT attisdropped"
    ):
        stored.setdefault(table, set()).add(column)
    missing: set[tuple[str, ...]] = {
        (role, table)
        for role in ("app", "readonly")
        for table in stored
        if (role, table) not in tables
    }
    for (role, right, table), named in columns.items():
        missing |= {(role, right, table, column) for column in stored[table] ^ named}
    return missing


def test_each_table_and_column_has_a_decision() -> None:
    assert undecided() == set()


def test_new_table_and_new_column_have_none() -> None:
    execute("CREATE TABLE letters (id integer)")
    execute("ALTER TABLE messages ADD COLUMN mood text")

    assert undecided() == {
        ("app", "letters"),
        ("readonly", "letters"),
        ("app", "UPDATE", "messages", "mood"),
        ("readonly", "SELECT", "messages", "mood"),
    }


def test_owner_owns_all_of_the_schema() -> None:
    owners = rows(
        "SELECT DISTINCT relowner::regrole::text FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace "
        "UNION SELECT proowner::regrole::text FROM pg_proc "
        "WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    )

    assert owners == [(roles().owner,)]


def test_functions_with_the_rights_of_the_owner_are_called_by_the_application_alone() -> None:
    callable_by = (
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
        "AND prosecdef AND has_function_privilege(%s, oid, 'EXECUTE') ORDER BY proname"
    )

    assert rows(callable_by, roles().app) == [("purge_erased_user",), ("slow_mode_wait",)]
    assert rows(callable_by, roles().readonly) == []
    assert value(
        "SELECT bool_and(coalesce(proconfig, '{}') @> ARRAY['search_path=\"\"']) FROM pg_proc "
        "WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    )


def test_later_table_can_be_read_by_the_application() -> None:
    with acting_as(roles().owner):
        execute("CREATE TABLE letters (id integer)")
    with acting_as(roles().app):
        assert rows("SELECT * FROM letters") == []
        assert refused("INSERT INTO letters VALUES (1)") == NOT_GRANTED


# The command and the check -----------------------------------------------------------------------


def database_roles(*args: str) -> str:
    output = StringIO()
    call_command("database_roles", *args, stdout=output)
    return output.getvalue()


def test_command_prints_what_it_runs_and_no_password() -> None:
    printed = database_roles("--print", "--app", 'the "app"')

    assert printed.startswith("BEGIN;\n")
    assert printed.endswith("COMMIT;\n")
    assert 'GRANT INSERT ON messages TO "the ""app""";' in printed
    assert "PASSWORD" not in printed
    with connection.cursor() as cursor:
        cursor.execute(printed.removeprefix("BEGIN;").removesuffix("COMMIT;\n"))
    assert value("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'the \"app\"'") is False


def test_command_changes_nothing_the_second_time() -> None:
    state = (
        "SELECT relname, relowner, relacl::text, ("
        "SELECT string_agg(attacl::text, ' ' ORDER BY attnum) "
        "FROM pg_attribute WHERE attrelid = pg_class.oid) FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace ORDER BY relname"
    )
    before = rows(state)

    printed = database_roles("--apply")

    assert rows(state) == before
    assert f"{roles().app} is for the application" in printed


def test_owner_gives_the_rights_again() -> None:
    with acting_as(roles().owner):
        with connection.cursor() as cursor:
            app = sql.Identifier(roles().app)
            cursor.execute(sql.SQL("REVOKE INSERT ON messages FROM {}").format(app))
        database_roles("--apply")

    assert value("SELECT has_table_privilege(%s, 'messages', 'INSERT')", roles().app)


def test_command_says_who_may_run_it() -> None:
    with acting_as(roles().app), pytest.raises(CommandError) as refusal:
        database_roles("--apply")

    assert "Nothing was changed" in str(refusal.value)
    assert "connect as a superuser" in str(refusal.value)


@pytest.mark.parametrize("attribute", ["SUPERUSER", "CREATEROLE", "IN ROLE pg_write_all_data"])
def test_role_that_may_more_is_not_for_the_application(attribute: str) -> None:
    execute(f"CREATE ROLE mighty {attribute}")

    with pytest.raises(CommandError, match="role mighty can do more than is granted here"):
        database_roles("--apply", "--app", "mighty")


def test_roles_have_three_names_that_fit() -> None:
    with pytest.raises(CommandError, match="three names"):
        database_roles("--print", "--app", "one", "--readonly", "one")
    with pytest.raises(CommandError, match="longer than the 63 bytes"):
        database_roles("--print", "--app", "a" * 64)


def test_who_may_create_roles_and_owns_the_database_gives_the_rights() -> None:
    execute("CREATE ROLE boss CREATEROLE")
    name = sql.Identifier(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ALTER DATABASE {} OWNER TO boss").format(name))
    database_roles("--apply", "--owner", "boss", "--app", "boss_app", "--readonly", "boss_readonly")

    with acting_as("boss"):
        names = ("--owner", "new_owner", "--app", "new_app", "--readonly", "new_readonly")
        database_roles("--apply", *names)

    assert value("SELECT relowner::regrole::text FROM pg_class WHERE relname = 'users'") == (
        "new_owner"
    )
    assert value("SELECT has_column_privilege('new_app', 'messages', 'content', 'UPDATE')")


@pytest.mark.parametrize(
    ("role", "what"),
    [
        (lambda: "none", "is a superuser"),
        (lambda: roles().owner, "owns the tables"),
        (lambda: roles().app, None),
    ],
)
def test_deployment_check_warns_of_a_role_that_no_trigger_holds(
    role: Callable[[], str], what: str | None
) -> None:
    execute("SELECT set_config('role', %s, true)", role())
    found: list[Any] = run_checks(include_deployment_checks=True, databases=["default"])

    warnings = [each.msg for each in found if each.id == "chat.W005"]
    assert len(warnings) == (what is not None)
    assert what is None or what in warnings[0]
