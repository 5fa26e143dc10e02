"""What an empty database needs to be like the configured one, but for what migrations make.

That is what was there before the first of them: encoding, collation, the settings of the database,
the schema in which tables are made, and extensions that no migration makes. All of it is read.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString

from django.contrib.postgres.operations import CreateExtension
from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import Error as PsycopgError
from psycopg import sql

from chat.schema.disk.loading import load_migrations
from chat.schema.disk.operations import database_operations, sql_texts

_DATABASE: Final[LiteralString] = """
SELECT pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
       to_jsonb(d) ->> 'datlocprovider',
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
       to_jsonb(d) ->> 'daticurules'
FROM pg_database AS d
WHERE d.datname = %s
"""
# Of the database, and of this role in it; those of the role alone hold wherever it connects.
_SETTINGS: Final[LiteralString] = """
SELECT r.rolname, split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1)
FROM pg_db_role_setting AS s
JOIN pg_database AS d ON d.oid = s.setdatabase
LEFT JOIN pg_roles AS r ON r.oid = s.setrole
CROSS JOIN unnest(s.setconfig) AS setting
WHERE d.datname = %s AND (s.setrole = 0 OR r.rolname = current_user)
ORDER BY s.setrole
"""
_SCHEMA: Final[LiteralString] = """
SELECT coalesce(
    (
        SELECT n.nspname
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.oid = to_regclass('django_migrations')
    ),
    current_schema()
)
"""
_EXTENSIONS: Final[LiteralString] = """
SELECT e.extname, n.nspname
FROM pg_extension AS e
JOIN pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname <> 'plpgsql'
ORDER BY e.oid
"""
_MADE_IN_SQL: Final = re.compile(
    r'\bCREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?"?([\w-]+)', re.IGNORECASE
)
_PROVIDERS: Final = {
    "c": sql.SQL(" LOCALE_PROVIDER libc"),
    "i": sql.SQL(" LOCALE_PROVIDER icu ICU_LOCALE {locale}"),
    "b": sql.SQL(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {locale}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What was read of the configured database; nothing where there is none.

    `options` are of CREATE DATABASE, `settings` are the role (None: any), the name and the value,
    `extensions` the name and the schema.
    """

    options: sql.Composable = field(default_factory=lambda: sql.SQL(""))
    settings: tuple[tuple[str | None, str, str], ...] = ()
    schema: str | None = None
    extensions: tuple[tuple[str, str], ...] = ()


def read_traits(maintenance: BaseDatabaseWrapper, configured: BaseDatabaseWrapper) -> Traits:
    """Return what a database has to be like `configured`, to which this connects to read.

    Raises:
        BrokenMigrationsError, UnreadableMigrationError: it cannot be told what migrations make.
    """
    name = str(configured.settings_dict["NAME"])
    found = _rows(maintenance, _DATABASE, name)
    if not found:
        return Traits()
    made = set(_extensions_of_migrations())
    with closing(configured):
        ((schema,),) = _rows(configured, _SCHEMA)
        extensions = _rows(configured, _EXTENSIONS)
    return Traits(
        options=_options(*found[0]),
        settings=tuple(_rows(maintenance, _SETTINGS, name)),
        schema=schema,
        extensions=tuple(each for each in extensions if each[0] not in made),
    )


def give_settings(
    traits: Traits, maintenance: BaseDatabaseWrapper, *, name: str, say: Callable[[str], None]
) -> None:
    """Give the database of this name the settings; say which it has to go without."""
    maintenance.ensure_connection()
    for role, setting, value in traits.settings:
        # FROM CURRENT: so that no value, which may be a list, has to be written as SQL.
        statement = sql.SQL("ALTER {} SET {} FROM CURRENT").format(
            sql.SQL("DATABASE {}").format(sql.Identifier(name))
            if role is None
            else sql.SQL("ROLE {} IN DATABASE {}").format(
                sql.Identifier(role), sql.Identifier(name)
            ),
            sql.Identifier(*setting.split(".")),
        )
        try:
            with maintenance.connection.transaction():
                maintenance.connection.execute(
                    "SELECT set_config(%s, %s, true)::text", (setting, value)
                )
                maintenance.connection.execute(statement)
        except PsycopgError as exc:
            say(f"Went without the setting {setting} = {value}: {exc}")


def give_contents(
    traits: Traits, scratch: BaseDatabaseWrapper, *, say: Callable[[str], None]
) -> None:
    """Make the schema and the extensions; say which it has to go without."""
    schemas = dict.fromkeys([traits.schema, *(schema for _, schema in traits.extensions)])
    statements = [
        (f"the schema {schema}", sql.SQL("CREATE SCHEMA IF NOT EXISTS {}"), [schema])
        for schema in schemas
        if schema is not None and not schema.startswith("pg_")
    ] + [
        (
            f"the extension {name}",
            sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {} CASCADE"),
            [name, schema],
        )
        for name, schema in traits.extensions
    ]
    for what, statement, names in statements:
        try:
            with scratch.cursor() as cursor:
                cursor.execute(statement.format(*map(sql.Identifier, names)))
        except Error as exc:
            say(f"Went without {what}: {exc}")


def _options(  # noqa: PLR0917 — the columns of a row
    encoding: str,
    collate: str,
    ctype: str,
    provider: str | None,
    locale: str | None,
    rules: str | None,
) -> sql.Composable:
    options = sql.SQL(" ENCODING {} LC_COLLATE {} LC_CTYPE {}").format(encoding, collate, ctype)
    if provider in _PROVIDERS:
        options += _PROVIDERS[provider].format(locale=locale)
    if rules:
        options += sql.SQL(" ICU_RULES {}").format(rules)
    return options


def _extensions_of_migrations() -> Iterator[str]:
    for migration in load_migrations(None).disk_migrations.values():
        for operation in database_operations(migration.operations):
            if isinstance(operation, CreateExtension):
                yield operation.name
            for text in sql_texts(getattr(operation, "sql", "")):
                yield from _MADE_IN_SQL.findall(text)


def _rows(connection: BaseDatabaseWrapper, statement: LiteralString, *params: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())
