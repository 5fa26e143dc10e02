"""Two moderators, or two who join, at one moment: no rule breaks, and every refusal is named."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import IntegrityError

from chat.errors import (
    NotVisible,
)
from chat.models import (
    AuditLogEntry,
    Ban,
    Channel,
    Invite,
    MemberRole,
    Message,
    Role,
    Server,
    ServerMember,
    User,
)
from chat.rules.permissions import Permission
from chat.services.channels import create_channel, create_thread, delete_channel, move_channel
from chat.services.core.use_case import constraint_of
from chat.services.invites import redeem_invite
from chat.services.members import ban_user, join_server, kick_member, leave_server
from chat.services.roles import create_role, grant_role, move_role
from chat.services.servers import create_server, delete_server, transfer_ownership
from chat.services.users import erase_user
from tests.factories import InviteFactory, UserFactory
from tests.services.places import last_seq
from tests.services.together import refusals, run_together

pytestmark = pytest.mark.django_db(transaction=True)

# How often a pair meets: often enough that either comes first some time.
TURNS = 5


@pytest.fixture
def owner() -> User:
    return UserFactory.create()


@pytest.fixture
def server(owner: User) -> Server:
    return create_server(owner=owner, name="Harbour")


def race(*calls: Callable[[], object]) -> list[object]:
    return list(run_together(calls))


def new_member(server: Server) -> User:
    user = UserFactory.create()
    join_server(user=user, server=server)
    return user


def is_member(user: User, server: Server) -> bool:
    return ServerMember.objects.filter(user=user, server=server).exists()


def test_last_use_of_an_invite_is_had_by_one(owner: User, server: Server) -> None:
    invite = InviteFactory.create(server=server, creator=owner, code="one-more", max_uses=1)
    users = UserFactory.create_batch(6)

    outcomes = race(*(partial(redeem_invite, user=user, code="one-more") for user in users))

    assert refusals(outcomes) == ["InviteUnusable"] * 5
    assert sum(is_member(user, server) for user in users) == 1
    invite.refresh_from_db()
    assert invite.uses == 1


def test_invite_for_three_lets_in_three(owner: User, server: Server) -> None:
    InviteFactory.create(server=server, creator=owner, code="three", max_uses=3)
    users = UserFactory.create_batch(8)

    outcomes = race(*(partial(redeem_invite, user=user, code="three") for user in users))

    assert refusals(outcomes) == ["InviteUnusable"] * 5
    assert sum(is_member(user, server) for user in users) == 3
    assert Invite.objects.get().uses == 3


def test_user_who_redeems_twice_at_once_uses_one(owner: User, server: Server) -> None:
    InviteFactory.create(server=server, creator=owner, code="twice", max_uses=5)
    user = UserFactory.create()

    outcomes = race(*(partial(redeem_invite, user=user, code="twice") for _ in range(4)))

    assert refusals(outcomes) == []
    assert Invite.objects.get().uses == 1


def test_roles_moved_at_once_stand_in_one_row(owner: User, server: Server) -> None:
    made = [create_role(actor=owner, server=server, name=f"deck {n}") for n in range(6)]

    outcomes = race(
        *(
            partial(move_role, actor=owner, role=role, position=8 - number)
            for number, role in enumerate(made)
        )
    )

    assert refusals(outcomes) == []
    assert sorted(Role.objects.values_list("position", flat=True)) == list(range(9))
    assert AuditLogEntry.objects.filter(action="role.move").count() <= 6


def test_role_is_moved_while_another_is_made(owner: User, server: Server) -> None:
    made = [create_role(actor=owner, server=server, name=f"deck {n}") for n in range(3)]

    outcomes = race(
        partial(move_role, actor=owner, role=made[0], position=1),
        partial(create_role, actor=owner, server=server, name="one"),
        partial(create_role, actor=owner, server=server, name="two"),
        partial(move_role, actor=owner, role=made[2], position=5),
    )

    assert refusals(outcomes) == []
    assert sorted(Role.objects.values_list("position", flat=True)) == list(range(8))


def test_two_who_move_each_others_roles_do_not_pass_above_themselves(
    owner: User, server: Server
) -> None:
    high = create_role(actor=owner, server=server, name="high", permissions=Permission.MANAGE_ROLES)
    move_role(actor=owner, role=high, position=3)
    low = create_role(actor=owner, server=server, name="low", permissions=Permission.MANAGE_ROLES)
    captain, mate = new_member(server), new_member(server)
    grant_role(actor=owner, user=captain, role=high)
    grant_role(actor=owner, user=mate, role=low)

    outcomes = race(
        partial(move_role, actor=captain, role=low, position=3),
        partial(move_role, actor=mate, role=high, position=1),
    )

    assert "RankTooLow" in refusals(outcomes)
    order = list(Role.objects.order_by("position").values_list("name", flat=True))
    assert order.index("low") < order.index("high")


def test_last_place_for_a_channel_is_had_by_one(owner: User, server: Server) -> None:
    Channel.objects.bulk_create(
        Channel(server=server, name=f"pier {n}", position=n) for n in range(1, 499)
    )

    outcomes = race(
        *(partial(create_channel, actor=owner, server=server, name="last") for _ in range(5))
    )

    assert refusals(outcomes) == ["LimitReached"] * 4
    assert Channel.objects.count() == 500


def test_last_place_for_a_role_is_had_by_one(owner: User, server: Server) -> None:
    Role.objects.bulk_create(
        Role(server=server, name=f"deck {n}", position=n) for n in range(3, 249)
    )

    outcomes = race(
        *(partial(create_role, actor=owner, server=server, name="last") for _ in range(4))
    )

    assert refusals(outcomes) == ["LimitReached"] * 3
    assert sorted(Role.objects.values_list("position", flat=True)) == list(range(250))


@pytest.mark.parametrize("turn", range(TURNS))
def test_kick_and_grant_leave_no_role_without_a_member(
    owner: User, server: Server, turn: int
) -> None:
    role = create_role(actor=owner, server=server, name="deckhand")
    user = new_member(server)
    calls: list[Callable[[], object]] = [
        partial(kick_member, actor=owner, server=server, user=user),
        partial(grant_role, actor=owner, user=user, role=role),
    ]

    outcomes = race(*(calls if turn % 2 else reversed(calls)))

    assert set(refusals(outcomes)) <= {"NotVisible"}
    assert not is_member(user, server)
    assert not MemberRole.objects.filter(user=user).exists()


@pytest.mark.parametrize("turn", range(TURNS))
def test_somebody_banned_while_joining_is_not_a_member(
    owner: User, server: Server, turn: int
) -> None:
    user = UserFactory.create()
    calls: list[Callable[[], object]] = [
        partial(ban_user, actor=owner, server=server, user=user),
        partial(join_server, user=user, server=server),
    ]

    outcomes = race(*(calls if turn % 2 else reversed(calls)))

    assert set(refusals(outcomes)) <= {"Banned"}
    assert not is_member(user, server)
    assert Ban.objects.filter(user=user).exists()


@pytest.mark.parametrize("turn", range(TURNS))
def test_server_handed_to_two_has_one_owner(owner: User, server: Server, turn: int) -> None:
    heirs = [new_member(server), new_member(server)]

    outcomes = race(
        *(partial(transfer_ownership, actor=owner, server=server, to=heir) for heir in heirs)
    )

    assert refusals(outcomes) == ["OwnerProtected"]
    server.refresh_from_db()
    assert server.owner in heirs
    assert AuditLogEntry.objects.filter(action="server.transfer").count() == 1


@pytest.mark.parametrize("turn", range(TURNS))
def test_heir_who_leaves_does_not_own(owner: User, server: Server, turn: int) -> None:
    heir = new_member(server)

    outcomes = race(
        partial(transfer_ownership, actor=owner, server=server, to=heir),
        partial(leave_server, user=heir, server=server),
    )

    assert len(refusals(outcomes)) == 1
    assert set(refusals(outcomes)) <= {"NotVisible", "OwnerProtected"}
    server.refresh_from_db()
    assert is_member(server.owner, server)


@pytest.mark.parametrize("turn", range(TURNS))
def test_two_who_kick_each_other_do_not_both_go(owner: User, server: Server, turn: int) -> None:
    # Equal in rank: neither may. One above the other: one may.
    roles = [
        create_role(actor=owner, server=server, name=name, permissions=Permission.KICK_MEMBERS)
        for name in ("high", "low")
    ]
    rivals = [new_member(server), new_member(server)]
    for user, role in zip(rivals, roles, strict=True):
        grant_role(actor=owner, user=user, role=role)

    outcomes = race(
        partial(kick_member, actor=rivals[0], server=server, user=rivals[1]),
        partial(kick_member, actor=rivals[1], server=server, user=rivals[0]),
    )

    assert len(refusals(outcomes)) == 1
    assert set(refusals(outcomes)) <= {"RankTooLow", "NotVisible"}
    assert is_member(rivals[0], server)


@pytest.mark.parametrize("turn", range(TURNS))
def test_channel_deleted_while_somebody_posts_takes_no_more(
    owner: User, server: Server, turn: int
) -> None:
    channel = Channel.objects.get(server=server)

    def post() -> str:
        for _ in range(10):
            try:
                Message.objects.create(
                    space_id=server.pk, channel=channel, author=owner, content="ahoy"
                )
            except IntegrityError as error:
                return constraint_of(error)
        return ""

    deleted, posted, begun = race(
        partial(delete_channel, actor=owner, channel=channel),
        post,
        partial(create_thread, actor=owner, channel=channel, name="rumours"),
    )

    assert deleted is None
    assert posted in {"", "messages_channel_open"}
    assert isinstance(begun, Channel | NotVisible)
    channel.refresh_from_db()
    assert channel.deleted_at is not None
    assert not Channel.objects.filter(deleted_at__isnull=True).exists()
    assert last_seq(channel) == Message.objects.filter(channel=channel).count()
    assert post() == "messages_channel_open"


def test_channels_moved_while_others_post_lose_neither(owner: User, server: Server) -> None:
    made = [create_channel(actor=owner, server=server, name=f"pier {n}") for n in range(4)]

    def post(channel: Channel) -> None:
        for _ in range(10):
            Message.objects.create(
                space_id=server.pk, channel=channel, author=owner, content="ahoy"
            )

    outcomes = race(
        partial(move_channel, actor=owner, channel=made[0], position=4),
        partial(move_channel, actor=owner, channel=made[3], position=0),
        *(partial(post, channel) for channel in made),
    )

    assert refusals(outcomes) == []
    assert sorted(Channel.objects.values_list("position", flat=True)) == [0, 1, 2, 3, 4]
    assert [last_seq(channel) for channel in made] == [10, 10, 10, 10]


@pytest.mark.parametrize("turn", range(TURNS))
def test_nobody_joins_a_server_that_is_deleted(owner: User, server: Server, turn: int) -> None:
    user = UserFactory.create()

    outcomes = race(
        partial(delete_server, actor=owner, server=server),
        partial(join_server, user=user, server=server),
    )

    assert set(refusals(outcomes)) <= {"NotVisible"}
    # Who came first is a member still, of a server that nobody sees.
    assert is_member(user, server) is (refusals(outcomes) == [])


@pytest.mark.parametrize("turn", range(TURNS))
def test_somebody_erased_while_joining_is_in_nothing(
    owner: User, server: Server, turn: int
) -> None:
    user = UserFactory.create()

    outcomes = race(
        partial(erase_user, actor=user, user=user),
        partial(join_server, user=user, server=server),
        partial(create_server, owner=user, name="Reef"),
    )

    assert set(refusals(outcomes)) <= {"NotVisible", "OwnsServers"}
    user.refresh_from_db()
    erased = user.erased_at is not None
    assert erased is not Server.objects.filter(owner=user).exists()
    if erased:
        assert not is_member(user, server)


@pytest.mark.parametrize("turn", range(TURNS))
def test_erasure_and_a_ban_both_come_through(owner: User, server: Server, turn: int) -> None:
    user = new_member(server)

    outcomes = race(
        partial(erase_user, actor=user, user=user),
        partial(ban_user, actor=owner, server=server, user=user),
    )

    assert set(refusals(outcomes)) <= {"NotVisible"}
    user.refresh_from_db()
    assert user.erased_at is not None
    assert not is_member(user, server)
    assert not Ban.objects.filter(user=user).exists()


def test_moderators_at_work_all_at_once_come_through(owner: User, server: Server) -> None:
    role = create_role(actor=owner, server=server, name="deckhand")
    users = [new_member(server) for _ in range(8)]
    channel = Channel.objects.get(server=server)

    outcomes = race(
        *(partial(grant_role, actor=owner, user=user, role=role) for user in users[:3]),
        partial(kick_member, actor=owner, server=server, user=users[3]),
        partial(ban_user, actor=owner, server=server, user=users[4]),
        partial(leave_server, user=users[5], server=server),
        partial(create_thread, actor=users[6], channel=channel, name="rumours"),
        partial(erase_user, actor=users[7], user=users[7]),
    )

    assert refusals(outcomes) == []
    assert ServerMember.objects.filter(server=server).count() == 5
