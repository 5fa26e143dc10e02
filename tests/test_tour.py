"""The samples in the READMEs run, and return what their comments promise."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from chat.db.roles import DatabaseRoles

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


def _outcome(statement: str) -> str:
    """Return the first value of the result, "" where there is none, or the name of the error."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else ("",)
            return "no row" if row is None else str(row[0])
    except DatabaseError as error:
        return type(error.__cause__).__name__
