"""A small app that exists in migrations only: houses, rooms in them, and how states become tables.

Nothing here is installed; models come from a ProjectState, as they do while a migration runs.
"""

from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection, models
from django.db.migrations import Migration
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ModelState, ProjectState

from chat.db.constraints import CompositeForeignKey, OnDelete

APP = "depot"

HOUSE_KEY = models.UniqueConstraint(name="house_uq", fields=["tenant", "number"])


class ForeignKey(NamedTuple):
    """A foreign key, as the catalogue has it."""

    name: str
    definition: str
    # pg_constraint: a no action, r restrict, c cascade.
    on_delete: str
    is_deferrable: bool
    is_deferred: bool


def to_house(
    *,
    on_delete: OnDelete = OnDelete.NO_ACTION,
    deferrable: models.Deferrable | None = None,
    name: str = "room_house_fk",
    violation_error_message: str | None = None,
) -> CompositeForeignKey:
    """Return the key from a room to its house, of the same tenant."""
    return CompositeForeignKey(
        name=name,
        fields=["tenant", "house_number"],
        to="depot.House",
        to_fields=["tenant", "number"],
        on_delete=on_delete,
        deferrable=deferrable,
        violation_error_message=violation_error_message,
    )


def house(*constraints: models.BaseConstraint) -> ModelState:
    """Return a house: a number, unique within its tenant."""
    return ModelState(
        APP,
        "House",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("tenant", models.IntegerField()),
            ("number", models.IntegerField()),
            ("first_room", models.IntegerField(null=True)),
        ],
        options={"constraints": [HOUSE_KEY, *constraints]},
    )


def room(*constraints: models.BaseConstraint) -> ModelState:
    """Return a room: in a house, perhaps, and reached through another room, perhaps."""
    return ModelState(
        APP,
        "Room",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("tenant", models.IntegerField()),
            ("number", models.IntegerField()),
            ("house_number", models.IntegerField(null=True)),
            ("through", models.IntegerField(null=True)),
        ],
        options={"constraints": list(constraints)},
    )


def attic(*constraints: models.BaseConstraint) -> ModelState:
    """Return an attic, which comes before a house in the alphabet and belongs to one."""
    return ModelState(
        APP,
        "Attic",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("tenant", models.IntegerField()),
            ("house_number", models.IntegerField()),
        ],
        options={"constraints": list(constraints)},
    )


def state(*parts: ModelState) -> ProjectState:
    """Return a project of these models alone."""
    project = ProjectState()
    for model in parts:
        project.add_model(model)
    return project


def detect(before: ProjectState, after: ProjectState) -> list[Operation]:
    """Return what `makemigrations` would write."""
    questioner = MigrationQuestioner(specified_apps={APP}, defaults={"ask_rename": True})
    changes = MigrationAutodetector(before, after, questioner).changes(MigrationGraph())
    return [operation for migration in changes.get(APP, []) for operation in migration.operations]


def apply(operations: Sequence[Operation], before: ProjectState) -> ProjectState:
    """Run a migration forward, and return the state after it."""
    with connection.schema_editor() as editor:
        return migration(operations).apply(before.clone(), editor)


def unapply(operations: Sequence[Operation], before: ProjectState) -> None:
    """Run a migration backward; `before` is the state that it began with."""
    with connection.schema_editor() as editor:
        migration(operations).unapply(before.clone(), editor)


def written(operations: Sequence[Operation], before: ProjectState) -> list[str]:
    """Return the statements that `sqlmigrate` would print."""
    with connection.schema_editor(collect_sql=True) as editor:
        migration(operations).apply(before.clone(), editor, collect_sql=True)
    return [line for line in editor.collected_sql if not line.startswith("--")]


def create(*parts: ModelState) -> ProjectState:
    """Create the tables of these models, in this order, and return the state."""
    return apply(detect(ProjectState(), state(*parts)), ProjectState())


def foreign_keys() -> list[ForeignKey]:
    """Return the foreign keys of the app's tables, by name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid), confdeltype::text, condeferrable, "
            "condeferred FROM pg_constraint "
            "WHERE contype = 'f' AND conrelid::regclass::text LIKE 'depot%' ORDER BY conname"
        )
        return [ForeignKey(*row) for row in cursor.fetchall()]


def migration(operations: Sequence[Operation]) -> Migration:
    """Return a migration of these operations."""
    written_by_hand = Migration("0001_try", APP)
    vars(written_by_hand)["operations"] = list(operations)
    return written_by_hand


def creation(model: ModelState) -> CreateModel:
    """Return the operation that creates this model with its constraints, as one may write it."""
    return CreateModel(model.name, list(model.fields.items()), options=model.options)


def tables() -> list[str]:
    """Return the tables of the app."""
    return [name for name in connection.introspection.table_names() if name.startswith(APP)]
