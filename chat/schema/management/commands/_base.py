"""What the commands share: their errors, their help, and options about migrations."""

import signal
import sys
import threading
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from typing import Any, Final, NoReturn, TextIO

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
)
from django.core.management.color import Style, no_style
from django.db import DEFAULT_DB_ALIAS, Error, connections

from chat.schema.disk.names import nearest_names
from chat.schema.errors import ExitCode, SchemaError
from chat.schema.management.commands._output import Output
from chat.schema.run.failures import statement_refused
from chat.schema.session.database import database_name, is_of_test_run
from chat.schema.session.lock import LockHolder
from chat.schema.text import PROGRAM, command_lines_with

# PostgreSQL has a timeout as milliseconds in 31 bits.
_MOST_SECONDS: Final = 2_147_483


class _HelpFormatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Django's order of options, and the text as it was written."""


class ExplainedCommand(BaseCommand):
    """Shows `details` below the options: what it may destroy, its exit codes, two examples.

    A command line that it cannot read ends with a code that is given to nothing else. It goes on
    when its output cannot be written, and says so in the end.
    """

    details: str = ""

    def __init__(
        self, stdout: TextIO | None = None, stderr: TextIO | None = None, **options: Any
    ) -> None:
        self._out, self._err = Output(stdout or sys.stdout), Output(stderr or sys.stderr)
        super().__init__(stdout=self._out, stderr=self._err, **options)  # type: ignore[arg-type]

    def run_from_argv(self, argv: list[str]) -> None:
        """Run the command as a process, which SIGTERM ends as Ctrl-C does.

        Also what others print in it goes to its output.
        """
        with redirect_stdout(self._out), redirect_stderr(self._err), _terminated_as_by_ctrl_c():
            try:
                super().run_from_argv(argv)
            finally:
                self._out.flush()
                self._err.flush()

    def print_help(self, prog_name: str, subcommand: str) -> None:
        """Print the help, as `manage.py help` does."""
        with redirect_stdout(self._out):
            super().print_help(prog_name, subcommand)
            self._out.flush()

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; what it recommends is for the same database and settings."""
        if given := options.get("stdout"):
            options["stdout"] = Output(given)
        with command_lines_with(
            settings=options.get("settings"),
            pythonpath=options.get("pythonpath"),
            database=options.get("database"),
        ):
            result = self.carry_out(*args, **options)
            (options.get("stdout") or self._out).require_written()
        return result

    def carry_out(self, *args: Any, **options: Any) -> str | None:
        """Do what Django's `execute` does."""
        return super().execute(*args, **options)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with the details kept as they were written."""
        kwargs.setdefault("formatter_class", _HelpFormatter)
        kwargs.setdefault("epilog", self.details)
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        # Django makes the parser of a class of its own.
        parser.error = partial(_end_wrong_call, parser)  # type: ignore[method-assign]
        return parser


class SchemaCommandMixin(ExplainedCommand):
    """Ends with the exit code of a SchemaError."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, in which an option of Django's can be replaced."""
        # So that an option of Django's can be added again, with a better answer to a mistake.
        kwargs.setdefault("conflict_handler", "resolve")
        return super().create_parser(prog_name, subcommand, **kwargs)

    def carry_out(self, *args: Any, **options: Any) -> str | None:
        """Run the command; the one place where a SchemaError becomes an exit code."""
        try:
            self.before_checks(options)
            return super().carry_out(*args, **options)
        except CommandError:
            # Among them those that are errors of the database or of Django as well.
            raise
        except SchemaError as exc:
            raise _as_command_error(exc, options) from exc
        except Error as exc:
            raise _as_command_error(statement_refused(exc), options) from exc

    def before_checks(self, options: dict[str, Any]) -> None:
        """Do what must be done before the system checks, which connect to the database."""

    def say(self, text: str, options: dict[str, Any], *, ending: str | None = None) -> None:
        """Write to stdout at once, unless --verbosity is 0."""
        if options["verbosity"] > 0:
            self.stdout.write(text, ending=ending)
            self.stdout.flush()

    def style_for_stdout(self, options: dict[str, Any]) -> Style:
        """Return Django's style on a terminal or with --force-color, and no style otherwise."""
        if options["force_color"] or (self.stdout.isatty() and not options["no_color"]):
            return self.style
        return no_style()


@contextmanager
def _terminated_as_by_ctrl_c() -> Iterator[None]:
    """Let SIGTERM unwind the block: what `timeout`, systemd, Kubernetes and builds stop with."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def wrong_call(message: str) -> CommandError:
    """Return the error of a wrong command line, with its exit code."""
    return CommandError(message, returncode=int(ExitCode.USAGE))


def _end_wrong_call(parser: CommandParser, message: str) -> NoReturn:
    """Do what Django's parser does about an error; argparse's own exit code means "pending"."""
    if not parser.called_from_command_line:
        raise wrong_call(f"Error: {message}")
    parser.print_usage(sys.stderr)
    parser.exit(int(ExitCode.USAGE), f"{parser.prog}: error: {message}\n")


def _as_command_error(error: SchemaError, options: Mapping[str, Any]) -> CommandError:
    said = str(error)
    connection = connections[options.get("database") or DEFAULT_DB_ALIAS]
    if PROGRAM in said and is_of_test_run(connection):
        said += (
            f"\nThis was {database_name(connection)}, which the tests made. A command in a "
            "terminal works on the database that the settings name instead. Have the tests make "
            "theirs anew: with --create-db of pytest, or without --keepdb of Django."
        )
    return CommandError(said, returncode=int(error.exit_code))


def add_database_argument(
    parser: CommandParser,
    *,
    help: str = "The alias of the database to work on (default: %(default)s).",  # noqa: A002
) -> None:
    """Add --database, as Django's own commands have it, which suggests the nearest alias."""
    parser.add_argument(
        "--database",
        default=DEFAULT_DB_ALIAS,
        choices=tuple(connections),
        type=_database_alias,
        help=help,
    )


def add_lock_wait_argument(parser: CommandParser) -> None:
    """Add --lock-wait, for commands that only one at a time may run on a database."""
    parser.add_argument(
        "--lock-wait",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="How long to wait while another migrator holds the lock (default: %(default)g).",
    )


def waiting_line(holder: LockHolder, options: dict[str, Any]) -> str:
    """Return what to say while another migrator holds the lock."""
    return f"Waiting up to {options['lock_wait']:g} s for the migration lock, held by {holder}."


def add_lock_timeout_arguments(parser: CommandParser) -> None:
    """Add --lock-timeout and --lock-retries, for commands that lock tables."""
    parser.add_argument(
        "--lock-timeout",
        type=seconds,
        default=3.0,
        metavar="SECONDS",
        help=(
            "How long a migration in one transaction may wait for a lock, while others queue "
            "behind it, before it is rolled back and tried again; 0 waits for ever "
            "(default: %(default)g)."
        ),
    )
    parser.add_argument(
        "--lock-retries",
        type=_count,
        default=5,
        metavar="N",
        help="How often it is tried again (default: %(default)s).",
    )


def _database_alias(text: str) -> str:
    known = sorted(connections)
    if text in known:
        return text
    nearest = nearest_names(text, known)
    raise ArgumentTypeError(
        f"there is no database {text!r} in the settings. "
        + (f"Did you mean {' or '.join(nearest)}?" if nearest else f"There is {', '.join(known)}.")
    )


def seconds(text: str) -> float:
    """Return the seconds that an option gives."""
    try:
        given = float(text)
    except ValueError:
        given = -1
    if not 0 <= given <= _MOST_SECONDS:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {_MOST_SECONDS}")
    return given


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is not a number of times")
    return int(text)
