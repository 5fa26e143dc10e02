"""The filters above a list: each takes an id, a name or one of a few choices.

A list says for which of its filters together an index has the rows in order; any other combination
is refused in words, because it would read the whole table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, Model, OuterRef, QuerySet

from chat.models import Channel, Message, Role, Server, User

# What the rows must fulfil, of one filter or of all that are filled in.
Conditions = dict[str, Any]


class FilterError(Exception):
    """The value of a filter cannot be used, or these filters cannot be used together."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One field above a list; `conditions` turns its value into the conditions on the rows."""

    name: str
    label: str
    hint: str
    conditions: Callable[[str], Conditions]
    # Columns that follow from the others, as the server of a channel does. The planner does not
    # know that, and would estimate too few rows if it were told of them too.
    implied: tuple[str, ...] = ()
    # Written as a range from the value to itself. The planner drops from the order what equals one
    # value; with a range it reads the index that begins with the column, and not the one of the
    # order alone, in which the rows of a server without new messages come after all the others.
    is_range: bool = False
    # Offered as a select: a few fixed values, never rows of a table.
    choices: Mapping[str, str] = field(default_factory=dict)


def of_server(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows that belong to a server, without those of conversations.

    For a table that both share. The space of a conversation is its channel.
    """
    columns = {field.name for field in rows.model._meta.concrete_fields}
    if "server" in columns:
        return rows.filter(server__isnull=False)
    if "channel" in columns:
        return rows.exclude(space_id=F("channel"))
    return rows.filter(Exists(Server.objects.filter(space_id=OuterRef("space_id"))))


def by_server(*, column: str = "server_id", is_range: bool = False) -> Filter:
    """Return the filter by the id of a server; no statement."""
    return Filter(
        name="server",
        label="Server",
        hint="id",
        conditions=lambda text: {column: as_uuid(text)},
        is_range=is_range,
    )


def by_id(*, name: str, label: str, column: str) -> Filter:
    """Return the filter by an id that is unique without a server; no statement."""
    return Filter(
        name=name, label=label, hint="id", conditions=lambda text: {column: as_uuid(text)}
    )


def by_user(
    *,
    name: str = "user",
    label: str = "User",
    column: str = "user_id",
    is_range: bool = False,
) -> Filter:
    """Return the filter by a user's id or name; a name costs a statement."""
    return Filter(
        name=name,
        label=label,
        hint="name or id",
        conditions=lambda text: {column: find_user_id(text)},
        is_range=is_range,
    )


def by_channel(*, space: str = "space_id") -> Filter:
    """Return the filter by a channel of a server, and by that server; one statement."""
    return _within_server(Channel, space=space)


def by_role(*, space: str = "server_id") -> Filter:
    """Return the filter by a role, and by its server; one statement."""
    return _within_server(Role, space=space)


def by_message() -> Filter:
    """Return the filter by a message in a channel, for what belongs to it; one statement."""
    return _within_server(Message, space="space_id")


def by_choice(*, name: str, label: str, options: Mapping[str, tuple[str, Conditions]]) -> Filter:
    """Return the filter by one of a few fixed conditions, each of which has its index."""

    def conditions(text: str) -> Conditions:
        if text not in options:
            raise FilterError(f"“{text}” is not one of {', '.join(options)}.")
        return options[text][1]

    return Filter(
        name=name,
        label=label,
        hint="any",
        conditions=conditions,
        choices={value: words for value, (words, _) in options.items()},
    )


def cleaned(text: str | None) -> str:
    """Return the text without white space around it and without NUL, which cannot be stored."""
    return (text or "").replace("\x00", "").strip()


def as_uuid(text: str) -> UUID:
    """Return the id in the text.

    Raises:
        FilterError: it is not an id.
    """
    if (found := uuid_or_none(text)) is None:
        raise FilterError(f"“{text}” is not an id: expected 32 hexadecimal digits.")
    return found


def uuid_or_none(text: str) -> UUID | None:
    """Return the id in the text, None when it is something else."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def find_user_id(text: str) -> UUID:
    """Return the id of the user with this id or name; one statement for a name.

    Raises:
        FilterError: nobody has the name.
    """
    if (found := uuid_or_none(text)) is not None:
        return found
    name = text.strip().removeprefix("@").lower()
    user_id = User.objects.filter(username=name).values_list("pk", flat=True).first()
    if user_id is None:
        raise FilterError(f"Nobody is called “{name}”.")
    return user_id


def _within_server(model: type[Model], *, space: str) -> Filter:
    name = str(model._meta.model_name)

    def conditions(text: str) -> Conditions:
        row_id = as_uuid(text)
        # A conversation is answered like an id that does not exist.
        row = of_server(model._default_manager.all()).filter(pk=row_id)
        found = row.values_list("server_id" if model is Role else "space_id", flat=True).first()
        if found is None:
            raise FilterError(f"There is no {model._meta.verbose_name} with the id {row_id}.")
        return {space: found, f"{name}_id": row_id}

    return Filter(
        name=name, label=name.capitalize(), hint="id", conditions=conditions, implied=(space,)
    )
