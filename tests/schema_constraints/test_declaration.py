"""CompositeForeignKey as a declaration: what it refuses, compares, writes down and checks."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.migrations.operations import AddConstraint
from django.db.migrations.writer import MigrationWriter
from django.db.models import Deferrable, Model

from chat.db.constraints import CompositeForeignKey, OnDelete
from chat.models import ChannelCounter, Message
from tests.schema_constraints.depot import APP, create, house, migration, room, state, to_house


@pytest.mark.parametrize(
    ("fields", "to_fields"),
    [([], []), (["tenant"], ["tenant", "number"]), (["tenant", "house_number"], ["number"])],
)
def test_fields_that_do_not_match_are_refused_by_name(
    fields: list[str], to_fields: list[str]
) -> None:
    with pytest.raises(ValueError, match=r"room_house_fk: .* the same number of fields"):
        CompositeForeignKey(
            name="room_house_fk", fields=fields, to="depot.House", to_fields=to_fields
        )


# --- comparing and writing down ---


def test_equal_declarations_are_equal_and_hash_alike() -> None:
    assert to_house() == to_house()
    assert hash(to_house()) == hash(to_house())
    assert len({to_house(), to_house()}) == 1


@pytest.mark.parametrize(
    "other",
    [
        to_house(name="another_fk"),
        to_house(on_delete=OnDelete.CASCADE),
        to_house(deferrable=Deferrable.DEFERRED),
        to_house(violation_error_message="No such house."),
        models.UniqueConstraint(name="room_house_fk", fields=["tenant"]),
        "room_house_fk",
    ],
)
def test_other_declarations_are_not_equal(other: object) -> None:
    assert to_house() != other


def test_repr_says_what_points_where() -> None:
    key = to_house(on_delete=OnDelete.CASCADE, deferrable=Deferrable.DEFERRED)

    assert repr(key) == (
        "<CompositeForeignKey: room_house_fk ('tenant', 'house_number') -> "
        "depot.House('tenant', 'number') on_delete=CASCADE deferrable=DEFERRED>"
    )


@pytest.mark.parametrize(
    "key",
    [
        to_house(),
        to_house(
            on_delete=OnDelete.RESTRICT,
            deferrable=Deferrable.IMMEDIATE,
            violation_error_message="No such house.",
        ),
    ],
)
def test_written_migration_declares_the_same(key: CompositeForeignKey) -> None:
    added = migration([AddConstraint(model_name="room", constraint=key)])

    module: dict[str, Any] = {}
    exec(MigrationWriter(added).as_string(), module)
    (operation,) = module["Migration"].operations

    assert isinstance(operation, AddConstraint)
    assert operation.constraint == key


def test_clone_is_the_same_declaration() -> None:
    key = to_house(on_delete=OnDelete.CASCADE)

    assert key.clone() == key
    assert key.clone() is not key


# --- validate() ---


@pytest.mark.django_db
def test_validate_passes_where_the_parent_exists() -> None:
    room_model = created_room()

    validate(room_model(tenant=1, number=1, house_number=10))


@pytest.mark.django_db
def test_validate_passes_where_a_column_is_null() -> None:
    room_model = created_room()

    validate(room_model(tenant=2, number=1, house_number=None))


@pytest.mark.django_db
def test_validate_refuses_a_parent_of_another_tenant() -> None:
    room_model = created_room()

    with pytest.raises(ValidationError, match="No such house") as refusal:
        validate(room_model(tenant=2, number=1, house_number=10))

    assert refusal.value.messages == ["No such house."]


@pytest.mark.django_db
def test_validate_leaves_out_what_is_excluded() -> None:
    room_model = created_room()

    validate(room_model(tenant=2, number=1, house_number=10), exclude={"house_number"})


@pytest.mark.django_db
def test_validate_asks_nothing_where_a_column_is_null(
    django_assert_num_queries: pytest.FixtureRequest,
) -> None:
    room_model = created_room()

    with django_assert_num_queries(0):  # type: ignore[operator]
        validate(room_model(tenant=1, number=1, house_number=None))


# --- system checks ---


def test_declaration_that_points_at_a_key_passes_the_checks() -> None:
    assert problems(house_model_constraints=[], key=to_house()) == []


def test_target_that_does_not_exist_is_reported() -> None:
    key = CompositeForeignKey(
        name="room_tower_fk", fields=["tenant"], to="depot.Tower", to_fields=["tenant"]
    )

    assert problems(house_model_constraints=[], key=key) == ["chat.E002"]


def test_target_field_that_does_not_exist_is_reported() -> None:
    key = CompositeForeignKey(
        name="room_house_fk", fields=["tenant"], to="depot.House", to_fields=["street"]
    )

    assert problems(house_model_constraints=[], key=key) == ["chat.E002"]


def test_target_without_a_unique_key_is_reported() -> None:
    key = CompositeForeignKey(
        name="room_house_fk", fields=["tenant"], to="depot.House", to_fields=["tenant"]
    )

    assert problems(house_model_constraints=[], key=key) == ["chat.E003"]


def test_primary_key_is_a_unique_key() -> None:
    key = CompositeForeignKey(
        name="room_house_fk", fields=["tenant"], to="depot.House", to_fields=["id"]
    )

    assert problems(house_model_constraints=[], key=key) == []


def test_composite_primary_key_is_a_unique_key() -> None:
    assert isinstance(ChannelCounter._meta.pk, models.CompositePrimaryKey)
    assert [problem.id for problem in Message.check()] == []


def test_partial_unique_key_is_no_target() -> None:
    partial = models.UniqueConstraint(
        name="house_tenant_uq", fields=["tenant"], condition=models.Q(number__gt=0)
    )
    key = CompositeForeignKey(
        name="room_house_fk", fields=["tenant"], to="depot.House", to_fields=["tenant"]
    )

    assert problems(house_model_constraints=[partial], key=key) == ["chat.E003"]


def test_deferrable_unique_key_is_no_target() -> None:
    deferrable = models.UniqueConstraint(
        name="house_tenant_uq", fields=["tenant"], deferrable=Deferrable.DEFERRED
    )
    key = CompositeForeignKey(
        name="room_house_fk", fields=["tenant"], to="depot.House", to_fields=["tenant"]
    )

    assert problems(house_model_constraints=[deferrable], key=key) == ["chat.E003"]


def test_field_that_the_model_has_not_is_reported() -> None:
    key = CompositeForeignKey(
        name="room_house_fk", fields=["street"], to="depot.House", to_fields=["id"]
    )

    assert problems(house_model_constraints=[], key=key) == ["models.E012"]


# --- what the tests above share ---


def created_room() -> type[Model]:
    """Create both tables and one house of tenant 1, with the number 10."""
    apps = create(house(), room(to_house(violation_error_message="No such house."))).apps
    apps.get_model(APP, "House").objects.create(tenant=1, number=10)
    return apps.get_model(APP, "Room")


def validate(instance: Model, *, exclude: set[str] | None = None) -> None:
    (key,) = instance._meta.constraints
    key.validate(type(instance), instance, exclude=exclude)


def problems(
    *, house_model_constraints: list[models.BaseConstraint], key: CompositeForeignKey
) -> list[str | None]:
    apps = state(house(*house_model_constraints), room(key)).apps
    return [found.id for found in key._check(apps.get_model(APP, "Room"), connection)]
