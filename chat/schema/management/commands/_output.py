"""Where the commands write: what cannot be written is lost, and ends nothing that is going on."""

import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

from django.core.management.base import CommandError

from chat.schema.text import command_line


class OutputLostError(CommandError):
    """Not all of the output could be written."""

    def __init__(self, error: Exception) -> None:
        why = getattr(error, "strerror", None) or str(error)
        super().__init__(
            f"Not all of the output could be written: {why}.\n"
            "Everything else was done. Send the output elsewhere, or make room for it; "
            f"{command_line('migration_status')} shows the state of the database."
        )


class Output:
    """A stream that raises no error: `error` is the first one, and what comes after it is lost.

    A migration that is running cannot help it that nobody reads or that a disk is full. What the
    stream cannot encode is written as an escape. Without a stream, as with a closed standard
    output, everything is lost.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.error: Exception | None = None

    def write(self, text: str) -> int:
        """Write the text, or as much of it as can be."""
        self._try(lambda stream: _write_escaped(stream, text))
        return len(text)

    def flush(self) -> None:
        """Write what is kept back until now."""
        self._try(lambda stream: stream.flush())

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return is_terminal(self._stream)

    def require_written(self) -> None:
        """Raise when something could not be written; whoever stopped reading knows.

        Raises:
            OutputLostError: something could not.
        """
        self.flush()
        if self.error is not None and not isinstance(self.error, BrokenPipeError):
            raise OutputLostError(self.error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _try(self, use: Callable[[TextIO], object]) -> None:
        if self._stream is None:
            return
        try:
            use(self._stream)
        except (OSError, ValueError) as exc:
            self.error = exc
            _discard(self._stream)
            self._stream = None


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal; one that is closed is none."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def _write_escaped(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError as exc:
        stream.write(text.encode(exc.encoding, "backslashreplace").decode(exc.encoding))


def _discard(stream: TextIO) -> None:
    """Let what the stream still keeps go nowhere, or Python would fail on it in the end."""
    if stream in {sys.__stdout__, sys.__stderr__}:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
