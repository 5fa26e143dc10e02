"""System checks: what must not be forgotten when it is deployed."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning
from django.db import connections

from chat.schema.text import command_line


def check_database_role(
    *, app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Return a warning for each database whose role no right holds; one statement for each.

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
