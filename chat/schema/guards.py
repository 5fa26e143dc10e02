"""What is refused in production unless it is asked for by name."""

from django.conf import settings

from chat.schema.errors import RefusedError


class ProductionRefusedError(RefusedError):
    """Refused in production; nothing was changed."""

    def __init__(self, *, action: str, override: str) -> None:
        self.override = override
        super().__init__(
            seen=f"MELO_ENV is production, and {action}.",
            next_step=(
                f"If that is what you want, take a backup, then run it again with {override}=1 in "
                "the environment. All data in the tables concerned will be lost."
            ),
        )


def is_production() -> bool:
    """Return whether the settings say that this is production; DEBUG says nothing about that."""
    return bool(getattr(settings, "MELO_ENV", "development") == "production")


def require_override(override: str, *, action: str) -> None:
    """Raise in production unless the setting `override` is true.

    `action` completes "MELO_ENV is production, and …".

    Raises:
        ProductionRefusedError: this is production and the override is not set.
    """
    if is_production() and not getattr(settings, override, False):
        raise ProductionRefusedError(action=action, override=override)
