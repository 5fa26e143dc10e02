"""Somebody banned is no member, whichever of the two comes first and however close."""

import psycopg
import pytest
from psycopg import IsolationLevel

from tests.chat.conftest import Connect, StartAndWait
from tests.chat.sql import by_check, by_unique_key, execute, refused, rows, value
from tests.factories import BanFactory, ServerFactory, ServerMemberFactory, UserFactory

pytestmark = pytest.mark.django_db

JOIN = "INSERT INTO server_members (space_id, user_id) VALUES (%s, %s)"
BAN = "INSERT INTO bans (space_id, user_id) VALUES (%s, %s)"
BAN_FOR_A_SECOND = (
    "INSERT INTO bans (space_id, user_id, created_at, expires_at) "
    "VALUES (%s, %s, now() - interval '1 hour', now() - interval '1 second')"
)


def test_banned_user_cannot_join() -> None:
    ban = BanFactory.create()

    assert refused(JOIN, ban.server_id, ban.user_id) == by_check("server_members_not_banned")


def test_banned_user_can_join_another_server() -> None:
    ban, server = BanFactory.create(), ServerFactory.create()

    assert execute(JOIN, server.id, ban.user_id) == 1


def test_member_cannot_be_banned() -> None:
    member = ServerMemberFactory.create()

    assert refused(BAN, member.server_id, member.user_id) == by_check("bans_not_member")


def test_owner_cannot_be_banned() -> None:
    server = ServerFactory.create()

    assert refused(BAN, server.id, server.owner_id) == by_check("bans_not_member")


def test_member_who_is_removed_can_be_banned() -> None:
    member = ServerMemberFactory.create()

    execute("DELETE FROM server_members WHERE id = %s", member.id)

    assert execute(BAN, member.server_id, member.user_id) == 1


def test_expired_ban_lets_join() -> None:
    server, user = ServerFactory.create(), UserFactory.create()
    execute(BAN_FOR_A_SECOND, server.id, user.id)

    assert execute(JOIN, server.id, user.id) == 1


@pytest.mark.parametrize("until", ["NULL", "now() + interval '1 day'"])
def test_expired_ban_of_a_member_cannot_be_renewed(until: str) -> None:
    server, user = ServerFactory.create(), UserFactory.create()
    execute(BAN_FOR_A_SECOND, server.id, user.id)
    execute(JOIN, server.id, user.id)

    refusal = refused(f"UPDATE bans SET expires_at = {until} WHERE user_id = %s", user.id)

    assert refusal == by_check("bans_not_member")


def test_lifted_ban_lets_join() -> None:
    ban = BanFactory.create()

    execute("DELETE FROM bans WHERE id = %s", ban.id)

    assert execute(JOIN, ban.server_id, ban.user_id) == 1


def test_member_does_not_become_a_banned_user() -> None:
    ban = BanFactory.create()
    member = ServerMemberFactory.create(server=ban.server)

    refusal = refused(
        "UPDATE server_members SET user_id = %s WHERE id = %s", ban.user_id, member.id
    )

    assert refusal == by_check("server_members_tenant_fixed")


def test_ban_is_not_turned_on_a_member() -> None:
    ban = BanFactory.create()
    member = ServerMemberFactory.create(server=ban.server)

    refusal = refused("UPDATE bans SET user_id = %s WHERE id = %s", member.user_id, ban.id)

    assert refusal == by_check("bans_tenant_fixed")


def test_user_is_banned_once() -> None:
    ban = BanFactory.create()

    assert refused(BAN, ban.server_id, ban.user_id) == by_unique_key("bans_uq")


def test_ban_ends_after_it_begins() -> None:
    ban = BanFactory.create()

    refusal = refused("UPDATE bans SET expires_at = created_at WHERE id = %s", ban.id)

    assert refusal == by_check("bans_expires_at_ck")


@pytest.mark.one_machine("what a trigger refuses there comes without the name that it gives")
def test_ban_waits_for_a_join_and_sees_it(connect: Connect, start_and_wait: StartAndWait) -> None:
    server, user = ServerFactory.create(), UserFactory.create()
    joining, banning = connect(), connect()
    joining.execute(JOIN, [server.id, user.id])

    ban = start_and_wait(banning, joining, BAN, server.id, user.id)
    joining.commit()

    with pytest.raises(psycopg.errors.CheckViolation) as refusal:
        ban.result(timeout=10)
    banning.rollback()
    assert refusal.value.diag.constraint_name == "bans_not_member"
    assert value("SELECT count(*) FROM server_members WHERE user_id = %s", user.id) == 1
    assert rows("SELECT user_id FROM bans") == []


@pytest.mark.one_machine("what a trigger refuses there comes without the name that it gives")
def test_join_waits_for_a_ban_and_sees_it(connect: Connect, start_and_wait: StartAndWait) -> None:
    server, user = ServerFactory.create(), UserFactory.create()
    joining, banning = connect(), connect()
    banning.execute(BAN, [server.id, user.id])

    join = start_and_wait(joining, banning, JOIN, server.id, user.id)
    banning.commit()

    with pytest.raises(psycopg.errors.CheckViolation) as refusal:
        join.result(timeout=10)
    joining.rollback()
    assert refusal.value.diag.constraint_name == "server_members_not_banned"
    assert value("SELECT count(*) FROM server_members WHERE user_id = %s", user.id) == 0
    assert rows("SELECT user_id FROM bans") == [(user.id,)]


@pytest.mark.parametrize(
    "level",
    [
        IsolationLevel.REPEATABLE_READ,
        IsolationLevel.SERIALIZABLE,
    ],
)
@pytest.mark.parametrize(("first", "late"), [(BAN, JOIN), (JOIN, BAN)], ids=["join", "ban"])
def test_client_that_may_not_see_the_other_is_refused(
    connect: Connect, level: IsolationLevel, first: str, late: str
) -> None:
    server, user = ServerFactory.create(), UserFactory.create()
    seeing, blind = connect(), connect()
    blind.isolation_level = level
    blind.execute("SELECT count(*) FROM servers")
    seeing.execute(first, [server.id, user.id])
    seeing.commit()

    with pytest.raises(psycopg.errors.FeatureNotSupported, match="READ COMMITTED"):
        blind.execute(late, [server.id, user.id])
    blind.rollback()

    joined = value("SELECT count(*) FROM server_members WHERE user_id = %s", user.id)
    assert joined + value("SELECT count(*) FROM bans") == 1


def test_ban_is_not_renewed_by_a_client_that_may_not_see_a_join(connect: Connect) -> None:
    server, user = ServerFactory.create(), UserFactory.create()
    execute(BAN_FOR_A_SECOND, server.id, user.id)
    blind = connect()
    blind.isolation_level = IsolationLevel.REPEATABLE_READ

    with pytest.raises(psycopg.errors.FeatureNotSupported, match="READ COMMITTED"):
        blind.execute("UPDATE bans SET expires_at = NULL")


def test_join_that_waited_for_a_ban_goes_on_when_that_is_taken_back(
    connect: Connect, start_and_wait: StartAndWait
) -> None:
    server, user = ServerFactory.create(), UserFactory.create()
    joining, banning = connect(), connect()
    banning.execute(BAN, [server.id, user.id])

    join = start_and_wait(joining, banning, JOIN, server.id, user.id)
    banning.rollback()
    join.result(timeout=10)
    joining.commit()

    assert value("SELECT count(*) FROM server_members WHERE user_id = %s", user.id) == 1


def test_two_joins_do_not_wait_for_each_other(connect: Connect) -> None:
    server = ServerFactory.create()
    first, second = connect(), connect()
    first.execute(JOIN, [server.id, UserFactory.create().id])
    second.execute("SET lock_timeout = '1s'")

    second.execute(JOIN, [server.id, UserFactory.create().id])

    second.commit()
    first.commit()
    assert value("SELECT count(*) FROM server_members") == 3


def test_two_bans_after_an_entry_in_the_log_do_not_wait_for_each_other(connect: Connect) -> None:
    server = ServerFactory.create()
    one, other = connect(), connect()
    for client in (one, other):
        client.execute(
            "INSERT INTO audit_log (space_id, action) VALUES (%s, 'member.ban')", [server.id]
        )

    one.execute(BAN, [server.id, UserFactory.create().id])
    one.commit()
    other.execute(BAN, [server.id, UserFactory.create().id])
    other.commit()

    assert value("SELECT count(*) FROM bans") == 2
