"""No public function returns a list that grows with use."""

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from tests.services.public import PARAMETERS, PUBLIC

_MANY = re.compile(r"\b(tuple|list|set|frozenset|dict|Sequence|Iterator|Iterable|QuerySet)\[")
# At most 100, for each one that it was given; and the roles of a server, of which there are 250.
BOUNDED_OTHERWISE = {"messages_by_id", "move_role"}


def returns_many(call: Callable[..., object]) -> bool:
    """Tell whether a function returns a list, or what has one."""
    returned: Any = call.__annotations__["return"]
    parts = [part.type for part in fields(returned)] if is_dataclass(returned) else [returned]
    return any(_MANY.search(str(part)) for part in parts)


def test_every_function_that_returns_a_list_has_a_limit() -> None:
    many = {name for name, call in PUBLIC.items() if returns_many(call)}

    assert {name for name in many if "limit" not in PARAMETERS[name]} == BOUNDED_OTHERWISE
    assert {"visible_channels", "unread_overview", "conversation_list", "inbox"} < many
