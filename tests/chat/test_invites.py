"""Invites: a code that is used as often as it says and no more."""

import psycopg
import pytest

from tests.chat.conftest import Connect, StartAndWait
from tests.chat.sql import by_check, by_unique_key, execute, refused, value
from tests.factories import InviteFactory

pytestmark = pytest.mark.django_db

USE = "UPDATE invites SET uses = uses + 1 WHERE id = %s"


def test_invite_is_not_used_more_often_than_it_says() -> None:
    invite = InviteFactory.create(max_uses=1, uses=1)

    assert refused(USE, invite.id) == by_check("invites_uses_ck")


def test_invite_without_a_bound_is_used_as_often_as_one_likes() -> None:
    invite = InviteFactory.create(uses=1_000_000)

    execute(USE, invite.id)

    assert value("SELECT uses FROM invites") == 1_000_001


@pytest.mark.parametrize(
    ("assignment", "constraint"),
    [
        ("max_uses = 0", "invites_uses_ck"),
        ("max_uses = -1", "invites_uses_ck"),
        ("max_uses = 2", "invites_uses_ck"),
        ("uses = -1", "invites_uses_ck"),
        ("expires_at = created_at", "invites_expires_at_ck"),
        ("code = 'x'", "invites_code_ck"),
        ("code = 'over board'", "invites_code_ck"),
        ("code = E'aboard\\n'", "invites_code_ck"),
    ],
)
def test_invite_keeps_its_limits(assignment: str, constraint: str) -> None:
    invite = InviteFactory.create(max_uses=5, uses=3)

    refusal = refused(f"UPDATE invites SET {assignment} WHERE id = %s", invite.id)

    assert refusal == by_check(constraint)


def test_code_leads_to_one_server() -> None:
    invite, other = InviteFactory.create(), InviteFactory.create()

    refusal = refused("UPDATE invites SET code = %s WHERE id = %s", invite.code, other.id)

    # Django gives the key of a unique column a name that ends in a hash.
    assert refusal == by_unique_key(refusal.constraint or "")
    assert str(refusal.constraint).startswith("invites_code")


def test_last_use_goes_to_one_of_two(connect: Connect, start_and_wait: StartAndWait) -> None:
    invite = InviteFactory.create(max_uses=1)
    first, second = connect(), connect()
    first.execute(USE, [invite.id])

    late = start_and_wait(second, first, USE, invite.id)
    first.commit()

    with pytest.raises(psycopg.errors.CheckViolation) as refusal:
        late.result(timeout=10)
    second.rollback()
    assert refusal.value.diag.constraint_name == "invites_uses_ck"
    assert value("SELECT uses FROM invites") == 1


def test_last_use_that_is_given_back_goes_to_the_next(
    connect: Connect, start_and_wait: StartAndWait
) -> None:
    invite = InviteFactory.create(max_uses=1)
    first, second = connect(), connect()
    first.execute(USE, [invite.id])

    late = start_and_wait(second, first, USE, invite.id)
    first.rollback()
    late.result(timeout=10)
    second.commit()

    assert value("SELECT uses FROM invites") == 1
