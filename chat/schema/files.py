"""Migrations that are SQL files: `sql/<stem>.up.sql` and `sql/<stem>.down.sql`.

The file is the migration; the module beside it only names it. Nothing here parses SQL.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db.migrations.operations import RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.serializer import BaseSerializer
from django.db.migrations.writer import MigrationWriter

from chat.schema.errors import EmptySQLFileError, MissingSQLFileError, UnreadableSQLFileError


class RunSQLFile(RunSQL):
    """Run a SQL file that lies in `sql/` beside the migration.

    `RunSQLFile(__file__)` runs the files that are named after the migration, and
    `RunSQLFile(__file__, "0001_x")` those of another stem. Without a down file the operation is
    irreversible. The files are read when the migration is imported, so that a file that is missing
    stops a plan before its first step; each goes to the server as one script without parameters,
    so `%` and dollar quotes need no care.

    Raises:
        MissingSQLFileError: there is no up file.
        EmptySQLFileError: one of the files has nothing but white space.
        UnreadableSQLFileError: one of the files is not UTF-8.
    """

    def __init__(
        self,
        migration_file: str,
        stem: str | None = None,
        *,
        state_operations: Sequence[Operation] | None = None,
        hints: dict[str, Any] | None = None,
        elidable: bool = False,
    ) -> None:
        module = Path(migration_file)
        self.stem = stem or module.stem
        self.up_path = module.parent / "sql" / f"{self.stem}.up.sql"
        down_path = module.parent / "sql" / f"{self.stem}.down.sql"
        self.down_path = down_path if down_path.exists() else None
        if not self.up_path.exists():
            raise MissingSQLFileError(self.up_path)
        super().__init__(
            sql=_read_sql(self.up_path),
            reverse_sql=_read_sql(self.down_path) if self.down_path else None,
            state_operations=state_operations,
            hints=hints,
            elidable=elidable,
        )

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """Return how the operation is written in a squashed migration, which lies beside the old.

        `__file__` is written as that name: a path would be true on one machine only.
        """
        kwargs: dict[str, Any] = {"migration_file": _FileOfModule(), "stem": self.stem}
        if self.state_operations:
            kwargs["state_operations"] = self.state_operations
        if self.hints:
            kwargs["hints"] = self.hints
        return self.__class__.__qualname__, [], kwargs

    def __str__(self) -> str:
        return self.describe()

    def describe(self) -> str:
        """Return the line that `migrate --plan` and errors show."""
        return f"SQL file {self.stem}"


def _read_sql(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UnreadableSQLFileError(path, position=exc.start) from exc
    if not text.strip():
        raise EmptySQLFileError(path)
    return text


class _FileOfModule:
    """Stands for the name `__file__` of whichever module it is written into."""


class _FileOfModuleSerializer(BaseSerializer):
    def serialize(self) -> tuple[str, set[str]]:
        return "__file__", set()


MigrationWriter.register_serializer(_FileOfModule, _FileOfModuleSerializer)
