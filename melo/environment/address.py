"""Where a database is."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ServerAddress:
    """A database on a server, and who connects; `host` may be a socket directory, or empty."""

    host: str
    port: int | None
    user: str
    password: str = field(repr=False)
    name: str


def parse_port(text: str) -> int | None:
    """Return the port that the text names, None when it is not a whole number from 1 to 65535."""
    is_port = text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535
    return int(text) if is_port else None
