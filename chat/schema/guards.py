"""What is refused in production unless it is asked for by name."""

from django.conf import settings

from chat.schema.errors import RefusedError


class ProductionRefusedError(RefusedError):
    """Refused in production; nothing was changed."""

    def __init__(self, *, action: str, override: str, risk: str) -> None:
        self.override = override
        super().__init__(
            seen=(
                "This is production (settings.MIGRATIONS_PRODUCTION is not set to False), and "
                f"{action}."
            ),
            next_step=(
                "If that is what you want, take a backup, then run it again with "
                f"{how_to_set(override)}. {risk}"
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

    A project that does not say so may have forgotten to.
    """
    return getattr(settings, "MIGRATIONS_PRODUCTION", None) is not False


def require_override(override: str, *, action: str, risk: str) -> None:
    """Raise ProductionRefusedError in production unless the setting `override` is true.

    `action` completes "This is production, and …"; `risk` says what is lost then.
    """
    if is_production() and not getattr(settings, override, False):
        raise ProductionRefusedError(action=action, override=override, risk=risk)
