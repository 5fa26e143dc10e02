"""What is refused in production unless it is asked for by name."""

from typing import Final

from django.conf import settings

from chat.schema.errors import RefusedError

THIS_IS_PRODUCTION: Final = (
    "This is production (settings.MIGRATIONS_PRODUCTION is not set to False)"
)


class ProductionRefusedError(RefusedError):
    """Refused in production; nothing was changed."""

    def __init__(self, *, action: str, override: str) -> None:
        self.override = override
        super().__init__(
            seen=f"{THIS_IS_PRODUCTION}, and {action}.",
            next_step=(
                f"If that is what you want, take a backup, then run it again with "
                f"{how_to_set(override)}. All data in the tables concerned will be lost."
            ),
        )


def how_to_set(override: str) -> str:
    """Return in words how an operator makes this setting true for one run."""
    return (
        f"the setting {override} true ({override}=1 in the environment, if the settings read it "
        "from there)"
    )


def is_production() -> bool:
    """Return whether this is production: it is unless MIGRATIONS_PRODUCTION is False.

    Who has not said what this database is may have forgotten it.
    """
    return getattr(settings, "MIGRATIONS_PRODUCTION", None) is not False


def require_override(override: str, *, action: str) -> None:
    """Raise in production unless the setting `override` is true.

    `action` completes "This is production, and …".

    Raises:
        ProductionRefusedError: this is production and the override is not set.
    """
    if is_production() and not getattr(settings, override, False):
        raise ProductionRefusedError(action=action, override=override)
