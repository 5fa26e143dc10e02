"""updated_at moves at every UPDATE of every table that has it, whoever sends it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chat.models import Channel
from tests.chat.sql import execute, rows, value
from tests.chat.test_factories import FACTORIES
from tests.factories import ChannelFactory, MessageFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.one_machine("users_updated_at rests")
def test_every_table_with_updated_at_moves_it() -> None:
    tables = {
        table
        for (table,) in rows(
            "SELECT table_name FROM information_schema.columns "
            "JOIN information_schema.tables USING (table_schema, table_name) "
            "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' "
            "AND column_name = 'updated_at'"
        )
    }
    factories = {
        model._meta.db_table: factory
        for model, factory in FACTORIES.items()
        if not model._meta.proxy
    }

    still = []
    for table in tables:
        factories[table].create()
        execute(f"UPDATE {table} SET created_at = created_at")
        if value(f"SELECT bool_or(updated_at <= created_at) FROM {table}"):
            still.append(table)

    assert still == []
    assert len(tables) == 14


@pytest.mark.one_machine("users_updated_at rests")
def test_time_that_a_client_writes_is_ignored() -> None:
    UserFactory.create()

    execute("UPDATE users SET updated_at = '2000-01-01'")

    assert timezone.now() - value("SELECT updated_at FROM users") < timedelta(minutes=1)


def test_row_that_is_made_and_changed_in_one_transaction_shows_both_moments() -> None:
    channel = ChannelFactory.create()

    execute("UPDATE channels SET topic = 'tides'")
    first = value("SELECT updated_at FROM channels")
    execute("UPDATE channels SET topic = 'winds'")

    assert channel.created_at < first < value("SELECT updated_at FROM channels")


def test_message_alone_does_not_change_its_place(place: Channel) -> None:
    MessageFactory.create(channel=place)

    assert value("SELECT updated_at FROM channels") == place.updated_at
