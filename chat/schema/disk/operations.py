"""What the operations of a migration do to the database: the state of the models is none of it."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.migrations.operations import RunPython, RunSQL, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation


def database_operations(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Yield what is done to the database, in order, also within SeparateDatabaseAndState."""
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from database_operations(operation.database_operations)
        else:
            yield operation


def undoes_nothing(operation: Operation) -> bool:
    """Return whether the way back of an operation is said to be nothing."""
    if isinstance(operation, RunSQL):
        return operation.reverse_sql == RunSQL.noop
    return isinstance(operation, RunPython) and operation.reverse_code == RunPython.noop


def sql_texts(sql: Any) -> Iterator[str]:
    """Yield the statements of what RunSQL takes: a string, or a list of strings and pairs."""
    for part in sql if isinstance(sql, (list, tuple)) else [sql]:
        yield str(part[0] if isinstance(part, (list, tuple)) else part)
