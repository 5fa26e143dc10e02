"""The system check of the database itself; runs with `check --database` and before `migrate`."""

from typing import Any

from django.core.checks import CheckMessage, Error
from django.db.backends.base.validation import BaseDatabaseValidation

from melo.postgresql.errors import TOO_OLD_CHECK, DatabaseUnavailable, Reason


class DatabaseValidation(BaseDatabaseValidation):
    """Checks that the server is new enough."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Return melo.E001 for a server that is too old.

        Raises:
            DatabaseUnavailable: it cannot be reached, so nothing can be said about it.
        """
        try:
            self.connection.ensure_connection()
        except DatabaseUnavailable as error:
            if error.reason is not Reason.TOO_OLD:
                raise
            wrong, *rest = str(error).removeprefix(f"({TOO_OLD_CHECK}) ").split("\n")
            return [Error(wrong, hint=" ".join(rest), obj=self.connection.alias, id=TOO_OLD_CHECK)]
        return []
