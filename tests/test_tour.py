"""The samples in the READMEs run, and return what their comments promise."""

import re
from collections import Counter
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from chat.db.roles import DatabaseRoles
from tests.chat.sql import execute, value
from tests.chat.test_tenants import TENANTS
from tests.factories import (
    AuditLogEntryFactory,
    BanFactory,
    ChannelFactory,
    ChannelPermissionFactory,
    DirectConversationFactory,
    InviteFactory,
    MemberRoleFactory,
    MentionFactory,
    MessageAttachmentFactory,
    MessageFactory,
    MessageRevisionFactory,
    ReactionFactory,
    RoleFactory,
    as_superuser,
)

TOUR = Path(settings.BASE_DIR) / "README.md"
SQL = Path(settings.BASE_DIR) / "chat" / "README.md"
# A line such as `total  # 3` promises what it evaluates to.
_PROMISE = re.compile(r"^(?P<expression>\S.*?)  # (?P<result>.+)$")
# A statement, with its value or the error that refuses it.
_STATEMENT = re.compile(
    r"(?P<sql>\S.*?);(?:  -- (?P<result>.+?))?$", flags=re.DOTALL | re.MULTILINE
)
_VARIABLE = re.compile(r"^\\set (?P<name>\w+) +(?P<value>\S+)$", flags=re.MULTILINE)


def _code(path: Path, section: str, language: str) -> str:
    _, _, text = path.read_text(encoding="utf-8").partition(f"\n## {section}\n")
    text, _, _ = text.partition("\n## ")
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL))


def _checked(code: str) -> str:
    """Return the code with every promise turned into an assertion."""
    lines = []
    for line in code.splitlines():
        promise = _PROMISE.match(line)
        if promise is None or promise["expression"].startswith(("import ", "from ")):
            lines.append(line)
        else:
            lines.append(f"_hold({promise['expression']}, {promise['result']!r}, {line!r})")
    return "\n".join(lines)


@pytest.mark.django_db
def test_the_tour_in_the_readme_runs_and_keeps_its_promises() -> None:
    held: list[str] = []

    def hold(value: object, promised: str, line: str) -> None:
        assert repr(value) == promised, line
        held.append(promised)

    code = _checked(_code(TOUR, "A tour in code", "python"))
    exec(compile(code, str(TOUR), "exec"), {"_hold": hold})

    assert len(held) >= 8


@pytest.mark.django_db
def test_samples_in_sql_run_and_return_what_they_promise() -> None:
    code = _code(SQL, "SQL without Django", "sql")
    variables = {found["name"]: found["value"] for found in _VARIABLE.finditer(code)}
    code = _VARIABLE.sub("", code)
    code = re.sub(r":'(\w+)'", lambda found: f"'{variables[found[1]]}'", code)
    # The test is one transaction already.
    code = re.sub(r"^(BEGIN|COMMIT);$", "", code, flags=re.MULTILINE)
    role = sql.Identifier(DatabaseRoles.named_after(connection.settings_dict["NAME"]).app)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(role))
    kept = 0

    for statement in _STATEMENT.finditer(code):
        if statement["result"] is not None:
            assert _outcome(statement["sql"]) == statement["result"], statement["sql"]
            kept += 1
        else:
            assert _outcome(statement["sql"]) not in dir(psycopg.errors), statement["sql"]

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert kept >= 8


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["channel", "conversation", "server"])
def test_purge_in_the_readme_leaves_the_keys_of_files_and_what_is_elsewhere(what: str) -> None:
    is_conversation = what == "conversation"
    first = MessageFactory.create(
        channel=DirectConversationFactory.create() if is_conversation else ChannelFactory.create()
    )
    space, pier = first.space_id, first.channel
    second = MessageFactory.create(channel=pier, author=first.author, reply_to_seq=1)
    thread = pier
    if not is_conversation:
        thread = ChannelFactory.create(server=pier.server, kind="thread", parent=pier)
        MessageFactory.create(channel=ChannelFactory.create(server=pier.server))
        role = RoleFactory.create(server=pier.server, position=0)
        MemberRoleFactory.create(role=RoleFactory.create(server=pier.server))
        ChannelPermissionFactory.create(channel=pier, role=role)
        for channel in (pier, None):
            InviteFactory.create(server=pier.server, channel=channel)
        AuditLogEntryFactory.create(server=pier.server)
        BanFactory.create(server=pier.server)
    for message in (second, MessageFactory.create(channel=thread, author=first.author)):
        for factory in (ReactionFactory, MentionFactory, MessageRevisionFactory):
            factory.create(message=message)
        MessageAttachmentFactory.create(message=message)
    if what == "server":
        MessageAttachmentFactory.create(message=None, space_id=space)
    MessageFactory.create()
    before, before_anywhere = stored_in(space), stored_in(None)
    parts = _code(SQL, "Purging", "sql").split("COMMIT;")
    code = parts[what == "server"].replace(":'harbour'", f"'{space}'")

    with as_superuser():
        for statement in code.replace(":'pier'", f"'{pier.id}'").split(";"):
            if statement.strip() not in {"", "BEGIN"}:
                execute(statement)
        execute("SET CONSTRAINTS ALL IMMEDIATE")

    left = stored_in(space)
    if what == "channel":
        assert left["messages"] == left["channels"] == 1
        assert {"message_attachments", "reactions", "mentions", "message_revisions"} & {
            *left
        } == set()
        assert left["server_members"] == before["server_members"]
    else:
        assert set(left) == {"discarded_files"}
    assert left["discarded_files"] == before["message_attachments"]
    assert stored_in(None) - left == before_anywhere - before


def stored_in(space: UUID | None) -> Counter[str]:
    """Count the rows of each table that belong to a space, or to any."""
    return Counter(
        {
            table: count
            for model in TENANTS
            if (table := model._meta.db_table)
            and (
                count := value(
                    f"SELECT count(*) FROM {table} WHERE %s::uuid IS NULL OR space_id = %s",
                    space,
                    space,
                )
            )
        }
    )


def _outcome(statement: str) -> str:
    """Return the first value of the result, "" where there is none, or the name of the error."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else ("",)
            return "no row" if row is None else str(row[0])
    except DatabaseError as error:
        return type(error.__cause__).__name__
