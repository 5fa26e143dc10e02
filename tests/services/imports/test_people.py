"""People and their memberships come in bulk, all of them or none, and once."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from chat.db.ids import uuid7
from chat.errors import Conflict, DatabaseRefused, InvalidInput, NotVisible
from chat.services.imports import (
    MemberRow,
    ReadStateRow,
    UserRow,
    import_members,
    import_read_states,
    import_users,
)
from tests.chat.sql import execute, rows, stored, value
from tests.factories import (
    BanFactory,
    ChannelFactory,
    DirectConversationFactory,
    DirectMessageFactory,
    MessageFactory,
    RoleFactory,
    ServerFactory,
    ServerMemberFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)


def test_users_are_added_and_cannot_log_in() -> None:
    ada, bot = uuid7(), uuid7()

    added = import_users(
        users=[UserRow(ada, "ada", "Ada", created_at=NOON), UserRow(bot, "helm", kind="bot")]
    )

    assert added == 2
    assert rows("SELECT id, username, display_name, kind, password FROM users ORDER BY 2") == [
        (ada, "ada", "Ada", "human", "!"),
        (bot, "helm", "", "bot", "!"),
    ]
    assert value("SELECT created_at FROM users WHERE id = %s", ada) == NOON


def test_users_who_are_there_stay_as_they_are() -> None:
    sailor = UserFactory.create(username="sailor")

    added = import_users(users=[UserRow(sailor.id, "captain"), UserRow(uuid7(), "mate")])

    assert added == 1
    assert rows("SELECT username FROM users ORDER BY 1") == [("mate",), ("sailor",)]


@pytest.mark.parametrize("username", ["Ada", "a", "a b", "ada\n", "erased_ada", "x" * 33, "ä_ä"])
def test_name_that_does_not_fit_is_named(username: str) -> None:
    with pytest.raises(InvalidInput, match=r"users\[1\]\.username"):
        import_users(users=[UserRow(uuid7(), "mate"), UserRow(uuid7(), username)])

    assert value("SELECT count(*) FROM users") == 0


@pytest.mark.parametrize("name", ["\u200b\u200b", " ", "a\nb", "\x1b[2J"])
def test_name_that_nobody_can_read_is_named_by_its_place(name: str) -> None:
    server = ServerFactory.create()
    ada, mate = UserFactory.create_batch(2)
    before = stored()

    with pytest.raises(InvalidInput, match=r"users\[1\]\.display_name is (blank|a text with U\+)"):
        import_users(users=[UserRow(uuid7(), "helm"), UserRow(uuid7(), "lead", name)])
    with pytest.raises(InvalidInput, match=r"members\[1\]\.nickname is (blank|a text with U\+)"):
        import_members(
            server=server, members=[MemberRow(ada.id), MemberRow(mate.id, nickname=name)]
        )

    assert stored() == before


def test_junk_instead_of_rows_is_named_by_its_place() -> None:
    server = ServerFactory.create()
    junk: Any = [1]

    with pytest.raises(InvalidInput, match=r"users\[0\] is 1; it has to be a UserRow"):
        import_users(users=junk)
    with pytest.raises(InvalidInput, match=r"members\[0\] is 1; it has to be a MemberRow"):
        import_members(server=server, members=junk)
    with pytest.raises(InvalidInput, match=r"states\[0\] is 1; it has to be a ReadStateRow"):
        import_read_states(states=junk)
    with pytest.raises(InvalidInput, match=r"members\[0\]\.roles is None; it has to be a list"):
        import_members(server=server, members=[MemberRow(uuid7(), roles=None)])  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"states\[0\]\.last_read_seq is -1"):
        import_read_states(states=[ReadStateRow(uuid7(), uuid7(), -1)])


def test_name_that_somebody_has_is_refused() -> None:
    UserFactory.create(username="mate")

    with pytest.raises(DatabaseRefused) as refusal:
        import_users(users=[UserRow(uuid7(), "helm"), UserRow(uuid7(), "mate")])

    assert refusal.value.constraint.startswith("users_username")
    assert value("SELECT count(*) FROM users") == 1


def test_members_are_added_with_their_roles() -> None:
    role = RoleFactory.create()
    mate, cook = UserFactory.create(), UserFactory.create()

    added = import_members(
        server=role.server,
        members=[
            MemberRow(mate.id, NOON, "Mate", [role.id, role.id]),
            MemberRow(cook.id),
            MemberRow(role.server.owner_id),
        ],
    )

    assert added == 2
    assert rows("SELECT user_id, nickname FROM server_members WHERE joined_at = %s", NOON) == [
        (mate.id, "Mate")
    ]
    assert rows("SELECT user_id FROM member_roles") == [(mate.id,)]


def test_members_twice_are_added_once() -> None:
    role, mate = RoleFactory.create(), UserFactory.create()
    given = [MemberRow(mate.id, roles=[role.id])]
    import_members(server=role.server, members=given)
    before = stored()

    assert import_members(server=role.server, members=given) == 0
    assert stored() == before


def test_banned_member_is_refused() -> None:
    ban = BanFactory.create()

    with pytest.raises(DatabaseRefused) as refusal:
        import_members(server=ban.server, members=[MemberRow(ban.user_id)])

    assert refusal.value.constraint == "server_members_not_banned"


def test_role_of_another_server_is_refused() -> None:
    server, mate = ServerFactory.create(), UserFactory.create()

    with pytest.raises(DatabaseRefused) as refusal:
        import_members(server=server, members=[MemberRow(mate.id, roles=[RoleFactory.create().id])])

    assert refusal.value.constraint == "member_roles_role_fk"


def test_unknown_server_is_refused() -> None:
    with pytest.raises(NotVisible):
        import_members(server=UUID(int=7), members=[])


def test_read_states_are_set_in_channels_and_conversations_at_once() -> None:
    message, direct = MessageFactory.create(), DirectMessageFactory.create()
    owner, mate = message.channel.server.owner_id, direct.channel.pair_high_id
    assert mate

    states = [
        ReadStateRow(owner, message.channel_id, 1),
        ReadStateRow(mate, direct.channel_id, 0),
    ]

    assert import_read_states(states=states) == 2
    assert rows(
        "SELECT space_id, user_id, channel_id, last_read_seq FROM read_states"
        " WHERE user_id = ANY (%s) ORDER BY last_read_seq",
        [owner, mate],
    ) == [
        (direct.channel_id, mate, direct.channel_id, 0),
        (message.space_id, owner, message.channel_id, 1),
    ]


@pytest.mark.parametrize("conversation", [False, True])
@pytest.mark.parametrize(
    ("last_read_seq", "is_there", "constraint"),
    [(1, True, "read_states_mark_starts"), (0, False, "read_states_reader")],
)
def test_read_mark_past_the_newest_message_or_of_a_stranger_is_refused(
    *, conversation: bool, last_read_seq: int, is_there: bool, constraint: str
) -> None:
    channel = DirectConversationFactory.create() if conversation else ChannelFactory.create()
    reader = channel.pair_low or channel.server.owner
    if not is_there:
        reader = UserFactory.create()

    with pytest.raises(DatabaseRefused) as refusal, transaction.atomic():
        import_read_states(states=[ReadStateRow(reader.id, channel.id, last_read_seq)])

    assert refusal.value.constraint == constraint


def test_read_mark_of_an_unknown_channel_is_refused() -> None:
    with pytest.raises(NotVisible):
        import_read_states(states=[ReadStateRow(UserFactory.create().id, uuid7(), 0)])


# How many statements it takes


def test_users_take_two_statements_or_three() -> None:
    with CaptureQueriesContext(connection) as captured:
        import_users(users=[UserRow(uuid7(), "ada"), UserRow(uuid7(), "bea")])
    assert len(statements(captured)) == 2

    with CaptureQueriesContext(connection) as captured:
        import_users(users=[UserRow(uuid7(), "cleo", created_at=NOON), UserRow(uuid7(), "dora")])
    assert len(statements(captured)) == 3


def test_members_take_one_statement_and_two_to_six() -> None:
    role = RoleFactory.create()
    mate, cook, boy = (UserFactory.create().id for _ in range(3))

    with CaptureQueriesContext(connection) as captured:
        import_members(server=role.server, members=[MemberRow(mate)])
    assert len(statements(captured)) == 1 + 2

    with CaptureQueriesContext(connection) as captured:
        import_members(
            server=role.server, members=[MemberRow(cook, NOON, None, [role.id]), MemberRow(boy)]
        )
    assert len(statements(captured)) == 1 + 6


def test_read_states_take_two_statements() -> None:
    message = MessageFactory.create()
    states = [ReadStateRow(message.channel.server.owner_id, message.channel_id, 1)]

    with CaptureQueriesContext(connection) as captured:
        import_read_states(states=states)

    assert len(statements(captured)) == 2


def statements(captured: CaptureQueriesContext) -> list[str]:
    """Return what was sent, without savepoints."""
    return [query["sql"] for query in captured.captured_queries if "SAVEPOINT" not in query["sql"]]


@pytest.mark.superuser
@pytest.mark.django_db(transaction=True)
@pytest.mark.one_machine("the test makes a trigger, which would be on no other machine")
def test_import_that_clashes_is_not_run_again_with_what_is_left_of_its_rows() -> None:
    channel = ChannelFactory.create()
    readers = [ServerMemberFactory.create(server=channel.server).user_id for _ in range(4)]
    execute(
        """
        CREATE SEQUENCE tries;
        CREATE FUNCTION clash_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('tries') = 1 THEN
                RAISE SQLSTATE '40001';
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER clash_once AFTER INSERT ON read_states EXECUTE FUNCTION clash_once();
        """
    )
    states = [ReadStateRow(user, channel.pk, 0) for user in readers]
    try:
        with pytest.raises(Conflict):
            import_read_states(states=iter(states))

        assert value("SELECT count(*) FROM read_states") == 0
        assert import_read_states(states=iter(states)) == 4
    finally:
        execute(
            "DROP TRIGGER clash_once ON read_states; DROP FUNCTION clash_once;DROP SEQUENCE tries"
        )
