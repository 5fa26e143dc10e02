#!/usr/bin/env python
"""Run Django's management commands for MELO."""

import os
import sys
import threading

from django.core.management import BaseCommand, CommandError, ManagementUtility

from melo.environment.errors import BadSetting

# The exit code that shells use for a command ended by ^C.
_INTERRUPTED = 130
# EX_USAGE of sysexits.h, with which the commands answer an option that they do not know.
_USAGE = 64


class _Utility(ManagementUtility):
    """Django's, which has an exit code of its own for a command that there is not."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Return the command; end with 64 when there is none."""
        try:
            return super().fetch_command(subcommand)
        except SystemExit:
            sys.exit(_USAGE)


def main(argv: list[str]) -> None:
    """Run the command; print one message for a setting that cannot be used."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "melo.settings")
    if "--traceback" not in argv:
        threading.excepthook = _report
    try:
        _Utility(argv).execute()
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
