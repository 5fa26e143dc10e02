"""By what a list can be narrowed: only by what an index answers, said in words or by an id.

A list that takes a few narrowings says for which of them together it has an order along an index;
any other combination is refused in words, because it would read the whole table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef

from chat.models import Channel, Message, Role, Server, User

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.db.models import Model, QuerySet

# Of one narrowing or of a whole list, which has none where it is not narrowed.
Conditions = dict[str, Any]


class NarrowingError(Exception):
    """What was asked for names nothing that there is."""


@dataclass(frozen=True, kw_only=True)
class Narrowing:
    """One field above a list; `conditions` turns what was typed into exact conditions."""

    name: str
    label: str
    hint: str
    conditions: Callable[[str], Conditions]
    # Columns that follow from the others, as the server of a channel does: the planner, not knowing
    # that, would expect too few rows if it were told of them too.
    implied: tuple[str, ...] = ()
    # Written as a range from the value to itself. The planner, who drops from the order whatever is
    # equal to one value, then has to read along the index that begins with it, and cannot take that
    # of the order alone, in which the rows of a server that fell silent come after all the others.
    is_range: bool = False
    # Offered as a select; a handful, never rows of a table.
    choices: Mapping[str, str] = field(default_factory=dict)


def of_server(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return those rows that belong to a server, and nothing of a conversation.

    Of a table that both share. A conversation is a space of its own: its space is its channel.
    """
    columns = {field.name for field in rows.model._meta.concrete_fields}
    if "server" in columns:
        return rows.filter(server__isnull=False)
    if "channel" in columns:
        return rows.exclude(space_id=F("channel"))
    return rows.filter(Exists(Server.objects.filter(space_id=OuterRef("space_id"))))


def by_server(*, column: str = "server_id", is_range: bool = False) -> Narrowing:
    """Return the narrowing to one server; no statement."""
    return Narrowing(
        name="server",
        label="Server",
        hint="id",
        conditions=lambda text: {column: as_uuid(text)},
        is_range=is_range,
    )


def by_id(*, name: str, label: str, column: str) -> Narrowing:
    """Return the narrowing to one row of a table that no server owns; no statement."""
    return Narrowing(
        name=name, label=label, hint="id", conditions=lambda text: {column: as_uuid(text)}
    )


def by_user(
    *,
    name: str = "user",
    label: str = "User",
    column: str = "user_id",
    is_range: bool = False,
) -> Narrowing:
    """Return the narrowing to one user, by id or by name; a name costs a statement."""
    return Narrowing(
        name=name,
        label=label,
        hint="name or id",
        conditions=lambda text: {column: find_user_id(text)},
        is_range=is_range,
    )


def by_channel(*, space: str = "space_id") -> Narrowing:
    """Return the narrowing to one channel of a server, and to the server; one statement."""
    return _within_server(Channel, space=space)


def by_role(*, space: str = "server_id") -> Narrowing:
    """Return the narrowing to one role, and to its server with it; one statement."""
    return _within_server(Role, space=space)


def by_message() -> Narrowing:
    """Return the narrowing to the parts of one message in a channel; one statement."""
    return _within_server(Message, space="space_id")


def by_choice(*, name: str, label: str, options: Mapping[str, tuple[str, Conditions]]) -> Narrowing:
    """Return the narrowing to one of a few fixed conditions, each of which has its index."""

    def conditions(text: str) -> Conditions:
        if text not in options:
            raise NarrowingError(f"“{text}” is none of {', '.join(options)}.")
        return options[text][1]

    return Narrowing(
        name=name,
        label=label,
        hint="any",
        conditions=conditions,
        choices={value: words for value, (words, _) in options.items()},
    )


def typed(text: str | None) -> str:
    """Return what was typed without the space around it, and without what no database stores."""
    return (text or "").replace("\x00", "").strip()


def as_uuid(text: str) -> UUID:
    """Return the id that was typed.

    Raises: NarrowingError, when it is none.
    """
    if (found := uuid_or_none(text)) is None:
        raise NarrowingError(f"“{text}” is not an id: expected 32 hexadecimal digits.")
    return found


def uuid_or_none(text: str) -> UUID | None:
    """Return the id that was typed, or None when it is something else."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def find_user_id(text: str) -> UUID:
    """Return the id of the user with this id or name; one statement for a name.

    Raises: NarrowingError, when nobody has the name.
    """
    if (found := uuid_or_none(text)) is not None:
        return found
    name = text.strip().removeprefix("@").lower()
    user_id = User.objects.filter(username=name).values_list("pk", flat=True).first()
    if user_id is None:
        raise NarrowingError(f"Nobody is called “{name}”.")
    return user_id


def _within_server(model: type[Model], *, space: str) -> Narrowing:
    name = str(model._meta.model_name)

    def conditions(text: str) -> Conditions:
        row_id = as_uuid(text)
        # A conversation is no more to be found by this than what there is not.
        row = of_server(model._default_manager.all()).filter(pk=row_id)
        found = row.values_list("server_id" if model is Role else "space_id", flat=True).first()
        if found is None:
            raise NarrowingError(f"There is no {model._meta.verbose_name} with the id {row_id}.")
        return {space: found, f"{name}_id": row_id}

    return Narrowing(
        name=name, label=name.capitalize(), hint="id", conditions=conditions, implied=(space,)
    )
