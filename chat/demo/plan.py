"""The size of a community, and the random numbers and ids that it is made from."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from uuid import UUID

DAYS = 270

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The size of a community, its seed, and the day on which its history ends."""

    messages: int
    users: int
    servers: int
    seed: int
    until: datetime

    @property
    def key(self) -> str:
        """Four letters for the usernames, so that those of two plans differ."""
        digest = sha256(repr(self).encode()).digest()
        return "".join("abcdefghijkmnpqrstuvwxyz"[byte % 24] for byte in digest[:4])

    @property
    def since(self) -> datetime:
        """The time at which its history begins."""
        return self.until - timedelta(days=DAYS)

    def chance(self, *what: object) -> Random:
        """Return random numbers for one purpose, which do not depend on others drawn before."""
        return Random(f"{self!r} {what!r}")  # noqa: S311 — not for secrets


def id_at(moment: datetime, chance: Random) -> UUID:
    """Return a random UUID of version 7 with this time in it."""
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    bits = chance.getrandbits(74)
    return UUID(
        int=milliseconds << 80 | 0x7 << 76 | (bits >> 62) << 64 | 0b10 << 62 | bits & (2**62 - 1)
    )


def zipf(count: int, *, exponent: float = 1.0) -> list[float]:
    """Return the cumulative weights of a Zipf distribution: rank n weighs 1 / n ** exponent."""
    total = 0.0
    weights = []
    for rank in range(1, count + 1):
        total += rank**-exponent
        weights.append(total)
    return weights


def shares(total: int, weights: list[float]) -> list[int]:
    """Return `total` divided by cumulative weights; the shares add up to it."""
    edges = [round(total * weight / weights[-1]) for weight in weights]
    return [edge - before for before, edge in zip([0, *edges], edges, strict=False)]
