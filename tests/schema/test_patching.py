"""The patches of Django, and everything in Django that the room relies on, by name."""

from typing import Any

import pytest
from django.core.management.commands import migrate
from django.db.migrations.executor import MigrationExecutor

from chat.schema.run.patching import executor_of_migrate


def never(*_: Any) -> MigrationExecutor:
    raise NotImplementedError


def test_executor_is_put_back_whatever_happens() -> None:
    with executor_of_migrate(never):
        assert migrate.MigrationExecutor is never  # type: ignore[attr-defined]

    def fail() -> None:
        with executor_of_migrate(never):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert migrate.MigrationExecutor is MigrationExecutor  # type: ignore[attr-defined]
