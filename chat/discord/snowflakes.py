"""Discord's ids, and the UUIDs that are computed from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

# The start of 2015, from which Discord counts its time.
_EPOCH_MS = 1_420_070_400_000
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


def uuid_of(kind: str, snowflake: int) -> UUID:
    """Return the UUID of version 7 for this id of Discord's, always the same.

    It has the id's time and its low 22 bits, so both sort alike. The rest is a digest, also of the
    `kind`, for a guild and a channel can have the same id.

    Raises:
        ValueError: an id has 64 bits.
    """
    if not 0 <= snowflake < 1 << 64:
        raise ValueError(f"{snowflake} is not an id of Discord's, which has 64 bits")
    digest = blake2b(f"discord {kind} {snowflake}".encode(), digest_size=7).digest()
    low = snowflake & 0x3FFFFF
    return UUID(
        int=((snowflake >> 22) + _EPOCH_MS) << 80
        | 0x7 << 76
        | (low >> 10) << 64
        | 0b10 << 62
        | (low & 0x3FF) << 52
        | int.from_bytes(digest, "big") >> 4
    )


def created_at_of(snowflake: int) -> datetime:
    """Return when Discord created this id."""
    return _UNIX + timedelta(milliseconds=(snowflake >> 22) + _EPOCH_MS)
