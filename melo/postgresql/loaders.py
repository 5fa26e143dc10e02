"""What makes values of an answer, where psycopg's own way or Django's takes several times as long.

The values are the same.
"""

import datetime as dt
from functools import cache
from json import JSONDecoder
from typing import Any

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import AdaptersMap, Loader
from psycopg.pq import Format
from psycopg.types.datetime import TimestamptzLoader

_TIMESTAMPTZ = psycopg.adapters.types["timestamptz"].oid
_NATIVE: Any = psycopg.adapters.get_loader(_TIMESTAMPTZ, Format.TEXT)

_decode = JSONDecoder().raw_decode


class UTCTimestamptzLoader(TimestamptzLoader):
    """Makes psycopg's own C loader, and has the time zone by which Django knows its own loaders.

    Django's is written in Python and gives each value the time zone of the connection. When that is
    UTC, and so is the session's, psycopg's returns the same. Django compares `timezone` with the
    connection's for each cursor, and the C class can neither be subclassed nor given an attribute.
    """

    timezone = dt.UTC

    def __new__(cls, oid: int, context: AdaptContext | None = None) -> Any:
        """Return a loader of psycopg's own class."""
        return _NATIVE(oid, context)


class JsonLoader(Loader):
    """Reads json without json.loads, which looks for the encoding and for what follows the value.

    PostgreSQL sends valid UTF-8, with the blanks around the value that were stored. A small one
    takes 1 µs, where psycopg's loader takes 3.
    """

    def load(self, data: Buffer) -> Any:
        """Return the value."""
        return _decode(str(data, "utf-8").lstrip())[0]


class JsonBinaryLoader(JsonLoader):
    """The same for an answer in binary format."""

    format = Format.BINARY


@cache
def with_fast_loaders(template: AdaptersMap, *, is_utc: bool) -> AdaptersMap:
    """Return Django's adapters with the loaders of this module."""
    adapters = AdaptersMap(template)
    adapters.register_loader("json", JsonLoader)
    adapters.register_loader("json", JsonBinaryLoader)
    if is_utc:
        adapters.register_loader("timestamptz", UTCTimestamptzLoader)
    return adapters
