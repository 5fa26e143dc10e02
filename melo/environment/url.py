"""Reading DATABASE_URL, strictly, and without ever repeating what may be a password.

psycopg takes it apart, as libpq does:
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any
from urllib.parse import unquote

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from melo.environment.address import ServerAddress, parse_port
from melo.environment.errors import BadSetting

_SCHEMES = ("postgres", "postgresql")
# Options of melo.postgresql, which libpq does not know.
_BACKEND_OPTIONS = ("prepare_threshold", "server_side_binding")


def parse_database_url(url: str) -> tuple[ServerAddress, dict[str, Any]]:
    """Return the address in a URL, and its query as connection options.

    A socket directory is a host: percent-encoded (`%2Fvar%2Frun%2Fpostgresql`) or `?host=/var/…`.
    Host, port and user default as the DB_ variables do. A password does not: without one, libpq's
    own ways (.pgpass, peer, certificates) are in force, and a made-up one would be in their way.

    Raises:
        BadSetting: with a text that holds no part of the URL that may be a password.
    """
    if url[:1] in {'"', "'"}:
        raise _bad("it begins with a quote, which only a shell and .env take off")
    scheme, separator, rest = url.partition("://")
    plain, plus, _ = scheme.partition("+")
    if plus and plain in _SCHEMES:
        raise _bad(
            f"it begins with {plain}+…://, as SQLAlchemy has it; leave out the + and the rest"
        )
    if not separator or not scheme.isalpha():
        raise _bad("it does not begin with postgres:// or postgresql://")
    if scheme not in _SCHEMES:
        raise _bad(f"it begins with {scheme}://")
    location, _, query = rest.partition("?")
    path = location.partition("/")[2]
    # libpq would take part of such a password for a host or a database.
    if "@" in path or "@" in query or "#" in rest:
        raise _bad("its password seems to hold a /, ? or # that is not percent-encoded")
    if "/" in path:
        raise _bad("the database's name has a / in it (as %2F it would be accepted)")
    if re.search("%(?![0-9A-Fa-f]{2})|%00", rest):
        raise _bad("it has %00, or a % without two hexadecimal digits; a % itself is written %25")
    options = [option.partition("=") for option in query.split("&") if option]
    _require_known(options)
    ours = {name: value for name, _, value in options if name in _BACKEND_OPTIONS}
    theirs = "&".join("".join(option) for option in options if option[0] not in ours)
    params = _params(f"{scheme}://{location}?{theirs}")
    return _take_address(params), params | _backend_options(ours)


def _params(url: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(url)
    except (psycopg.Error, UnicodeError):
        # Without its cause, whose text repeats the URL.
        raise _bad(
            "libpq cannot read it; look for an option without a value, bytes that are not UTF-8, "
            "or a [ without its ]"
        ) from None


def _require_known(options: Iterable[tuple[str, str, str]]) -> None:
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    for name, _, value in options:
        if name in _BACKEND_OPTIONS:
            continue
        # libpq takes ssl=true, which others write, and nothing else of that name.
        if unquote(name) not in known and (name, value) != ("ssl", "true"):
            # What was written may be a part of a password.
            nearest = ["sslmode"] if name == "ssl" else get_close_matches(name, known, n=1)
            meant = f"; did you mean {nearest[0]}?" if nearest else ""
            raise _bad(f"it has an option that PostgreSQL does not know{meant}")
        if "+" in value:
            raise _bad("an option has a + in its value; a space is written %20, and a + itself %2B")


def _take_address(params: dict[str, Any]) -> ServerAddress:
    """Return the address in `params`, and leave only the other options in them."""
    host = params.pop("host", "") or "localhost"
    port = parse_port(params.pop("port", "") or "5432")
    name = params.pop("dbname", "")
    if "@" in host:
        raise _bad("its user holds an @; between user and password stands a :")
    if "," in host:
        raise _bad("it names several hosts")
    if port is None:
        raise _bad("its port is not a whole number from 1 to 65535")
    if not name:
        raise _bad("it names no database")
    return ServerAddress(
        host=host,
        port=port,
        user=params.pop("user", "") or "postgres",
        password=params.pop("password", ""),
        name=name,
    )


def _backend_options(given: dict[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if "server_side_binding" in given:
        options["server_side_binding"] = given["server_side_binding"] in {"1", "true", "on", "yes"}
    if (threshold := given.get("prepare_threshold")) is not None:
        if threshold != "none" and not (threshold.isascii() and threshold.isdecimal()):
            raise _bad("its prepare_threshold is neither a number nor none")
        options["prepare_threshold"] = None if threshold == "none" else int(threshold)
    return options


def _bad(seen: str) -> BadSetting:
    return BadSetting(
        "DATABASE_URL",
        seen=seen,
        expected=(
            "postgres://USER:PASSWORD@HOST:PORT/NAME, with special characters percent-encoded"
        ),
        example="DATABASE_URL=postgres://melo:p%40ss@db.example.com:5432/melo_v2?sslmode=require",
    )
