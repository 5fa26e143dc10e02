"""Identifiers: UUIDs of version 7, and the id of the conversation of two users.

Client and database make them alike. Migrations import this module, so it imports no model.
"""

import hashlib
import secrets
import time
from uuid import UUID

from django.db.models import Func, UUIDField

_NANOSECONDS_IN_A_MILLISECOND = 1_000_000


def uuid7() -> UUID:
    """Return a new UUID of version 7 (RFC 9562), sortable by the time it was made.

    As PostgreSQL 18 does, the 12 bits after the milliseconds hold the fraction of the millisecond:
    ids sort by the clock to a quarter of a microsecond.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), _NANOSECONDS_IN_A_MILLISECOND)
    fraction = (nanoseconds << 12) // _NANOSECONDS_IN_A_MILLISECOND
    return UUID(
        int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62)
    )


def direct_pair_id(user: UUID, other: UUID) -> UUID:
    """Return the id of the conversation between two users, in either order.

    The first 16 bytes of SHA-256 over the lower and the higher id, marked as a UUID of version 8;
    the database function `direct_pair_id` computes the same, and a CHECK compares it for each pair.
    """
    low, high = sorted((user, other))
    digest = int.from_bytes(hashlib.sha256(low.bytes + high.bytes).digest()[:16], "big")
    unmarked = digest & ~(0xF << 76) & ~(0b11 << 62)
    return UUID(int=unmarked | 0x8 << 76 | 0b10 << 62)


class UUIDv7(Func):
    """The database's `uuidv7()`: native on PostgreSQL 18, supplied by a migration before."""

    function = "uuidv7"
    arity = 0
    output_field = UUIDField()
    allowed_default = True
