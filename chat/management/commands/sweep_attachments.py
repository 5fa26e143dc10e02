"""Remove reserved attachments that were never sent, and list the files to be removed."""

import sys
from argparse import ArgumentTypeError
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.core.management.base import CommandError, CommandParser

from chat.management.commands._bulk import refusals_as_command_errors
from chat.rules.limits import SWEEP_LIMIT
from chat.schema.management.commands._base import SchemaCommandMixin, wrong_call
from chat.services.attachments import (
    SweptFile,
    confirm_removal,
    files_to_remove,
    sweep_attachments,
    unsent_attachments,
)
from chat.services.core.purging import purger

_MEBIBYTE = 1024 * 1024


class Command(SchemaCommandMixin):
    """Remove reserved attachments that were never sent, and list the files to be removed."""

    help = (
        "Remove attachments that were reserved and never sent. Their files, like those of all "
        "other deleted rows, are then to be removed from the file store: --discarded prints their "
        "keys, --confirm reads the keys of those that were removed. Keys go to stdout, one a line; "
        "messages go to stderr."
    )
    details = """\
It destroys the rows of attachments that nobody sent in time; --dry-run shows which. It touches no
file: the key of each is kept until --confirm, whatever deleted its row (this command, an erasure, a
new avatar, a person), and --discarded prints it until then. The program that removes the files
(./remove below) must not fail when one is gone already, and prints the keys of those that are gone.

exit codes:
  0  done, or nothing to do
  1  error; the batches before it stay done
 64  the command line is wrong; nothing was done
130  stopped by Ctrl-C or SIGTERM; the batches before it stay done

examples:
  python manage.py sweep_attachments --discarded | ./remove > removed
  python manage.py sweep_attachments --confirm < removed
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to do instead of sweeping, and the options --older-than and --batch."""
        instead = parser.add_mutually_exclusive_group()
        instead.add_argument(
            "--dry-run", action="store_true", help="Print the keys, and remove nothing."
        )
        instead.add_argument(
            "--discarded",
            action="store_true",
            help="Sweep nothing; print the keys of all files that no row names, the oldest first.",
        )
        instead.add_argument(
            "--confirm",
            action="store_true",
            help="Sweep nothing; read the keys of removed files from stdin, one a line, and forget "
            "them.",
        )
        parser.add_argument(
            "--older-than",
            type=_hours,
            metavar="HOURS",
            help="Sweep only what was reserved at least so many hours ago (default: 24).",
        )
        parser.add_argument(
            "--batch",
            type=_batch,
            default=1000,
            metavar="N",
            help="How many rows to take in one transaction (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep, or do what is asked for instead."""
        self._kept = "Nothing was changed."
        with refusals_as_command_errors(kept=lambda: f"{self._kept} Run it again to go on."):
            self._do(options)

    def _do(self, options: dict[str, Any]) -> None:
        if options["discarded"] or options["confirm"]:
            if options["older_than"] is not None:
                raise wrong_call(
                    "--older-than has no meaning with --discarded or --confirm; leave it out."
                )
            (self._confirm if options["confirm"] else self._list_discarded)(options["batch"])
            return
        # No time at all is a time too.
        age = timedelta(hours=24) if options["older_than"] is None else options["older_than"]
        before = purger().now - age
        if options["dry_run"]:
            # Repeated in batches it would find the same again.
            swept = unsent_attachments(before=before, limit=SWEEP_LIMIT)
            self._print(file.storage_key for file in swept)
            more = " or more" if len(swept) == SWEEP_LIMIT else ""
            self._tell(f"Would remove {_count(swept)}{more}; nothing was changed.")
            return
        self._sweep(before, options["batch"])

    def _sweep(self, before: datetime, batch: int) -> None:
        total: list[SweptFile] = []
        while True:
            swept = sweep_attachments(before=before, limit=batch)
            self._print(file.storage_key for file in swept)
            total += swept
            self._kept = f"{len(total):,} unsent attachments are removed and stay it."
            if len(swept) < batch:
                break
        self._tell(f"Removed {_count(total)}.")

    def _list_discarded(self, batch: int) -> None:
        count, after = 0, None
        while files := files_to_remove(limit=batch, after=after):
            self._print(file.storage_key for file in files)
            count, after = count + len(files), files[-1].id
        self._tell(f"{count} files are to be removed.")

    def _confirm(self, batch: int) -> None:
        # None where it is closed, as for some jobs.
        keys = _keys_of(sys.stdin or ())
        read = confirmed = 0
        try:
            while storage_keys := list(islice(keys, batch)):
                confirmed += confirm_removal(storage_keys=storage_keys)
                read += len(storage_keys)
                self._kept = f"{confirmed:,} files are forgotten and stay it."
        except ValueError as error:  # an InvalidInput, or bytes that are no text
            raise CommandError(f"After {read} keys of stdin: {error}") from error
        self._tell(f"Read {read} keys; {confirmed} files were on the list and are forgotten.")

    def _print(self, keys: Iterable[str]) -> None:
        for key in keys:
            # A reader of lines would take it for two keys, the second perhaps of a file in use.
            if "\n" in key or "\r" in key:
                self._tell(f"Not printed, because it has a line break in it: {key!r}")
            else:
                self.stdout.write(key)
        self.stdout.flush()

    def _tell(self, message: str) -> None:
        self.stderr.write(message, style_func=str)


def _keys_of(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if key := line.rstrip("\r\n"):
            yield key


def _count(swept: list[SweptFile]) -> str:
    size = sum(file.size_bytes for file in swept) / _MEBIBYTE
    return f"{len(swept)} unsent attachments of {size:.1f} MiB"


def _hours(text: str) -> timedelta:
    try:
        hours = timedelta(hours=float(text))
    except (ValueError, OverflowError):
        hours = timedelta(-1)
    if not timedelta(0) <= hours <= timedelta(days=3650):
        raise ArgumentTypeError(f"{text!r} is not a number of hours from 0 to 87600")
    return hours


def _batch(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= SWEEP_LIMIT:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to {SWEEP_LIMIT}")
    return int(text)
