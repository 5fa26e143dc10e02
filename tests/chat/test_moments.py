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
ATTACKS: dict[str, tuple[type[DjangoModelFactory[Any]], str]] = {
    "channels": (ChannelFactory, "deleted_at"),
    "messages": (MessageFactory, "pinned_at"),
    "server_members": (ServerMemberFactory, "timed_out_until"),
    "user_sessions": (UserSessionFactory, "revoked_at"),
    "users": (UserFactory, "last_login"),
}


def test_every_moment_of_the_database_is_tried() -> None:
    columns = rows(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name = ANY (%s) "
        "AND data_type IN ('timestamp with time zone', 'timestamp without time zone', 'date')",
        tables(),
    )

    assert set(columns) == set(MOMENTS)


@pytest.mark.parametrize(
    ("table", "column"),
    [moment for moment in MOMENTS if moment != OF_A_MESSAGE],
    ids=str,
)
def test_check_of_the_table_holds_the_moment(table: str, column: str) -> None:
    ((check, held),) = rows(
        "SELECT pg_get_expr(conbin, conrelid), ARRAY("
        "SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)"
        ") FROM pg_constraint WHERE conname = %s AND conrelid = %s::regclass AND contype = 'c'",
        f"{table}_moments_ck",
        table,
    )
    # The CHECK alone, on a row of this moment alone: in a whole row another rule may speak first.
    moments = ", ".join(
        f"{'tried::timestamptz' if name == column else 'NULL::timestamptz'} AS {name}"
        for name in held
    )

    taken = rows(
        f"SELECT tried FROM unnest(%s::text[]) WITH ORDINALITY AS given (tried, place), "
        f"LATERAL (SELECT {moments}) AS stored WHERE ({check}) IS NOT FALSE ORDER BY place",
        [*UNREADABLE, *READABLE],
    )

    assert [moment for (moment,) in taken] == READABLE


@pytest.mark.parametrize("table", ATTACKS)
@pytest.mark.parametrize("moment", ["infinity", "-infinity", "12000-01-01"])
def test_moment_that_python_cannot_read_is_refused(table: str, moment: str) -> None:
    factory, column = ATTACKS[table]
    row = factory.create()

    refusal = refused(f"UPDATE {table} SET {column} = %s WHERE id = %s", moment, row.pk)

    assert refusal == by_check(f"{table}_moments_ck")


@pytest.mark.parametrize("moment", ["infinity", "12000-01-01"])
@pytest.mark.parametrize(
    ("factory", "table"),
    [(BanFactory, "bans"), (InviteFactory, "invites"), (UserSessionFactory, "user_sessions")],
)
def test_what_expires_never_has_no_moment_for_it(
    factory: type[BanFactory | InviteFactory | UserSessionFactory], table: str, moment: str
) -> None:
    row = factory.create()

    refusal = refused(f"UPDATE {table} SET expires_at = %s WHERE id = %s", moment, row.pk)

    assert refusal == by_check(f"{table}_moments_ck")


@pytest.mark.parametrize("moment", ["-infinity", "1969-12-31 23:59:59Z"])
def test_message_from_before_the_first_moment_is_refused(moment: str) -> None:
    channel, author = ChannelFactory.create(), UserFactory.create()

    refusal = refused(
        "INSERT INTO messages (space_id, channel_id, author_id, created_at) "
        "VALUES (%s, %s, %s, %s)",
        channel.space_id,
        channel.id,
        author.id,
        moment,
    )

    assert refusal == by_check("messages_moments_ck")
