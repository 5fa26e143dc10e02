"""The nearest right name to a mistyped one."""

from collections.abc import Iterable
from difflib import get_close_matches

from django.db.migrations.loader import MigrationLoader

from chat.schema.errors import UnknownAppError, UnknownMigrationError


def nearest_names(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that resemble `name`, the nearest first, at most two."""
    return get_close_matches(name, sorted(known), n=2, cutoff=0.6)


def require_app(app_label: str, *, known: Iterable[str]) -> None:
    """Raise unless `app_label` is one of the known apps.

    Raises:
        UnknownAppError: it is not; the error names the nearest.
    """
    labels = sorted(known)
    if app_label not in labels:
        raise UnknownAppError(app_label, nearest=nearest_names(app_label, labels), known=labels)


def require_migration(loader: MigrationLoader, *, app_label: str, name: str) -> None:
    """Raise unless `name` is `zero` or begins the name of a migration of the app on disk.

    Raises:
        UnknownMigrationError: it does not; the error names the nearest.
    """
    names = sorted(key[1] for key in loader.disk_migrations or {} if key[0] == app_label)
    if name == "zero" or any(known.startswith(name) for known in names):
        return
    raise UnknownMigrationError(
        name, app_label=app_label, nearest=nearest_names(name, names), known=names
    )
