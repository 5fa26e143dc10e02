"""Which database the environment names: the embedded server, or one of your own.

Knows the variables and their rules; does not connect to anything.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from melo.environment.address import ServerAddress, parse_port
from melo.environment.errors import BadSetting
from melo.environment.url import parse_database_url

DB_VARIABLES = ("DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME")

DEFAULT_PASSWORD = "postgres"  # noqa: S105 — well known: the deploy check is about it
_CONNECT_TIMEOUT_SECONDS = 10
# A host that is gone closes no connection. Whoever waits for it gives up after 30 seconds: by the
# system's own settings it would be a quarter of an hour or two hours. One that is there has time.
_OPTIONS = {
    "application_name": "melo",
    "tcp_user_timeout": 30_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
}
_REPLICA_CONNECT_TIMEOUT_SECONDS = 2
# There is another server to ask, so these are sooner. What the primary's URL says of its own server
# is not for a replica.
REPLICA_OPTIONS = {
    "connect_timeout": _REPLICA_CONNECT_TIMEOUT_SECONDS,
    "target_session_attrs": "any",
    "hostaddr": "",
    "tcp_user_timeout": 2000,
    "keepalives_idle": 1,
    "keepalives_interval": 1,
    "keepalives_count": 2,
}
# A server that is there and falls silent is given up too: no read of chat.queries takes so long.
_REPLICA_ANSWER_SECONDS = 5
_LONGEST_NAME_BYTES = 63
_HOST_AND_PORT = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]\s@/]+))(?::(?P<port>.*))?"
)


@dataclass(frozen=True, kw_only=True)
class DatabaseChoice:
    """The database at `address`, or the embedded one in `embedded_dir` when that is set.

    `variables` names the variables that chose it, for messages. Waiting for a connection ends after
    `connect_seconds`, for an answer after `answer_seconds`, if that is set.
    """

    address: ServerAddress
    embedded_dir: Path | None
    variables: str
    options: Mapping[str, Any] = field(default_factory=dict)
    connect_seconds: int = _CONNECT_TIMEOUT_SECONDS
    answer_seconds: float | None = None

    def as_django_setting(
        self, *, keep_connections_seconds: int, pool_size: int | None = None
    ) -> dict[str, Any]:
        """Return the entry for `settings.DATABASES`.

        With a pool the threads of a process share its connections, else each thread keeps one.
        """
        return {
            "ENGINE": "melo.postgresql",
            "HOST": self.address.host,
            "PORT": self.address.port,
            "USER": self.address.user,
            "PASSWORD": self.address.password,
            "NAME": self.address.name,
            "EMBEDDED_DIR": self.embedded_dir,
            "VARIABLES": self.variables,
            "CONN_MAX_AGE": 0 if pool_size else keep_connections_seconds,
            "CONN_HEALTH_CHECKS": True,
            "ANSWER_SECONDS": self.answer_seconds,
            "OPTIONS": {
                "connect_timeout": self.connect_seconds,
                **_OPTIONS,
                **({"pool": _pool(pool_size, seconds=self.connect_seconds)} if pool_size else {}),
                **self.options,
            },
        }


def choose_database(
    variables: Mapping[str, str], *, is_production: bool, default_embedded_dir: Path
) -> DatabaseChoice:
    """Return the database that these variables choose; an empty variable counts as not set.

    Raises:
        BadSetting: a value cannot be used, or DATABASE_URL and a DB_ variable are both set.
    """
    url = variables.get("DATABASE_URL")
    given = [name for name in DB_VARIABLES if variables.get(name)]
    if url and given:
        raise BadSetting(
            "DATABASE_URL",
            seen=f"{', '.join(given)} set beside it, and the two may name different databases",
            expected="either DATABASE_URL or the DB_ variables",
            example=f"unset DATABASE_URL, or unset {' '.join(given)}",
        )
    if url:
        address, options = parse_database_url(url)
        _require_name(address.name, variable="DATABASE_URL")
        return DatabaseChoice(
            address=address, embedded_dir=None, variables="DATABASE_URL", options=options
        )
    if given or is_production:
        _require_name(variables.get("DB_NAME") or "melo_v2", variable="DB_NAME")
        host = variables.get("DB_HOST") or "localhost"
        # Through a socket the server knows the user, and mostly asks for no password.
        default_password = "" if host.startswith("/") else DEFAULT_PASSWORD
        return DatabaseChoice(
            address=ServerAddress(
                host=host,
                port=_port(variables.get("DB_PORT") or "5432"),
                user=variables.get("DB_USER") or "postgres",
                password=variables.get("DB_PASSWORD") or default_password,
                name=variables.get("DB_NAME") or "melo_v2",
            ),
            embedded_dir=None,
            variables="DB_*",
        )
    return DatabaseChoice(
        address=ServerAddress(host="", port=None, user="postgres", password="", name="melo_v2"),
        embedded_dir=default_embedded_dir,
        variables="MELO_EMBEDDED_DIR",
    )


def choose_replicas(text: str | None, primary: DatabaseChoice) -> tuple[DatabaseChoice, ...]:
    """Return the replicas of `primary` that DB_REPLICA_HOSTS names: only the servers differ.

    Raises:
        BadSetting: it is no list of hosts, or the primary is the embedded server.
    """
    hosts = [word.strip() for word in (text or "").split(",") if word.strip()]
    if hosts and primary.embedded_dir is not None:
        raise BadSetting(
            "DB_REPLICA_HOSTS",
            seen="no server is set that these could be replicas of",
            expected="DB_HOST or DATABASE_URL beside it",
            example="DB_HOST=db.example.com DB_REPLICA_HOSTS=replica.example.com",
        )
    return tuple(
        replace(
            primary,
            address=_replica_address(host, primary.address),
            variables="DB_REPLICA_HOSTS",
            options={**primary.options, **REPLICA_OPTIONS},
            connect_seconds=_REPLICA_CONNECT_TIMEOUT_SECONDS,
            answer_seconds=_REPLICA_ANSWER_SECONDS,
        )
        for host in hosts
    )


def _replica_address(text: str, primary: ServerAddress) -> ServerAddress:
    """Return the address in HOST, HOST:PORT or [IPv6]:PORT; without a port, the primary's."""
    found = _HOST_AND_PORT.fullmatch(text)
    port = found and (parse_port(found["port"]) if found["port"] is not None else primary.port)
    if not found or not port:
        raise BadSetting(
            "DB_REPLICA_HOSTS",
            seen=f"{text!r} is not a host",
            expected="hosts, each with its port if that is another, separated by commas",
            example="DB_REPLICA_HOSTS=replica-1.example.com,replica-2.example.com:5433",
        )
    return replace(primary, host=found["v6"] or found["name"], port=port)


def _pool(size: int, *, seconds: int) -> dict[str, Any]:
    # As long as connecting may take: to wait longer would not help. A pool that went on trying
    # would do so ever less often, and find a server that is back long after it is.
    return {"min_size": 1, "max_size": size, "timeout": seconds, "reconnect_timeout": seconds}


def _require_name(name: str, *, variable: str) -> None:
    if len(name.encode()) > _LONGEST_NAME_BYTES:
        raise BadSetting(
            variable,
            seen=f"the name of the database has {len(name.encode())} bytes",
            expected=f"at most {_LONGEST_NAME_BYTES}, which is PostgreSQL's own limit",
            example="DB_NAME=melo_v2",
        )


def _port(text: str) -> int:
    port = parse_port(text)
    if port is None:
        raise BadSetting(
            "DB_PORT",
            seen=f"{text!r} is not a port",
            expected="a whole number from 1 to 65535",
            example="DB_PORT=5432",
        )
    return port
