"""Tests that test_unmigrated.py runs in a process of their own, with migrations switched off."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from chat.ids import direct_pair_id, uuid7
from chat.models import Channel, DirectConversation, Server, User
from tests.factories import UserFactory


def make_server() -> Server:
    """Return a server that is made with its owner's membership, as no trigger adds that here."""
    server = Server(id=uuid7(), owner=UserFactory.create())
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH membership AS (INSERT INTO server_members (space_id, user_id) VALUES (%s, %s))"
            " INSERT INTO servers (space_id, id, owner_id, name) VALUES (%s, %s, %s, 'Harbour')",
            [server.id, server.owner_id, server.id, server.id, server.owner_id],
        )
    return server


def make_pair() -> DirectConversation:
    low, high = sorted(UserFactory.create_batch(2), key=lambda user: user.pk)
    return DirectConversation.objects.create(
        id=direct_pair_id(low.pk, high.pk), kind="pair", pair_low=low, pair_high=high
    )


def has_migrations_table() -> bool:
    return "django_migrations" in connection.introspection.table_names()


@pytest.mark.django_db
def test_rows_are_stored_and_found() -> None:
    server = make_server()
    general = Channel.objects.create(server=server, name="general")
    pair = make_pair()

    assert Channel.objects.get(space_id=server.id) == general
    assert DirectConversation.objects.get() == pair
    assert User.objects.count() == 3
    assert not has_migrations_table()


@pytest.mark.django_db
def test_database_mints_ids_of_version_7() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO users (username) VALUES ('ishmael') RETURNING id::text")
        (minted,) = cursor.fetchone()

    assert minted[14] == "7"


@pytest.mark.django_db
def test_pair_with_an_id_of_its_own_is_refused() -> None:
    pair = make_pair()
    pair.id = uuid7()

    with pytest.raises(ValidationError, match="direct_pair_id"):
        pair.validate_constraints()
    with pytest.raises(IntegrityError, match="channels_pair_ck"), transaction.atomic():
        DirectConversation.objects.update(id=uuid7())


@pytest.mark.parametrize("run", [1, 2])
@pytest.mark.django_db(transaction=True)
def test_rows_are_gone_after_each_test_with_transactions(run: int) -> None:
    assert User.objects.count() == 0

    UserFactory.create()
