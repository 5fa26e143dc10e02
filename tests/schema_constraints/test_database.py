"""What migrations with a CompositeForeignKey do to the database, forward and backward."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.operations import (
    AddConstraint,
    RemoveConstraint,
    RenameField,
    RenameModel,
)
from django.db.migrations.state import ProjectState
from django.db.models import Deferrable, UniqueConstraint

from chat.db.constraints import CompositeForeignKey, OnDelete
from tests.schema_constraints.depot import (
    ForeignKey,
    apply,
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
    written,
)

pytestmark = pytest.mark.django_db

TO_HOUSE = ForeignKey(
    name="room_house_fk",
    definition="FOREIGN KEY (tenant, house_number) REFERENCES depot_house(tenant, number)",
    on_delete="a",
    is_deferrable=False,
    is_deferred=False,
)
ROOM_KEY = UniqueConstraint(name="room_uq", fields=["tenant", "number"])


def test_added_key_is_in_the_catalogue_and_goes_with_the_migration() -> None:
    before = create(house(), room())
    operations = detect(before, state(house(), room(to_house())))

    apply(operations, before)
    assert foreign_keys() == [TO_HOUSE]

    unapply(operations, before)
    assert foreign_keys() == []


def test_removed_key_comes_back_with_the_way_back() -> None:
    before = create(house(), room(to_house()))
    operations = detect(before, state(house(), room()))

    apply(operations, before)
    assert foreign_keys() == []

    unapply(operations, before)
    assert foreign_keys() == [TO_HOUSE]


@pytest.mark.parametrize(
    ("on_delete", "letter", "words"),
    [
        (OnDelete.CASCADE, "c", " ON DELETE CASCADE"),
        (OnDelete.RESTRICT, "r", " ON DELETE RESTRICT"),
    ],
)
def test_other_rule_for_deletes_is_taken_and_given_back(
    on_delete: OnDelete, letter: str, words: str
) -> None:
    before = create(house(), room(to_house()))
    operations = detect(before, state(house(), room(to_house(on_delete=on_delete))))

    apply(operations, before)
    assert foreign_keys() == [
        TO_HOUSE._replace(on_delete=letter, definition=TO_HOUSE.definition + words)
    ]

    unapply(operations, before)
    assert foreign_keys() == [TO_HOUSE]


@pytest.mark.parametrize(
    ("deferrable", "is_deferred", "words"),
    [
        (Deferrable.DEFERRED, True, " DEFERRABLE INITIALLY DEFERRED"),
        (Deferrable.IMMEDIATE, False, " DEFERRABLE"),
    ],
)
def test_deferrable_key_is_deferrable_in_the_catalogue(
    deferrable: Deferrable, is_deferred: bool, words: str
) -> None:
    create(house(), room(to_house(deferrable=deferrable)))

    assert foreign_keys() == [
        TO_HOUSE._replace(
            is_deferrable=True,
            is_deferred=is_deferred,
            definition=TO_HOUSE.definition + words,
        )
    ]


def test_row_without_its_parent_is_refused() -> None:
    create(house(), room(to_house()))
    execute("INSERT INTO depot_house (tenant, number) VALUES (1, 10)")

    execute("INSERT INTO depot_room (tenant, number, house_number) VALUES (1, 1, 10)")
    execute("INSERT INTO depot_room (tenant, number, house_number) VALUES (2, 1, NULL)")

    with pytest.raises(IntegrityError, match="room_house_fk"), transaction.atomic():
        execute("INSERT INTO depot_room (tenant, number, house_number) VALUES (2, 1, 10)")


def test_statements_read_like_sql() -> None:
    before = create(house(), room())
    operations = detect(before, state(house(), room(to_house(on_delete=OnDelete.CASCADE))))

    (statement,) = written(operations, before)

    assert statement == (
        'ALTER TABLE "depot_room" ADD CONSTRAINT "room_house_fk" '
        'FOREIGN KEY ("tenant", "house_number") REFERENCES "depot_house" ("tenant", "number") '
        "ON DELETE CASCADE;"
    )


def test_removal_reads_like_sql() -> None:
    before = create(house(), room(to_house()))
    operations = detect(before, state(house(), room()))

    (statement,) = written(operations, before)

    assert statement.endswith('ALTER TABLE "depot_room" DROP CONSTRAINT "room_house_fk";')


# --- new models ---


def test_key_of_a_model_created_after_its_target() -> None:
    operations = [creation(house()), creation(room(to_house()))]

    apply(operations, ProjectState())
    assert foreign_keys() == [TO_HOUSE]

    unapply(operations, ProjectState())
    assert tables() == []


def test_new_models_are_created_whatever_order_is_detected() -> None:
    after = state(room(to_house()), house())
    operations = detect(ProjectState(), after)

    apply(operations, ProjectState())
    assert foreign_keys() == [TO_HOUSE]

    unapply(operations, ProjectState())
    assert tables() == []


@pytest.mark.parametrize("to", ["self", "depot.Room"])
def test_key_to_the_same_model(to: str) -> None:
    to_room = CompositeForeignKey(
        name="room_through_fk",
        fields=["tenant", "through"],
        to=to,
        to_fields=["tenant", "number"],
    )
    operations = [creation(room(to_room, ROOM_KEY))]

    apply(operations, ProjectState())
    assert [key.definition for key in foreign_keys()] == [
        "FOREIGN KEY (tenant, through) REFERENCES depot_room(tenant, number)"
    ]

    unapply(operations, ProjectState())
    assert tables() == []


def test_key_to_the_same_model_is_added_with_the_unique_key_that_it_needs() -> None:
    to_room = CompositeForeignKey(
        name="room_through_fk",
        fields=["tenant", "through"],
        to="self",
        to_fields=["tenant", "number"],
    )
    operations = [
        creation(room(ROOM_KEY)),
        AddConstraint(model_name="room", constraint=to_room),
    ]

    apply(operations, ProjectState())

    assert [key.name for key in foreign_keys()] == ["room_through_fk"]


def test_two_models_that_point_at_each_other() -> None:
    to_first_room = CompositeForeignKey(
        name="house_first_room_fk",
        fields=["tenant", "first_room"],
        to="depot.Room",
        to_fields=["tenant", "number"],
        deferrable=Deferrable.DEFERRED,
    )
    operations = [
        creation(house()),
        creation(room(to_house(), ROOM_KEY)),
        AddConstraint(model_name="house", constraint=to_first_room),
    ]

    apply(operations, ProjectState())
    assert [key.name for key in foreign_keys()] == ["house_first_room_fk", "room_house_fk"]

    unapply(operations, ProjectState())
    assert tables() == []


# --- renames ---


def test_key_outlives_the_renaming_of_a_column_that_it_points_at() -> None:
    before = create(house(), room(to_house()))
    operations = [RenameField("house", "number", "street_number")]

    apply(operations, before)
    assert [key.definition for key in foreign_keys()] == [
        "FOREIGN KEY (tenant, house_number) REFERENCES depot_house(tenant, street_number)"
    ]

    unapply(operations, before)
    assert foreign_keys() == [TO_HOUSE]


def test_key_outlives_the_renaming_of_its_own_column() -> None:
    before = create(house(), room(to_house()))
    operations = [RenameField("room", "house_number", "building")]

    apply(operations, before)
    assert [key.definition for key in foreign_keys()] == [
        "FOREIGN KEY (tenant, building) REFERENCES depot_house(tenant, number)"
    ]

    unapply(operations, before)
    assert foreign_keys() == [TO_HOUSE]


def test_key_removed_before_a_renaming_comes_back_with_the_way_back() -> None:
    before = create(house(), room(to_house()))
    operations = [
        RemoveConstraint("room", "room_house_fk"),
        RenameField("house", "number", "street_number"),
    ]

    apply(operations, before)
    assert foreign_keys() == []

    unapply(operations, before)
    assert foreign_keys() == [TO_HOUSE]


def test_key_outlives_the_renaming_of_its_target() -> None:
    before = create(house(), room(to_house()))
    operations = [RenameModel("House", "Building")]

    apply(operations, before)
    assert [key.definition for key in foreign_keys()] == [
        "FOREIGN KEY (tenant, house_number) REFERENCES depot_building(tenant, number)"
    ]

    unapply(operations, before)
    assert foreign_keys() == [TO_HOUSE]


# --- what the tests above share ---


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
