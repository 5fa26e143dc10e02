"""How members come and go, and what moderators do about them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from chat.errors import Banned, DatabaseRefused, InvalidInput, RankTooLow, TimedOut
from chat.models import Ban, Channel, MemberRole, ReadState
from chat.queries.unread import unread_overview
from chat.rules.permissions import MODERATOR, Permission
from chat.services.members import (
    ban_user,
    clear_timeout,
    join_server,
    kick_member,
    leave_server,
    set_nickname,
    set_timeout,
    unban_user,
)
from chat.services.roles import create_role
from tests.chat.sql import execute
from tests.factories import ChannelFactory, MessageFactory, ReadStateFactory, UserFactory
from tests.services.communities import (
    audit_log,
    membership,
    new_member,
    new_role,
    new_server,
    tomorrow,
)

pytestmark = pytest.mark.django_db


def test_who_joins_again_is_the_same_member() -> None:
    server = new_server()
    user = UserFactory.create()

    first = join_server(user=user, server=server)

    assert join_server(user=user.id, server=server.id) == first


def test_what_was_said_before_somebody_joins_counts_as_read() -> None:
    server = new_server()
    spoken, silent, gone = ChannelFactory.create_batch(3, server=server)
    MessageFactory.create_batch(3, channel=spoken)
    MessageFactory.create(channel=gone)
    Channel.objects.filter(pk=gone.pk).update(deleted_at=datetime.now(UTC))
    user = UserFactory.create()

    join_server(user=user, server=server)
    MessageFactory.create(channel=spoken)
    MessageFactory.create(channel=silent)

    marks = ReadState.objects.filter(user=user).values_list("channel_id", "last_read_seq")
    assert list(marks) == [(spoken.pk, 3)]
    unread = {row.channel_id: row.unread for row in unread_overview(user=user).entries}
    assert (unread[spoken.pk], unread[silent.pk]) == (1, 1)


def test_who_joins_again_keeps_the_marks() -> None:
    server = new_server()
    channel = ChannelFactory.create(server=server)
    user = UserFactory.create()
    join_server(user=user, server=server)
    MessageFactory.create(channel=channel)

    join_server(user=user, server=server)

    assert not ReadState.objects.filter(user=user).exists()


def test_who_leaves_loses_roles_and_read_marks() -> None:
    server = new_server()
    user = new_member(server, new_role(server))
    ReadStateFactory.create(channel=ChannelFactory.create(server=server), user=user)

    leave_server(user=user, server=server)

    assert membership(user, server) is None
    assert not MemberRole.objects.filter(user=user).exists()
    assert not ReadState.objects.filter(user=user).exists()
    assert audit_log(server) == []


def test_kicked_member_can_come_back() -> None:
    server = new_server()
    user = new_member(server)

    kick_member(actor=server.owner, server=server, user=user, reason="Mutiny.")

    assert membership(user, server) is None
    assert audit_log(server) == [("member.kick", server.owner_id, user.id, {}, "Mutiny.")]
    assert join_server(user=user, server=server)


def test_banned_user_stays_away_until_the_ban_is_lifted() -> None:
    server = new_server()
    user = new_member(server)

    ban = ban_user(actor=server.owner, server=server, user=user, reason="Mutiny.")

    assert (ban.user_id, ban.actor_id, ban.reason) == (user.id, server.owner_id, "Mutiny.")
    assert membership(user, server) is None
    with pytest.raises(Banned):
        join_server(user=user, server=server)
    unban_user(actor=server.owner, server=server, user=user, reason="Mercy.")
    assert join_server(user=user, server=server)
    assert audit_log(server) == [
        ("member.ban", server.owner_id, user.id, {"expires_at": [None, None]}, "Mutiny."),
        ("member.unban", server.owner_id, user.id, {}, "Mercy."),
    ]


def test_second_ban_replaces_the_first() -> None:
    server, user, until = new_server(), UserFactory.create(), tomorrow()
    first = ban_user(actor=server.owner, server=server, user=user, reason="Mutiny.")

    second = ban_user(actor=server.owner, server=server, user=user, expires_at=until)

    assert second == first
    assert (second.reason, second.expires_at) == ("", until)
    assert Ban.objects.get() == second
    assert Ban.objects.get().expires_at == until


def test_expired_ban_lets_join_and_a_member_be_banned_anew() -> None:
    server, user = new_server(), UserFactory.create()
    now = datetime.now(UTC)
    Ban.objects.create(
        server=server,
        user=user,
        created_at=now - timedelta(days=2),
        expires_at=now - timedelta(days=1),
    )
    join_server(user=user, server=server)

    ban_user(actor=server.owner, server=server, user=user)

    assert membership(user, server) is None
    assert Ban.objects.get().expires_at is None


def test_nobody_kicks_themselves() -> None:
    server = new_server()
    moderator = new_member(server, new_role(server, MODERATOR))

    with pytest.raises(RankTooLow):
        kick_member(actor=moderator, server=server, user=moderator)


def test_equal_in_rank_cannot_kick() -> None:
    server = new_server()
    role = new_role(server, MODERATOR)
    one, other = new_member(server, role), new_member(server, role)

    with pytest.raises(RankTooLow):
        kick_member(actor=one, server=server, user=other)


def test_role_without_power_protects_who_stands_higher() -> None:
    server = new_server()
    moderator = new_member(server, new_role(server, MODERATOR))
    captain = new_member(server, new_role(server))

    with pytest.raises(RankTooLow):
        ban_user(actor=moderator, server=server, user=captain)


def test_moderator_in_a_timeout_does_nothing() -> None:
    server = new_server()
    moderator, user = new_member(server, new_role(server, MODERATOR)), new_member(server)
    set_timeout(actor=server.owner, server=server, user=moderator, until=tomorrow())

    with pytest.raises(TimedOut):
        kick_member(actor=moderator, server=server, user=user)


def test_timeout_of_28_days_is_the_longest() -> None:
    server = new_server()
    user = new_member(server)
    now = datetime.now(UTC)

    set_timeout(
        actor=server.owner, server=server, user=user, until=now + timedelta(days=27, hours=23)
    )

    with pytest.raises(InvalidInput, match="at most 28 days"):
        set_timeout(
            actor=server.owner, server=server, user=user, until=now + timedelta(days=28, hours=1)
        )


def test_timeout_is_written_down_and_ended() -> None:
    server, until = new_server(), datetime(2099, 1, 1, tzinfo=UTC)
    user = new_member(server)
    until = tomorrow()

    set_timeout(actor=server.owner, server=server, user=user, until=until, reason="Noise.")
    assert (found := membership(user, server))
    assert found.timed_out_until == until
    clear_timeout(actor=server.owner, server=server, user=user)
    clear_timeout(actor=server.owner, server=server, user=user)

    assert (found := membership(user, server))
    assert found.timed_out_until is None
    assert [(action, changes) for action, _, _, changes, _ in audit_log(server)] == [
        ("member.timeout", {"timed_out_until": [None, until.isoformat()]}),
        ("member.timeout", {"timed_out_until": [until.isoformat(), None]}),
    ]


def test_who_leaves_in_a_timeout_comes_back_into_it() -> None:
    server, until = new_server(), tomorrow()
    user = new_member(server)
    set_timeout(actor=server.owner, server=server, user=user, until=until)

    leave_server(user=user, server=server)

    assert join_server(user=user, server=server).timed_out_until == until


def test_who_was_let_out_of_a_timeout_comes_back_without() -> None:
    server = new_server()
    user = new_member(server)
    set_timeout(actor=server.owner, server=server, user=user, until=tomorrow())
    clear_timeout(actor=server.owner, server=server, user=user)

    leave_server(user=user, server=server)

    assert join_server(user=user, server=server).timed_out_until is None


def test_timeout_in_another_server_is_none_here() -> None:
    server, other = new_server(), new_server()
    user = new_member(other)
    set_timeout(actor=other.owner, server=other, user=user, until=tomorrow())

    assert join_server(user=user, server=server).timed_out_until is None


def test_nickname_is_set_and_taken_away_and_not_in_the_log() -> None:
    server = new_server()
    user = new_member(server)

    assert set_nickname(actor=user, server=server, user=user, nickname="Salty").nickname == "Salty"
    assert (
        set_nickname(actor=server.owner, server=server, user=user, nickname=None).nickname is None
    )

    assert audit_log(server) == [
        ("member.rename", user.id, user.id, {}, ""),
        ("member.rename", server.owner_id, user.id, {}, ""),
    ]


def test_nickname_that_it_is_already_leaves_no_entry() -> None:
    server = new_server()
    user = new_member(server)
    set_nickname(actor=user, server=server, user=user, nickname="Salty")

    set_nickname(actor=user, server=server, user=user, nickname="Salty")

    assert len(audit_log(server)) == 1


def test_owner_renames_themselves() -> None:
    server = new_server()

    set_nickname(actor=server.owner, server=server, user=server.owner, nickname="Captain")

    assert (own := membership(server.owner, server))
    assert own.nickname == "Captain"


def test_refused_action_leaves_no_entry() -> None:
    server = new_server()
    user = new_member(server)

    with pytest.raises(RankTooLow), transaction.atomic():
        kick_member(
            actor=new_member(
                server,
                create_role(
                    actor=server.owner,
                    server=server,
                    name="guard",
                    permissions=Permission.KICK_MEMBERS,
                ),
            ),
            server=server,
            user=new_member(server, new_role(server)),
        )

    assert membership(user, server)
    assert audit_log(server) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "isolation",
    [
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    ],
)
def test_join_at_another_isolation_level_is_refused_by_name(isolation: str) -> None:
    server, user = new_server(), UserFactory.create()

    with transaction.atomic():
        execute(isolation)
        with pytest.raises(DatabaseRefused, match="joins and bans are made at READ COMMITTED"):
            join_server(user=user, server=server)

    assert membership(user, server) is None
