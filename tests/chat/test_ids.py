"""Ids of version 7, as PostgreSQL and as Python make them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest

from chat.db.ids import uuid7
from tests.chat.sql import rows, value
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

Make = Callable[[], UUID]


def database_uuid7() -> UUID:
    made: UUID = value("SELECT uuidv7()")
    return made


@pytest.fixture(params=[uuid7, database_uuid7], ids=["python", "database"])
def make(request: pytest.FixtureRequest) -> Make:
    chosen: Make = request.param
    return chosen


def moment_of(made: UUID) -> datetime:
    return datetime.fromtimestamp((made.int >> 80) / 1000, UTC)


def test_id_says_that_it_is_of_version_7(make: Make) -> None:
    ids = [make() for _ in range(64)]

    assert {(made.version, made.variant) for made in ids} == {(7, RFC_4122)}


def test_id_begins_with_the_time(make: Make) -> None:
    assert abs(moment_of(make()) - datetime.now(UTC)) < timedelta(seconds=1)


def test_ids_sort_by_the_time_they_were_made(make: Make) -> None:
    ids = []
    for _ in range(200):
        ids.append(make())
        value("SELECT 1")

    assert ids == sorted(ids)


def test_python_and_the_database_share_a_clock() -> None:
    ids = [uuid7(), database_uuid7(), uuid7(), database_uuid7()]

    assert ids == sorted(ids)


def test_ten_thousand_ids_of_python_are_distinct() -> None:
    assert len({uuid7() for _ in range(10_000)}) == 10_000


def test_ten_thousand_ids_of_one_statement_are_distinct() -> None:
    assert value("SELECT count(DISTINCT uuidv7()) FROM generate_series(1, 10000)") == 10_000


def test_ids_of_one_statement_are_all_of_version_7() -> None:
    assert rows(
        "SELECT DISTINCT substr(id::text, 15, 1), substr(id::text, 20, 1) ~ '[89ab]' "
        "FROM (SELECT uuidv7() AS id FROM generate_series(1, 10000)) AS made"
    ) == [("7", True)]


def test_random_bits_are_all_used(make: Make) -> None:
    ids = [make().int for _ in range(200)]

    seen_set = seen_clear = 0
    for made in ids:
        seen_set |= made
        seen_clear |= ~made
    assert (seen_set & seen_clear) & (2**62 - 1) == 2**62 - 1


def test_database_can_shift_the_time() -> None:
    shifted = value("SELECT uuidv7(interval '-1 day')")

    expected = datetime.now(UTC) - timedelta(days=1)
    assert abs(moment_of(shifted) - expected) < timedelta(seconds=1)


def test_row_of_another_client_gets_an_id_of_version_7() -> None:
    made: UUID = value("INSERT INTO users (username) VALUES ('anne') RETURNING id")

    assert (made.version, made.variant) == (7, RFC_4122)


def test_row_of_the_orm_gets_an_id_of_version_7() -> None:
    assert UserFactory.create().id.version == 7
