"""What `manage.py check --deploy` looks at beside Django's own checks."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

from melo.database_choice import DEFAULT_PASSWORD


def check_database_password(
    *, app_configs: Sequence[AppConfig] | None, **options: Any
) -> list[CheckMessage]:
    """Return an error for each database whose password everybody knows."""
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
