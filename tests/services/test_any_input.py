"""Whatever a public function is called with, a named error comes out, or what it is for.

What is wrong with the input is said of the argument that was wrong. Which inputs have to be
refused is in test_bad_input.py.
"""

import importlib
import inspect
import pkgutil
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from functools import partial
from itertools import chain, product
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

from chat import queries, services
from chat.errors import ChatError, InvalidInput
from chat.models import Channel, DirectMessage, Message, MessageAttachment, Role, Server, User
from chat.queries.source import Cursor
from chat.services.imports import AttachmentRow, MentionRow, ReactionRow
from tests.chat.sql import execute, stored
from tests.services.public import NOON, PARAMETERS, PUBLIC, Scene, make_scene

pytestmark = pytest.mark.django_db


class LoudError(Exception):
    """Nobody but the value itself raises it."""


class Unspeakable:
    def __repr__(self) -> str:
        raise LoudError


class Word(str):
    __slots__ = ()


class Number(int):
    pass


class Id(UUID):
    pass


class Rank(IntEnum):
    FIRST = 1


class Mood(StrEnum):
    ALL = "all"


class Colour(Enum):
    RED = "red"


class Nowhere(tzinfo):
    """A zone that does not know where it is."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return None


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def endless() -> Iterator[int]:
    while True:
        yield 1


KNOT: list[Any] = []
KNOT.append(KNOT)
EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-14))
NOWHERE = UUID(int=7)

# Made anew for each function: some can be used once.
NASTY: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "true": lambda: True,
    "false": lambda: False,
    "zero": lambda: 0,
    "one": lambda: 1,
    "minus one": lambda: -1,
    "smallint and one": lambda: 2**15,
    "integer and one": lambda: 2**31,
    "bigint": lambda: 2**63 - 1,
    "bigint and one": lambda: 2**63,
    "least bigint less one": lambda: -(2**63) - 1,
    "more digits than can be shown": lambda: 10 ** (sys.get_int_max_str_digits() + 700),
    "ten million bits": lambda: 1 << 10_000_000,
    "own int": lambda: Number(1),
    "int enum": lambda: Rank.FIRST,
    "float": lambda: 1.0,
    "not a number": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "complex": lambda: 1j,
    "decimal": lambda: Decimal(1),
    "decimal that signals": lambda: Decimal("sNaN"),
    "fraction": lambda: Fraction(1, 3),
    "empty": lambda: "",
    "blank": lambda: " \t\n",
    "word": lambda: "reef",
    "own text": lambda: Word("reef"),
    "text enum": lambda: Mood.ALL,
    "enum": lambda: Colour.RED,
    "translated later": lambda: gettext_lazy("reef"),
    "NUL": lambda: "a\0b",
    "half a pair": lambda: "\ud800",
    "two halves": lambda: "\ud83d\udc19",
    "long": lambda: "a" * 10_000_000,
    "long and four bytes each": lambda: "🐙" * 100_000,
    "percent": lambda: "%s %(id)s %",
    "quotes": lambda: "'; DROP TABLE users; --\\",
    "many marks on one letter": lambda: "e" + "\u0301" * 60,
    "right to left": lambda: "\u202egnp.exe",
    "bytes": lambda: b"reef",
    "no UTF-8": lambda: b"\xff\xfe",
    "bytearray": lambda: bytearray(32),
    "memory": lambda: memoryview(bytes(32)),
    "naive": lambda: datetime(2099, 1, 1),  # noqa: DTZ001
    "zone without an offset": lambda: datetime(2099, 1, 1, tzinfo=Nowhere()),
    "first moment": lambda: datetime.min.replace(tzinfo=UTC),
    "last moment": lambda: datetime.max.replace(tzinfo=UTC),
    "first moment in the east": lambda: datetime.min.replace(tzinfo=EAST),
    "last moment in the west": lambda: datetime.max.replace(tzinfo=WEST),
    "long past": lambda: datetime(1970, 1, 1, tzinfo=UTC),
    "far away": lambda: datetime(9998, 12, 31, tzinfo=UTC),
    "date": lambda: date(2099, 1, 1),
    "span": lambda: timedelta(days=1),
    "list": list,
    "list of one": lambda: ["reef"],
    "knot": lambda: KNOT,
    "deep list": lambda: nested(5_000),
    "long list": lambda: [NOWHERE] * 100_000,
    "tuple": tuple,
    "dict": lambda: {"id": NOWHERE},
    "set": lambda: {NOWHERE},
    "generator": lambda: (each for each in [NOWHERE]),
    "endless": endless,
    "chain": lambda: chain([NOWHERE]),
    "function": lambda: endless,
    "class": lambda: User,
    "object": object,
    "unspeakable": Unspeakable,
    "list of the unspeakable": lambda: [Unspeakable()],
    "id of nothing": lambda: NOWHERE,
    "nil id": lambda: UUID(int=0),
    "own id": lambda: Id(int=7),
    "id as text": lambda: str(NOWHERE),
    "id later": lambda: SimpleLazyObject(lambda: NOWHERE),
    "number later": lambda: SimpleLazyObject(lambda: 1),
    "text later": lambda: SimpleLazyObject(lambda: "reef"),
    "moment later": lambda: SimpleLazyObject(lambda: datetime(2099, 1, 1, tzinfo=UTC)),
    "truth later": lambda: SimpleLazyObject(lambda: True),
    "list later": lambda: SimpleLazyObject(lambda: [NOWHERE]),
    "nobody": AnonymousUser,
    "nobody later": lambda: SimpleLazyObject(AnonymousUser),
    "new user": User,
    "new server": Server,
    "new channel": Channel,
    "new role": Role,
    "new message": Message,
    "new direct message": DirectMessage,
    "new file": MessageAttachment,
    "user without id": lambda: User(pk=None),
    "user of another kind of id": lambda: User(pk="me"),
    "server without id": lambda: Server(pk=None),
    "channel without id": lambda: Channel(pk=None),
    "new user later": lambda: SimpleLazyObject(User),
    "all users": User.objects.all,
    "manager": lambda: User.objects,
    "cursor": lambda: Cursor(NOON, NOWHERE),
    "cursor of nothing": lambda: Cursor(None, None),  # type: ignore[arg-type]
    "naive cursor": lambda: Cursor(datetime(2099, 1, 1), NOWHERE),  # noqa: DTZ001
    "cursor later": lambda: Cursor(NOON, SimpleLazyObject(lambda: NOWHERE)),  # type: ignore[arg-type]
}

# Where two arguments are wrong together, and not each by itself.
TOGETHER = {("user", "role")}
USED_ONCE = {"generator", "endless", "chain"}
LONGEST_MESSAGE = 300
# What a function of the caller's raises is the caller's.
FUNCTIONS = {"function", "class"}

# Into conversations goes what goes into channels.
ROWS = {
    "import_messages": "messages",
    "import_users": "users",
    "import_members": "members",
    "import_read_states": "states",
}
NASTY_IN_ROWS = [
    *("nothing", "true", "zero", "minus one", "bigint and one", "more digits than can be shown"),
    *("own int", "not a number", "empty", "blank", "own text", "NUL", "half a pair", "long"),
    *("bytes", "naive", "last moment", "list of one", "deep list", "dict", "generator"),
    *("object", "unspeakable", "id of nothing", "own id", "id later", "new user", "all users"),
]


@pytest.fixture
def scene() -> Scene:
    return make_scene()


def test_every_use_case_and_query_takes_its_arguments_by_name_and_is_public() -> None:
    """Else nothing here would find it."""
    for room, internal in ((services, {"core"}), (queries, {"source", "message_rows"})):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if not internal.isdisjoint(module.name.split(".")):
                continue
            for name, function in vars(importlib.import_module(module.name)).items():
                is_own = getattr(function, "__module__", "") == module.name
                is_use_case = room is queries or hasattr(function, "__wrapped__")
                if inspect.isfunction(function) and is_own and is_use_case and name[0] != "_":
                    assert function in PUBLIC.values(), name


def test_every_public_function_has_arguments(scene: Scene) -> None:
    assert scene.arguments.keys() == PUBLIC.keys()
    for name, arguments in scene.arguments.items():
        assert set(arguments) == set(PARAMETERS[name]), name


def test_good_arguments_are_taken(scene: Scene) -> None:
    for name in PUBLIC:
        with transaction.atomic():
            scene.call(name)
            transaction.set_rollback(True)


def test_nothing_but_named_errors_comes_out(scene: Scene, request: pytest.FixtureRequest) -> None:
    """Each argument with every third value: they take turns, from another one in each run."""
    nasty = {kind: make() for kind, make in NASTY.items() if kind not in USED_ONCE}
    step = 1 if request.config.getoption("--race-rounds") > 1 else 3
    fields = [(name, field) for name, parameters in PARAMETERS.items() for field in parameters]
    before, wrong = stored(), []
    execute("SAVEPOINT as_it_was")

    for turn, (name, field) in enumerate(fields, secrets.randbelow(step)):
        for kind in list(NASTY)[turn % step :: step]:
            if field == "on_progress" and kind in FUNCTIONS:
                continue
            value = nasty[kind] if kind in nasty else NASTY[kind]()
            call = partial(scene.call_with, name, field, value)
            if answer := _unnamed(call, field=field):
                wrong.append(f"{name}({field}={kind}): {answer}")

    assert not wrong, "\n".join(wrong)
    assert stored() == before


def test_rows_of_an_import_with_anything_in_them(scene: Scene) -> None:
    nasty = {kind: NASTY[kind]() for kind in NASTY_IN_ROWS}
    before, wrong = stored(), []
    execute("SAVEPOINT as_it_was")

    for name, argument in ROWS.items():
        (row,) = scene.arguments[name][argument]
        for field, (kind, value) in product(row._fields, nasty.items()):
            for bad in [row._replace(**{field: value}), *_with_bad_parts(row, field, value)]:
                call = partial(scene.call_with, name, argument, [bad])
                if answer := _unnamed(call, field=argument):
                    wrong.append(f"{name}({argument}.{field}={kind}): {answer}")

    assert not wrong, "\n".join(wrong)
    assert stored() == before


def _with_bad_parts(row: Any, field: str, value: Any) -> list[Any]:
    """Return the message with what hangs on it, each part wrong in one of its own fields."""
    parts: dict[str, Any] = {
        "mentions": MentionRow(),
        "reactions": ReactionRow(NOWHERE, "⚓"),
        "attachments": AttachmentRow(NOWHERE, "a.png", "image/png", 1, bytes(32), "key"),
    }
    if field not in parts:
        return []
    return [
        row._replace(**{field: [parts[field]._replace(**{own: value})]})
        for own in parts[field]._fields
    ]


def _unnamed(call: Callable[[], object], *, field: str) -> str:
    """Call, take back what that wrote, and return what came out, unless it names `field`."""
    try:
        call()
    except InvalidInput as error:
        said = str(error)
        if re.split(r"[.[]", error.field)[0] != field and (field, error.field) not in TOGETHER:
            return f"names another argument: {said[:100]}"
        return "" if len(said) <= LONGEST_MESSAGE else f"says too much: {said[:100]}"
    except ChatError as error:
        said = str(error)
        return "" if len(said) <= LONGEST_MESSAGE else f"says too much: {said[:100]}"
    except Exception as error:
        execute("ROLLBACK TO SAVEPOINT as_it_was")
        return f"{type(error).__name__}: {error}"[:200]
    execute("ROLLBACK TO SAVEPOINT as_it_was")
    return ""
