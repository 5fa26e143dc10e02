# ruff: noqa: DJ008
"""The trigger that keeps updated_at, as the migrations' SQL tells it."""

import importlib

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.db import models
from django.test.utils import isolate_apps

from chat.checks import check_updated_at_triggers
from chat.schema.triggers import (
    forward_scripts,
    models_without_updated_at_trigger,
    tables_with_updated_at_trigger,
    updated_at_trigger,
)

TRIGGER = """
    CREATE TRIGGER users_updated_at BEFORE UPDATE ON public.users
    FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();
"""


@pytest.mark.parametrize(
    "script",
    [
        TRIGGER,
        updated_at_trigger("users"),
        TRIGGER.lower(),
        TRIGGER.replace("CREATE", "CREATE OR  REPLACE"),
        TRIGGER.replace("FUNCTION", "PROCEDURE"),
        TRIGGER.replace("public.users", '"public"."users"').replace(" ", "\n"),
        TRIGGER.replace("public.set_updated_at()", 'public . "set_updated_at" ( )'),
        TRIGGER.replace("BEFORE UPDATE", "BEFORE INSERT OR UPDATE OF name"),
        TRIGGER.replace("EXECUTE", "WHEN (OLD.name <> ';') EXECUTE"),
        TRIGGER.replace("FOR EACH", "-- each; one\n FOR /* every; */ EACH"),
        f"CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $x$ SELECT ';' $x$; {TRIGGER}",
        f"{TRIGGER} DROP TRIGGER other ON public.users; DROP TRIGGER users_updated_at ON others;",
        f"DROP TRIGGER IF EXISTS users_updated_at ON public.users; {TRIGGER}",
    ],
)
def test_trigger_is_seen(script: str) -> None:
    assert tables_with_updated_at_trigger([script]) == {"users"}


@pytest.mark.parametrize(
    "script",
    [
        "",
        f"-- {' '.join(TRIGGER.split())}",
        f"/* {TRIGGER} */",
        f"DO $$ {TRIGGER} $$;",
        TRIGGER.replace("BEFORE UPDATE", "AFTER UPDATE"),
        TRIGGER.replace("BEFORE UPDATE", "BEFORE INSERT"),
        TRIGGER.replace("set_updated_at", "set_updated_at_too"),
        TRIGGER.replace("public.users", "archive.users"),
        f"{TRIGGER} DROP TRIGGER users_updated_at ON public.users;",
        f"{TRIGGER} drop trigger if exists users_updated_at on users cascade",
    ],
)
def test_no_trigger_is_seen(script: str) -> None:
    assert tables_with_updated_at_trigger([script]) == set()


def test_dropped_by_a_later_script() -> None:
    drop = "DROP TRIGGER users_updated_at ON public.users;"

    assert tables_with_updated_at_trigger([TRIGGER, drop]) == set()
    assert tables_with_updated_at_trigger([TRIGGER, drop, TRIGGER]) == {"users"}


@isolate_apps("tests.schema")
def test_models_without_their_trigger_are_found() -> None:
    class Timed(models.Model):
        updated_at = models.DateTimeField()

        class Meta:
            abstract = True
            app_label = "schema"

    class User(Timed):
        class Meta:
            app_label = "schema"
            db_table = "users"

    class Forgotten(Timed):
        class Meta:
            app_label = "schema"

    class Proxy(Forgotten):
        class Meta:
            app_label = "schema"
            proxy = True

    class View(Timed):
        class Meta:
            app_label = "schema"
            managed = False

    class Untimed(models.Model):
        class Meta:
            app_label = "schema"

    found = models_without_updated_at_trigger([User, Forgotten, Proxy, View, Untimed], [TRIGGER])

    assert found == [Forgotten]


def test_scripts_of_sql_files_are_read_from_a_package() -> None:
    (script,) = forward_scripts(importlib.import_module("situations.two_steps.migrations"))

    assert "CREATE TRIGGER shout" in script


def test_every_model_of_chat_has_its_trigger() -> None:
    assert check_updated_at_triggers(app_configs=None) == []


def test_check_is_registered() -> None:
    chat = apps.get_app_config("chat")

    assert [
        message for message in run_checks(app_configs=[chat]) if str(message.id).startswith("chat.")
    ] == []
