"""Services called at the same moment, each in a thread with Django's own connection there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

from django.db import connections

from chat.errors import ChatError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def race(*calls: Callable[[], object]) -> list[object]:
    """Begin all calls at one moment; return what each returned, or the ChatError that it raised.

    Any other exception fails the test.
    """
    barrier = Barrier(len(calls), timeout=20)

    def run(call: Callable[[], object]) -> object:
        try:
            connections["default"].ensure_connection()
            with connections["default"].cursor() as cursor:
                # A test whose statement waits for ever must not.
                cursor.execute("SET statement_timeout = '20s'")
            barrier.wait()
            return call()
        except ChatError as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return list(pool.map(run, calls))


def refusals(outcomes: Sequence[object]) -> list[type[ChatError]]:
    """Return the classes of the errors among what `race` returned."""
    return [type(each) for each in outcomes if isinstance(each, ChatError)]
