"""How tables are emptied."""

from collections.abc import Iterable

from django.db import transaction
from django.db.backends.postgresql import operations


class DatabaseOperations(operations.DatabaseOperations):
    """Django's, with the setting on that lets `flush` empty tables which triggers protect."""

    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        """Empty the tables, with FLUSH_SETTING of `settings.DATABASES` on meanwhile."""
        name = self.connection.settings_dict.get("FLUSH_SETTING")
        if name is None:
            super().execute_sql_flush(sql_list)
            return
        with transaction.atomic(using=self.connection.alias):
            self._set(name, "on")
            super().execute_sql_flush(sql_list)
            # The transaction may be part of a larger one, which has no such right.
            self._set(name, "")

    def _set(self, name: str, value: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, true)", (name, value))
