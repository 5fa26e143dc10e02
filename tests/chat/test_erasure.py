"""An erased user keeps a row and nothing in it that is personal."""

import pytest

from chat.models import User
from tests.chat.sql import by_check, execute, refused, value
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

ERASED = {
    "erased_at": "now()",
    "username": "'erased_' || left(replace(id::text, '-', ''), 25)",
    "display_name": "''",
    "email": "NULL",
    "bio": "''",
    "avatar_key": "NULL",
    "password": "'!'",
    "last_login": "NULL",
    "is_active": "false",
    "is_staff": "false",
    "is_superuser": "false",
}
PERSONAL = {
    "username": "'jack'",
    "display_name": "'Jack'",
    "email": "'jack@sea.example'",
    "bio": "'At sea.'",
    "avatar_key": "'avatars/jack'",
    "password": "'argon2$kept'",
    "last_login": "now()",
    "is_active": "true",
    "is_staff": "true",
    "is_superuser": "true",
}
# What is left to say of an erased user: nothing about a person.
KEPT = {"id", "created_at", "updated_at", "kind", "erased_at"}


def erase_leaving(left: dict[str, str]) -> str:
    assignments = ", ".join(f"{column} = {new}" for column, new in (ERASED | left).items())
    return f"UPDATE users SET {assignments} WHERE id = %s"


@pytest.fixture
def erased() -> User:
    user = UserFactory.create(
        username="jack", email="jack@sea.example", display_name="Jack", bio="At sea."
    )
    execute(erase_leaving({}), user.id)
    return user


def test_user_can_be_erased(erased: User) -> None:
    assert value("SELECT username FROM users WHERE id = %s", erased.id) == (
        f"erased_{erased.id.hex[:25]}"
    )


@pytest.mark.parametrize("column", PERSONAL)
def test_erasure_that_leaves_something_personal_is_refused(column: str) -> None:
    user = UserFactory.create()

    refusal = refused(erase_leaving({column: PERSONAL[column]}), user.id)

    assert refusal == by_check("users_erased_ck")


@pytest.mark.parametrize("column", PERSONAL)
def test_erased_user_is_not_filled_again(erased: User, column: str) -> None:
    refusal = refused(f"UPDATE users SET {column} = {PERSONAL[column]} WHERE id = %s", erased.id)

    assert refusal == by_check("users_erased_ck")


def test_every_column_of_a_user_is_either_erased_or_kept() -> None:
    columns = {field.column for field in User._meta.concrete_fields}

    assert columns == PERSONAL.keys() | KEPT


def test_erased_user_does_not_come_back(erased: User) -> None:
    refusal = refused("UPDATE users SET erased_at = NULL WHERE id = %s", erased.id)

    assert refusal == by_check("users_erased_kept")


def test_erased_user_does_not_take_the_name_of_another(erased: User) -> None:
    other = UserFactory.create()

    refusal = refused(
        "UPDATE users SET username = 'erased_' || left(replace(%s::text, '-', ''), 25) "
        "WHERE id = %s",
        other.id,
        erased.id,
    )

    assert refusal == by_check("users_erased_ck")


def test_name_that_an_erased_user_had_is_free_again(erased: User) -> None:
    assert UserFactory.create(username="jack").id != erased.id
