"""What can go wrong with migrations, and the exit code that each error ends in.

An error answers three questions: what is wrong, what was seen against what was expected, and what
to do next. The class docstring is the first answer.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """How a command ends; the table in README.md is the contract."""

    ERROR = 1
    PENDING = 2
    REFUSED = 3
    DRIFT = 4
    CHECKSUM = 5
    AHEAD = 6
    INTERRUPTED = 7
    USAGE = 64
    LOCKED = 75
    # What shells say of a command that ^C ended.
    STOPPED = 130


class SchemaError(Exception):
    """The command cannot go on."""

    exit_code: ClassVar[ExitCode] = ExitCode.ERROR

    def __init__(self, *, seen: str = "", next_step: str = "") -> None:
        self.seen = seen
        self.next_step = next_step
        what = (inspect.getdoc(type(self)) or "").partition("\n")[0]
        super().__init__("\n".join(answer for answer in (what, seen, next_step) if answer))


class UsageError(SchemaError):
    """The command line is wrong; nothing was done."""

    exit_code = ExitCode.USAGE


class RefusedError(SchemaError):
    """Refused; nothing was changed."""

    exit_code = ExitCode.REFUSED


class ProcessEndedError(Exception):
    """Code of a migration tried to end the process, and with it the command."""


@contextmanager
def end_of_process_refused() -> Iterator[None]:
    """Turn sys.exit() within the block into an error: the command would seem to have succeeded.

    Raises:
        ProcessEndedError: with the traceback of where that was called.
    """
    try:
        yield
    except SystemExit as exc:
        ended = ProcessEndedError(f"it called sys.exit({exc.code!r})")
        raise ended.with_traceback(exc.__traceback__) from exc
