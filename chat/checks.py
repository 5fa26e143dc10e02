"""System checks: what must not be forgotten when it is deployed."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.db import connections

from chat.rules.distribution import LOCAL, REFERENCE, SPREAD
from chat.schema.text import command_line


def check_database_role(
    *, app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Return a warning for each database whose role can do everything; one statement for each.

    chat.W005: the role is a superuser, or has the rights of the owner of the tables.
    """
    warnings: list[CheckMessage] = []
    for alias in databases or ():
        with connections[alias].cursor() as cursor:
            cursor.execute(_ROLE)
            role, is_superuser, is_owner = cursor.fetchone()
        if is_superuser or is_owner:
            warnings.append(
                CheckWarning(
                    f"The role {role} of the database {alias!r} "
                    + ("is a superuser." if is_superuser else "owns the tables.")
                    + " It can switch triggers off and rewrite histories.",
                    hint=(
                        "Let migrations run as the owner, and the application as a role that "
                        f"`{command_line('database_roles', '--apply')}` has given its rights."
                    ),
                    id="chat.W005",
                )
            )
    return warnings


def check_distribution(*, app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Return an error for each table of this app that does not say where it belongs.

    chat.E006: a table is not named, or a name is of no table. chat.E007: it has no such column.
    """
    tables = {
        model._meta.db_table: {field.column for field in model._meta.local_concrete_fields}
        for model in apps.get_app_config("chat").get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    }
    named = [*SPREAD, *REFERENCE, *LOCAL]
    errors: list[CheckMessage] = [
        Error(
            f"The table {name} is named {named.count(name)} times in chat/rules/distribution.py"
            + ("." if name in tables else ", and no model has it."),
            hint=(
                "Name each table once: in SPREAD with the column that chooses its machine, "
                "space_id as a rule; in REFERENCE or LOCAL if no space has it."
            ),
            id="chat.E006",
        )
        for name in sorted({*tables, *named})
        if named.count(name) != int(name in tables)
    ]
    return errors + [
        Error(
            f"The table {name} is to be spread by {column}, and has no such column.",
            hint="Give the model the column, or name another in chat/rules/distribution.py.",
            id="chat.E007",
        )
        for name, column in SPREAD.items()
        if column not in tables.get(name, {column})
    ]


_ROLE = """
SELECT
    rolname,
    rolsuper,
    coalesce(
        (
            SELECT pg_has_role(relowner, 'USAGE')
            FROM pg_class
            WHERE oid = to_regclass('public.messages')
        ),
        false
    )
FROM pg_roles
WHERE rolname = current_user
"""
