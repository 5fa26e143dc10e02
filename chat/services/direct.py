"""Conversations: of two users, or of a group of up to ten."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from chat.db.ids import direct_pair_id, uuid7
from chat.db.statements import Statement
from chat.errors import InvalidInput, LimitReached, NotVisible, Unreachable
from chat.inputs import check_name, describe, id_of
from chat.models import DirectConversation, Participant, User
from chat.rules.limits import GROUP_LIMIT, NAME_LENGTH
from chat.services.core.locks import lock_users
from chat.services.core.use_case import use_case, write_alias


@use_case
def open_conversation(*, user: User | UUID, other: User | UUID) -> DirectConversation:
    """Return the conversation of two users, created if there is none.

    It is the same whichever of them asks, and if both ask at once. With the user as `other` it is
    for their own notes. Four statements. Locks both users' rows FOR KEY SHARE, by id.

    Raises: InvalidInput; NotVisible, when one of them does not exist; Unreachable, when one was
    erased.
    """
    user_id, other_id = id_of("user", user, User), id_of("other", other, User)
    both = sorted({user_id, other_id})

    _lock_users(both)
    wanted = DirectConversation(
        id=direct_pair_id(user_id, other_id),
        kind=DirectConversation.Kind.PAIR,
        pair_low_id=both[0],
        pair_high_id=both[-1],
    )
    DirectConversation.objects.using(write_alias()).bulk_create([wanted], ignore_conflicts=True)
    Participant.objects.using(write_alias()).bulk_create(
        [Participant(channel_id=wanted.pk, user_id=each) for each in both],
        ignore_conflicts=True,
    )
    return DirectConversation.objects.using(write_alias()).get(pk=wanted.pk)


@use_case
def open_group(
    *, owner: User | UUID, others: Sequence[User | UUID], name: str = ""
) -> DirectConversation:
    """Create a group of the owner and up to nine others.

    Three statements. Locks the users' rows FOR KEY SHARE, by id.

    Raises: InvalidInput; NotVisible, when one of them does not exist; Unreachable, when one was
    erased; LimitReached, for more than ten people; DatabaseRefused, in a transaction of the
    caller's that is not READ COMMITTED.
    """
    owner_id = id_of("owner", owner, User)
    if not isinstance(others, (list, tuple)):
        raise InvalidInput("others", seen=describe(others), expected="a list or tuple of users")
    people = sorted({owner_id, *(id_of("others", each, User) for each in others)})
    check_name("name", name, least=0, most=NAME_LENGTH)
    if len(people) > GROUP_LIMIT:
        raise LimitReached("people in the group", GROUP_LIMIT)

    _lock_users(people)
    group = DirectConversation.objects.using(write_alias()).create(
        id=uuid7(), kind=DirectConversation.Kind.GROUP, owner_id=owner_id, name=name
    )
    Participant.objects.using(write_alias()).bulk_create(
        [Participant(channel_id=group.pk, user_id=each) for each in people]
    )
    return group


@use_case
def add_to_group(
    *, actor: User | UUID, conversation: DirectConversation | UUID, user: User | UUID
) -> None:
    """Add a user to a group, also one who left; every participant may do so.

    For a participant nothing changes. Four statements, three when nothing changes. Locks the user's
    row FOR KEY SHARE, then the conversation's.

    Raises: InvalidInput; NotVisible, for a group that the actor is not in, and for a user who does
    not exist; Unreachable, when the user was erased; LimitReached, for the eleventh;
    DatabaseRefused, in a transaction of the caller's that is not READ COMMITTED.
    """
    actor_id, user_id = id_of("actor", actor, User), id_of("user", user, User)
    group_id = id_of("conversation", conversation, DirectConversation)

    _lock_users([user_id])
    _lock_group(group_id, actor=actor_id)
    present = _present(group_id)
    if user_id in present:
        return
    if len(present) >= GROUP_LIMIT:
        raise LimitReached(f"people in group {group_id}", GROUP_LIMIT)
    Participant.objects.using(write_alias()).bulk_create(
        [Participant(channel_id=group_id, user_id=user_id, left_at=None)],
        update_conflicts=True,
        unique_fields=["channel", "user"],
        update_fields=["left_at", "joined_at"],
    )


@use_case
def leave_group(*, user: User | UUID, conversation: DirectConversation | UUID) -> None:
    """Leave a group; the user's messages stay.

    The owner is followed by the participant who joined first; the last one leaves it without an
    owner. Two statements, four for its owner. Locks the conversation's row.

    Raises: InvalidInput; NotVisible, for a group that the user is not in.
    """
    user_id = id_of("user", user, User)
    group_id = id_of("conversation", conversation, DirectConversation)

    owner = _lock_group(group_id, actor=user_id)
    Participant.objects.using(write_alias()).filter(channel_id=group_id, user_id=user_id).update(
        left_at=Now()
    )
    if owner == user_id:
        heir = next(iter(_present(group_id)), None)
        _group(group_id).update(owner_id=heir)


@use_case
def rename_group(*, actor: User | UUID, conversation: DirectConversation | UUID, name: str) -> None:
    """Change the name of a group, or remove it; every participant may do so.

    Two statements. Locks the conversation's row. Raises: InvalidInput; NotVisible, for a group that
    the actor is not in.
    """
    actor_id = id_of("actor", actor, User)
    group_id = id_of("conversation", conversation, DirectConversation)
    check_name("name", name, least=0, most=NAME_LENGTH)

    _lock_group(group_id, actor=actor_id)
    _group(group_id).update(name=name)


def _lock_users(users: list[UUID]) -> None:
    """Lock users' rows FOR KEY SHARE, by id, so that none is erased meanwhile: one statement.

    Raises: NotVisible, Unreachable.
    """
    found = lock_users(users)
    for user in users:
        if user not in found:
            raise NotVisible("user", user)
        if found[user] is None:
            raise Unreachable(f"User {user} was erased: nobody would read the message.")


def _lock_group(group: UUID, *, actor: UUID) -> UUID | None:
    """Lock the row of a group that `actor` is in and return its owner: one statement."""
    found = _LOCK_GROUP.tuples({"group": group, "actor": actor}, using=write_alias())
    if not found:
        raise NotVisible("group", group, to=actor)
    owner: UUID | None = found[0][0]
    return owner


def _present(group: UUID) -> list[UUID]:
    """Return the participants of the group, first who joined first: one statement."""
    people = Participant.objects.using(write_alias()).filter(channel_id=group, left_at__isnull=True)
    return list(people.order_by("joined_at", "user_id").values_list("user_id", flat=True))


def _group(group: UUID) -> QuerySet[DirectConversation]:
    return DirectConversation.objects.using(write_alias()).filter(pk=group)


_LOCK_GROUP = Statement(
    """
    SELECT conversation.owner_id
    FROM channels AS conversation
    INNER JOIN participants AS own
        ON own.space_id = %(group)s AND own.user_id = %(actor)s AND own.left_at IS NULL
    WHERE
        conversation.space_id = %(group)s
        AND conversation.id = %(group)s
        AND conversation.kind = 'group'
    FOR NO KEY UPDATE
    """,
)
