"""Channels, categories, threads, and their overwrites."""

import time
from datetime import timedelta

import pytest

from chat.errors import (
    InvalidInput,
    InviteUnusable,
    LimitReached,
    MissingPermission,
    NotVisible,
    SlowModeActive,
)
from chat.models import Channel, ChannelAccess, ChannelPermission, Server, User
from chat.rules.permissions import NONE, Permission
from chat.services.channels import (
    clear_overwrite,
    create_channel,
    create_thread,
    delete_channel,
    move_channel,
    set_overwrite,
    update_channel,
)
from chat.services.invites import create_invite, redeem_invite
from chat.services.messages import send_message
from tests.factories import MessageFactory, UserFactory
from tests.services.communities import audit_log, new_member, new_role, new_server
from tests.services.places import last_seq

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Server:
    return new_server()


def made(server: Server, *names: str, parent: Channel | None = None) -> list[Channel]:
    return [
        create_channel(actor=server.owner, server=server, name=name, parent=parent)
        for name in names
    ]


def category(server: Server, name: str = "docks") -> Channel:
    return create_channel(actor=server.owner, server=server, name=name, kind="category")


def listed(server: Server, parent: Channel | None = None) -> list[str]:
    """Return the names of the channels there, in their order."""
    found = Channel.objects.filter(server=server, parent=parent, deleted_at__isnull=True)
    return list(found.order_by("position", "id").values_list("name", flat=True))


def can_see(user: User, channel: Channel) -> bool:
    return ChannelAccess.objects.filter(
        user=user, space_id=channel.space_id, channel=channel.pk
    ).exists()


def test_new_channel_is_the_last_and_as_it_was_asked_for(server: Server) -> None:
    channel = create_channel(
        actor=server.owner,
        server=server,
        name="pier",
        kind="voice",
        topic="Ships.",
        slowmode_seconds=5,
        nsfw=True,
        reason="Trade.",
    )

    channel.refresh_from_db()
    assert listed(server) == ["general", "pier"]
    assert (channel.kind, channel.topic, channel.slowmode_seconds, channel.nsfw) == (
        "voice",
        "Ships.",
        5,
        True,
    )
    assert audit_log(server) == [
        (
            "channel.create",
            server.owner_id,
            channel.id,
            {"name": [None, "pier"], "kind": [None, "voice"]},
            "Trade.",
        )
    ]


def test_channel_is_made_in_a_category(server: Server) -> None:
    docks = category(server)

    made(server, "pier", "quay", parent=docks)

    assert listed(server, docks) == ["pier", "quay"]


def test_category_is_in_none(server: Server) -> None:
    with pytest.raises(InvalidInput, match="None for a category"):
        create_channel(
            actor=server.owner,
            server=server,
            name="inner",
            kind="category",
            parent=category(server),
        )


def test_channel_is_in_no_channel(server: Server) -> None:
    with pytest.raises(InvalidInput, match="parent is a text; it has to be a category"):
        made(server, "pier", parent=server.channels.get())


def test_deleted_channels_and_threads_leave_room(server: Server) -> None:
    Channel.objects.bulk_create(Channel(server=server, name=f"pier {n}") for n in range(498))
    channel = server.channels.get(name="general")
    create_thread(actor=server.owner, channel=channel, name="rumours")
    (last,) = made(server, "last")

    with pytest.raises(LimitReached, match="There are 500 channels already"):
        made(server, "one more")
    delete_channel(actor=server.owner, channel=last)
    made(server, "in its place")


def test_the_1000th_thread_is_the_last(server: Server) -> None:
    channel = server.channels.get()
    Channel.objects.bulk_create(
        Channel(server=server, name="talk", kind="thread", parent=channel) for _ in range(999)
    )
    create_thread(actor=server.owner, channel=channel, name="last")

    with pytest.raises(LimitReached, match="There are 1000 threads already"):
        create_thread(actor=server.owner, channel=channel, name="one more")


@pytest.mark.parametrize("kind", ["voice", "category"])
def test_thread_begins_in_no_such_channel(server: Server, kind: str) -> None:
    channel = create_channel(actor=server.owner, server=server, name="pier", kind=kind)

    with pytest.raises(InvalidInput, match=f"channel is a {kind}"):
        create_thread(actor=server.owner, channel=channel, name="rumours")


def test_slow_mode_is_not_avoided_by_threads(server: Server) -> None:
    (channel,) = made(server, "pier")
    update_channel(actor=server.owner, channel=channel, slowmode_seconds=60)
    sailor, mate = new_member(server), new_member(server)
    thread = create_thread(actor=sailor, channel=channel, name="rumours")

    with pytest.raises(SlowModeActive) as refusal:
        create_thread(actor=sailor, channel=channel, name="more")
    send_message(author=sailor, channel=thread, content="ahoy")
    with pytest.raises(SlowModeActive):
        send_message(author=sailor, channel=thread, content="ahoy again")

    assert timedelta(seconds=50) < refusal.value.retry_after <= timedelta(seconds=60)
    assert create_thread(actor=mate, channel=channel, name="other").slowmode_seconds == 60
    assert create_thread(actor=sailor, channel=server.channels.get(name="general"), name="here")


def test_deleted_thread_counts_for_slow_mode_and_an_old_one_does_not(server: Server) -> None:
    (channel,) = made(server, "pier")
    sailor = new_member(server)
    thread = create_thread(actor=sailor, channel=channel, name="rumours")
    delete_channel(actor=server.owner, channel=thread)

    update_channel(actor=server.owner, channel=channel, slowmode_seconds=21600)
    with pytest.raises(SlowModeActive):
        create_thread(actor=sailor, channel=channel, name="more")

    time.sleep(1.1)
    update_channel(actor=server.owner, channel=channel, slowmode_seconds=1)
    create_thread(actor=sailor, channel=channel, name="more")


def test_slow_mode_binds_no_moderator_who_begins_threads(server: Server) -> None:
    (channel,) = made(server, "pier")
    update_channel(actor=server.owner, channel=channel, slowmode_seconds=60)
    moderator = new_member(server, new_role(server, Permission.BYPASS_SLOWMODE))

    for name in ("rumours", "more"):
        create_thread(actor=moderator, channel=channel, name=name)


def test_thread_begins_in_no_thread(server: Server) -> None:
    thread = create_thread(actor=server.owner, channel=server.channels.get(), name="rumours")

    with pytest.raises(InvalidInput, match="channel is a thread"):
        create_thread(actor=server.owner, channel=thread, name="more")


def test_channel_that_one_cannot_see_is_not_there(server: Server) -> None:
    channel, user = server.channels.get(), new_member(server)
    everyone = server.roles.get(position=0)
    set_overwrite(actor=server.owner, channel=channel, role=everyone, deny=Permission.VIEW_CHANNEL)

    with pytest.raises(NotVisible):
        create_thread(actor=user, channel=channel, name="rumours")
    with pytest.raises(NotVisible):
        update_channel(actor=user, channel=channel, name="mine")


def test_channel_is_changed_and_the_log_says_what(server: Server) -> None:
    channel = server.channels.get()

    update_channel(actor=server.owner, channel=channel, name="port", slowmode_seconds=30)
    update_channel(actor=server.owner, channel=channel, name="port")

    channel.refresh_from_db()
    assert (channel.name, channel.slowmode_seconds) == ("port", 30)
    assert [(action, changes) for action, _, _, changes, _ in audit_log(server)] == [
        ("channel.update", {"name": ["general", "port"], "slowmode_seconds": [0, 30]})
    ]


def test_change_of_a_channel_does_not_set_its_counter_back(server: Server) -> None:
    channel = server.channels.get()
    MessageFactory.create(channel=channel)

    update_channel(actor=server.owner, channel=channel, topic="Ships.")

    assert last_seq(channel) == 1


def test_thread_is_for_who_manages_threads(server: Server) -> None:
    thread = create_thread(actor=server.owner, channel=server.channels.get(), name="rumours")
    keeper = new_member(server, new_role(server, Permission.MANAGE_THREADS))
    builder = new_member(server, new_role(server, Permission.MANAGE_CHANNELS))

    with pytest.raises(MissingPermission):
        update_channel(actor=builder, channel=thread, name="news")

    assert update_channel(actor=keeper, channel=thread, name="news").name == "news"


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (0, ["two", "general", "one", "three"]),
        (1, ["general", "two", "one", "three"]),
        (2, ["general", "one", "two", "three"]),
        (3, ["general", "one", "three", "two"]),
        (500, ["general", "one", "three", "two"]),
    ],
)
def test_channel_is_moved_among_its_siblings(
    server: Server, position: int, expected: list[str]
) -> None:
    _, two, _ = made(server, "one", "two", "three")

    moved = move_channel(actor=server.owner, channel=two, position=position)

    assert listed(server) == expected
    assert moved.position == expected.index("two")
    assert len(audit_log(server)) == 3 + (expected[2] != "two")


def test_channel_is_moved_into_a_category_and_out(server: Server) -> None:
    docks = category(server)
    made(server, "pier", "quay", parent=docks)
    channel = server.channels.get(name="general")

    move_channel(actor=server.owner, channel=channel, position=1, parent=docks)
    assert listed(server, docks) == ["pier", "general", "quay"]
    assert listed(server) == ["docks"]

    move_channel(actor=server.owner, channel=channel, position=0, parent=None)
    assert listed(server) == ["general", "docks"]
    assert audit_log(server)[-1][3] == {
        "parent_id": [str(docks.id), None],
        "position": [1, 0],
    }


def hidden_category(server: Server) -> Channel:
    hidden = category(server, "bilge")
    everyone = server.roles.get(position=0)
    set_overwrite(actor=server.owner, channel=hidden, role=everyone, deny=Permission.VIEW_CHANNEL)
    return hidden


def overwrites(channel: Channel) -> list[tuple[str, int, int]]:
    found = ChannelPermission.objects.filter(server=channel.server_id, channel=channel.pk)
    return sorted(found.values_list("role__name", "allow", "deny"))


def test_channel_made_in_a_hidden_category_is_hidden(server: Server) -> None:
    (channel,) = made(server, "pier", parent=hidden_category(server))

    assert not can_see(new_member(server), channel)
    assert overwrites(channel) == [("member", 0, int(Permission.VIEW_CHANNEL))]


def test_channel_moved_into_a_hidden_category_is_hidden(server: Server) -> None:
    (channel,) = made(server, "pier", parent=category(server))
    role, view = server.roles.get(name="admin"), int(Permission.VIEW_CHANNEL)

    for own in ([], [("admin", view, 0)]):
        if own:
            clear = server.roles.get(position=0)
            clear_overwrite(actor=server.owner, channel=channel, role=clear)
            set_overwrite(actor=server.owner, channel=channel, role=role, allow=view)
            move_channel(actor=server.owner, channel=channel, position=0, parent=None)
        move_channel(
            actor=server.owner, channel=channel, position=0, parent=hidden_category(server)
        )

        assert not can_see(new_member(server), channel)
        assert overwrites(channel) == [*own, ("member", 0, view)]


def test_hidden_channel_moved_into_a_category_that_is_seen_stays_hidden(server: Server) -> None:
    (channel,) = made(server, "pier")
    everyone = server.roles.get(position=0)
    set_overwrite(actor=server.owner, channel=channel, role=everyone, deny=Permission.VIEW_CHANNEL)

    move_channel(actor=server.owner, channel=channel, position=0, parent=category(server))

    assert not can_see(new_member(server), channel)


def test_category_is_moved_into_none(server: Server) -> None:
    docks, yards = category(server), category(server, "yards")

    with pytest.raises(InvalidInput, match="None for a category"):
        move_channel(actor=server.owner, channel=docks, position=0, parent=yards)


def test_channel_is_moved_into_no_deleted_category(server: Server) -> None:
    docks, channel = category(server), server.channels.get(name="general")
    delete_channel(actor=server.owner, channel=docks)

    with pytest.raises(NotVisible, match="There is no category"):
        move_channel(actor=server.owner, channel=channel, position=0, parent=docks)


def test_thread_has_no_place_in_the_list(server: Server) -> None:
    thread = create_thread(actor=server.owner, channel=server.channels.get(), name="rumours")

    with pytest.raises(InvalidInput, match="channel is a thread"):
        move_channel(actor=server.owner, channel=thread, position=0)


def test_channel_is_deleted_with_threads_and_invites_and_keeps_its_messages(
    server: Server,
) -> None:
    channel = server.channels.get()
    thread = create_thread(actor=server.owner, channel=channel, name="rumours")
    message = MessageFactory.create(channel=channel)
    invite = create_invite(actor=server.owner, server=server, channel=channel)

    delete_channel(actor=server.owner, channel=channel, reason="Silted up.")

    assert listed(server) == []
    assert not can_see(server.owner, channel)
    assert not can_see(server.owner, thread)
    message.refresh_from_db()
    assert message.content == "ahoy"
    with pytest.raises(InviteUnusable):
        redeem_invite(user=UserFactory.create(), code=invite.code)
    with pytest.raises(NotVisible):
        delete_channel(actor=server.owner, channel=channel)
    assert audit_log(server)[-1] == (
        "channel.delete",
        server.owner_id,
        channel.id,
        {"name": ["general", None], "kind": ["text", None]},
        "Silted up.",
    )


def test_invite_to_a_thread_ends_with_its_channel(server: Server) -> None:
    thread = create_thread(actor=server.owner, channel=server.channels.get(), name="rumours")
    invite = create_invite(actor=server.owner, server=server, channel=thread)

    assert thread.parent is not None
    delete_channel(actor=server.owner, channel=thread.parent)

    with pytest.raises(InviteUnusable):
        redeem_invite(user=UserFactory.create(), code=invite.code)


def test_invite_to_a_channel_outlives_its_category(server: Server) -> None:
    docks = category(server)
    (pier,) = made(server, "pier", parent=docks)
    invite = create_invite(actor=server.owner, server=server, channel=pier)

    delete_channel(actor=server.owner, channel=docks)

    assert redeem_invite(user=UserFactory.create(), code=invite.code).server_id == server.id


def test_deleted_category_leaves_what_was_in_it(server: Server) -> None:
    docks = category(server)
    (pier,) = made(server, "pier", parent=docks)

    delete_channel(actor=server.owner, channel=docks)

    pier.refresh_from_db()
    assert (pier.parent_id, pier.deleted_at) == (None, None)
    assert can_see(server.owner, pier)
    assert not can_see(server.owner, docks)


# Overwrites --------------------------------------------------------------------------------------


def test_overwrite_hides_a_channel_and_is_cleared(server: Server) -> None:
    channel, user = server.channels.get(), new_member(server)

    set_overwrite(actor=server.owner, channel=channel, user=user, deny=Permission.VIEW_CHANNEL)
    assert not can_see(user, channel)
    assert clear_overwrite(actor=server.owner, channel=channel, user=user) is True
    assert can_see(user, channel)
    assert clear_overwrite(actor=server.owner, channel=channel, user=user) is False

    assert [(action, changes) for action, _, _, changes, _ in audit_log(server)] == [
        (
            "channel.overwrite",
            {"allow": [None, 0], "deny": [None, 1024], "user_id": [str(user.id)] * 2},
        ),
        (
            "channel.clear_overwrite",
            {"allow": [0, None], "deny": [1024, None], "user_id": [str(user.id)] * 2},
        ),
    ]


def test_overwrite_is_replaced_and_not_doubled(server: Server) -> None:
    channel, role = server.channels.get(), server.roles.get(name="moderator")

    first = set_overwrite(actor=server.owner, channel=channel, role=role, allow=1, deny=2)
    second = set_overwrite(actor=server.owner, channel=channel, role=role, allow=4)
    set_overwrite(actor=server.owner, channel=channel, role=role, allow=4)

    assert first == second
    assert ChannelPermission.objects.values_list("role", "allow", "deny").get() == (role.id, 4, 0)
    assert len(audit_log(server)) == 2


def test_overwrite_says_nothing_of_what_one_has_not_there(server: Server) -> None:
    channel, everyone = server.channels.get(), server.roles.get(position=0)
    keeper = new_member(server, new_role(server, Permission.MANAGE_ROLES))
    set_overwrite(actor=server.owner, channel=channel, role=everyone, deny=Permission.CONNECT)

    set_overwrite(
        actor=keeper,
        channel=channel,
        role=everyone,
        deny=Permission.CONNECT | Permission.SEND_MESSAGES,
    )

    for allow, deny in (
        (Permission.BAN_MEMBERS, NONE),
        (NONE, Permission.MANAGE_MESSAGES),
        # CONNECT would be left to the roles again.
        (NONE, Permission.SEND_MESSAGES),
    ):
        with pytest.raises(MissingPermission):
            set_overwrite(actor=keeper, channel=channel, role=everyone, allow=allow, deny=deny)
    with pytest.raises(MissingPermission):
        clear_overwrite(actor=keeper, channel=channel, role=everyone)


def test_administrator_is_not_for_an_overwrite_to_give(server: Server) -> None:
    with pytest.raises(InvalidInput, match="allow is a mask with ADMINISTRATOR"):
        set_overwrite(
            actor=server.owner,
            channel=server.channels.get(),
            role=server.roles.get(position=0),
            allow=Permission.ADMINISTRATOR,
        )


def test_thread_has_the_overwrites_of_its_channel(server: Server) -> None:
    thread = create_thread(actor=server.owner, channel=server.channels.get(), name="rumours")

    with pytest.raises(InvalidInput, match="channel is a thread"):
        set_overwrite(actor=server.owner, channel=thread, role=server.roles.get(position=0))


def test_overwrite_of_who_has_left_can_be_cleared(server: Server) -> None:
    channel, ghost = server.channels.get(), UserFactory.create()
    ChannelPermission.objects.create(server=server, channel=channel, user=ghost)

    assert clear_overwrite(actor=server.owner, channel=channel, user=ghost) is True


def test_overwrite_is_for_members(server: Server) -> None:
    with pytest.raises(NotVisible, match="There is no member"):
        set_overwrite(actor=server.owner, channel=server.channels.get(), user=UserFactory.create())
