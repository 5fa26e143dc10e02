"""The rights of three roles in the database, which are in roles.sql.

Knows the names of roles; what each may do is in the SQL alone.
"""

from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from chat.schema.files.tokens import split_statements

_SQL = Path(__file__).with_suffix(".sql")


@dataclass(frozen=True, kw_only=True)
class DatabaseRoles:
    """The names of the roles: of who owns the schema, of the application, and of reports."""

    owner: str
    app: str
    readonly: str

    @classmethod
    def named_after(cls, database: str) -> "DatabaseRoles":
        """Return the names that the roles of a database have by default."""
        return cls(
            owner=f"{database}_owner", app=f"{database}_app", readonly=f"{database}_readonly"
        )


def roles_sql(*, database: str, roles: DatabaseRoles) -> str:
    """Return the statements that give the roles their rights, for any client."""
    statements = sql.SQL(_SQL.read_text(encoding="utf-8"))
    return statements.format(
        database=sql.Identifier(database),
        owner=sql.Identifier(roles.owner),
        app=sql.Identifier(roles.app),
        readonly=sql.Identifier(roles.readonly),
        owner_name=sql.Literal(roles.owner),
        app_name=sql.Literal(roles.app),
        readonly_name=sql.Literal(roles.readonly),
    ).as_string(None)


def apply_roles(connection: BaseDatabaseWrapper, roles: DatabaseRoles) -> None:
    """Give the roles their rights in one transaction, and make those that are missing.

    The tables of chat and of Django are there. Locks each table whose owner changes.
    """
    database = str(connection.settings_dict["NAME"])
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        # One by one: a cluster sends the whole text of an execute to each machine.
        for statement in split_statements(roles_sql(database=database, roles=roles)):
            cursor.execute(statement.text)
