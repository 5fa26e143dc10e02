"""Remove reserved attachments that were never sent."""

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction
from django.utils import timezone

from chat.management.commands._base import SchemaCommandMixin
from chat.services.attachments import (
    SWEEP_LIMIT,
    SweptFile,
    sweep_attachments,
    unsent_attachments,
)
from chat.services.use_case import alias

_MEBIBYTE = 1024 * 1024


class Command(SchemaCommandMixin):
    """Remove reserved attachments that were never sent."""

    help = (
        "Remove attachments that were reserved and never sent, and print the storage keys of the "
        "files that may go, one a line, to stdout; what was done is told on stderr. The keys of a "
        "batch are printed before it is committed: if the reader goes away, its rows stay, and are "
        "found again."
    )
    details = """\
It destroys the rows of attachments that nobody sent in time, and with them what names their files;
the files it leaves to whoever reads the keys. --dry-run shows what would go.

exit codes:
  0  removed, or nothing to remove
  1  error; the batches that were removed before it stay so

examples:
  python manage.py sweep_attachments --dry-run
  python manage.py sweep_attachments --older-than 48 | xargs -r -n 1 remove-from-storage
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --older-than, --batch and --dry-run."""
        parser.add_argument(
            "--older-than",
            type=_hours,
            default=timedelta(hours=24),
            metavar="HOURS",
            help="Only what was reserved so many hours ago or more (default: 24).",
        )
        parser.add_argument(
            "--batch",
            type=_batch,
            default=1000,
            metavar="N",
            help="How many rows to remove in one transaction (default: %(default)s).",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Print the keys, and remove nothing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep batch by batch, until one comes back with room in it."""
        before = timezone.now() - options["older_than"]
        if options["dry_run"]:
            # Repeated in batches it would find the same again.
            swept = unsent_attachments(before=before, limit=SWEEP_LIMIT)
            self._print(swept)
            more = " or more" if len(swept) == SWEEP_LIMIT else ""
            self._tell(f"Would remove {_count(swept)}{more}; nothing was changed.")
            return
        total: list[SweptFile] = []
        while True:
            with transaction.atomic(using=alias()):
                swept = sweep_attachments(before=before, limit=options["batch"])
                self._print(swept)
            total += swept
            if len(swept) < options["batch"]:
                break
        self._tell(f"Removed {_count(total)}.")

    def _print(self, swept: list[SweptFile]) -> None:
        for file in swept:
            self.stdout.write(file.storage_key)
        self.stdout.flush()

    def _tell(self, message: str) -> None:
        self.stderr.write(message, style_func=str)


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
