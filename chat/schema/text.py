"""Text for terminals: 80 columns, and paths as people write them."""

import textwrap
from pathlib import Path
from typing import Final

WIDTH: Final = 80


def wrapped(text: str, *, indent: str = "") -> list[str]:
    """Return the text in lines of at most `WIDTH`, words kept whole.

    What is indented goes on two columns further in.
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
