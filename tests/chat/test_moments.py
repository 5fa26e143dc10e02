"""Every moment that is stored is one that every client can read."""

from typing import Any

import pytest
from django.db.models import DateTimeField
from factory.django import DjangoModelFactory

from tests.chat.sql import by_check, refused, rows, tables
from tests.chat.test_factories import FACTORIES
from tests.factories import (
    BanFactory,
    ChannelFactory,
    InviteFactory,
    MessageFactory,
    ServerMemberFactory,
    UserFactory,
    UserSessionFactory,
)

pytestmark = pytest.mark.django_db

MOMENTS = [
    (model._meta.db_table, field.column)
    for model in FACTORIES
    for field in model._meta.concrete_fields
    if isinstance(field, DateTimeField) and not model._meta.proxy
]
# A trigger alone writes it, and it is the moment of a message.
OF_A_MESSAGE = ("channel_counters", "last_message_at")
READABLE = ["1970-01-01 00:00:00+00", "2026-03-01 12:00:00+00", "9998-12-31 23:59:59.999999+00"]
UNREADABLE = [
    "-infinity",
    "0044-03-15 00:00:00+00 BC",
    "1969-12-31 23:59:59.999999+00",
    "9999-01-01 00:00:00+00",
    "12000-01-01 00:00:00+00",
    "infinity",
]
# What expires never has no moment for it.
ATTACKS: list[tuple[str, type[DjangoModelFactory[Any]], str]] = [
    ("channels", ChannelFactory, "deleted_at"),
    ("messages", MessageFactory, "pinned_at"),
    ("server_members", ServerMemberFactory, "timed_out_until"),
    ("user_sessions", UserSessionFactory, "revoked_at"),
    ("users", UserFactory, "last_login"),
    ("bans", BanFactory, "expires_at"),
    ("invites", InviteFactory, "expires_at"),
    ("user_sessions", UserSessionFactory, "expires_at"),
]


def test_every_moment_of_the_database_is_tried() -> None:
    columns = rows(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name = ANY (%s) "
        "AND data_type IN ('timestamp with time zone', 'timestamp without time zone', 'date')",
        tables(),
    )

    assert set(columns) == set(MOMENTS)


def test_check_of_the_table_holds_each_moment() -> None:
    """Ask the CHECK alone, of a row of this moment alone: else another rule may come first."""
    checks = {
        table: (check, held)
        for table, check, held in rows(
            "SELECT conrelid::regclass::text, pg_get_expr(conbin, conrelid), ARRAY("
            "SELECT attname::text FROM pg_attribute "
            "WHERE attrelid = conrelid AND attnum = ANY (conkey)"
            ") FROM pg_constraint "
            "WHERE conname = conrelid::regclass || '_moments_ck' AND contype = 'c'"
        )
    }
    taken = {}

    for table, column in MOMENTS:
        if (table, column) != OF_A_MESSAGE:
            check, held = checks[table]
            moments = ", ".join(
                f"{'tried::timestamptz' if name == column else 'NULL::timestamptz'} AS {name}"
                for name in held
            )
            taken[table, column] = rows(
                f"SELECT tried FROM unnest(%s::text[]) WITH ORDINALITY AS given (tried, place), "
                f"LATERAL (SELECT {moments}) AS stored WHERE ({check}) IS NOT FALSE ORDER BY place",
                [*UNREADABLE, *READABLE],
            )

    readable = [(moment,) for moment in READABLE]
    assert {moment: found for moment, found in taken.items() if found != readable} == {}
    assert len(taken) == len(MOMENTS) - 1


@pytest.mark.parametrize(("table", "factory", "column"), ATTACKS)
def test_moment_that_python_cannot_read_is_refused(
    table: str, factory: type[DjangoModelFactory[Any]], column: str
) -> None:
    row = factory.create()

    # What has expired before it was made is refused for that.
    for moment in ("infinity", "12000-01-01", *(["-infinity"] if column != "expires_at" else [])):
        refusal = refused(f"UPDATE {table} SET {column} = %s WHERE id = %s", moment, row.pk)
        assert refusal == by_check(f"{table}_moments_ck"), moment


@pytest.mark.parametrize("moment", ["-infinity", "1969-12-31 23:59:59Z"])
def test_message_from_before_the_first_moment_is_refused(moment: str) -> None:
    channel = ChannelFactory.create()

    refusal = refused(
        "INSERT INTO messages (space_id, channel_id, author_id, created_at) "
        "VALUES (%s, %s, %s, %s)",
        channel.space_id,
        channel.id,
        channel.server.owner_id,
        moment,
    )

    assert refusal == by_check("messages_moments_ck")
