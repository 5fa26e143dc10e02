"""System checks: what must not be forgotten when a model is added, and when it is deployed."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.db import connections

from chat.schema.files.errors import SQLFileError
from chat.schema.triggers import (
    forward_scripts,
    models_without_updated_at_trigger,
    updated_at_trigger,
)


def check_updated_at_triggers(
    *, app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """Return an error for each model whose `updated_at` no trigger keeps; no statement.

    chat.E001: no migration gives the table its trigger. chat.E004: a SQL file of a migration
    cannot be read.
    """
    chat = apps.get_app_config("chat")
    if app_configs is not None and chat not in app_configs:
        return []
    try:
        scripts = list(forward_scripts(import_module("chat.migrations")))
    except SQLFileError as exc:
        return [Error(str(exc), hint=exc.next_step, obj=str(exc.path), id="chat.E004")]
    return [
        Error(
            f"{model.__name__}.updated_at is kept by no trigger.",
            hint="Add to a migration:\n" + updated_at_trigger(options.db_table),
            obj=model,
            id="chat.E001",
        )
        for model in models_without_updated_at_trigger(chat.get_models(), scripts)
        for options in [model._meta]
    ]


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
                        "`manage.py database_roles --apply` has given its rights."
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
