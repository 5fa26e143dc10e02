"""System checks of the environment, for `manage.py check`."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from melo.environment.database import DEFAULT_PASSWORD
from melo.environment.reading import VARIABLES


def check_database_password(
    *, app_configs: Sequence[AppConfig] | None, **options: Any
) -> list[CheckMessage]:
    """Return an error for each database with the default password."""
    return [
        Error(
            f"The password of the database {alias!r} is the default one, which everybody knows.",
            hint=(
                "Give the role a password of its own (in psql: \\password), and put it in "
                "DB_PASSWORD or DATABASE_URL."
            ),
            id="melo.E002",
        )
        for alias, database in settings.DATABASES.items()
        if database.get("PASSWORD") == DEFAULT_PASSWORD
    ]


def check_unknown_variables(
    *, app_configs: Sequence[AppConfig] | None, **options: Any
) -> list[CheckMessage]:
    """Return a warning for each variable that begins like ours and that nothing reads."""
    return [
        CheckWarning(
            f"The variable {name} is set, and nothing reads it.",
            hint=_hint(name),
            id="melo.W003",
        )
        for name in settings.ENVIRONMENT.unknown_variables
    ]


def _hint(name: str) -> str:
    nearest = get_close_matches(name, VARIABLES, n=1)
    if nearest:
        return f"Did you mean {nearest[0]}?"
    return f"Those that begin with DB_ or MELO_ are {', '.join(_OURS)}."


_OURS = tuple(name for name in VARIABLES if name.startswith(("DB_", "MELO_")))
