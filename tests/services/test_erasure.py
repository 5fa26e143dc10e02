"""After an erasure nothing of the person is found in the database, wherever it is looked for."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from axes.models import (
    AccessAttempt,
    AccessAttemptExpiration,
    AccessFailureLog,
    AccessLog,
)
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.urls import reverse
from psycopg import sql

from chat import models
from chat.errors import ErasureIncomplete, InvalidInput, NotVisible, OwnsServers
from chat.models import User
from chat.rules.permissions import Permission as PermissionBit
from chat.services.attachments import confirm_removal, files_to_remove
from chat.services.channels import clear_overwrite, set_overwrite
from chat.services.core.erasure import POLICY, what_is_left
from chat.services.invites import revoke_invite
from chat.services.messages import clear_reactions, remove_reaction
from chat.services.servers import transfer_ownership, update_server
from chat.services.users import erase_user
from tests.chat.sql import execute, rows, stored, value
from tests.factories import (
    FAR_AWAY,
    AdminAccessFactory,
    AuditLogEntryFactory,
    BanFactory,
    ChannelFactory,
    ChannelPermissionFactory,
    DirectConversationFactory,
    InviteFactory,
    MemberRoleFactory,
    MentionFactory,
    MessageAttachmentFactory,
    MessageFactory,
    MessageRevisionFactory,
    ParticipantFactory,
    ReactionFactory,
    ReadStateFactory,
    RoleFactory,
    ServerFactory,
    ServerMemberFactory,
    UserFactory,
    UserPreferencesFactory,
    UserSessionFactory,
    as_superuser,
)

pytestmark = pytest.mark.django_db

# In every text, JSON and bytea about the person, and nowhere else. Of 32 bytes where a hash is.
MARK = "bluewater"
NO_FORMER_AVATARS = "the triggers of users rest, and the keys of former avatars are not kept"
MARKED_BYTES = MARK.encode().ljust(32, b"\xff")


@pytest.fixture
def jack() -> User:
    """A person of whom every table of the database knows something, in every column that can."""
    jack = UserFactory.create(
        username="jack_bluewater",
        display_name="Jack Bluewater",
        email="jack@bluewater.example",
        bio="Of the bluewater.",
        avatar_key="avatars/bluewater",
        password="argon2$bluewater",
        last_login=datetime(2026, 1, 1, tzinfo=UTC),
    )
    fill_account(jack)
    fill_community(jack)
    fill_conversations(jack)
    fill_moderation(jack)
    return jack


def fill_account(jack: User) -> None:
    UserSessionFactory.create(user=jack, token_hash=MARKED_BYTES, user_agent="Bluewater/1.0")
    UserPreferencesFactory.create(user=jack, data={"bluewater": ["bluewater"]})
    jack.groups.add(Group.objects.create(name="support"))
    jack.user_permissions.add(Permission.objects.earliest("pk"))
    kind = ContentType.objects.get_for_model(User)
    LogEntry.objects.create(
        user=jack, content_type=kind, object_id="1", object_repr="x", action_flag=CHANGE
    )
    for name, agent in (("Jack_Bluewater", "Bluewater/1.0"), ("jack@bluewater.example", "")):
        attempt = AccessAttempt.objects.create(
            username=name, ip_address="192.0.2.1", user_agent=agent, failures_since_start=1
        )
        AccessAttemptExpiration.objects.create(access_attempt=attempt, expires_at=FAR_AWAY)
        AccessFailureLog.objects.create(username=name, user_agent=agent)
        AccessLog.objects.create(username=name, user_agent=agent)
    LogEntry.objects.create(
        user=UserFactory.create(),
        content_type=kind,
        object_id=str(jack.pk),
        object_repr="jack_bluewater",
        action_flag=CHANGE,
        change_message='[{"changed": {"name": "bluewater"}}]',
    )


def fill_community(jack: User) -> None:
    server = ServerMemberFactory.create(user=jack, nickname="Bluewater").server
    models.Server.objects.filter(pk=ServerFactory.create(owner=jack).pk).update(
        deleted_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    models.ServerMember.objects.filter(server__owner=jack).update(nickname="Bluewater")
    MemberRoleFactory.create(user=jack, server=server, role=RoleFactory.create(server=server))
    channel = ChannelFactory.create(server=server)
    ChannelPermissionFactory.create(channel=channel, role=None, user=jack)
    ReadStateFactory.create(channel=channel, user=jack)
    InviteFactory.create(server=server, creator=jack, code="bluewater-inn")

    attach(jack, message=None, space_id=server.id)
    fill_messages(jack, channel, other=UserFactory.create())


def fill_conversations(jack: User) -> None:
    first = UserFactory.create(id="00000000-0000-7000-8000-000000000001")
    last = UserFactory.create(id="ffffffff-ffff-7fff-bfff-ffffffffffff")
    group = DirectConversationFactory.create(group=True, owner=jack)
    fill_messages(jack, group, other=ParticipantFactory.create(channel=group).user)
    for other in (first, last):
        pair = DirectConversationFactory.create(pair_low=jack, pair_high=other)
        fill_messages(jack, pair, other=other)


def fill_messages(jack: User, channel: models.Channel, *, other: User) -> None:
    message = MessageFactory.create(channel=channel, author=jack, content="From the bluewater.")
    MessageRevisionFactory.create(message=message)
    MentionFactory.create(message=message, user=other)
    attach(jack, message=message, space_id=message.space_id)
    hidden = MessageFactory.create(channel=channel, author=jack, content="Deleted bluewater.")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    models.Message.objects.filter(pk=hidden.pk).update(
        deleted_at=now, deleted_by=jack, pinned_at=now, pinned_by=jack
    )

    of_another = MessageFactory.create(channel=channel, author=other)
    MentionFactory.create(message=of_another, user=jack)
    ReactionFactory.create(message=of_another, user=jack, emoji=":bluewater:")
    execute(f"SET LOCAL chat.actor = '{jack.id}'")
    MessageRevisionFactory.create(message=of_another)
    execute("SET LOCAL chat.actor = ''")
    models.Message.objects.filter(pk=of_another.pk).update(pinned_at=now, pinned_by=jack)


def fill_moderation(jack: User) -> None:
    BanFactory.create(user=jack, reason="Bluewater spoke too much.")
    BanFactory.create(actor=jack, reason="By order of Bluewater.")
    AuditLogEntryFactory.create(actor=jack, reason="By order of Bluewater.")
    AdminAccessFactory.create(actor=jack)
    AuditLogEntryFactory.create(target_type="user", target_id=jack.id, reason="It is Bluewater.")
    post = models.Message.objects.filter(author=jack).earliest("seq")
    AuditLogEntryFactory.create(
        target_type="message", target_id=post.id, reason="Bluewater wrote this."
    )


def attach(jack: User, **where: Any) -> None:
    MessageAttachmentFactory.create(
        uploader=jack,
        filename="bluewater.png",
        content_type="image/bluewater",
        sha256=MARKED_BYTES,
        storage_key=f"files/bluewater/{models.MessageAttachment.objects.count()}",
        alt_text="The bluewater.",
        **where,
    )


# Looking -----------------------------------------------------------------------------------------


def public_tables() -> list[str]:
    return [
        name
        for (name,) in rows(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'p') ORDER BY relname"
        )
    ]


def search_everything(mark: str) -> list[str]:
    """Return the tables with the mark in any column; a bytea is looked through as hex."""
    found = []
    for table in public_tables():
        query = sql.SQL(
            "SELECT count(*) FROM {} AS stored "
            "WHERE stored::text ILIKE %(text)s OR stored::text ILIKE %(hex)s"
        ).format(sql.Identifier(table))
        with connection.cursor() as cursor:
            cursor.execute(
                query,
                {"text": f"%{mark}%", "hex": f"%{mark.encode().hex()}%"},
            )
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def references_to_users() -> set[tuple[str, str]]:
    """Return the columns that lead to users by a foreign key, or by one to such a column."""
    keys = rows(
        """
        SELECT key.conrelid::regclass::text, own.attname, key.confrelid::regclass::text, far.attname
        FROM pg_constraint AS key
        CROSS JOIN LATERAL unnest(key.conkey, key.confkey) AS pair (own, far)
        JOIN pg_attribute AS own ON own.attrelid = key.conrelid AND own.attnum = pair.own
        JOIN pg_attribute AS far ON far.attrelid = key.confrelid AND far.attnum = pair.far
        WHERE key.contype = 'f'
        """
    )
    known = {("users", "id")}
    while more := {(a, b) for a, b, c, d in keys if (c, d) in known} - known:
        known |= more
    return known - {("users", "id")}


def references_of_models() -> set[tuple[str, str | None]]:
    return {
        (model._meta.db_table, field.column)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
        for field in model._meta.concrete_fields
        if field.related_model is User and field.column
    }


# Behaviour ---------------------------------------------------------------------------------------


@pytest.mark.one_machine("the tables of Django's apps have no key to users")
def test_every_reference_to_users_has_a_policy() -> None:
    # A read mark has no key, and goes with its reader.
    assert references_of_models() - references_to_users() == {("read_states", "user_id")}
    assert references_of_models() | references_to_users() == POLICY.keys()


@pytest.mark.parametrize(("table", "column"), POLICY)
def test_person_is_in_every_table_that_can_know_of_users(
    jack: User, table: str, column: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT count(*) FROM {} WHERE {} = %s").format(
                sql.Identifier(table), sql.Identifier(column)
            ),
            [jack.id],
        )
        assert cursor.fetchone()[0] > 0


def test_search_finds_the_person_before(jack: User) -> None:
    assert search_everything(MARK) == [
        "audit_log",
        "axes_accessattempt",
        "axes_accessfailurelog",
        "axes_accesslog",
        "bans",
        "django_admin_log",
        "invite_codes",
        "invites",
        "message_attachments",
        "message_revisions",
        "messages",
        "reactions",
        "server_members",
        "user_preferences",
        "user_sessions",
        "users",
    ]


def test_search_finds_nothing_but_files_to_be_removed_after(jack: User) -> None:
    erase_user(actor=jack, user=jack)

    # Until they are removed, the files have to be known.
    assert search_everything(MARK) == ["discarded_files"]
    confirm_removal(storage_keys=[file.storage_key for file in files_to_remove()])
    assert search_everything(MARK) == []


def test_emoji_that_a_moderator_took_away_is_not_kept_in_the_log() -> None:
    person = UserFactory.create()
    server = ServerMemberFactory.create(user=person).server
    post = MessageFactory.create(channel=ChannelFactory.create(server=server))
    for message, emoji in ((post, ":jack_bluewater:"), (post, ":bluewater:")):
        ReactionFactory.create(message=message, user=person, emoji=emoji)
    remove_reaction(actor=server.owner, message=post, emoji=":jack_bluewater:", user=person)
    clear_reactions(actor=server.owner, message=post, emoji=":bluewater:")

    erase_user(actor=person, user=person)

    assert search_everything(MARK) == []
    assert value("SELECT count(*) FROM audit_log WHERE starts_with(action, 'reaction.')") == 2


def test_reasons_that_speak_of_the_person_are_gone() -> None:
    person = UserFactory.create()
    server = ServerMemberFactory.create(user=person).server
    owner, channel = server.owner, ChannelFactory.create(server=server)
    invite = InviteFactory.create(server=server, creator=person)
    set_overwrite(
        actor=owner,
        channel=channel,
        user=person,
        deny=int(PermissionBit.SEND_MESSAGES),
        reason="Shouts.",
    )
    clear_overwrite(actor=owner, channel=channel, user=person, reason="Shouts less.")
    revoke_invite(actor=owner, invite=invite, reason="Invites too many.")
    transfer_ownership(actor=owner, server=server, to=person, reason="Wiser than I.")
    transfer_ownership(actor=person, server=server, to=owner, reason="Too old.")
    update_server(actor=owner, server=server, name="Reef", reason="A name of a place.")

    erase_user(actor=person, user=person)

    assert rows("SELECT reason FROM audit_log ORDER BY created_at, id") == [
        ("",),
        ("",),
        ("",),
        ("",),
        ("",),
        ("A name of a place.",),
    ]


def test_files_to_be_removed_are_counted_and_wait(jack: User) -> None:
    uploaded = set(models.MessageAttachment.objects.values_list("storage_key", flat=True))

    left = erase_user(actor=jack, user=jack)

    assert len(uploaded) == 5
    assert (left.user_id, left.files) == (jack.id, 6)
    assert {file.storage_key for file in files_to_remove()} == uploaded | {"avatars/bluewater"}


@pytest.mark.parametrize(
    ("table", "trigger"),
    [
        ("message_attachments", "message_attachments_discarded"),
        pytest.param(
            "users", "users_avatar_replaced", marks=pytest.mark.one_machine(NO_FORMER_AVATARS)
        ),
    ],
)
def test_erasure_that_would_lose_a_file_is_refused(table: str, trigger: str) -> None:
    person = UserFactory.create(avatar_key="avatars/1")
    MessageAttachmentFactory.create(
        uploader=person, message=None, space_id=ServerFactory.create().id
    )
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    with as_superuser():
        execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
    before = stored()

    with pytest.raises(ErasureIncomplete) as refusal:
        erase_user(actor=person, user=person)

    (place,) = refusal.value.places
    assert place.startswith("the file store (discarded_files lacks a key")
    assert stored() == before


@pytest.mark.one_machine(NO_FORMER_AVATARS)
def test_avatars_that_were_replaced_before_are_found_as_well() -> None:
    person = UserFactory.create(avatar_key="avatars/1")
    User.objects.filter(pk=person.pk).update(avatar_key="avatars/2")

    erase_user(actor=person, user=person)

    assert [file.storage_key for file in files_to_remove()] == ["avatars/1", "avatars/2"]


def test_failed_log_ins_under_an_earlier_name_go_where_the_log_of_the_admin_knows_it(
    admin_client: Client,
) -> None:
    person = UserFactory.create(username="jack_bluewater")
    rename(person, "jack_aubrey", by=admin_client)
    rename(person, "lucky_jack", by=admin_client)
    fail_to_log_in("Jack_Aubrey", "lucky_jack", "maturin")

    erase_user(actor=person, user=person)

    assert [attempt.username for attempt in AccessAttempt.objects.all()] == ["maturin"]


def test_failed_log_ins_of_who_took_an_earlier_name_stay(admin_client: Client) -> None:
    person = UserFactory.create(username="jack_bluewater")
    rename(person, "jack_aubrey", by=admin_client)
    rename(person, "lucky_jack", by=admin_client)
    UserFactory.create(username="jack_aubrey")
    fail_to_log_in("jack_aubrey", "lucky_jack")

    erase_user(actor=person, user=person)

    assert [attempt.username for attempt in AccessAttempt.objects.all()] == ["jack_aubrey"]


def rename(person: User, name: str, *, by: Client) -> None:
    page = reverse("admin:chat_user_change", args=[person.pk])
    assert by.post(page, {"username": name, "kind": "human"}).status_code == 302


def fail_to_log_in(*names: str) -> None:
    for name in names:
        AccessAttempt.objects.create(username=name, ip_address="192.0.2.1", failures_since_start=1)


def test_session_of_the_admin_leads_nowhere_afterwards(client: Client) -> None:
    person = UserFactory.create(username="jack_bluewater", is_staff=True)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(reverse("admin:index")).status_code == 200

    erase_user(actor=person, user=person)

    answer = client.get(reverse("admin:index"))
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{reverse('admin:login')}?next=/admin/"
    assert get_user(client).is_anonymous
    # Until it expires it holds an id, and a hash of a password that is no more.
    (data,) = [session.get_decoded() for session in Session.objects.all()]
    assert data.keys() == {SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY}
    assert data[SESSION_KEY] == str(person.pk)


def test_messages_keep_their_places_deleted_and_empty(jack: User) -> None:
    before = rows("SELECT id, seq FROM messages ORDER BY id")

    erase_user(actor=jack, user=jack)

    assert rows("SELECT id, seq FROM messages ORDER BY id") == before
    assert rows(
        "SELECT DISTINCT content, deleted_at IS NULL FROM messages WHERE author_id = %s", jack.id
    ) == [("", False)]


def test_what_others_wrote_stays(jack: User) -> None:
    erase_user(actor=jack, user=jack)

    of_others = "SELECT content FROM messages WHERE author_id <> %s AND deleted_at IS NULL"
    assert rows(of_others, jack.id) == [("ahoy!",)] * 4
    assert value("SELECT count(*) FROM message_revisions") == 4


def test_group_goes_on_under_who_has_been_in_it_the_longest() -> None:
    group = DirectConversationFactory.create(group=True)
    first = ParticipantFactory.create(channel=group).user
    ParticipantFactory.create(channel=group)

    erase_user(actor=group.owner, user=group.owner)

    group.refresh_from_db()
    assert group.owner == first


def test_group_of_nobody_else_has_no_owner() -> None:
    group = DirectConversationFactory.create(group=True)

    erase_user(actor=group.owner, user=group.owner)

    group.refresh_from_db()
    assert group.owner_id is None


def test_owner_of_servers_hands_them_over_first(jack: User) -> None:
    servers = [ServerFactory.create(owner=jack).id for _ in range(2)]
    before = stored()

    with pytest.raises(OwnsServers) as refusal:
        erase_user(actor=jack, user=jack)

    assert refusal.value.servers == tuple(sorted(servers))
    assert all(str(server) in str(refusal.value) for server in servers)
    assert stored() == before


def test_servers_go_with_their_owner_where_that_is_wished(jack: User) -> None:
    server = ServerFactory.create(owner=jack)

    erase_user(actor=jack, user=jack, delete_owned_servers=True)

    server.refresh_from_db()
    assert server.deleted_at is not None
    assert server.owner == jack


def test_superuser_erases_another(jack: User) -> None:
    support = UserFactory.create(is_superuser=True)

    erase_user(actor=support, user=jack)

    jack.refresh_from_db()
    assert jack.erased_at is not None


def test_erased_user_is_not_erased_again(jack: User) -> None:
    erase_user(actor=jack, user=jack)

    with pytest.raises(NotVisible):
        erase_user(actor=jack, user=jack)


def test_account_of_the_system_stays() -> None:
    system = UserFactory.create(kind="system")

    with pytest.raises(InvalidInput, match="the system's account"):
        erase_user(actor=system, user=system)


def test_purge_is_off_again_afterwards(jack: User) -> None:
    erase_user(actor=jack, user=jack)

    assert value("SELECT coalesce(current_setting('chat.purge', true), '')") == ""


def test_proof_looks_everywhere(jack: User) -> None:
    assert what_is_left(connection, jack.id) == [
        "audit_log",
        "bans",
        "bans.user_id",
        "channel_permissions.user_id",
        "channels.owner_id",
        "django_admin_log.user_id",
        "invites",
        "member_roles.user_id",
        "mentions",
        "mentions.user_id",
        "message_attachments",
        "message_revisions",
        "messages",
        "participants",
        "reactions.user_id",
        "read_states.user_id",
        "server_members",
        "user_preferences.user_id",
        "user_sessions.user_id",
        "users",
        "users_groups.user_id",
        "users_user_permissions.user_id",
    ]


def test_proof_finds_nothing_after(jack: User) -> None:
    erase_user(actor=jack, user=jack)

    assert what_is_left(connection, jack.id) == []


def all_ids() -> set[UUID]:
    return {row[0] for row in rows("SELECT id FROM users")}


def test_no_user_row_vanishes(jack: User) -> None:
    before = all_ids()

    erase_user(actor=jack, user=jack)

    assert all_ids() == before


def test_token_of_a_session_is_gone(jack: User) -> None:
    token = sha256(b"secret").digest()
    UserSessionFactory.create(user=jack, token_hash=token)

    erase_user(actor=jack, user=jack)

    assert value("SELECT count(*) FROM user_sessions WHERE token_hash = %s", token) == 0
