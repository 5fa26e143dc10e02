"""Stopping the server when nobody uses it; the caller holds the control lock."""

import contextlib
from enum import Enum, auto

from melo.embedded.layout import Layout
from melo.embedded.locks import is_unused
from melo.embedded.postmaster import stop_postmaster


class Outcome(Enum):
    """What `stop_if_unused` found."""

    IN_USE = auto()
    STOPPED = auto()
    NOT_RUNNING = auto()


def stop_if_unused(layout: Layout) -> Outcome:
    """Stop the server and wait until it is gone, unless somebody uses it."""
    if not is_unused(layout.users_lock):
        return Outcome.IN_USE
    # Asked before it stops, for somebody may remove the data as soon as it has.
    socket_dir = layout.socket_dir(uid=layout.data.stat().st_uid)
    was_running = stop_postmaster(layout.data)
    with contextlib.suppress(OSError):  # it is not empty after a crash; the next start copes
        socket_dir.rmdir()
    return Outcome.STOPPED if was_running else Outcome.NOT_RUNNING
