"""Reading DATABASE_URL, strictly, and without ever repeating what may be a password.

The form is libpq's: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
"""

from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import psycopg
from psycopg.conninfo import make_conninfo

from melo.environment.address import ServerAddress
from melo.errors import BadSetting

_SCHEMES = {"postgres", "postgresql"}
_EXPECTED = "postgres://USER:PASSWORD@HOST:PORT/NAME, with special characters percent-encoded"
_EXAMPLE = "DATABASE_URL=postgres://melo:p%40ss@db.example.com:5432/melo_v2?sslmode=require"


def parse_database_url(url: str) -> tuple[ServerAddress, dict[str, Any]]:
    """Return the address in a URL, and its query as connection options.

    A socket directory is a host: percent-encoded (`%2Fvar%2Frun%2Fpostgresql`) or `?host=/var/…`.
    Host, port and user default as the DB_ variables do. A password does not: without one, libpq's
    own ways (.pgpass, peer, certificates) are in force, and a made-up one would be in their way.

    Raises:
        BadSetting: with a text that holds no part of the URL that may be a password.
    """
    parts = _split(url)
    query = _query(parts.query)
    user, password, host, port = _authority(parts.netloc)
    name = query.pop("dbname", "") or unquote(parts.path.removeprefix("/"))
    if not name:
        raise _bad("it names no database")
    if "/" in parts.path.removeprefix("/"):
        raise _bad("the database's name has a / in it (as %2F it would be accepted)")
    address = ServerAddress(
        host=query.pop("host", "") or host or "localhost",
        port=_port(query.pop("port", "") or port or "5432"),
        user=query.pop("user", "") or user or "postgres",
        password=query.pop("password", "") or password,
        name=name,
    )
    return address, _options(query)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _bad("it is not a URL (a [ without its ]?)") from error
    if "://" not in url:
        raise _bad("it does not begin with postgres:// or postgresql://")
    if parts.scheme not in _SCHEMES:
        raise _bad(f"it begins with {parts.scheme}://")
    if parts.fragment or "@" in parts.path or "@" in parts.query:
        raise _bad("its password seems to hold a /, ? or # that is not percent-encoded")
    return parts


def _authority(netloc: str) -> tuple[str, str, str, str]:
    # By hand, because urllib lower-cases the host, and a socket directory has its own case.
    credentials, _, place = netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    if "@" in user:
        raise _bad("its user holds an @; between user and password stands a :")
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise _bad("the brackets of its host are not those of an IPv6 address")
        port = rest[1:]
    else:
        host, _, port = place.partition(":")
    if "," in place:
        raise _bad("it names several hosts")
    return unquote(user), unquote(password), unquote(host), port


def _query(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise _bad("what follows its ? is not a list of option=value") from error
    return dict(pairs)


def _options(query: dict[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = dict(query)
    ours: dict[str, Any] = {}
    if (threshold := options.pop("prepare_threshold", None)) is not None:
        ours["prepare_threshold"] = None if threshold == "none" else _count(threshold)
    if (binding := options.pop("server_side_binding", None)) is not None:
        ours["server_side_binding"] = binding in {"1", "true", "on", "yes"}
    for key, value in options.items():
        try:
            make_conninfo("", **{key: value})
        except psycopg.Error as error:
            raise _bad(f"{key!r} is not a connection option of PostgreSQL") from error
    return options | ours


def _count(text: str) -> int:
    if text.isascii() and text.isdecimal():
        return int(text)
    raise _bad("its prepare_threshold is neither a number nor none")


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise _bad("its port is not a whole number from 1 to 65535")


def _bad(seen: str) -> BadSetting:
    return BadSetting("DATABASE_URL", seen=seen, expected=_EXPECTED, example=_EXAMPLE)
