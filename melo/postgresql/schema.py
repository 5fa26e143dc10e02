"""Creating tables."""

from typing import Any

from django.db.backends.postgresql import schema


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """Django's, which adds foreign keys after the keys that they refer to.

    Where a column's default has parameters Django puts off all constraints of its table, in the
    order in which models are declared; PostgreSQL wants the unique key before the foreign one.
    """

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if exc_type is None:
            self.deferred_sql.sort(key=_is_foreign_key)
        super().__exit__(exc_type, exc_value, traceback)


def _is_foreign_key(statement: object) -> bool:
    return " FOREIGN KEY " in str(statement)
