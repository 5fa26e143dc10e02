"""Discord's ids, and the UUIDs that are computed from them."""

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

# The start of 2015, from which Discord counts its time.
_EPOCH_MS = 1_420_070_400_000
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


def snowflake_of(given: Any) -> int | None:
    """Return an id of an export as a number, None where there is none.

    By version that is null, an empty text or "0".

    Raises:
        ValueError, TypeError: it is no number.
    """
    return int(given) or None if given else None


def uuid_of(kind: str, snowflake: int, name: str = "") -> UUID:
    """Return the UUID of version 7 for this id of Discord's, always the same.

    It has the id's time and its low 22 bits, so both sort alike. The rest is a digest, also of the
    `kind`, for a guild and a channel can have the same id, and of the `name`, where several share
    an id.

    Raises:
        ValueError: an id has 64 bits.
    """
    if not 0 <= snowflake < 1 << 64:
        raise ValueError(f"{snowflake} is not an id of Discord's, which has 64 bits")
    what = f"discord {kind} {snowflake}" + (name and f" {name}")
    digest = blake2b(what.encode(), digest_size=7).digest()
    low = snowflake & 0x3FFFFF
    return UUID(
        int=((snowflake >> 22) + _EPOCH_MS) << 80
        | 0x7 << 76
        | (low >> 10) << 64
        | 0b10 << 62
        | (low & 0x3FF) << 52
        | int.from_bytes(digest, "big") >> 4
    )


def snowflake_in(id: UUID) -> int:  # noqa: A002
    """Return the id of Discord's that a UUID of `uuid_of` was computed from."""
    milliseconds, low = id.int >> 80, (id.int >> 64 & 0xFFF) << 10 | id.int >> 52 & 0x3FF
    return milliseconds - _EPOCH_MS << 22 | low


def created_at_of(snowflake: int) -> datetime:
    """Return when Discord created this id."""
    return _UNIX + timedelta(milliseconds=(snowflake >> 22) + _EPOCH_MS)
