"""Code that fails after it has done something; SITUATION_RAISES says how."""

import os
from typing import Any

from django.db import migrations

STATEMENTS = {
    "privilege": "SET LOCAL ROLE pg_monitor; CREATE TABLE others (id integer)",
    "integrity": "INSERT INTO shells VALUES (1, '')",
    "data": "INSERT INTO shells VALUES ('one')",
    "missing": "INSERT INTO shellz VALUES (1)",
    "twice": "CREATE TABLE shells (id integer)",
    "session": "SELECT pg_terminate_backend(pg_backend_pid())",
}


def fill(_apps: Any, editor: Any) -> None:
    how = os.environ["SITUATION_RAISES"]
    editor.execute("INSERT INTO shells VALUES (7, 'cowrie')")
    if how == "code":
        print(1 / 0)  # noqa: T201
    for statement in STATEMENTS[how].split("; "):
        editor.execute(statement)


class Migration(migrations.Migration):
    atomic = os.environ.get("SITUATION_ATOMIC") != "no"
    dependencies = [("raises", "0001_initial")]
    operations = [migrations.RunPython(fill, fill)]
