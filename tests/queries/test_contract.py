"""What holds for every query: how many statements it takes, and how it refuses bad input."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import queries
from chat.errors import InvalidInput, NotVisible
from chat.queries.source import Cursor
from tests.factories import (
    MentionFactory,
    MessageAttachmentFactory,
    ReactionFactory,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.queries.places import Harbour

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
NOWHERE = UUID(int=1)
CURSOR = Cursor(NOON, NOWHERE)


def public_functions() -> dict[str, Callable[..., object]]:
    """Return every public function of the package's modules but those of its plumbing."""
    found: dict[str, Callable[..., object]] = {}
    for module in pkgutil.iter_modules(queries.__path__):
        if module.name in {"source", "message_rows"}:
            continue
        imported = importlib.import_module(f"chat.queries.{module.name}")
        for name, function in vars(imported).items():
            is_own = getattr(function, "__module__", None) == imported.__name__
            if is_own and inspect.isfunction(function) and not name.startswith("_"):
                found[f"{module.name}.{name}"] = function
    return found


FUNCTIONS = public_functions()
# What each cannot be called without.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "access.permissions_in": ("user", "channel"),
    "access.visible_channels": ("user",),
    "audit.audit_page": ("viewer", "server"),
    "direct.conversation_list": ("user",),
    "history.message_page": ("viewer", "channel"),
    "history.message_pins": ("viewer", "channel"),
    "history.messages_by_id": ("viewer", "messages"),
    "members.member_page": ("viewer", "server"),
    "mentions.inbox": ("user",),
    "reactions.reaction_users": ("viewer", "message", "emoji"),
    "search.search_messages": ("viewer", "server", "text"),
    "unread.unread_overview": ("user",),
}
PARAMETERS = {name: inspect.signature(function).parameters for name, function in FUNCTIONS.items()}
PAGED = sorted(name for name, parameters in PARAMETERS.items() if "limit" in parameters)
BY_CURSOR = [
    (name, argument)
    for name in PAGED
    for argument in ("before", "after")
    if argument in PARAMETERS[name] and "Cursor" in str(PARAMETERS[name][argument].annotation)
]
# What is found, and the messages that were found.
STATEMENTS = {
    **dict.fromkeys(ARGUMENTS, 1),
    "history.messages_by_id": 2,
    "mentions.inbox": 2,
    "search.search_messages": 2,
}


@pytest.fixture
def arguments(harbour: Harbour) -> dict[str, Any]:
    """The owner of a server with a message that names them."""
    owner = harbour.server.owner
    message = harbour.say("ahoy")
    harbour.say("yes", reply_to_seq=1)
    ReactionFactory.create(message=message, user=owner)
    MessageAttachmentFactory.create(message=message)
    MentionFactory.create(message=message, user=owner)
    return {
        "viewer": owner,
        "user": owner,
        "channel": harbour.pier,
        "server": harbour.server,
        "message": message,
        "messages": [message],
        "emoji": "⚓",
        "text": "ahoy",
    }


def call(name: str, arguments: dict[str, Any], **instead: Any) -> object:
    return FUNCTIONS[name](**({key: arguments[key] for key in ARGUMENTS[name]} | instead))


def refused(name: str, arguments: dict[str, Any], **instead: Any) -> InvalidInput:
    """Return how bad input is refused; nothing is sent to the database."""
    with CaptureQueriesContext(connection) as sent, pytest.raises(InvalidInput) as caught:
        call(name, arguments, **instead)
    assert len(sent) == 0
    return caught.value


def test_every_function_is_listed() -> None:
    assert set(FUNCTIONS) == set(ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_docstring_says_one_statement_and_it_is_one(name: str, arguments: dict[str, Any]) -> None:
    documentation = inspect.getdoc(FUNCTIONS[name]) or ""

    with CaptureQueriesContext(connection) as sent:
        call(name, arguments)

    assert f": {['one statement', 'two statements'][STATEMENTS[name] - 1]}." in documentation
    assert len(sent) == STATEMENTS[name]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_are_by_name_alone(name: str) -> None:
    parameters = inspect.signature(FUNCTIONS[name]).parameters.values()

    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        (name, argument)
        for name, known in ARGUMENTS.items()
        for argument in known
        if argument not in {"emoji", "text", "messages"}
    ]
    + [("access.visible_channels", "server")]
    + [("search.search_messages", "channel"), ("search.search_messages", "author")]
    + [("reactions.reaction_users", "after")],
)
@pytest.mark.parametrize("wrong", ["not an id", 7, str(NOWHERE), object()])
def test_wrong_id_is_refused_by_name(
    name: str, argument: str, wrong: object, arguments: dict[str, Any]
) -> None:
    refusal = refused(name, arguments, **{argument: wrong})

    assert refusal.field == argument


@pytest.mark.parametrize("name", [name for name, known in ARGUMENTS.items() if "viewer" in known])
def test_model_of_another_kind_is_refused(name: str, arguments: dict[str, Any]) -> None:
    assert refused(name, arguments, viewer=arguments["channel"]).field == "viewer"


@pytest.mark.parametrize(
    "name",
    # By their ids, what cannot be seen is left out.
    [name for name, known in ARGUMENTS.items() if "viewer" in known and "messages" not in known],
)
def test_viewer_who_does_not_exist_sees_nothing(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(NotVisible, match=f"user {NOWHERE} can see"):
        call(name, arguments, viewer=NOWHERE)


@pytest.mark.parametrize("name", [name for name, known in ARGUMENTS.items() if "user" in known])
def test_user_who_does_not_exist_has_nothing(name: str, arguments: dict[str, Any]) -> None:
    found: Any = call(name, arguments, user=NOWHERE)

    parts = [getattr(found, field.name) for field in fields(found)] if is_dataclass(found) else []
    assert not found or not any(parts)


@pytest.mark.parametrize("name", PAGED)
@pytest.mark.parametrize("limit", [0, -1, 101, 2**70, 1.5, "10", None, True])
def test_limit_outside_1_to_100_is_refused(
    name: str, limit: object, arguments: dict[str, Any]
) -> None:
    refusal = refused(name, arguments, limit=limit)

    assert (refusal.field, refusal.expected) == ("limit", "a whole number from 1 to 100")


@pytest.mark.parametrize("name", PAGED)
@pytest.mark.parametrize("limit", [1, 100])
def test_limits_1_and_100_are_taken(name: str, limit: int, arguments: dict[str, Any]) -> None:
    call(name, arguments, limit=limit)


@pytest.mark.parametrize(("name", "argument"), BY_CURSOR)
@pytest.mark.parametrize("wrong", [NOON, NOWHERE, 5, "cursor", (NOON, NOWHERE)])
def test_what_is_no_cursor_is_refused(
    name: str, argument: str, wrong: object, arguments: dict[str, Any]
) -> None:
    assert refused(name, arguments, **{argument: wrong}).field == argument


@pytest.mark.parametrize(("name", "argument"), BY_CURSOR)
def test_cursor_without_a_time_zone_is_refused(
    name: str, argument: str, arguments: dict[str, Any]
) -> None:
    naive = Cursor(NOON.replace(tzinfo=None), NOWHERE)

    assert refused(name, arguments, **{argument: naive}).field == f"{argument}.at"


@pytest.mark.parametrize(("name", "argument"), BY_CURSOR)
def test_cursor_of_any_moment_is_taken(name: str, argument: str, arguments: dict[str, Any]) -> None:
    for moment in (datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)):
        call(name, arguments, **{argument: Cursor(moment, NOWHERE)})


def test_lists_with_a_cursor_are_those_that_are_ordered_by_time() -> None:
    assert [name for name, _ in BY_CURSOR] == [
        "audit.audit_page",
        "direct.conversation_list",
        "history.message_pins",
        "members.member_page",
        "mentions.inbox",
        "search.search_messages",
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"before": 1, "after": 1},
        {"before": 1, "around": 1},
        {"after": 0, "around": 1},
        {"before": 1, "after": 1, "around": 1},
    ],
)
def test_two_places_at_once_are_refused(given: dict[str, int], arguments: dict[str, Any]) -> None:
    refusal = refused("history.message_page", arguments, **given)

    assert refusal.field == " and ".join(given)
    assert refusal.expected == "one of before, after and around"


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        ("before", 0),
        ("before", -1),
        ("after", -1),
        ("around", 0),
        *(
            (argument, wrong)
            for argument in ("before", "after", "around")
            for wrong in (2**63, "1", 1.0, True)
        ),
    ],
)
def test_number_that_no_message_has_is_refused(
    argument: str, wrong: object, arguments: dict[str, Any]
) -> None:
    assert refused("history.message_page", arguments, **{argument: wrong}).field == argument


@pytest.mark.parametrize("argument", ["before", "after", "around"])
@pytest.mark.parametrize("seq", [1, 2**15, 2**31, 2**63 - 1])
def test_every_number_that_a_message_can_have_is_taken(
    argument: str, seq: int, arguments: dict[str, Any]
) -> None:
    call("history.message_page", arguments, **{argument: seq})


@pytest.mark.parametrize(
    ("name", "argument", "most"),
    [("search.search_messages", "text", 200), ("reactions.reaction_users", "emoji", 64)],
)
def test_text_that_cannot_be_is_refused(
    name: str, argument: str, most: int, arguments: dict[str, Any]
) -> None:
    for wrong in ("", "x" * (most + 1), "a\0b", "a\ud800", 7, None, b"bytes"):
        assert refused(name, arguments, **{argument: wrong}).field == argument
    call(name, arguments, **{argument: "x" * most})


@pytest.mark.parametrize("text", ['"', "-", "or", "a:*", "a & | !", "\\", "<->", "'", "💩", "("])
def test_no_text_is_an_error_of_syntax(text: str, arguments: dict[str, Any]) -> None:
    call("search.search_messages", arguments, text=text)
