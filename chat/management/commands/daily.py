"""Remove what has had its time: what a line of cron calls once a day."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import Error, connection
from django.db.models.functions import Now

from chat.errors import ChatError
from chat.management.commands._bulk import StoppedError, refusals_as_command_errors
from chat.schema.management.commands._base import SchemaCommandMixin
from chat.services.attachments import sweep_attachments
from chat.services.core.purging import purger, remove_expired_invites, remove_expired_sessions

_BATCH = 1000
_KEPT = "What is named above is done; run it again for the rest."


class Command(SchemaCommandMixin):
    """Remove what has had its time: what a line of cron calls once a day."""

    help = (
        "Remove attachments that were reserved a day ago and never sent, sessions and invites that "
        "have expired, and, where this role may purge, messages older than retention_days of their "
        "server. Prints a line with a number for each."
    )
    details = """\
It destroys what has expired, and purges messages for good where a server has retention_days; see
`purge --dry-run`. What fails is named, and the rest is done all the same. No file is removed
from the store: see sweep_attachments --discarded.

exit codes:
  0  done
  1  a part failed; the others are done
 64  the command line is wrong; nothing was done
130  stopped by Ctrl-C or SIGTERM; what was done stays done, and the next run goes on

examples:
  python manage.py daily
  python manage.py daily >> /var/log/melo-daily.log
"""
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one part after the other, and say what each did."""
        parts: dict[str, Callable[[], str]] = {
            "unsent attachments": _sweep,
            "sessions of the admin": _remove_admin_sessions,
            "sessions of users": lambda: f"removed {remove_expired_sessions():,}",
            "invites": lambda: f"removed {remove_expired_invites():,}",
            "old messages": self._purge,
        }
        with refusals_as_command_errors(kept=lambda: _KEPT):
            failed = list(self._failing(parts))
        if failed:
            rest = "The rest is done; run" if len(failed) < len(parts) else "Run"
            raise CommandError(f"Failed: {', '.join(failed)}. {rest} it again.")

    def _failing(self, parts: Mapping[str, Callable[[], str]]) -> Iterator[str]:
        for name, run in parts.items():
            # A new one where it was lost; without one each part would fail as the one before.
            connection.ensure_connection()
            try:
                said = run()
            except StoppedError:
                raise
            except (ChatError, CommandError, Error) as error:
                yield name
                said = "FAILED, " + str(error).strip().partition("\n")[0]
            self.stdout.write(f"{name}: {said}")
            self.stdout.flush()

    def _purge(self) -> str:
        who = purger()
        if not who.may_purge:
            return f"passed over, role {who.role} may not purge; {who.owner} may"
        call_command("purge", stdout=self.stdout)
        return "done"


def _sweep() -> str:
    before = purger().now - timedelta(days=1)
    removed = 0
    while swept := len(sweep_attachments(before=before, limit=_BATCH)):
        removed += swept
    return f"removed {removed:,}"


def _remove_admin_sessions() -> str:
    removed, _ = Session.objects.filter(expire_date__lt=Now()).delete()
    return f"removed {removed:,}"
