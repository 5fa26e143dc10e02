"""Text for terminals: 80 columns, paths as people write them, commands to run next."""

import shlex
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Final

from django.db import DEFAULT_DB_ALIAS

WIDTH: Final = 80
PROGRAM: Final = "python manage.py"
_WITHOUT_DATABASE: Final = frozenset({"makemigrations", "runserver"})
_options: ContextVar[Mapping[str, str]] = ContextVar("_options", default=MappingProxyType({}))


def wrapped(text: str, *, indent: str = "") -> list[str]:
    """Return the text in lines of at most `WIDTH`, words kept whole.

    With an indent, further lines are indented by two more columns.
    """
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  " if indent else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


def shortened(text: str, width: int) -> str:
    """Return the text, without its middle where it is longer than `width`."""
    if len(text) <= width:
        return text
    tail = width // 2
    return f"{text[: width - tail - 1]}…{text[-tail:]}"


def relative_to_cwd(path: Path) -> str:
    """Return a path relative to the current directory where it lies in there."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def command_line(name: str, *words: str) -> str:
    """Return the line that runs a command of manage.py on the same database as this one.

    The options for the database and the settings come before the words, because some commands pass
    on all that follows.
    """
    line = [PROGRAM, name]
    for option, value in _options.get().items():
        if option != "database" or (value != DEFAULT_DB_ALIAS and name not in _WITHOUT_DATABASE):
            line += [f"--{option}", _quoted(value)]
    return " ".join([*line, *map(_quoted, words)])


@contextmanager
def command_lines_with(**options: str | None) -> Iterator[None]:
    """Let `command_line` write these options within the block; None leaves one as it was."""
    given = {name: value for name, value in options.items() if value}
    token = _options.set({**_options.get(), **given})
    try:
        yield
    finally:
        _options.reset(token)


def _quoted(word: str) -> str:
    quoted = shlex.quote(word)
    return quoted if quoted == word or set(word) & set('"$`\\!') else f'"{word}"'
