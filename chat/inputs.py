"""Checks of arguments, before anything is sent to the database.

The database checks the same; the error from here names the argument.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from enum import Enum
from types import NoneType
from typing import Any, Final, Literal
from uuid import UUID

from django.db.models import Model

from chat.errors import InvalidInput
from chat.rules.emoji import full_emoji
from chat.rules.limits import (
    EARLIEST,
    EMOJI_LENGTH,
    LARGEST_BIGINT,
    LARGEST_INTEGER,
    LATEST,
    PAGE_LIMIT,
    REASON_LENGTH,
    SHA256_BYTES,
)
from chat.rules.names import describe_illegible, is_legible
from chat.rules.permissions import ALL, Permission

# The check of each argument, by its name.
Checks = Mapping[str, Callable[[Any], Any]]


class Unchanged(Enum):
    """The default of an argument of an update that was not passed, where None is a value."""

    UNCHANGED = "unchanged"

    def __repr__(self) -> str:
        return self.name


UNCHANGED: Final[Literal[Unchanged.UNCHANGED]] = Unchanged.UNCHANGED

# Characters of a value that an error repeats.
_SHOWN = 60


def describe(value: Any) -> str:
    """Return `value` for an error message: itself if it is plain and short, else its type.

    repr() of anything else is avoided: of a QuerySet it sends a query, of a model it may tell a
    name, and of a number of thousands of digits it raises an error.
    """
    kind = type(value)
    if kind in {str, bytes}:
        text = repr(value[:_SHOWN])
    elif kind is int and value.bit_length() > 3 * _SHOWN:
        text = f"a whole number of {value.bit_length()} bits"
    elif kind in {int, bool, float, UUID, datetime, NoneType}:
        text = repr(value)
    elif kind in {list, tuple}:
        text = f"<{kind.__name__} of {len(value)}>"
    else:
        text = f"<{kind.__name__}>"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}…"


def is_real_instance(value: Any, kind: type) -> bool:
    """Tell whether the type of `value` is `kind` or a subclass of it.

    isinstance() is fooled by a SimpleLazyObject, which psycopg cannot send.
    """
    return issubclass(type(value), kind)


def check_given(checks: Checks, **values: Any) -> dict[str, Any]:
    """Return the checked values of the arguments that were passed, by their names in `checks`."""
    return {
        field: checks[field](value) for field, value in values.items() if value is not UNCHANGED
    }


def id_of(field: str, value: Any, model: type[Model]) -> UUID:
    """Return the id of `value`: a saved `model`, a result of a service for one, or a UUID.

    A proxy model counts as the model behind it. A result of a service or a query names in
    `stands_for` the model of which it has the id. Raises: InvalidInput.
    """
    if is_real_instance(value, UUID):
        known: UUID = value
        return known
    concrete = model._meta.concrete_model or model
    if isinstance(value, concrete) and is_real_instance(value.pk, UUID):
        own: UUID = value.pk
        return own
    if getattr(type(value), "stands_for", None) == concrete.__name__ and is_real_instance(
        value.id, UUID
    ):
        told: UUID = value.id
        return told
    raise InvalidInput(
        field, seen=describe(value), expected=f"a {model.__name__} or the UUID of one"
    )


def check_uuid(field: str, value: Any) -> UUID:
    """Return `value`, a UUID."""
    if not is_real_instance(value, UUID):
        raise InvalidInput(field, seen=describe(value), expected="a UUID")
    known: UUID = value
    return known


def check_text(field: str, value: Any, *, least: int = 0, most: int) -> str:
    """Return `value`, a text of `least` to `most` characters that PostgreSQL can store."""
    expected = f"a text of {least} to {most} characters"
    if not is_real_instance(value, str):
        raise InvalidInput(field, seen=describe(value), expected=expected)
    if not least <= len(value) <= most:
        raise InvalidInput(field, seen=f"{len(value)} characters long", expected=expected)
    if "\0" in value:
        raise InvalidInput(
            field, seen=f"a text with a NUL at {value.index(chr(0))}", expected="a text without"
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            field, seen=f"a text with half a surrogate pair at {error.start}", expected="Unicode"
        ) from error
    text: str = value
    return text


def check_name(field: str, value: Any, *, least: int = 1, most: int) -> str:
    """Return `value`, a text as of `check_text` and one line with a visible character.

    With `least` 0 it may be empty.
    """
    name = check_text(field, value, least=least, most=most)
    if name and not is_legible(name):
        raise InvalidInput(
            field, seen=describe_illegible(name), expected="one line with a visible character"
        )
    return name


def check_emoji(field: str, value: Any) -> str:
    """Return the emoji `value`, in the form in which it is stored."""
    emoji = full_emoji(check_text(field, value, least=1, most=EMOJI_LENGTH))
    if emoji is None:
        raise InvalidInput(
            field,
            seen=describe(value),
            expected="an emoji of Unicode, or a custom one as :name: of 2 to 32 letters, digits, _",
        )
    return emoji


def check_number(field: str, value: Any, *, least: int, most: int) -> int:
    """Return `value`, a whole number from `least` to `most`."""
    if not _is_whole(value) or not least <= value <= most:
        raise InvalidInput(
            field, seen=describe(value), expected=f"a whole number from {least} to {most}"
        )
    number: int = value
    return number


def check_measure(field: str, value: Any, *, least: int) -> int | None:
    """Return `value`, a whole number of at least `least`, or None where it is not known."""
    if value is None:
        return None
    return check_number(field, value, least=least, most=LARGEST_INTEGER)


def check_digest(field: str, value: Any) -> bytes:
    """Return `value`, the 32 bytes of a SHA-256."""
    if not is_real_instance(value, bytes) or len(value) != SHA256_BYTES:
        raise InvalidInput(field, seen=describe(value), expected=f"{SHA256_BYTES} bytes")
    digest: bytes = value
    return digest


def check_flag(field: str, value: Any) -> bool:
    """Return `value`, which is True or False."""
    if not is_real_instance(value, bool):
        raise InvalidInput(field, seen=describe(value), expected="True or False")
    return value is True


def check_choice(field: str, value: Any, *, among: Collection[str]) -> str:
    """Return `value`, which is one of these words."""
    if not is_real_instance(value, str) or value not in among:
        raise InvalidInput(
            field, seen=describe(value), expected=f"one of {', '.join(sorted(among))}"
        )
    return str.__str__(value)


def check_permissions(field: str, value: Any, *, among: Permission = ALL) -> Permission:
    """Return `value`, a mask of bits that are all in `among`."""
    if not _is_whole(value) or not 0 <= value <= LARGEST_BIGINT:
        raise InvalidInput(field, seen=describe(value), expected="a mask of permissions")
    stray = int(value) & ~int(among)
    if stray:
        names = [bit.name for bit in Permission(stray & int(ALL)) if bit.name]
        unnamed = [str(n) for n in range(stray.bit_length()) if stray & ~int(ALL) & 1 << n]
        seen = ", ".join([*names, *(f"bit {n}" for n in unnamed[:8])])
        raise InvalidInput(
            field, seen=f"a mask with {seen}", expected="a mask of permissions that can be set here"
        )
    return Permission(int(value))


def check_reason(value: Any) -> str:
    """Return `value`, a moderator's reason for the audit log."""
    return check_text("reason", value, most=REASON_LENGTH)


def check_limit(value: Any) -> int:
    """Return `value`, the number of entries of a page."""
    return check_number("limit", value, least=1, most=PAGE_LIMIT)


def check_seq(field: str, value: Any) -> int:
    """Return `value`, the number of a message in its channel or conversation."""
    return check_number(field, value, least=1, most=LARGEST_BIGINT)


def check_moment(field: str, value: Any) -> datetime:
    """Return `value`, a moment with a time zone that every client can read."""
    if not is_real_instance(value, datetime) or value.tzinfo is None or value.utcoffset() is None:
        raise InvalidInput(field, seen=describe(value), expected="a datetime with a time zone")
    if not EARLIEST <= value < LATEST:
        raise InvalidInput(field, seen=describe(value), expected="between the years 1970 and 9998")
    moment: datetime = value
    return moment


def _is_whole(value: Any) -> bool:
    return is_real_instance(value, int) and not is_real_instance(value, bool)
