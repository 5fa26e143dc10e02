"""One use case, one transaction: the decorators of every public service.

They turn an error of the database that no service translates into a ChatError, and try a
transaction again that the database ended in favour of another one.
"""

import random
import re
import time
from collections.abc import Callable, Mapping
from functools import wraps
from itertools import count
from typing import Any, ParamSpec, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, connections, router, transaction
from django.db.models import Model
from psycopg import errors

from chat.errors import ChatError, Conflict, DatabaseRefused, LimitReached, NotVisible
from chat.models import User
from chat.rules.limits import CHANNEL_LIMIT, EMOJI_LIMIT, GROUP_LIMIT, PIN_LIMIT, THREAD_LIMIT

_BY_CONSTRAINT = {
    "channels_limit": ("channels", CHANNEL_LIMIT),
    "channels_thread_limit": ("threads", THREAD_LIMIT),
    "messages_pin_limit": ("pins in the channel", PIN_LIMIT),
    "reactions_emoji_limit": ("different emoji under the message", EMOJI_LIMIT),
    "participants_limit": ("people in the group", GROUP_LIMIT),
}


def limit_reached(constraint: str) -> LimitReached | None:
    """Return the LimitReached for the name of a constraint, or None if it is no limit."""
    limit = _BY_CONSTRAINT.get(constraint)
    return None if limit is None else LimitReached(*limit)


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
# What happens when a row is gone meanwhile: somebody left or was erased, or something was deleted.
_GONE = (errors.CheckViolation, errors.ForeignKeyViolation)
_ERASED = re.compile(r"^user (?P<id>\S+) is erased, and ")
_SHARD = re.compile(r"_\d{6,}$")
# What an error that comes from another machine says of its constraint: in the words of PostgreSQL,
# or in those of the function refuse().
_NAMED = re.compile(r'\bconstraint "(\w+)"|^Refused by (\w+)\.', re.MULTILINE)


def write_alias() -> str:
    """Return the connection that services write to."""
    return router.db_for_write(User)


def save_fields(row: Model, values: Mapping[str, Any]) -> None:
    """Set these fields of a row and write them: one statement."""
    for field, value in values.items():
        setattr(row, field, value)
    if not type(row)._base_manager.using(write_alias()).filter(pk=row.pk).update(**values):
        raise ObjectDoesNotExist


def use_case(function: Callable[Args, Result]) -> Callable[Args, Result]:
    """Run `function` in a transaction, or in a savepoint of the caller's transaction.

    After a deadlock or a serialization failure it is run again, five times at most; inside a
    transaction of the caller's never, for only the caller can repeat that. When a row that was
    found is gone before it is used, it is run again once, and then raises the error that names it.

    Raises: LimitReached, for a limit that the database holds; NotVisible, for a user who was erased
    meanwhile; DatabaseRefused, for any other constraint that `function` does not translate;
    Conflict, when the last attempt failed too, or a row was missing twice.
    """

    @wraps(function)
    def run(*args: Args.args, **kwargs: Args.kwargs) -> Result:
        return _attempt(function, args, kwargs, in_transaction=True)

    return run


def unrepeated_use_case(function: Callable[Args, Result]) -> Callable[Args, Result]:
    """Run `function` as `use_case` does, but once: what it takes may be an iterator.

    Raises: as `use_case`; Conflict after the first deadlock, serialization failure or missing row.
    """

    @wraps(function)
    def run(*args: Args.args, **kwargs: Args.kwargs) -> Result:
        return _attempt(function, args, kwargs, in_transaction=True, attempts=1)

    return run


def single_statement(function: Callable[Args, Result]) -> Callable[Args, Result]:
    """Run `function`, whose only write is one statement, without a transaction around it.

    This saves BEGIN and COMMIT. In a transaction of the caller's there is a savepoint as in
    `use_case`: without it a refusal of the database would end that transaction, and its COMMIT
    would roll back silently. Raises: as `use_case`.
    """

    @wraps(function)
    def run(*args: Args.args, **kwargs: Args.kwargs) -> Result:
        return _attempt(function, args, kwargs, in_transaction=False)

    return run


def constraint_of(error: DatabaseError) -> str:
    """Return the name of the constraint that `error` names, or an empty text.

    Of an error on a distributed table only its text comes here, and there the number of the shard
    is cut off the name.
    """
    cause = error.__cause__
    if not isinstance(cause, errors.Error):
        return ""
    if cause.diag.constraint_name:
        return _SHARD.sub("", cause.diag.constraint_name)
    for text in (cause.diag.message_primary, cause.diag.message_detail):
        if named := _NAMED.search(text or ""):
            return _SHARD.sub("", named[1] or named[2])
    return ""


def _attempt(
    function: Callable[..., Result],
    args: tuple[object, ...],
    kwargs: dict[str, object],
    *,
    in_transaction: bool,
    attempts: int = ATTEMPTS,
) -> Result:
    using = write_alias()
    is_inside = connections[using].in_atomic_block
    may_look_again = attempts > 1
    for attempt in count(1):
        try:
            if not in_transaction and not is_inside:
                return function(*args, **kwargs)
            with transaction.atomic(using=using):
                return function(*args, **kwargs)
        except ObjectDoesNotExist as error:
            if not may_look_again:
                raise Conflict from error
            may_look_again = False
        except DatabaseError as error:
            cause = error.__cause__
            if isinstance(cause, _CLASH):
                if is_inside or attempt >= attempts:
                    raise Conflict from error
                # At random: two that waited equally long would clash again.
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311
            elif isinstance(cause, _REFUSAL) or (
                # So a cluster reports what a machine refuses at the end of a COPY or at COMMIT.
                isinstance(cause, errors.InternalError_) and constraint_of(error)
            ):
                refusal = _refusal(cause, constraint_of(error))
                is_nameless = isinstance(refusal, DatabaseRefused) and isinstance(cause, _GONE)
                if not may_look_again or not is_nameless:
                    raise refusal from error
                may_look_again = False
            else:
                raise
    raise AssertionError("unreachable")


def _refusal(cause: errors.Error, constraint: str) -> ChatError:
    message = (cause.diag.message_primary or str(cause)).strip()
    if erased := _ERASED.match(message):
        return NotVisible("user", erased["id"])
    if hint := cause.diag.message_hint:
        message = f"{message}. {hint}"
    return limit_reached(constraint) or DatabaseRefused(message, constraint=constraint)
