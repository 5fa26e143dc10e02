"""How large a community is to be, and the chance that everything in it comes from."""

from __future__ import annotations

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
        """Four letters that set the names of this community apart from those of another plan."""
        digest = sha256(repr(self).encode()).digest()
        return "".join("abcdefghijkmnpqrstuvwxyz"[byte % 24] for byte in digest[:4])

    @property
    def since(self) -> datetime:
        """When its history begins."""
        return self.until - timedelta(days=DAYS)

    def chance(self, *what: object) -> Random:
        """Return a source of chance for one thing, which does not depend on what came before."""
        return Random(f"{self!r} {what!r}")  # noqa: S311 — chance to look at, not to keep secrets


def id_at(moment: datetime, chance: Random) -> UUID:
    """Return a UUID of version 7 of that moment."""
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    bits = chance.getrandbits(74)
    return UUID(
        int=milliseconds << 80 | 0x7 << 76 | (bits >> 62) << 64 | 0b10 << 62 | bits & (2**62 - 1)
    )


def zipf(count: int, *, exponent: float = 1.0) -> list[float]:
    """Return the cumulative weights of `count` ranks: the second has half the first's weight."""
    total = 0.0
    weights = []
    for rank in range(1, count + 1):
        total += rank**-exponent
        weights.append(total)
    return weights


def shares(total: int, weights: list[float]) -> list[int]:
    """Divide `total` by cumulative weights, to the last one."""
    edges = [round(total * weight / weights[-1]) for weight in weights]
    return [edge - before for before, edge in zip([0, *edges], edges, strict=False)]
