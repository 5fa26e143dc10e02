"""The one place where the environment is read.

Real variables win over `.env` at the project's root; an empty variable counts as not set, so
`DB_HOST=` in front of a command switches off what `.env` says.
"""

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from melo.environment.database import (
    DB_VARIABLES,
    DatabaseChoice,
    choose_database,
    choose_replicas,
)
from melo.environment.dotenv import read_dotenv
from melo.environment.errors import BadSetting

Default = TypeVar("Default", int, None)

VARIABLES = (
    "MELO_ENV",
    "MELO_EMBEDDED_DIR",
    *DB_VARIABLES,
    "DATABASE_URL",
    "DB_POOL_SIZE",
    "DB_REPLICA_HOSTS",
    "DB_REPLICA_MAX_LAG",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
    "BEHIND_HTTPS_PROXY",
    "STATIC_ROOT",
    "DEBUG",
    "FORCE_RESET",
    "FORCE_ROLLBACK",
)
_A_KEY = "$(python -c 'import secrets; print(secrets.token_urlsafe(50))')"
_LOCAL_HOSTS = ("localhost", ".localhost", "127.0.0.1", "[::1]")
_LARGEST_POOL = 1000
_LONGEST_LAG = 3600
# A variable that begins like this is meant for this project.
_OURS = ("DB_", "MELO_")
_OF_TESTS = "MELO_TEST_"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Everything that the settings take from the environment.

    `unknown_variables` begin like ours, but nothing reads them; `check` warns of them.
    """

    is_production: bool
    secret_key: str = field(repr=False)
    is_debug: bool
    allowed_hosts: tuple[str, ...]
    csrf_trusted_origins: tuple[str, ...]
    is_behind_https_proxy: bool
    static_root: Path
    is_reset_forced: bool
    is_rollback_forced: bool
    database: DatabaseChoice
    replicas: tuple[DatabaseChoice, ...]
    replica_max_lag: int
    pool_size: int | None
    unknown_variables: tuple[str, ...] = ()


def read_environment(*, base_dir: Path, environ: Mapping[str, str] = os.environ) -> Environment:
    """Return what `environ` says, and where it says nothing `.env` in `base_dir`.

    Raises:
        BadSetting: a value cannot be used, or a variable is missing that production needs.
    """
    variables = read_dotenv(base_dir / ".env") | dict(environ)
    given = _read(variables)
    is_production = _is_production(given)
    database = choose_database(
        given,
        is_production=is_production,
        default_embedded_dir=_embedded_dir(given, base_dir=base_dir),
    )
    return Environment(
        is_production=is_production,
        secret_key=_secret_key(given, is_production=is_production, base_dir=base_dir),
        is_debug=_debug(given, is_production=is_production),
        allowed_hosts=_allowed_hosts(given, is_production=is_production),
        csrf_trusted_origins=_words(given.get("CSRF_TRUSTED_ORIGINS")),
        is_behind_https_proxy=_switch(given, "BEHIND_HTTPS_PROXY", default=False),
        static_root=base_dir / Path(given.get("STATIC_ROOT", "staticfiles")).expanduser(),
        is_reset_forced=_switch(given, "FORCE_RESET", default=False),
        is_rollback_forced=_switch(given, "FORCE_ROLLBACK", default=False),
        database=database,
        replicas=choose_replicas(given.get("DB_REPLICA_HOSTS"), database),
        replica_max_lag=_number(
            given, "DB_REPLICA_MAX_LAG", default=10, most=_LONGEST_LAG, what="seconds"
        ),
        unknown_variables=_unknown(variables),
        pool_size=_number(
            given,
            "DB_POOL_SIZE",
            default=None,
            most=_LARGEST_POOL,
            what="connections: at most as many of each process",
        ),
    )


def _read(variables: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value if name == "DB_PASSWORD" else value.strip()
        for name in VARIABLES
        if (value := variables.get(name, "")) and value.strip()
    }


def _unknown(variables: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        sorted(
            name
            for name in variables
            if name.startswith(_OURS) and not name.startswith(_OF_TESTS) and name not in VARIABLES
        )
    )


def _is_production(given: Mapping[str, str]) -> bool:
    name = given.get("MELO_ENV", "development")
    if name not in {"development", "production"}:
        raise BadSetting(
            "MELO_ENV",
            seen=f"{name!r} is not an environment",
            expected="development or production",
            example="MELO_ENV=production",
        )
    return name == "production"


def _embedded_dir(given: Mapping[str, str], *, base_dir: Path) -> Path:
    path = base_dir / Path(given.get("MELO_EMBEDDED_DIR", "var/postgres")).expanduser()
    if not path.name:
        raise BadSetting(
            "MELO_EMBEDDED_DIR",
            seen=f"{str(path)!r} is not a directory that can be created",
            expected="a directory for the data of the embedded server alone",
            example="MELO_EMBEDDED_DIR=var/postgres",
        )
    return path


def _secret_key(given: Mapping[str, str], *, is_production: bool, base_dir: Path) -> str:
    if key := given.get("SECRET_KEY"):
        return key
    if is_production:
        raise BadSetting(
            "SECRET_KEY",
            seen="it is not set, and MELO_ENV is production",
            expected="at least 50 random characters, kept secret and kept the same",
            example=f"SECRET_KEY={_A_KEY}",
        )
    # The same on every run, so that sessions survive a restart; no secret, and it says so.
    digest = hashlib.sha512(b"melo development key " + os.fsencode(base_dir)).digest()
    return "django-insecure-" + base64.urlsafe_b64encode(digest).decode()


def _debug(given: Mapping[str, str], *, is_production: bool) -> bool:
    is_debug = _switch(given, "DEBUG", default=not is_production)
    if is_debug and is_production:
        raise BadSetting(
            "DEBUG",
            seen="it is on, and MELO_ENV is production: error pages would show code and settings",
            expected="off in production",
            example="unset DEBUG",
        )
    return is_debug


def _allowed_hosts(given: Mapping[str, str], *, is_production: bool) -> tuple[str, ...]:
    hosts = _words(given.get("ALLOWED_HOSTS"))
    if not hosts and is_production:
        raise BadSetting(
            "ALLOWED_HOSTS",
            seen="it is not set, and MELO_ENV is production",
            expected="the host names that this site answers to, separated by commas",
            example="ALLOWED_HOSTS=chat.example.com,www.example.com",
        )
    if "*" in hosts and is_production:
        raise BadSetting(
            "ALLOWED_HOSTS",
            seen="it has '*', and MELO_ENV is production: any Host header would be believed",
            expected="the host names that this site answers to, separated by commas",
            example="ALLOWED_HOSTS=chat.example.com,www.example.com",
        )
    return hosts or _LOCAL_HOSTS


def _number(
    given: Mapping[str, str], name: str, *, default: Default, most: int, what: str
) -> int | Default:
    text = given.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= most:
        return int(text)
    raise BadSetting(
        name,
        seen=f"{text!r} is not a number of {what.partition(':')[0]}",
        expected=f"a whole number of {what}, from 1 to {most}",
        example=f"{name}=4",
    )


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def _switch(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = given.get(name)
    if text is None:
        return default
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise BadSetting(
        name,
        seen=f"{text!r} is neither on nor off",
        expected="1, true, yes or on; or 0, false, no or off",
        example=f"{name}=1",
    )
