"""System checks: what a developer must not forget when a model is added."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error

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
