"""Who migrates: user and host."""

import getpass
import os
import socket
from functools import cache


@cache
def operating_system_user() -> str:
    """Return who runs this process, and where: `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # In a container, a number that nobody gave a name.
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
