"""Migrations that are SQL files, which lie in `sql/` beside the module that names them.

Either a pair, `<stem>.up.sql` and `<stem>.down.sql`, or one `<stem>.sql` with sections. This is
about finding and reading them: `scripts.py` knows where statements begin, `script_run.py` sends
them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import router
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.serializer import BaseSerializer
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter

from chat.schema.errors import EmptySQLFileError, MissingSQLFileError, UnreadableSQLFileError
from chat.schema.script_errors import (
    AmbiguousSQLFileError,
    SQLSectionsError,
    UnwrittenSQLFileError,
)
from chat.schema.script_run import Script, run_script
from chat.schema.scripts import first_token, open_token, split_sections, split_statements


class RunSQLFile(RunSQL):
    """Run SQL that lies in `sql/` beside the migration.

    `RunSQLFile(__file__)` runs the files that are named after the migration, and
    `RunSQLFile(__file__, "0001_x")` those of another stem: the pair `0001_x.up.sql` and
    `0001_x.down.sql`, or the one file `0001_x.sql`, which both paths then name, with the lines
    `-- UP` and `-- DOWN` above its sections. Without a down file or section the operation is
    irreversible and `down_path` is None.

    The files are read when the migration is imported, so that one that is missing stops a plan
    before its first step. Their statements are sent one by one and without parameters, as psql
    does: `%` and dollar quotes need no care, with `atomic = False` each commits by itself, and of
    each that fails the line is known.

    Raises:
        MissingSQLFileError: there is no file that goes up.
        AmbiguousSQLFileError: there are both the one file and one of the pair.
        SQLSectionsError: the one file has no `-- UP`, a marker twice, or a statement before them.
        EmptySQLFileError: a file or section has nothing but white space.
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
        self._up, self._down = _read_scripts(module.parent / "sql", self.stem)
        self.up_path = self._up.path
        self.down_path = self._down.path if self._down else None
        super().__init__(
            sql=self._up.text,
            reverse_sql=self._down.text if self._down else None,
            state_operations=state_operations,
            hints=hints,
            elidable=elidable,
        )

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Run the statements that go up.

        Raises:
            UnwrittenSQLFileError: there are none.
            TransactionInSQLFileError: one of them is BEGIN, COMMIT or their like, and the
                migration is atomic; nothing was run.
            SQLFileFailedError: one of them failed.
        """
        if router.allow_migrate(schema_editor.connection.alias, app_label, **self.hints):
            if not split_statements(self._up.text) and not schema_editor.collect_sql:
                raise UnwrittenSQLFileError(self._up.path)
            run_script(self._up, schema_editor)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Run the statements that go down; none is fine, which is how a file says so.

        Raises:
            NotImplementedError: the operation is irreversible.
            TransactionInSQLFileError: one of them is BEGIN, COMMIT or their like, and the
                migration is atomic; nothing was run.
            SQLFileFailedError: one of them failed.
        """
        if self._down is None:
            raise NotImplementedError("You cannot reverse this operation")
        if router.allow_migrate(schema_editor.connection.alias, app_label, **self.hints):
            run_script(self._down, schema_editor)

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


def _read_scripts(folder: Path, stem: str) -> tuple[Script, Script | None]:
    one, up, down = (folder / f"{stem}{suffix}" for suffix in (".sql", ".up.sql", ".down.sql"))
    beside = [path for path in (up, down) if path.exists()]
    if one.exists():
        if beside:
            raise AmbiguousSQLFileError(one, beside=beside)
        return _read_sections(one)
    if not up.exists():
        raise MissingSQLFileError(up)
    return _read_script(up), _read_script(down) if down.exists() else None


def _read_script(path: Path) -> Script:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UnreadableSQLFileError(path, position=exc.start) from exc
    if not text.strip():
        raise EmptySQLFileError(path)
    return Script(path=path, text=text)


def _read_sections(path: Path) -> tuple[Script, Script | None]:
    """Return the scripts of one file; a quote without an end could hide a marker, so is refused."""
    whole = _read_script(path)
    sections = split_sections(whole.text)
    found: dict[str, Script] = {}

    def refusal(position: int, reason: str) -> SQLSectionsError:
        return SQLSectionsError(path, line=whole.line_at(position), reason=reason)

    if unfinished := open_token(whole.text):
        raise refusal(unfinished.start, "the quote or comment that begins here has no end")
    for section in sections:
        if section.name in found:
            raise refusal(section.marker, f"`-- {section.name.upper()}` a second time")
        if not section.text.strip():
            raise EmptySQLFileError(path)
        first_line = whole.line_at(section.start)
        found[section.name] = Script(path=path, text=section.text, first_line=first_line)
    preamble = whole.text[: sections[0].marker] if sections else whole.text
    if stray := first_token(preamble):
        raise refusal(stray.start, "a statement before the first marker line")
    if "up" not in found:
        raise refusal(len(whole.text.rstrip()), "the file ends without a line `-- UP`")
    return found["up"], found.get("down")


class _FileOfModule:
    """Stands for the name `__file__` of whichever module it is written into."""


class _FileOfModuleSerializer(BaseSerializer):
    def serialize(self) -> tuple[str, set[str]]:
        return "__file__", set()


MigrationWriter.register_serializer(_FileOfModule, _FileOfModuleSerializer)
