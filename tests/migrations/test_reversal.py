"""Every migration of chat goes up, down and up again, and the catalogue is the same each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from chat.schema.catalogue.objects import Catalogue, ObjectKind, diff, read_catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.backends.base.base import BaseDatabaseWrapper

DISK_MIGRATIONS = MigrationLoader(None).disk_migrations
MIGRATIONS = sorted(name for app, name in DISK_MIGRATIONS if app == "chat")


@dataclass(frozen=True, kw_only=True)
class Step:
    """The catalogue around one migration."""

    before: Catalogue
    up: Catalogue
    down: Catalogue
    up_again: Catalogue


def move(connection: BaseDatabaseWrapper, target: str | None) -> Catalogue:
    """Bring chat to a migration, None being before the first, and read the catalogue."""
    MigrationExecutor(connection).migrate([("chat", target)])
    return read_catalogue(connection)


@pytest.fixture(scope="module")
def steps(scratch_connection: BaseDatabaseWrapper) -> Mapping[str, Step]:
    """Each migration, taken up, down and up on top of the one before."""
    executor = MigrationExecutor(scratch_connection)
    executor.migrate([("auth", "0012_alter_user_first_name_max_length")])
    before = read_catalogue(scratch_connection)
    steps = {}
    for previous, name in zip([None, *MIGRATIONS], MIGRATIONS, strict=False):
        step = Step(
            before=before,
            up=move(scratch_connection, name),
            down=move(scratch_connection, previous),
            up_again=move(scratch_connection, name),
        )
        steps[name] = step
        before = step.up_again
    return steps


@pytest.mark.parametrize("name", MIGRATIONS)
def test_migration_changes_the_catalogue_or_says_that_it_has_no_statement(
    steps: Mapping[str, Step], name: str
) -> None:
    has_statements = "No statement" not in (DISK_MIGRATIONS["chat", name].__doc__ or "")

    assert bool(diff(steps[name].before, steps[name].up)) is has_statements


@pytest.mark.parametrize("name", MIGRATIONS)
def test_down_is_the_exact_inverse_of_up(steps: Mapping[str, Step], name: str) -> None:
    assert diff(steps[name].before, steps[name].down) == []


@pytest.mark.parametrize("name", MIGRATIONS)
def test_up_again_makes_the_same(steps: Mapping[str, Step], name: str) -> None:
    assert diff(steps[name].up, steps[name].up_again) == []


def test_before_the_first_there_is_nothing_of_ours(steps: Mapping[str, Step]) -> None:
    nothing = steps[MIGRATIONS[0]].down

    for kind in (ObjectKind.FUNCTION, ObjectKind.TRIGGER, ObjectKind.VIEW, ObjectKind.TYPE):
        assert nothing.of_kind(kind) == {}
    assert sorted(nothing.of_kind(ObjectKind.TABLE)) == [
        "public.auth_group",
        "public.auth_group_permissions",
        "public.auth_permission",
        "public.django_content_type",
        "public.django_migrations",
    ]
