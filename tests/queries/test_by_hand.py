"""The statements by hand, which the benchmarks measure the queries by, return the same rows."""

import os
from random import SystemRandom

import pytest

from tests.benchmarks.equality import check_equality

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.one_machine("the statements by hand join what is not in one place"),
]


def test_statements_by_hand_return_the_rows_of_the_queries() -> None:
    seed = int(os.environ.get("MELO_TEST_SEED") or SystemRandom().getrandbits(32))

    had_rows = check_equality(seed=seed)

    assert {name: count for name, count in had_rows.items() if count < 5} == {}
    assert len(had_rows) == 7
