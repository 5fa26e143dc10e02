#!/usr/bin/env python
"""Run Django's management commands for MELO."""

import os
import sys
import threading

from django.core.management import CommandError, execute_from_command_line

from melo.environment.errors import BadSetting

# The exit code that shells use for a command ended by ^C.
_INTERRUPTED = 130


def main(argv: list[str]) -> None:
    """Run the command; print one message for a setting that cannot be used."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "melo.settings")
    if "--traceback" not in argv:
        threading.excepthook = _report
    try:
        execute_from_command_line(argv)
    except KeyboardInterrupt:
        if "--traceback" in argv:
            raise
        sys.stderr.write("\nInterrupted. What was committed stays; nothing else was changed.\n")
        sys.exit(_INTERRUPTED)
    except BadSetting as error:
        if "--traceback" in argv:
            raise
        sys.exit(f"{type(error).__name__}: {error}")


def _report(args: threading.ExceptHookArgs) -> None:
    # runserver works in a thread beside its reloader, where Django does not look for CommandError.
    if isinstance(args.exc_value, CommandError):
        sys.stderr.write(f"{type(args.exc_value).__name__}: {args.exc_value}\n")
    else:
        threading.__excepthook__(args)


if __name__ == "__main__":
    main(sys.argv)
