"""Migrations that are SQL files, which lie in `sql/` beside the module that names them.

Either a pair, `<stem>.up.sql` and `<stem>.down.sql`, or one `<stem>.sql` with sections. They are
found and read here; tokens.py knows where statements begin, and script.py sends them.
"""

import codecs
import re
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

from chat.schema.files.errors import (
    AmbiguousSQLFileError,
    EmptySQLFileError,
    MissingSQLFileError,
    PsqlCommandError,
    SQLSectionsError,
    UnreadableSQLFileError,
    UnwrittenSQLFileError,
)
from chat.schema.files.script import Script, run_script
from chat.schema.files.tokens import (
    Lookalike,
    first_token,
    for_psql_alone,
    hidden_text,
    lookalikes,
    open_token,
    split_sections,
)

_BOM = "\ufeff"
_MARKS_OF_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32LE",
    codecs.BOM_UTF32_BE: "UTF-32BE",
    codecs.BOM_UTF16_LE: "UTF-16LE",
    codecs.BOM_UTF16_BE: "UTF-16BE",
}


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
        SQLSectionsError: the one file has no `-- UP`, a marker twice, or a statement before them;
            or a comment looks like a marker of the other way than the one it is on.
        EmptySQLFileError: a file or section has nothing but white space.
        PsqlCommandError: one of them has a command of psql's own, or COPY FROM STDIN.
        UnreadableSQLFileError: one of the files is not UTF-8, has a NUL in it, or a character
            that hides what the server runs.
    """

    # Squashed migrations write this path, which applied ones import.
    __module__ = "chat.schema.files"

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
            if not self._up.statements and not schema_editor.collect_sql:
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
    return _read_one_way(up, "up"), _read_one_way(down, "down") if down.exists() else None


def _read_one_way(path: Path, name: str) -> Script:
    """Return the script of one of a pair, which has no sections."""
    script = _read_script(path)
    _refuse_psql_commands(script)
    if lookalike := _other_way(script, than=name):
        stem = path.name.removesuffix(f".{name}.sql")
        raise SQLSectionsError(
            path,
            line=script.line_at(lookalike.start),
            reason=f"{lookalike} looks like a marker, and all of this file runs on the way {name}",
            next_step=(
                f"Put each way into its own file, {stem}.up.sql and {stem}.down.sql. Or put both "
                f"into one, {stem}.sql, below lines `-- UP` and `-- DOWN`, and remove the pair. A "
                "comment that is meant as no marker needs other words."
            ),
        )
    return script


def _other_way(script: Script, *, than: str | None) -> Lookalike | None:
    """Return the first that looks like a marker of another section than that which it is in."""
    for lookalike in lookalikes(script.text, script.statements):
        if lookalike.names != {than}:
            return lookalike
    return None


def _read_script(path: Path) -> Script:
    content = path.read_bytes()
    if found := _no_text(content):
        position, what = found
        line = len(re.findall(rb"\r\n?|\n", content[:position])) + 1
        raise UnreadableSQLFileError(path, position=position, line=line, what=what)
    text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise EmptySQLFileError(path)
    return Script(path=path, text=text)


def _refuse_psql_commands(script: Script) -> None:
    if (start := for_psql_alone(script.statements)) is not None:
        source = script.text[start:].partition("\n")[0]
        raise PsqlCommandError(script.path, line=script.line_at(start), source=source)


def _no_text(content: bytes) -> tuple[int, str] | None:
    """Return the first byte of what is no text, or hides some, and what it looks like."""
    text, end = "", len(content)
    try:
        text = content.decode()
    except UnicodeDecodeError as exc:
        end = exc.start
    position = content.find(b"\0", 0, end)
    if position < 0:
        position = end
    if position < len(content):
        return position, _looks_like(content[position:])
    mark = _BOM if text.startswith(_BOM) else ""
    if hidden := hidden_text(text.removeprefix(mark)):
        index, what = hidden
        return len(text[: len(mark) + index].encode()), what
    return None


def _looks_like(rest: bytes) -> str:
    for mark, encoding in _MARKS_OF_ENCODINGS.items():
        if rest.startswith(mark):
            return f"the byte order mark of {encoding}"
    if rest[0]:
        return f"0x{rest[0]:02X} is not part of any UTF-8 character"
    what = "NUL (0x00), at which a statement would be cut off"
    if rest[:3] == b"\0\0\0" and any(rest):
        return f"{what}; from there it looks like UTF-32"
    if rest[1:2] != b"\0" and rest[2:3] == b"\0":
        # Each NUL is the half of a character that comes last in LE, and first in BE.
        return f"{what}; from there it looks like UTF-16{'LE' if len(rest) % 2 else 'BE'}"
    return what


def _read_sections(path: Path) -> tuple[Script, Script | None]:
    """Return the scripts of one file; a quote without an end could hide a marker, so is refused."""
    whole = _read_script(path)
    sections = split_sections(whole.text)
    found: dict[str, Script] = {}

    def refusal(position: int, reason: str) -> SQLSectionsError:
        return SQLSectionsError(path, line=whole.line_at(position), reason=reason)

    unfinished = open_token(whole.text, sections)
    if unfinished is not None:
        raise refusal(unfinished, "the quote or comment that begins here has no end")
    first = sections[0].marker if sections else len(whole.text)
    preamble = Script(path=path, text=whole.text[:first])
    for section in sections:
        if section.name in found:
            raise refusal(section.marker, f"`-- {section.name.upper()}` a second time")
        if not section.text.strip():
            raise EmptySQLFileError(path)
        first_line = whole.line_at(section.start)
        found[section.name] = Script(path=path, text=section.text, first_line=first_line)
    for name, script in [(None, preamble), *found.items()]:
        _refuse_psql_commands(script)
        if lookalike := _other_way(script, than=name):
            reason = f"{lookalike} looks like a marker and is none"
            raise SQLSectionsError(path, line=script.line_at(lookalike.start), reason=reason)
    if stray := first_token(preamble.text):
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
