"""The nearest right name to a mistyped one."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from django.db.migrations.loader import MigrationLoader

from chat.schema.errors import UsageError


class UnknownNameError(UsageError):
    """There is nothing of that name."""

    def __init__(self, name: str, *, seen: str, nearest: Sequence[str], known: str) -> None:
        self.name = name
        self.nearest = tuple(nearest)
        next_step = f"Did you mean {' or '.join(self.nearest)}?" if self.nearest else known
        super().__init__(seen=seen, next_step=next_step)


class UnknownAppError(UnknownNameError):
    """There is no such app."""

    def __init__(self, name: str, *, nearest: Sequence[str], known: Sequence[str]) -> None:
        super().__init__(
            name,
            seen=f"No app with migrations is called {name!r}.",
            nearest=nearest,
            known=f"The apps with migrations are: {', '.join(known) or 'none'}.",
        )


class UnknownMigrationError(UnknownNameError):
    """There is no such migration."""

    def __init__(
        self, name: str, *, app_label: str, nearest: Sequence[str], known: Sequence[str]
    ) -> None:
        self.app_label = app_label
        super().__init__(
            name,
            seen=f"No migration of {app_label} has a name that begins with {name!r}.",
            nearest=nearest,
            known=f"The migrations of {app_label} are: zero, {', '.join(known)}.",
        )


class UnclearMigrationError(UsageError):
    """That name does not name one migration."""


def nearest_names(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that resemble `name`, the nearest first, at most two."""
    return get_close_matches(name, sorted(known), n=2, cutoff=0.6)


def require_app(app_label: str, *, known: Iterable[str]) -> None:
    """Raise UnknownAppError unless `app_label` is one of the known apps."""
    labels = sorted(known)
    if app_label not in labels:
        raise UnknownAppError(app_label, nearest=nearest_names(app_label, labels), known=labels)


def require_migration(loader: MigrationLoader, *, app_label: str, name: str) -> str:
    """Return the whole name of a migration on disk: `name`, or the only one that begins with it.

    `zero` stays as it is.

    Raises:
        UnclearMigrationError: it is none, and begins several.
        UnknownMigrationError: it begins none; the error names the nearest.
    """
    names = sorted(key[1] for key in loader.disk_migrations or {} if key[0] == app_label)
    if name == "zero" or name in names:
        return name
    match [known for known in names if known.startswith(name)]:
        case [whole]:
            return whole
        case [_, *_] as several:
            raise UnclearMigrationError(
                seen=f"{name!r} is the beginning of: {', '.join(several)}",
                next_step="Give more of the name.",
            )
    raise UnknownMigrationError(
        name, app_label=app_label, nearest=nearest_names(name, names), known=names
    )
