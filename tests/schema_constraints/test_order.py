"""The order of operations, where a key and what it needs come or go together.

`makemigrations` knows how a ForeignKey depends on its target, and nothing of our constraint. Where
no ForeignKey leads to the target as well, what it writes is to be put in order by hand.
"""

import pytest
from django.db import models
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import Deferrable, UniqueConstraint

from chat.db.constraints import CompositeForeignKey
from tests.schema_constraints.depot import (
    APP,
    apply,
    attic,
    create,
    creation,
    detect,
    foreign_keys,
    house,
    room,
    state,
    tables,
    to_house,
    unapply,
)

pytestmark = pytest.mark.django_db

ATTIC_TO_HOUSE = to_house(name="attic_house_fk")


def test_foreign_key_beside_the_constraint_puts_the_target_first() -> None:
    house_key = UniqueConstraint(name="house_id_uq", fields=["tenant", "id"])
    by_id = CompositeForeignKey(
        name="attic_house_fk",
        fields=["tenant", "house"],
        to="depot.House",
        to_fields=["tenant", "id"],
    )
    beside = models.ForeignKey("depot.House", models.DO_NOTHING, db_constraint=False)
    attic_with_house = ModelState(
        APP,
        "Attic",
        fields=[*attic().fields.items(), ("house", beside)],
        options={"constraints": [by_id]},
    )
    operations = detect(ProjectState(), state(attic_with_house, house(house_key)))

    apply(operations, ProjectState())
    assert [key.definition for key in foreign_keys()] == [
        "FOREIGN KEY (tenant, house_id) REFERENCES depot_house(tenant, id)"
    ]

    unapply(operations, ProjectState())
    assert tables() == []


def test_model_is_created_before_its_target() -> None:
    operations = [creation(room(to_house())), creation(house())]

    apply(operations, ProjectState())
    assert [key.name for key in foreign_keys()] == ["room_house_fk"]

    unapply(operations, ProjectState())
    assert tables() == []


def test_new_model_and_new_target_are_detected_in_an_order_that_runs() -> None:
    operations = detect(ProjectState(), state(attic(ATTIC_TO_HOUSE), house()))

    apply(operations, ProjectState())

    assert [key.name for key in foreign_keys()] == ["attic_house_fk"]


def test_two_new_models_that_point_at_each_other_are_detected_in_an_order_that_runs() -> None:
    to_first_room = CompositeForeignKey(
        name="house_first_room_fk",
        fields=["tenant", "first_room"],
        to="depot.Room",
        to_fields=["tenant", "number"],
        deferrable=Deferrable.DEFERRED,
    )
    room_key = UniqueConstraint(name="room_uq", fields=["tenant", "number"])
    after = state(house(to_first_room), room(to_house(), room_key))

    apply(detect(ProjectState(), after), ProjectState())

    assert [key.name for key in foreign_keys()] == ["house_first_room_fk", "room_house_fk"]


@pytest.mark.xfail(reason="the key is added at once, the unique key that it needs only after it")
def test_key_and_the_unique_key_that_it_needs_are_detected_in_an_order_that_runs() -> None:
    before = create(attic(), without_key(house()))
    operations = detect(before, state(attic(ATTIC_TO_HOUSE), house()))

    apply(operations, before)

    assert [key.name for key in foreign_keys()] == ["attic_house_fk"]


@pytest.mark.xfail(reason="the unique key goes before the foreign key that needs it")
def test_detected_renaming_of_a_column_that_is_pointed_at_runs() -> None:
    before = create(house(), room(to_house()))
    fields = [
        ("street_number" if name == "number" else name, field)
        for name, field in house().fields.items()
    ]
    renamed = ModelState(
        APP,
        "House",
        fields=fields,
        options={
            "constraints": [UniqueConstraint(name="house_uq", fields=["tenant", "street_number"])]
        },
    )
    to_renamed = CompositeForeignKey(
        name="room_house_fk",
        fields=["tenant", "house_number"],
        to="depot.House",
        to_fields=["tenant", "street_number"],
    )

    apply(detect(before, state(renamed, room(to_renamed))), before)

    assert [key.definition for key in foreign_keys()] == [
        "FOREIGN KEY (tenant, house_number) REFERENCES depot_house(tenant, street_number)"
    ]


@pytest.mark.xfail(reason="DROP TABLE takes the key with it, before it is removed")
def test_key_and_its_target_are_removed_together() -> None:
    before = create(house(), room(to_house()))

    apply(detect(before, state(room())), before)

    assert tables() == ["depot_room"]


def without_key(model: ModelState) -> ModelState:
    return ModelState(APP, model.name, list(model.fields.items()), options={"constraints": []})
