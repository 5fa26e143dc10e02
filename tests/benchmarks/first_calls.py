"""What a page costs on a connection that has asked for none yet."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, connections

from tests.benchmarks.community import Community
from tests.benchmarks.database import led_to
from tests.benchmarks.paths import Goal, Path
from tests.benchmarks.reads import page

_FIRST, _FIRST_TWELVE, _TWELVE_WARM = "first call", "first 12", "12 warm"


@contextmanager
def first_calls(community: Community) -> Iterator[Path]:
    """Yield the first page and the first twelve of a new connection, beside twelve warm ones.

    Without the time that it takes to connect. PostgreSQL reads its catalogue anew in each
    connection, and plans a statement for its values until it has been prepared and run ten times.
    """
    ask = page(community.viewer_id, community.channel_id).ours
    warm = connections["default"].copy()

    def twelve() -> None:
        for _ in range(12):
            ask()

    def twelve_warm() -> None:
        with led_to(warm):
            twelve()

    def connect_anew() -> None:
        connection.close()
        connection.ensure_connection()

    twelve_warm()
    twelve_warm()
    connect_anew()
    try:
        yield Path(
            name="first pages of a connection",
            ways={_FIRST: ask, _FIRST_TWELVE: twelve, _TWELVE_WARM: twelve_warm},
            goals=[Goal(way=_FIRST_TWELVE, other=_TWELVE_WARM, ratio=4)],
            reset=connect_anew,
        )
    finally:
        warm.close()
