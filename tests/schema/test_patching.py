"""The patches of Django, and everything in Django that the room relies on, by name."""

import inspect
from typing import Any

import pytest
from django.core.management.commands import migrate
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

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


def test_migrate_makes_its_executor_with_the_name_that_is_swapped() -> None:
    source = inspect.getsource(migrate.Command)

    assert "executor = MigrationExecutor(connection, self.migration_progress_callback)" in source
    # The plan is made by the executor, after it was made, so after the lock was taken.
    assert "plan = executor.migration_plan(targets)" in source
    assert "executor.recorder.record_unapplied(app, name)" in source


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        (MigrationExecutor.__init__, ["self", "connection", "progress_callback"]),
        (
            MigrationExecutor.migrate,
            ["self", "targets", "plan", "state", "fake", "fake_initial"],
        ),
        (
            MigrationExecutor.apply_migration,
            ["self", "state", "migration", "fake", "fake_initial"],
        ),
        (MigrationExecutor.unapply_migration, ["self", "state", "migration", "fake"]),
        (MigrationExecutor.detect_soft_applied, ["self", "project_state", "migration"]),
        (MigrationRecorder.__init__, ["self", "connection"]),
        (MigrationRecorder.ensure_schema, ["self"]),
        (MigrationRecorder.record_applied, ["self", "app", "name"]),
        (MigrationRecorder.record_unapplied, ["self", "app", "name"]),
        (MigrationRecorder.applied_migrations, ["self"]),
        (MigrationLoader.migrations_module, ["app_label"]),
        (migrate.Command.migration_progress_callback, ["self", "action", "migration", "fake"]),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_method_of_django_is_as_it_was(method: Any, parameters: list[str]) -> None:
    assert list(inspect.signature(method).parameters) == parameters


def test_executor_of_django_does_what_ours_relies_on() -> None:
    executor = inspect.getsource(MigrationExecutor)

    # Each migration goes through these, and what makes it applied through the recorder.
    for call in (
        "self.recorder = MigrationRecorder(self.connection)",
        "self.loader = MigrationLoader(self.connection)",
        "state = self.apply_migration(",
        "self.unapply_migration(states[migration], migration, fake=fake)",
        "self.recorder.record_applied(migration.app_label, migration.name)",
        "self.recorder.record_unapplied(migration.app_label, migration.name)",
        "applied, state = self.detect_soft_applied(state, migration)",
        "self.recorder.ensure_schema()",
        "self.recorder.record_applied(*key)",
    ):
        assert call in executor
    # What is held back until COMMIT, and what is said once however often it is tried.
    for action in ("apply_start", "apply_success", "unapply_start", "unapply_success"):
        assert f'self.progress_callback("{action}", migration, fake)' in executor


def test_loader_of_django_has_what_ours_reads() -> None:
    loader = MigrationLoader(None)

    for attribute in ("graph", "disk_migrations", "applied_migrations", "replacements"):
        assert getattr(loader, attribute) is not None
    assert {"nodes", "leaf_nodes", "forwards_plan"} <= set(dir(loader.graph))
    assert hasattr(MigrationLoader, "load_disk")
