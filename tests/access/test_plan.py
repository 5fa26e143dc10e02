"""What an answer costs: the pages that it touches, with a plan for these values or for any.

Bounds on pages and not on time, which other work on the machine would change. `member_roles` has
just been written here and not yet vacuumed, as after an import or a busy day: it is then that a
scan through everybody who has a role looks to the planner as cheap as one through a member's own.
"""

from collections.abc import Iterator
from typing import LiteralString

import pytest
from pytest_django import DjangoDbBlocker

from chat.queries.source import FIRST, LAST
from tests.access.plans import Full, explain, full_database

# Without it there is no test database, and the rows would go into the other one.
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.one_machine("it counts pages of plans, which are those of each part"),
]

BIG = {
    *("channel_counters", "channel_permissions", "channels", "member_roles", "roles"),
    *("server_members", "users"),
}
# 42 and 6 are needed: two or three for each index on the way, and one for each row.
PAGES_OF_ONE_CHECK = 50
PAGES_OF_ONE_CHANNEL_AMONG_ALL = 10

for_any_plan = pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])


@pytest.fixture(scope="module")
def full(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Full]:
    with django_db_blocker.unblock(), full_database() as filled:
        yield filled


@for_any_plan
def test_one_check_touches_few_pages(full: Full, mode: LiteralString) -> None:
    params = [full.member_id, full.server_id, full.channel_id]

    plan = explain(full.session, "one_channel (%s, %s, %s)", params, mode=mode)

    assert plan.rows == 1
    assert plan.pages <= PAGES_OF_ONE_CHECK, plan.text
    assert plan.scanned_whole & BIG == set()


@for_any_plan
def test_one_check_in_a_crowd_touches_no_more(full: Full, mode: LiteralString) -> None:
    params = [full.member_id, full.crowd_id, full.channel_in_crowd_id]

    plan = explain(full.session, "one_channel (%s, %s, %s)", params, mode=mode)

    assert plan.rows == 1
    assert plan.pages <= PAGES_OF_ONE_CHECK, plan.text
    assert plan.scanned_whole & BIG == set()


def test_function_touches_few_pages_in_a_crowd(full: Full) -> None:
    params = [full.member_id, full.crowd_id, full.channel_in_crowd_id]

    # With plans for these values it would be counted what the planner touches to make them.
    plan = explain(full.session, "by_function (%s, %s, %s)", params, mode="force_generic_plan")

    # Its own statements are out of sight here; a scan of a whole table would be hundreds of pages.
    assert plan.rows == 1
    assert plan.pages <= PAGES_OF_ONE_CHECK, plan.text


@for_any_plan
def test_all_channels_of_a_member_touch_few_pages_each(full: Full, mode: LiteralString) -> None:
    plan = explain(
        full.session, "places (%s, %s, %s, FALSE)", [full.member_id, FIRST.id, LAST.id], mode=mode
    )

    assert plan.rows == 21 * 40
    assert plan.pages <= plan.rows * PAGES_OF_ONE_CHANNEL_AMONG_ALL, plan.text
    assert plan.scanned_whole & BIG == set(), plan.text


def test_stranger_is_answered_without_a_look_at_roles(full: Full) -> None:
    params = [full.channel_id, full.server_id, full.channel_id]

    plan = explain(full.session, "one_channel (%s, %s, %s)", params, mode="force_generic_plan")

    assert plan.rows == 0
    assert plan.pages <= 4, plan.text
