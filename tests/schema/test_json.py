"""The JSON of the commands is what the schemas beside them and the README say, key by key."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

import chat.schema
from chat.schema.catalogue.objects import Change, ObjectKind
from chat.schema.drift.reading import DriftState
from chat.schema.status.reading import MigrationState
from tests.schema.conftest import EditedSituation, ManageSituation, begin_index, run

ROOM = Path(chat.schema.__file__).parent
NAMES = ("status.schema.json", "drift.schema.json")


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOM / name).read_text())
    return loaded


def strict(part: Any) -> Any:
    """Return the schema without room for keys that it does not name."""
    if isinstance(part, list):
        return [strict(one) for one in part]
    if not isinstance(part, dict):
        return part
    closed = {key: strict(value) for key, value in part.items()}
    if isinstance(part.get("properties"), dict) and "type" in part:
        closed["additionalProperties"] = False
    return closed


def errors(name: str, told: str) -> list[str]:
    resources = [(each, Resource.from_contents(strict(schema(each)))) for each in NAMES]
    validator = Draft202012Validator(
        strict(schema(name)),
        registry=Registry().with_resources(resources),
        format_checker=FormatChecker(),
    )
    return [
        f"{error.json_path}: {error.message}" for error in validator.iter_errors(json.loads(told))
    ]


def keys(part: Any) -> Iterator[str]:
    """Return every key that a schema gives to an object."""
    if isinstance(part, list):
        for one in part:
            yield from keys(one)
    elif isinstance(part, dict):
        if isinstance(part.get("properties"), dict):
            yield from part["properties"]
        for one in part.values():
            yield from keys(one)


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_key_is_in_the_readme(name: str) -> None:
    readme = (ROOM / "README.md").read_text()

    assert [key for key in keys(schema(name)) if f"`{key}`" not in readme] == []


def test_every_value_of_an_enumeration_is_in_the_schemas() -> None:
    status, drift = schema("status.schema.json"), schema("drift.schema.json")
    difference = drift["$defs"]["differences"]["items"]["properties"]

    assert status["$defs"]["migration"]["properties"]["state"]["enum"] == list(MigrationState)
    assert list(status["properties"]["counts"]["properties"]) == list(MigrationState)
    assert drift["$defs"]["state"]["enum"] == list(DriftState)
    assert difference["kind"]["enum"] == list(ObjectKind)
    assert difference["what"]["enum"] == list(Change)


def test_status_in_every_state_is_valid(
    manage: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
    edited: Callable[[str], EditedSituation],
) -> None:
    app = edited("two_steps")
    all_of_them = [app.name, "house", "not_atomic", "paused"]
    command = ("migration_status", "--format", "json", "--drift")
    told = [manage(*command, situations=all_of_them, **app.environ).stdout]
    manage("migrate", "two_steps", "0001", situations=[app.name], **app.environ)
    manage("migrate", "house", "--fake", situations=all_of_them, **app.environ)
    manage("migrate", "not_atomic", "0002", situations=["not_atomic"])
    told.append(manage(*command, situations=all_of_them, **app.environ).stdout)
    path = app.migrations / "0001_initial.py"
    path.write_text(path.read_text() + "\n# changed\n")
    begin_index(scratch_connection)
    run(
        scratch_connection,
        """
        CREATE TABLE strays ();
        INSERT INTO django_migrations (app, name, applied)
        VALUES ('gone', '0001_initial', now()), ('paused', '0001_initial', now());
        """,
    )
    told.append(manage(*command, situations=all_of_them, **app.environ).stdout)

    assert [errors("status.schema.json", one) for one in told] == [[], [], []]
    states = {one["state"] for each in told for one in json.loads(each)["migrations"]}
    assert states == set(MigrationState)
    assert {json.loads(each)["drift"]["state"] for each in told} == {"unknown", "none"}


def test_drift_is_valid_and_the_next_step_says_it(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    nothing = manage("migration_drift", "--format", "json", situations=["two_steps"]).stdout
    manage("migrate", "two_steps", "0001", situations=["two_steps"])
    run(scratch_connection, "CREATE TABLE strays ()")
    drift = manage("migration_drift", "--format", "json", situations=["two_steps"]).stdout
    command = ("migration_status", "--format", "json", "--drift")
    pending = manage(*command, situations=["two_steps"]).stdout
    manage("migrate", situations=["two_steps"])
    ready = manage(*command, situations=["two_steps"]).stdout

    assert errors("drift.schema.json", nothing) == errors("drift.schema.json", drift) == []
    assert errors("status.schema.json", pending) == errors("status.schema.json", ready) == []
    assert json.loads(pending)["next_step"] == (
        "See the drift: python manage.py migration_drift, then 1 pending: python manage.py migrate"
    )
    assert json.loads(ready)["next_step"] == "See the drift: python manage.py migration_drift"


def test_validator_finds_what_is_wrong() -> None:
    told = {"version": 3, "database": "x", "surprise": True}

    found = errors("status.schema.json", json.dumps(told))

    assert any("surprise" in error for error in found)
    assert any("'migrations' is a required property" in error for error in found)
    assert any("2 was expected" in error for error in found)
