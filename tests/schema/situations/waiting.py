"""Operations that stop until the test says so, by a file, for as long as the test needs."""

import os
import time
from pathlib import Path


def wait_for_the_test(point: str) -> None:
    """Say that `point` is reached, and wait until the test lets it pass; twice is not waited."""
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
