"""`makemigrations` sees a CompositeForeignKey come, change and go."""

from django.db.migrations.operations import AddConstraint, CreateModel, RemoveConstraint
from django.db.models import Deferrable

from chat.db.constraints import CompositeForeignKey, OnDelete
from tests.schema_constraints.depot import detect, house, room, state, to_house


def test_nothing_is_detected_where_nothing_changed() -> None:
    assert detect(state(house(), room(to_house())), state(house(), room(to_house()))) == []


def test_added_key_is_detected() -> None:
    (added,) = detect(state(house(), room()), state(house(), room(to_house())))

    assert isinstance(added, AddConstraint)
    assert added.constraint == to_house()


def test_removed_key_is_detected() -> None:
    (removed,) = detect(state(house(), room(to_house())), state(house(), room()))

    assert isinstance(removed, RemoveConstraint)
    assert removed.name == "room_house_fk"


def test_other_rule_for_deletes_is_a_removal_and_an_addition() -> None:
    removed, added = detect(
        state(house(), room(to_house())),
        state(house(), room(to_house(on_delete=OnDelete.CASCADE))),
    )

    assert isinstance(removed, RemoveConstraint)
    assert isinstance(added, AddConstraint)
    assert added.constraint == to_house(on_delete=OnDelete.CASCADE)


def test_deferring_is_a_removal_and_an_addition() -> None:
    removed, added = detect(
        state(house(), room(to_house())),
        state(house(), room(to_house(deferrable=Deferrable.DEFERRED))),
    )

    assert isinstance(removed, RemoveConstraint)
    assert isinstance(added, AddConstraint)


def test_key_of_a_new_model_is_detected_with_it() -> None:
    operations = detect(state(house()), state(house(), room(to_house())))

    found = [
        constraint
        for operation in operations
        for constraint in (
            operation.options.get("constraints", [])
            if isinstance(operation, CreateModel)
            else [operation.constraint]
            if isinstance(operation, AddConstraint)
            else []
        )
    ]
    assert [c for c in found if isinstance(c, CompositeForeignKey)] == [to_house()]
