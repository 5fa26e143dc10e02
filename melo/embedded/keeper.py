"""The process that stops the server when its last user was killed.

Started with the server, as `python -m melo.embedded.keeper DATA_DIR LOCK_FD`; the descriptor
already holds the keeper's lock. Order of locks: users (let go at once), control, users.
"""

import os
import sys
import time
from pathlib import Path

from melo.embedded.layout import Layout
from melo.embedded.locks import excluding, wait_until_unused
from melo.embedded.stop import Outcome, stop_if_unused

# A user that is killed while it starts the server leaves one that has no pid file yet.
_LATE_START_SECONDS = 2


def keep(layout: Layout, *, lock_fd: int) -> None:
    """Wait until nobody uses the server, then make sure that it has stopped."""
    is_last_look = False
    while True:
        wait_until_unused(layout.users_lock)
        with excluding(layout.control_lock):
            outcome = stop_if_unused(layout)
            if outcome is Outcome.STOPPED or (outcome is Outcome.NOT_RUNNING and is_last_look):
                # Before others get the control lock, so that they know to start a new keeper.
                os.close(lock_fd)
                return
            is_last_look = outcome is Outcome.NOT_RUNNING
        if is_last_look:
            time.sleep(_LATE_START_SECONDS)


def main() -> None:
    """Keep the server of the data directory named on the command line."""
    data_dir, lock_fd = sys.argv[1:]
    try:
        keep(Layout(data=Path(data_dir)), lock_fd=int(lock_fd))
    except FileNotFoundError:
        # The whole directory was removed; a server notices that by itself, and stops.
        return


if __name__ == "__main__":
    main()
