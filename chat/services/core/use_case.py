"""One use case, one transaction: what every public service has around it.

The database may refuse what a service had no reason to expect, or end one of two transactions that
wait for each other. The first comes out as a ChatError that names the rule, which of a limit is
LimitReached, and NotVisible of somebody who was erased meanwhile; the second is tried again, where
the transaction is the service's own.
"""

from __future__ import annotations

import random
import re
import time
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from django.db import DatabaseError, connections, router, transaction
from psycopg import errors

from chat.errors import ChatError, Conflict, DatabaseRefused, LimitReached, NotVisible
from chat.models import User
from chat.rules.limits import CHANNEL_LIMIT, EMOJI_LIMIT, GROUP_LIMIT, PIN_LIMIT, THREAD_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.db.models import Model


_HELD = {
    "channels_limit": ("channels", CHANNEL_LIMIT),
    "channels_thread_limit": ("threads", THREAD_LIMIT),
    "messages_pin_limit": ("pins in the channel", PIN_LIMIT),
    "reactions_emoji_limit": ("different emoji under the message", EMOJI_LIMIT),
    "participants_limit": ("people in the group", GROUP_LIMIT),
}


def limit_reached(constraint: str) -> LimitReached | None:
    """Return the error for a constraint that is one of these limits, or None."""
    held = _HELD.get(constraint)
    return None if held is None else LimitReached(*held)


Args = ParamSpec("Args")
Result = TypeVar("Result")

ATTEMPTS = 5

_CLASH = (errors.DeadlockDetected, errors.SerializationFailure)
_REFUSAL = (
    errors.IntegrityError,
    errors.DataError,
    errors.RaiseException,
    # Joins, bans and what is limited, at another isolation level than READ COMMITTED.
    errors.FeatureNotSupported,
)
_ERASED = re.compile(r"^user (?P<id>\S+) is erased, and ")
_SHARD = re.compile(r"_\d{6,}$")


def write_alias() -> str:
    """Return the connection that services write to."""
    return router.db_for_write(User)


def save_fields(row: Model, values: Mapping[str, Any]) -> None:
    """Set these fields of a row and write them: one statement."""
    for field, value in values.items():
        setattr(row, field, value)
    row.save(using=write_alias(), update_fields=list(values))


def use_case(function: Callable[Args, Result]) -> Callable[Args, Result]:
    """Run `function` in a transaction, or in a savepoint of the caller's.

    Raises: LimitReached, for a limit that the database holds; NotVisible, when somebody was erased
    meanwhile of whom it takes nothing; DatabaseRefused, for another constraint that the service did
    not translate itself; Conflict, when another transaction was in
    the way each of five times, or once inside a transaction of the caller's, who alone can repeat
    that.
    """

    @wraps(function)
    def run(*args: Args.args, **kwargs: Args.kwargs) -> Result:
        return _attempt(function, args, kwargs, in_transaction=True)

    return run


def single_statement(function: Callable[Args, Result]) -> Callable[Args, Result]:
    """Run `function`, whose only write is one statement and so a transaction in itself.

    Spares BEGIN and COMMIT; in a transaction of the caller's there is a savepoint as ever, for
    else what the database refuses would end that transaction, and its COMMIT say nothing of it.
    Raises: as `use_case`.
    """

    @wraps(function)
    def run(*args: Args.args, **kwargs: Args.kwargs) -> Result:
        return _attempt(function, args, kwargs, in_transaction=False)

    return run


def constraint_of(error: DatabaseError) -> str:
    """Return the name of the constraint that `error` speaks of, or nothing.

    A distributed table's constraints carry the number of the shard, which is left out here.
    """
    cause = error.__cause__
    name = cause.diag.constraint_name if isinstance(cause, errors.Error) else None
    return _SHARD.sub("", name or "")


def _attempt(
    function: Callable[..., Result],
    args: tuple[object, ...],
    kwargs: dict[str, object],
    *,
    in_transaction: bool,
) -> Result:
    using = write_alias()
    is_inside = connections[using].in_atomic_block
    repeats = 1 if is_inside else ATTEMPTS
    for attempt in range(1, repeats + 1):
        try:
            if not in_transaction and not is_inside:
                return function(*args, **kwargs)
            with transaction.atomic(using=using):
                return function(*args, **kwargs)
        except DatabaseError as error:
            cause = error.__cause__
            if isinstance(cause, _CLASH):
                if attempt == repeats:
                    raise Conflict from error
                # Both would meet again if both waited equally long.
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311
            elif isinstance(cause, _REFUSAL):
                raise _refusal(cause, constraint_of(error)) from error
            else:
                raise
    raise AssertionError("unreachable")


def _refusal(cause: errors.Error, constraint: str) -> ChatError:
    message = (cause.diag.message_primary or str(cause)).strip()
    if erased := _ERASED.match(message):
        return NotVisible("user", erased["id"])
    return limit_reached(constraint) or DatabaseRefused(message, constraint=constraint)
