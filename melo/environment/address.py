"""The address of a database on a server."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ServerAddress:
    """Where a database is and who asks for it; `host` may be a socket directory, or empty."""

    host: str
    port: int | None
    user: str
    password: str = field(repr=False)
    name: str
