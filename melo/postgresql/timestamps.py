"""psycopg's own C loader for timestamptz, where Django would put one written in Python.

Django's gives each value the time zone of the connection. When that is UTC, and so is the
session's, psycopg's loader returns the same values, at a fraction of the time.
"""

import datetime as dt
from functools import cache
from typing import Any

import psycopg
from psycopg.abc import AdaptContext, Loader
from psycopg.adapt import AdaptersMap
from psycopg.pq import Format
from psycopg.types.datetime import TimestamptzLoader

_TIMESTAMPTZ = psycopg.adapters.types["timestamptz"].oid
_NATIVE: Any = psycopg.adapters.get_loader(_TIMESTAMPTZ, Format.TEXT)


class UTCTimestamptzLoader(TimestamptzLoader):
    """Makes psycopg's loader, and has the time zone by which Django knows its own loaders.

    Django compares `timezone` with the connection's for each cursor, and the C class can neither
    be subclassed nor given an attribute.
    """

    timezone = dt.UTC

    def __new__(cls, oid: int, context: AdaptContext | None = None) -> Loader:  # type: ignore[misc]
        """Return a loader of psycopg's own class."""
        loader: Loader = _NATIVE(oid, context)
        return loader


@cache
def with_native_timestamps(template: AdaptersMap) -> AdaptersMap:
    """Return Django's adapters with psycopg's loader for timestamptz."""
    adapters = AdaptersMap(template)
    adapters.register_loader("timestamptz", UTCTimestamptzLoader)
    return adapters
