"""Purge old messages for good, or a deleted server with all that is in it."""

from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.db import Error, connections
from psycopg.errors import DiskFull, ReadOnlySqlTransaction

from chat.errors import ChatError
from chat.management.commands._bulk import refusals_as_command_errors
from chat.management.commands.check_integrity import space_id
from chat.models import DirectConversation
from chat.schema.management.commands._base import SchemaCommandMixin, wrong_call
from chat.services.core.purging import (
    HeldError,
    OldMessages,
    Policy,
    Purger,
    batches,
    old_conversations,
    old_messages,
    policies,
    purge_emptied_server,
    purge_messages,
    purger,
    spaces_at_once,
)
from chat.services.core.use_case import write_alias

_LARGEST_BATCH = 10_000
# A hundred years: before that there is no message.
_LONGEST_DAYS = 36_500
_SAME_FOR_ALL = (DiskFull, ReadOnlySqlTransaction)
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
  1  error; what fails is named, and the others are purged all the same
 64  the command line is wrong; nothing was done
130  stopped by Ctrl-C or SIGTERM; what is purged stays it, and the next run goes on

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
            help="How many messages to take in one transaction, for which senders in their "
            "channels wait (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Count, then purge, server by server, or many conversations at a time."""
        self._gone = self._total = self._places = 0
        # Those that could not be purged: held meanwhile, or failed.
        self._left: set[UUID] = set()
        self._failed: list[Policy] = []
        with refusals_as_command_errors(kept=self._kept):
            self._purge(options)

    def _purge(self, options: dict[str, Any]) -> None:
        who = purger()
        found = _policies(options, who.now)
        _require_rights(who)
        due = self._due(found, who.now, options)
        if not (options["conversations"] or options["whole"] or options["older_than"]) and all(
            policy.retention_days is None for policy in found
        ):
            self.stdout.write("No retention_days: nothing to purge without --older-than.")
        # Each server has a time of its own.
        at_once = spaces_at_once() if options["conversations"] else 1
        while group := list(islice(due, at_once)):
            self._purge_spaces([policy for policy, _ in group], group[0][1], options)
        if options["conversations"]:
            self.stdout.write(
                f"conversations: {self._total:,} messages to purge in {self._places:,}."
            )
        if self._failed:
            named = map(_named, self._failed[:_NAMED])
            names = [*named, *(["others"] if self._failed[_NAMED:] else [])]
            raise CommandError(f"Failed: {', '.join(names)}. {self._kept()}")
        if not options["dry_run"]:
            self.stdout.write(f"Purged {self._gone:,} messages.")

    def _due(
        self, found: Iterable[Policy], now: datetime, options: dict[str, Any]
    ) -> Iterator[tuple[Policy, datetime | None]]:
        """Yield each that has something to purge by its policy, with the moment up to which."""
        for policy in found:
            before = _before(policy, now, options["older_than"])
            if before is None and not options["whole"]:
                continue
            if policy.is_held:
                self.stdout.write(f"{_named(policy)}: under a legal hold, passed over.")
                continue
            yield policy, before

    def _purge_spaces(
        self, policies: Sequence[Policy], before: datetime | None, options: dict[str, Any]
    ) -> None:
        batch = options["batch"]
        by_policy = not (options["older_than"] or options["whole"])
        days = policies[0].retention_days if by_policy else None
        parts: list[OldMessages] = []

        def look(spaces: list[UUID]) -> None:
            parts.extend(list(old_messages(spaces, before=before, batch=batch)))

        def purge(spaces: list[UUID]) -> None:
            own = [part for part in taken if part.space_id in spaces]
            self._gone += purge_messages(own, before=before, retention_days=days)

        self._together(policies, look)
        self._say_what_there_is(policies, parts, options)
        if options["dry_run"]:
            return
        gone, total = self._gone, sum(part.messages for part in parts)
        for taken in batches(parts, most=batch):
            spaces = {part.space_id for part in taken}
            self._together([policy for policy in policies if policy.space_id in spaces], purge)
            if options["verbosity"] > 1:
                self.stdout.write(f"  {self._gone - gone:,} of {total:,}")
                self.stdout.flush()
        if options["whole"]:
            self._together(policies, lambda spaces: purge_emptied_server(*spaces, batch=batch))
            for policy in self._still(policies):
                self.stdout.write(f"{_named(policy)}: gone, with all that was in it.")

    def _say_what_there_is(
        self, policies: Sequence[Policy], parts: Sequence[OldMessages], options: dict[str, Any]
    ) -> None:
        messages = Counter[UUID]()
        for part in parts:
            messages[part.space_id] += part.messages
        self._total += messages.total()
        self._places += len(messages)
        for policy in self._still(policies):
            # Of conversations there may be a million.
            if policy.kind == "server" or options["verbosity"] > 1:
                count = messages[policy.space_id]
                self.stdout.write(f"{_named(policy)}: {count:,} messages to purge.")
        self.stdout.flush()

    def _still(self, policies: Iterable[Policy]) -> list[Policy]:
        return [policy for policy in policies if policy.space_id not in self._left]

    def _together(self, policies: Sequence[Policy], deed: Callable[[list[UUID]], object]) -> None:
        """Do it for all of them at once; if that fails, for each alone, and name those that fail.

        Those that have failed before are passed over.
        """
        policies = self._still(policies)
        try:
            if policies:
                deed([policy.space_id for policy in policies])
        except (ChatError, Error, HeldError) as error:
            # It would be the same with all that are left, and so it would without a connection.
            if isinstance(error.__cause__, _SAME_FOR_ALL):
                raise
            connections[write_alias()].ensure_connection()
            if policies[1:]:
                for policy in policies:
                    self._together([policy], deed)
                return
            (policy,) = policies
            self._left.add(policy.space_id)
            if isinstance(error, HeldError):
                said = "held, kept longer, restored or gone meanwhile, left."
                self.stdout.write(f"{_named(policy)}: {said}")
                return
            self._failed.append(policy)
            said = str(error).strip().partition("\n")[0]
            self.stdout.write(f"{_named(policy)}: FAILED, {said}")

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
