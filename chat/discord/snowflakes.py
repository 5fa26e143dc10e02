"""Discord's ids, and the UUIDs that stand for them here, the same one each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

# The first second of 2015, in which Discord's time begins.
_EPOCH_MS = 1_420_070_400_000
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


def uuid_of(kind: str, snowflake: int) -> UUID:
    """Return the UUID of version 7 for what Discord calls by this id.

    It carries the id's moment and its low 22 bits, so both sort alike; the rest is a digest, in
    which `kind` keeps a channel apart from the guild that has the same id. Raises: ValueError.
    """
    if not 0 <= snowflake < 1 << 64:
        raise ValueError(f"{snowflake} is no id of Discord's, which has 64 bits")
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


def moment_of(snowflake: int) -> datetime:
    """Return when Discord made this id."""
    return _UNIX + timedelta(milliseconds=(snowflake >> 22) + _EPOCH_MS)
