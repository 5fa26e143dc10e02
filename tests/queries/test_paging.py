"""Every page of a small history is the one that counting gives, and cursors lead to both ends."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import product
from typing import Any

import pytest

from chat.models import Message
from chat.queries.history import MessagePage, message_page
from tests.factories import MessageFactory
from tests.services.places import make_place

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
COUNT = 6
# Past the newest too: a number of another channel.
SEQS = [*range(1, COUNT + 3), 10**6, 2**63 - 1]
LIMITS = [1, 2, 3, 4, COUNT, COUNT + 1, 100]


def filled(kind: str) -> Callable[..., MessagePage]:
    """Return what pages through a place of COUNT messages."""
    place = make_place(kind)
    for _ in range(COUNT):
        MessageFactory.create(channel=place.channel, author=place.author)
    # At both ends and beside each other.
    Message.objects.filter(seq__in=[1, 3, 4, COUNT]).update(deleted_at=NOON)
    return partial(message_page, viewer=place.other, channel=place.channel)


def expected(limit: int, **window: int) -> list[int]:
    """Return the numbers that a page is to have, newest first."""
    known = list(range(1, COUNT + 1))
    if "before" in window:
        found = [seq for seq in known if seq < window["before"]][-limit:]
    elif "after" in window:
        found = [seq for seq in known if seq > window["after"]][:limit]
    elif "around" in window:
        newer = (limit - 1) // 2
        found = [seq for seq in known if seq <= window["around"]][-(limit - newer) :]
        found += [seq for seq in known if seq > window["around"]][:newer]
    else:
        found = known[-limit:]
    return found[::-1]


@pytest.mark.parametrize("kind", ["channel", "pair"])
def test_every_page_is_complete_and_its_cursors_go_on_from_it(
    kind: str,
) -> None:
    page = filled(kind)
    windows: list[dict[str, int]] = [{}, {"after": 0}]
    windows += [{way: seq} for way, seq in product(["before", "after", "around"], SEQS)]

    for window, limit in product(windows, LIMITS):
        here = page(limit=limit, **window)

        seqs = [message.seq for message in here.messages]
        assert seqs == expected(limit, **window), (window, limit)
        assert [m.seq for m in here.messages if m.deleted_at] == [
            seq for seq in seqs if seq in {1, 3, 4, COUNT}
        ]
        assert (here.older is not None) == ((bool(seqs) and seqs[-1] > 1) or _is_past(window))
        assert (here.newer is not None) == (
            (bool(seqs) and seqs[0] < COUNT) or window == {"before": 1}
        )


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("kind", ["channel", "pair"])
def test_cursors_lead_from_anywhere_to_both_ends_without_a_repeat(kind: str, limit: int) -> None:
    page = filled(kind)

    for around in range(1, COUNT + 1):
        here = page(around=around, limit=limit)
        seen = [message.seq for message in here.messages]
        older, newer = here.older, here.newer
        while older is not None:
            back: Any = page(before=older, limit=limit)
            seen, older = [*seen, *(m.seq for m in back.messages)], back.older
        while newer is not None:
            forth: Any = page(after=newer, limit=limit)
            seen, newer = [*(m.seq for m in forth.messages), *seen], forth.newer

        assert seen == list(range(COUNT, 0, -1))


def _is_past(window: dict[str, int]) -> bool:
    return window.get("after", 0) >= COUNT
