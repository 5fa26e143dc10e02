"""Purge old messages for good, or a deleted server with all that is in it."""

from argparse import ArgumentTypeError
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error, connections

from chat.management.commands._bulk import refusals_as_command_errors
from chat.management.commands.check_integrity import space_id
from chat.models import DirectConversation
from chat.schema.management.commands._base import SchemaCommandMixin, wrong_call
from chat.services.core.purging import (
    HeldError,
    Policy,
    Purger,
    old_conversations,
    policies,
    purge_messages,
    purge_server,
    purger,
)
from chat.services.core.use_case import write_alias

_LARGEST_BATCH = 10_000
# A hundred years: before that there is no message.
_LONGEST_DAYS = 36_500
# So many of what failed are named again at the end.
_NAMED = 100


class Command(SchemaCommandMixin):
    """Purge old messages for good, or a deleted server with all that is in it."""

    help = (
        "Purge the messages of servers that are older than their retention_days, or than "
        "--older-than, with --conversations those of conversations; or with --whole a deleted "
        "server with all that is in it. What is under a legal hold is passed over and named."
    )
    details = """\
It destroys messages for good, with their files, reactions and earlier versions; --dry-run counts
them and changes nothing. Answers stay and answer nothing; the keys of the files wait in
discarded_files. Age is by the clock of the database. Conversations are touched with --conversations
alone, and have no retention_days. It works in batches, each in a transaction of its own: stopped
anywhere, it keeps what was done, and the next run goes on. It needs the rights of the tables'
owner, who also sets the policy: UPDATE servers SET retention_days = 365, or legal_hold_at = now();
the latter of a conversation in channels.

exit codes:
  0  done, or nothing to do
  1  error, or stopped; what fails is named, and the others are purged all the same
 64  the command line is wrong; nothing was done

examples:
  python manage.py purge --older-than 365d --server 019c26e8-3c80-712f-8ab9-9cedd464d8c3
  python manage.py purge --older-than 730d --conversations --dry-run
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what is to be purged, and how."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--older-than",
            type=days,
            metavar="DAYS",
            help="Messages older than so many days, as in 365d, in place of each server's own "
            "retention_days.",
        )
        what.add_argument(
            "--whole",
            action="store_true",
            help="All of the server that --server names, which is marked as deleted.",
        )
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--server", type=space_id, metavar="ID", help="Only this server.")
        where.add_argument(
            "--conversations",
            type=space_id,
            nargs="?",
            const=True,
            metavar="ID",
            help="In place of servers all conversations, or this one; takes --older-than.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Count what would be purged, and change nothing."
        )
        parser.add_argument(
            "--batch",
            type=_batch,
            default=1000,
            metavar="N",
            help="How many messages to take in one transaction, for which senders in the channel "
            "wait (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Estimate, then purge, server by server."""
        self._gone = self._total = self._places = 0
        try:
            with refusals_as_command_errors(kept=self._kept):
                self._purge(options)
        except KeyboardInterrupt:
            raise CommandError(f"Stopped. {self._kept()}") from None

    def _purge(self, options: dict[str, Any]) -> None:
        who = purger()
        found = _policies(options, who.now)
        _require_rights(who)
        failed: list[Policy] = []
        for policy in found:
            before = _before(policy, who.now, options["older_than"])
            if before is None and not options["whole"]:
                continue
            if policy.is_held:
                self.stdout.write(f"{_named(policy)}: under a legal hold, passed over.")
                continue
            try:
                self._purge_one(policy, before, options)
            except HeldError:
                self.stdout.write(f"{_named(policy)}: held, restored or gone meanwhile, left.")
            except Error as error:
                # Without a connection it would be the same with every server that is left.
                if not connections[write_alias()].is_usable():
                    raise
                failed.append(policy)
                said = str(error).strip().partition("\n")[0]
                self.stdout.write(f"{_named(policy)}: FAILED, {said}")
        if options["conversations"]:
            self.stdout.write(
                f"conversations: {self._total:,} messages to purge in {self._places:,}."
            )
        if failed:
            names = [*map(_named, failed[:_NAMED]), *(["others"] if failed[_NAMED:] else [])]
            raise CommandError(f"Failed: {', '.join(names)}. {self._kept()}")
        if not options["dry_run"]:
            self.stdout.write(f"Purged {self._gone:,} messages.")

    def _purge_one(self, policy: Policy, before: datetime | None, options: dict[str, Any]) -> None:
        space, batch = policy.space_id, options["batch"]
        total = sum(purge_messages(space, before=before, batch=batch, dry_run=True))
        self._total += total
        self._places += 1
        # Of conversations there may be a million.
        if policy.kind == "server" or options["verbosity"] > 1:
            self.stdout.write(f"{_named(policy)}: {total:,} messages to purge.")
            self.stdout.flush()
        if options["dry_run"]:
            return
        done = 0
        batches = (
            purge_server(space, batch=batch)
            if options["whole"]
            else purge_messages(space, before=before, batch=batch)
        )
        for gone in batches:
            done += gone
            self._gone += gone
            if options["verbosity"] > 1:
                self.stdout.write(f"  {done:,} of {total:,}")
                self.stdout.flush()
        if options["whole"]:
            self.stdout.write(f"{_named(policy)}: gone, with all that was in it.")

    def _kept(self) -> str:
        # The last batch may be committed and not counted yet.
        return f"At least {self._gone:,} messages are purged and stay it; run it again to go on."


def _policies(options: dict[str, Any], now: datetime) -> Iterable[Policy]:
    """Return the policies of what the options name; refuse options that name nothing."""
    if only := options["conversations"]:
        if options["older_than"] is None:
            raise wrong_call("Conversations have no retention_days; give --older-than too.")
        if only is True:
            only = None
        elif not DirectConversation.objects.using(write_alias()).filter(pk=only).exists():
            raise wrong_call(
                f"There is no conversation {only}. Give --conversations the id of one."
            )
        return old_conversations(before=now - options["older_than"], conversation=only)
    found = policies(server=options["server"])
    if options["server"] and not found:
        raise wrong_call(f"There is no server {options['server']}. Give --server the id of one.")
    if options["whole"] and not (options["server"] and found[0].is_deleted):
        raise wrong_call(
            "--whole is for one server that is marked as deleted; name it with --server, and "
            "delete it first."
        )
    return found


def _require_rights(who: Purger) -> None:
    """Raise a CommandError that names the roles, unless this role has the rights of the owner."""
    if not who.may_purge:
        raise CommandError(
            f"Role {who.role} may not purge; nothing was changed. Only {who.owner}, who owns the "
            "tables, may, and who is a member of it: set DB_USER to such a role."
        )


def _before(policy: Policy, now: datetime, older_than: timedelta | None) -> datetime | None:
    if older_than is not None:
        return now - older_than
    if policy.retention_days is None:
        return None
    return now - timedelta(days=min(policy.retention_days, _LONGEST_DAYS))


def _named(policy: Policy) -> str:
    return f"{policy.kind} {policy.space_id}"


def days(text: str) -> timedelta:
    """Return the time that an option gives in days."""
    number = text.removesuffix("d")
    if not number.isdecimal() or not 1 <= int(number) <= _LONGEST_DAYS:
        raise ArgumentTypeError(f"{text!r} is not a number of days from 1d to {_LONGEST_DAYS}d")
    return timedelta(days=int(number))


def _batch(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _LARGEST_BATCH:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to {_LARGEST_BATCH}")
    return int(text)
