"""Fewer collections of garbage while many migrations run."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Instead of 700. Each migration makes tens of thousands of objects that stay, for they are the
# state of the models; to look through them all again and again took a twentieth of a run from zero.
_NEW_OBJECTS = 100_000


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let garbage wait until there is much of it, for as long as the block lasts."""
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
