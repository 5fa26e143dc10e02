"""Invites: a code that is used as often as it says and no more."""

import psycopg
import pytest

from tests.chat.conftest import Connect, StartAndWait
from tests.chat.sql import (
    by_check,
    by_foreign_key,
    by_unique_key,
    execute,
    refused,
    value,
)
from tests.factories import InviteCodeFactory, InviteFactory, ServerFactory

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
    ],
)
def test_invite_keeps_its_limits(assignment: str, constraint: str) -> None:
    invite = InviteFactory.create(max_uses=5, uses=3)

    refusal = refused(f"UPDATE invites SET {assignment} WHERE id = %s", invite.id)

    assert refusal == by_check(constraint)


@pytest.mark.parametrize("code", ["", "x", "over board", "aboard\n", "x" * 33])
def test_code_is_one_that_can_be_typed(code: str) -> None:
    refusal = refused("INSERT INTO invite_codes (code, space_id) VALUES (%s, uuidv7())", code)

    assert refusal.sqlstate == ("22001" if len(code) > 32 else "23514")


def test_code_is_given_once_and_leads_to_one_server_even_when_its_invite_is_gone() -> None:
    invite, elsewhere = InviteFactory.create(code="aboard"), ServerFactory.create()
    give = "INSERT INTO invite_codes (code, space_id) VALUES ('aboard', %s)"
    make = "INSERT INTO invites (space_id, code, creator_id) VALUES (%s, 'aboard', %s)"

    for here in (True, False):
        for server in (invite.server, elsewhere):
            assert refused(give, server.id) == by_unique_key("invite_codes_pkey")
        assert refused(make, elsewhere.id, elsewhere.owner_id) == by_foreign_key("invites_code_fk")
        for statement in (
            "UPDATE invite_codes SET space_id = %s",
            "UPDATE invite_codes SET code = replace(%s::text, '-', '')",
        ):
            assert refused(statement, elsewhere.id) == by_check("invite_codes_kept")
        assert refused("DELETE FROM invite_codes") == by_check("invite_codes_kept")

        if here:
            again = refused(make, invite.server_id, invite.creator_id)
            assert again == by_unique_key("invites_code_uq")
            execute("DELETE FROM invites")


def test_invite_without_a_code_that_is_written_down_is_refused() -> None:
    invite, foreign = InviteFactory.create(), InviteCodeFactory.create()

    for code in (foreign.code, "nowhere"):
        assert refused("UPDATE invites SET code = %s WHERE id = %s", code, invite.id) == (
            by_foreign_key("invites_code_fk")
        )


@pytest.mark.one_machine("what is refused there comes without the name of the CHECK")
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
