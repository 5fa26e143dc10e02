"""The only patch of Django: which executor its migrate command makes.

The command names the class as a global of its module and offers no other way to choose it. The
name is swapped for the duration of a block and put back whatever happens; what the executor
relies on in Django is named by a test, which fails when an upgrade changes it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from django.core.management.commands import migrate
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

ExecutorFactory: TypeAlias = Callable[[BaseDatabaseWrapper, Any], MigrationExecutor]


@contextmanager
def executor_of_migrate(factory: ExecutorFactory) -> Iterator[None]:
    """Have Django's migrate command make its executor with `factory`."""
    module: Any = migrate
    before = module.MigrationExecutor
    module.MigrationExecutor = factory
    try:
        yield
    finally:
        module.MigrationExecutor = before
