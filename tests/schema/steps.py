"""Steps of the situations in which a test has a hand."""

import os
import time
from pathlib import Path
from typing import Any


def wait_for_the_test(point: str) -> None:
    """Say by a file that `point` is reached, and wait until the test lets it pass by another."""
    directory = os.environ.get("SITUATION_PAUSES")
    if directory is None:
        return
    if point == "rollback" and not _is_rehearsed(directory):
        return
    reached, passed = Path(directory, f"{point}.reached"), Path(directory, f"{point}.passed")
    reached.touch()
    while not passed.exists():
        time.sleep(0.02)


def _is_rehearsed(directory: str) -> bool:
    """Return whether this is not the first time: a rollback is rehearsed before it is begun."""
    rehearsed = Path(directory, "rollback.rehearsed")
    if rehearsed.exists():
        return True
    rehearsed.touch()
    return False


def stray(apps: Any) -> None:
    """Work on another connection than the migration is given; a test may choose how."""
    # Without using(), which is to say on `default`.
    apps.get_model("strays", "Ship").objects.all().delete()
