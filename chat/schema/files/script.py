"""Sends the SQL of one direction of a migration, and tells on which line it failed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from django.db import DatabaseError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from psycopg.pq import TransactionStatus

from chat.schema.files.errors import SQLFileFailedError, TransactionInSQLFileError
from chat.schema.files.tokens import Statement, TokenKind, line_at, split_statements, tokens
from chat.schema.session.server_errors import advice, server_message


@dataclass(frozen=True, kw_only=True)
class Script:
    """The SQL of one direction; the text begins on line `first_line` of the file."""

    path: Path
    text: str
    first_line: int = 1

    @cached_property
    def statements(self) -> Sequence[Statement]:
        """The statements in order."""
        return split_statements(self.text)

    def line_at(self, position: int) -> int:
        """Return the line of the file that has this position of the text."""
        return self.first_line + line_at(self.text, position) - 1


def run_script(script: Script, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Send the statements of a script one by one, or give them to `sqlmigrate` as they are written.

    One by one also within a transaction: of what fails there without a position (a name that is
    taken, a row that breaks a rule, a lock that was not free in time) only this tells the line.

    Raises:
        TransactionInSQLFileError: one of them is BEGIN, COMMIT or their like, and the connection
            is in a transaction; nothing was sent.
        SQLFileFailedError: one of them failed.
    """
    if schema_editor.collect_sql:
        schema_editor.execute(script.text, params=None)
        return
    is_atomic = schema_editor.connection.in_atomic_block
    if is_atomic:
        for statement in filter(_is_about_transactions, script.statements):
            raise TransactionInSQLFileError(
                script.path, line=script.line_at(statement.start), statement=statement.text
            )
    begin: Statement | None = None
    for statement in script.statements:
        try:
            schema_editor.execute(statement.text, params=None)
        except DatabaseError as exc:
            left = _left(script, statement, begin, is_atomic=is_atomic)
            raise _failure(script, statement, exc, left=left) from exc.__cause__
        info = schema_editor.connection.connection.info
        is_open = not is_atomic and info.transaction_status is not TransactionStatus.IDLE
        begin = (begin or statement) if is_open else None


def _is_about_transactions(statement: Statement) -> bool:
    """Tell what begins or ends a transaction; savepoints do neither."""
    first, second = (*statement.words, "", "")[:2]
    if first == "rollback":
        return second != "prepared" and "to" not in statement.words
    if first in {"start", "prepare"}:
        return second == "transaction"
    return first in {"begin", "commit", "end", "abort"} and second != "prepared"


def _left(script: Script, failed: Statement, begin: Statement | None, *, is_atomic: bool) -> str:
    """Return what is left of the file; `begin` opened a transaction of its own that is not over."""
    if is_atomic:
        return "Nothing of the file was kept."
    kept, undone = (begin, ", and the rest was rolled back") if begin else (failed, "")
    return (
        f"What the file did before line {script.line_at(kept.start)} is kept, as the migration is "
        f"not atomic{undone}. Undo it, or make those statements safe to run twice."
    )


def _failure(
    script: Script, statement: Statement, error: DatabaseError, *, left: str
) -> SQLFileFailedError:
    diagnosis = getattr(error.__cause__, "diag", None)
    position = statement.start + _position(statement.text, diagnosis)
    line = script.line_at(position)
    return SQLFileFailedError(
        script.path,
        line=line,
        source=script.text.split("\n")[line - script.first_line].strip(),
        server_message=server_message(error),
        next_step=f"{left} {advice(error, otherwise='Correct it, then run it again.')}",
    )


# What a DO block was doing; the words around it are in the server's language.
_LINE_OF_DO_BLOCK = re.compile(r"inline_code_block\D+(\d+)")


def _position(statement: str, diagnosis: Any) -> int:
    """Return where in the statement the server points at, else 0.

    Errors in the text have a position. Of errors while a DO block runs, the server tells the line
    of its body, counted from where the body's quote opens; the outermost block comes last.
    """
    if diagnosis is None:
        return 0
    if diagnosis.statement_position:
        return min(int(diagnosis.statement_position) - 1, len(statement))
    lines = _LINE_OF_DO_BLOCK.findall(diagnosis.context or "")
    bodies = [token for token in tokens(statement) if token.kind is TokenKind.DOLLAR_QUOTED]
    if not lines or not bodies or statement[:2].lower() != "do":
        return 0
    position = bodies[0].start
    for _ in range(int(lines[-1]) - 1):
        position = statement.find("\n", position) + 1
    return position
