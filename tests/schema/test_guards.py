"""What counts as production: whatever is not said to be something else."""

from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from chat.schema.guards import ProductionRefusedError, require_override

ACTION = "a table was about to be dropped"


def test_production_refuses_and_names_both_settings() -> None:
    with (
        override_settings(MIGRATIONS_PRODUCTION=True),
        pytest.raises(ProductionRefusedError, match=ACTION) as refusal,
    ):
        require_override("FORCE_RESET", action=ACTION, risk="")

    assert "settings.MIGRATIONS_PRODUCTION" in str(refusal.value)
    assert "FORCE_RESET=1" in str(refusal.value)


@pytest.mark.parametrize("value", [None, 0, "", "false", "development"])
def test_setting_that_is_not_false_is_production(value: Any) -> None:
    with override_settings(MIGRATIONS_PRODUCTION=value), pytest.raises(ProductionRefusedError):
        require_override("FORCE_RESET", action=ACTION, risk="")


def test_missing_setting_is_production() -> None:
    with override_settings():
        del settings.MIGRATIONS_PRODUCTION

        with pytest.raises(ProductionRefusedError):
            require_override("FORCE_RESET", action=ACTION, risk="")


def test_override_or_false_lets_it_pass() -> None:
    with override_settings(MIGRATIONS_PRODUCTION=True, FORCE_RESET=True):
        require_override("FORCE_RESET", action=ACTION, risk="")
    with override_settings(MIGRATIONS_PRODUCTION=False):
        require_override("FORCE_RESET", action=ACTION, risk="")
