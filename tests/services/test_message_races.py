"""What two do at the same moment with messages, on real connections."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest
from django.db import transaction
from django.db.models.functions import Now

from chat.db.ids import uuid7
from chat.models import (
    Channel,
    DirectConversation,
    Mention,
    Message,
    MessageAttachment,
    MessageRevision,
    Participant,
    Reaction,
    ReadState,
    Role,
    User,
)
from chat.rules.permissions import DEFAULT_EVERYONE, Permission
from chat.services.attachments import sweep_attachments
from chat.services.core.use_case import use_case
from chat.services.direct import (
    add_to_group,
    leave_group,
    open_conversation,
    open_group,
)
from chat.services.messages import (
    add_reaction,
    delete_message,
    edit_message,
    pin_message,
    remove_reaction,
    send_message,
)
from chat.services.read_states import mark_read
from chat.services.users import erase_user
from tests.factories import MessageAttachmentFactory, ServerMemberFactory, UserFactory
from tests.services.places import PLACES, Harbour, last_seq, make_harbour, make_place
from tests.services.together import refusals, run_together

pytestmark = pytest.mark.django_db(transaction=True)

CHOSEN = UUID("01990000-0000-7000-8000-000000000001")


@pytest.fixture
def harbour() -> Harbour:
    return make_harbour()


def _sent(harbour: Harbour, content: str = "ahoy", author: User | None = None) -> Message:
    sent = send_message(author=author or harbour.member, channel=harbour.channel, content=content)
    return Message.objects.get(pk=sent.id)


@pytest.mark.parametrize("turn", range(5))
def test_of_many_sends_at_once_slow_mode_lets_one_through(harbour: Harbour, turn: int) -> None:
    Channel.objects.update(slowmode_seconds=60)

    results = run_together([partial(_sent, harbour)] * 6)

    assert refusals(results) == ["SlowModeActive"] * 5
    assert Message.objects.count() == 1
    assert last_seq(harbour.channel) == 1


def test_slow_mode_does_not_hold_up_others(harbour: Harbour) -> None:
    Channel.objects.update(slowmode_seconds=60)
    crew = [harbour.join() for _ in range(4)]

    results = run_together([partial(_sent, harbour, author=sailor) for sailor in crew])

    assert refusals(results) == []
    assert sorted(Message.objects.values_list("seq", flat=True)) == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", PLACES)
def test_one_send_tried_many_times_at_once_is_one_message(kind: str) -> None:
    place = make_place(kind)
    plain, naming = "ahoy", f"<@{place.other.id}>"

    for count, (content, slowmode_seconds) in enumerate(
        [(plain, 60), (plain, 0), (naming, 0)], start=1
    ):
        Channel.objects.update(slowmode_seconds=slowmode_seconds)
        attempt = partial(
            send_message,
            author=place.author,
            channel=place.channel,
            content=content,
            id=uuid7(),
        )

        results = run_together([attempt, *[partial(_in_a_transaction, attempt)] * 2] * 2)

        assert refusals(results) == []
        assert len(set(results)) == 1
        assert Message.objects.count() == last_seq(place.channel) == count
    assert Mention.objects.count() == 1


def _in_a_transaction(attempt: Callable[[], object]) -> object:
    """Run it in a transaction of the caller's, which goes on afterwards."""
    with transaction.atomic():
        result = attempt()
        assert Message.objects.exists()
    return result


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.one_machine("an id is of one space: in another it is another message")
def test_one_id_in_two_places_is_had_by_one(kind: str) -> None:
    place, elsewhere = make_place(kind), make_harbour()
    ServerMemberFactory.create(server=elsewhere.server, user=place.author)
    send = partial(send_message, author=place.author, content="ahoy", id=CHOSEN)

    results = run_together(
        [partial(send, channel=place.channel), partial(send, channel=elsewhere.channel)] * 3
    )

    sent = [result for result in results if not isinstance(result, Exception)]
    assert refusals(results) == ["IdTaken"] * 3
    assert len(set(sent)) == 1
    assert last_seq(place.channel) + last_seq(elsewhere.channel) == 1


def test_one_id_for_different_messages_is_had_by_one(harbour: Harbour) -> None:
    results = run_together(
        [
            partial(
                send_message,
                author=harbour.member,
                channel=harbour.channel,
                content=f"ahoy {n}",
                id=CHOSEN,
            )
            for n in range(5)
        ]
    )

    assert refusals(results) == ["IdTaken"] * 4
    assert Message.objects.count() == 1


def test_one_file_goes_with_one_message(harbour: Harbour) -> None:
    files = [
        MessageAttachmentFactory.create(
            message=None, space_id=harbour.server.id, uploader=harbour.member
        ).id
        for _ in range(2)
    ]

    results = run_together(
        [
            partial(
                send_message,
                author=harbour.member,
                channel=harbour.channel,
                content="",
                attachments=chosen,
            )
            for chosen in [files, files[::-1], files]
        ]
    )

    assert refusals(results) == ["NotVisible"] * 2
    assert Message.objects.count() == 1
    assert MessageAttachment.objects.filter(message=Message.objects.get()).count() == 2


def test_a_file_is_swept_or_sent(harbour: Harbour) -> None:
    for _ in range(5):
        file = MessageAttachmentFactory.create(
            message=None, space_id=harbour.server.id, uploader=harbour.member
        )
        before = file.created_at.replace(year=2098)

        sent, swept = run_together(
            [
                partial(
                    send_message,
                    author=harbour.member,
                    channel=harbour.channel,
                    content="a file",
                    attachments=[file.id],
                ),
                partial(sweep_attachments, before=before),
            ]
        )

        was_swept = isinstance(swept, list) and len(swept) == 1
        assert was_swept == (refusals([sent]) == ["NotVisible"])


def test_a_channel_deleted_meanwhile_is_a_named_refusal(harbour: Harbour) -> None:
    @use_case
    def delete() -> None:
        Channel.objects.update(deleted_at=Now())

    *sends, _ = run_together([*[partial(_sent, harbour)] * 5, delete])

    assert set(refusals(sends)) <= {"NotVisible"}
    assert last_seq(harbour.channel) == Message.objects.count() == 5 - len(refusals(sends))


def test_a_channel_archived_meanwhile_is_a_named_refusal(harbour: Harbour) -> None:
    @use_case
    def archive() -> None:
        Channel.objects.update(archived_at=Now())

    *sends, _ = run_together([*[partial(_sent, harbour)] * 5, archive])

    assert set(refusals(sends)) <= {"InvalidInput"}
    assert last_seq(harbour.channel) == Message.objects.count() == 5 - len(refusals(sends))


def test_one_of_many_edits_of_one_version_wins(harbour: Harbour) -> None:
    message = _sent(harbour)

    results = run_together(
        [
            partial(
                edit_message,
                actor=harbour.member,
                message=message,
                content=f"edit {n}",
                expected_version=1,
            )
            for n in range(5)
        ]
    )

    assert refusals(results) == ["Conflict"] * 4
    assert MessageRevision.objects.count() == 1
    assert Message.objects.get().version == 2


def test_edits_at_once_leave_the_mentions_of_the_last(harbour: Harbour) -> None:
    crew = [harbour.join() for _ in range(4)]
    message = _sent(harbour)

    results = run_together(
        [
            partial(
                edit_message,
                actor=harbour.member,
                message=message,
                content=f"<@{sailor.id}> <@{crew[0].id}>",
            )
            for sailor in crew
        ]
    )

    assert refusals(results) == []
    content = Message.objects.get().content
    named = Mention.objects.values_list("user_id", flat=True)
    assert all(str(user) in content for user in named)
    assert len(named) == len(set(content.split()))


def test_an_edit_and_a_deletion_leave_nobody_named(harbour: Harbour) -> None:
    for _ in range(5):
        message = _sent(harbour, f"<@{harbour.server.owner_id}>")

        results = run_together(
            [
                partial(
                    edit_message,
                    actor=harbour.member,
                    message=message,
                    content=f"<@{harbour.server.owner_id}> again",
                ),
                partial(delete_message, actor=harbour.member, message=message),
            ]
        )

        assert set(refusals(results)) <= {"NotVisible"}
        assert not Mention.objects.exists()


def test_there_are_never_more_than_250_pins(harbour: Harbour) -> None:
    Message.objects.bulk_create(
        Message(
            space_id=harbour.server.id,
            channel=harbour.channel,
            author=harbour.member,
            content="ahoy",
            pinned_at=Now(),
        )
        for _ in range(247)
    )
    messages = [_sent(harbour) for _ in range(8)]

    results = run_together(
        [partial(pin_message, actor=harbour.server.owner, message=m) for m in messages]
    )

    assert refusals(results) == ["LimitReached"] * 5
    assert Message.objects.filter(pinned_at__isnull=False).count() == 250


def test_a_message_pinned_by_many_is_pinned_once(harbour: Harbour) -> None:
    message = _sent(harbour)

    results = run_together([partial(pin_message, actor=harbour.server.owner, message=message)] * 5)

    assert refusals(results) == []
    assert Message.objects.filter(kind="pin").count() == 1


def test_there_are_never_more_than_20_emoji(harbour: Harbour) -> None:
    message = _sent(harbour)
    for n in range(17):
        add_reaction(actor=harbour.member, message=message, emoji=f":e{n}:")

    results = run_together(
        [
            partial(add_reaction, actor=harbour.member, message=message, emoji=f":new_{n}:")
            for n in range(8)
        ]
    )

    assert refusals(results) == ["LimitReached"] * 5
    assert Reaction.objects.count() == 20


def test_an_emoji_that_goes_while_it_is_repeated_is_no_way_past_the_limit(
    harbour: Harbour,
) -> None:
    other = harbour.join()
    message = _sent(harbour)
    for n in range(20):
        add_reaction(actor=harbour.member, message=message, emoji=f":e{n}:")

    run_together(
        [
            partial(remove_reaction, actor=harbour.member, message=message, emoji=":e0:"),
            partial(add_reaction, actor=other, message=message, emoji=":e0:"),
            partial(add_reaction, actor=other, message=message, emoji=":another:"),
            partial(add_reaction, actor=harbour.member, message=message, emoji=":one_more:"),
        ]
    )

    assert Reaction.objects.values("emoji").distinct().count() <= 20


def test_the_same_reaction_many_times_at_once_is_there_once(harbour: Harbour) -> None:
    message = _sent(harbour)

    results = run_together(
        [partial(add_reaction, actor=harbour.member, message=message, emoji="⚓")] * 6
    )

    assert sorted(results, key=bool) == [False] * 5 + [True]
    assert Reaction.objects.count() == 1


@pytest.mark.parametrize("kind", PLACES)
def test_marks_set_at_once_end_at_the_highest(kind: str) -> None:
    place = make_place(kind)
    for _ in range(8):
        send_message(author=place.author, channel=place.channel, content="ahoy")

    results = run_together(
        [
            partial(mark_read, user=place.other, channel=place.channel, seq=seq)
            for seq in (3, 8, 1, 5, 7, 2)
        ]
    )

    assert refusals(results) == []
    assert ReadState.objects.get(user=place.other).last_read_seq == 8


@pytest.mark.parametrize("kind", PLACES)
def test_who_sends_and_marks_at_once_has_read_all(kind: str) -> None:
    place = make_place(kind)
    send_message(author=place.author, channel=place.channel, content="ahoy")
    send = partial(send_message, author=place.other, channel=place.channel, content="ahoy")

    results = run_together(
        [*[send] * 3, *[partial(mark_read, user=place.other, channel=place.channel)] * 3]
    )

    assert refusals(results) == []
    assert ReadState.objects.get(user=place.other).last_read_seq == 4


def test_a_conversation_opened_from_both_sides_at_once_is_one() -> None:
    anne, bart = UserFactory.create(), UserFactory.create()

    results = run_together(
        [
            partial(open_conversation, user=user, other=other)
            for user, other in [(anne, bart), (bart, anne)] * 3
        ]
    )

    assert refusals(results) == []
    assert DirectConversation.objects.count() == 1
    assert Participant.objects.count() == 2


def test_a_group_never_has_more_than_ten() -> None:
    owner = UserFactory.create()
    group = open_group(owner=owner, others=[UserFactory.create() for _ in range(7)])
    crowd = [UserFactory.create() for _ in range(5)]

    results = run_together(
        [partial(add_to_group, actor=owner, conversation=group, user=user) for user in crowd]
    )

    assert refusals(results) == ["LimitReached"] * 3
    assert Participant.objects.count() == 10


def test_a_group_whose_people_leave_at_once_is_owned_by_who_is_left() -> None:
    owner = UserFactory.create()
    crew = [UserFactory.create() for _ in range(3)]
    group = open_group(owner=owner, others=crew)

    results = run_together(
        [partial(leave_group, user=user, conversation=group) for user in [owner, *crew[:2]]]
    )

    assert refusals(results) == []
    assert DirectConversation.objects.get().owner_id == crew[2].id


def test_who_leaves_while_sending_is_refused_by_name() -> None:
    owner, sailor = UserFactory.create(), UserFactory.create()
    group = open_group(owner=owner, others=[sailor])
    send = partial(send_message, author=sailor, channel=group, content="ahoy")

    *sends, left = run_together(
        [*[send] * 5, partial(leave_group, user=sailor, conversation=group)]
    )

    assert refusals([left]) == []
    assert set(refusals(sends)) <= {"NotVisible"}
    assert Message.objects.count() == 5 - len(refusals(sends))


def test_who_is_erased_while_sending_is_refused_by_name(harbour: Harbour) -> None:
    other = UserFactory.create()
    conversation = open_conversation(user=harbour.member, other=other)
    direct = partial(send_message, author=harbour.member, channel=conversation, content="ahoy")

    *sends, erased = run_together(
        [
            *[partial(_sent, harbour)] * 3,
            *[direct] * 3,
            partial(erase_user, actor=harbour.member, user=harbour.member),
        ]
    )

    assert refusals([erased]) == [], erased
    assert set(refusals(sends)) <= {"NotVisible", "Unreachable"}
    assert not Message.objects.exclude(content="").filter(deleted_at=None).exists()


def test_who_is_erased_while_being_named_is_not_named(harbour: Harbour) -> None:
    sailors = [harbour.join() for _ in range(3)]

    for sailor in sailors:
        *sends, erased = run_together(
            [
                *[partial(_sent, harbour, f"<@{sailor.id}>")] * 4,
                partial(erase_user, actor=sailor, user=sailor),
            ]
        )

        assert refusals([erased]) == [], erased
        assert set(refusals(sends)) <= {"NotVisible"}
    assert not Mention.objects.filter(user__in=sailors).exists()


def test_permission_taken_away_meanwhile_is_a_named_refusal(harbour: Harbour) -> None:
    @use_case
    def silence() -> None:
        kept = DEFAULT_EVERYONE.value & ~Permission.SEND_MESSAGES.value
        Role.objects.update(permissions=kept)

    *sends, _ = run_together([*[partial(_sent, harbour)] * 5, silence])

    assert set(refusals(sends)) <= {"MissingPermission", "Conflict"}
