"""Which tables have the trigger that keeps `updated_at`, as far as the migrations' SQL tells.

Reads SQL texts and models, never a database: a system check must not need one.
"""

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from django.db import models
from django.db.migrations.operations import RunSQL

from chat.schema.disk.operations import database_operations, sql_texts

# What is not code: comments are dropped; strings, quoted names and dollar quotes are kept whole,
# so that a semicolon in them ends nothing.
_TOKEN = re.compile(
    r"""
    (?P<comment>--[^\n]*|/\*.*?\*/)
    |(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?P=tag))
    |(?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_NAME = r'(?:"[^"]+"|\w+)'
_CREATE = re.compile(
    rf"""\s*CREATE\s+(?:OR\s+REPLACE\s+)?TRIGGER\s+(?P<trigger>{_NAME})
    \s+BEFORE\s(?P<events>.*?)\sON\s+(?:(?:public|"public")\s*\.\s*)?(?P<table>{_NAME})\s
    .*\bEXECUTE\s+(?:FUNCTION|PROCEDURE)\s+
    (?:(?:public|"public")\s*\.\s*)?(?:set_updated_at|"set_updated_at")\s*\(""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_DROP = re.compile(
    rf"""\s*DROP\s+TRIGGER\s+(?:IF\s+EXISTS\s+)?(?P<trigger>{_NAME})
    \s+ON\s+(?:(?:public|"public")\s*\.\s*)?(?P<table>{_NAME})\s*(?:CASCADE|RESTRICT|$)""",
    re.VERBOSE | re.IGNORECASE,
)


def tables_with_updated_at_trigger(scripts: Iterable[str]) -> set[str]:
    """Return the tables of schema public that these scripts, run in order, leave with the trigger.

    The trigger is `BEFORE … UPDATE … ON public.<table> … EXECUTE FUNCTION public.set_updated_at()`;
    a DROP TRIGGER of it, in a later statement, counts.
    """
    triggers: set[tuple[str, str]] = set()
    for statement in (statement for script in scripts for statement in _statements(script)):
        if made := _CREATE.match(statement):
            if re.search(r"\bUPDATE\b", made["events"], re.IGNORECASE):
                triggers.add((_folded(made["table"]), _folded(made["trigger"])))
        elif dropped := _DROP.match(statement):
            triggers.discard((_folded(dropped["table"]), _folded(dropped["trigger"])))
    return {table for table, _ in triggers}


def models_without_updated_at_trigger(
    candidates: Iterable[type[models.Model]], scripts: Iterable[str]
) -> list[type[models.Model]]:
    """Return the managed models with a column `updated_at` whose table has no trigger for it."""
    covered = tables_with_updated_at_trigger(scripts)
    return [
        model
        for model in candidates
        for options in [model._meta]
        if options.managed and not options.proxy and not options.swapped
        if any(column.column == "updated_at" for column in options.local_concrete_fields)
        if options.db_table.strip('"') not in covered
    ]


def updated_at_trigger(table: str) -> str:
    """Return the statement that gives a table its trigger."""
    return (
        f"CREATE TRIGGER {table}_updated_at\n"
        f"    BEFORE UPDATE ON public.{table}\n"
        "    FOR EACH ROW\n"
        "    EXECUTE FUNCTION public.set_updated_at();"
    )


def forward_scripts(package: ModuleType) -> Iterator[str]:
    """Yield the forward SQL of the RunSQL operations of a package's migrations, by their names."""
    for name in sorted(
        name
        for _, name, is_package in iter_modules(package.__path__)
        if not is_package and not name.startswith(("_", "~"))
    ):
        migration = getattr(import_module(f"{package.__name__}.{name}"), "Migration", None)
        for operation in database_operations(getattr(migration, "operations", ())):
            if isinstance(operation, RunSQL):
                yield from sql_texts(operation.sql)


def _statements(script: str) -> Iterator[str]:
    statement: list[str] = []
    position = 0
    for token in _TOKEN.finditer(script):
        statement.append(script[position : token.start()])
        position = token.end()
        if token["quoted"] is not None:
            statement.append(token["quoted"])
        elif token["comment"] is not None:
            statement.append(" ")
        else:
            yield "".join(statement)
            statement = []
    yield "".join([*statement, script[position:]])


def _folded(name: str) -> str:
    return name[1:-1] if name.startswith('"') else name.lower()
