"""Names: one line with something to see on it, and Python and the server mean the same by that."""

import re
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.db.ids import uuid7
from chat.rules.names import CONTROL, LEGIBLE_PATTERN, is_legible
from tests.chat.sql import by_check, execute, refused, rows, value
from tests.factories import (
    DirectConversationFactory,
    MessageAttachmentFactory,
    RoleFactory,
    ServerFactory,
    ServerMemberFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

NAMES: dict[tuple[str, str], Callable[[], object]] = {
    ("servers", "name"): ServerFactory.create,
    ("server_members", "nickname"): ServerMemberFactory.create,
    ("channels", "name"): partial(DirectConversationFactory.create, group=True),
    ("roles", "name"): RoleFactory.create,
    ("message_attachments", "filename"): lambda: MessageAttachmentFactory.create(
        message=None, space_id=uuid7()
    ),
    ("users", "display_name"): UserFactory.create,
}
OPTIONAL = {
    ("channels", "name"): "",
    ("users", "display_name"): "",
    ("server_members", "nickname"): None,
}


@pytest.fixture(params=NAMES, ids=".".join)
def column(request: pytest.FixtureRequest) -> tuple[str, str]:
    table, column = request.param
    return table, column


def set_name(column: tuple[str, str]) -> str:
    table, name = column
    return f"UPDATE {table} SET {name} = %s"


def test_name_is_kept_where_there_is_something_to_see_and_else_refused(
    column: tuple[str, str],
) -> None:
    NAMES[column]()

    for name in ("ab", "\u200ba", "a \u2067b\u2069", "👩\u200d🚀", "\u0301\u0301"):
        assert execute(set_name(column), name) > 0, ascii(name)
    for name in (
        *("  ", "\u200b\u200b", "\u3164 \u2800", "\U000e0020\ufe0f", "\u2028\u202e"),
        *("a\nb", "ab\n", "\x1b[2J", "a\tb", "a\x85b", "a\u2029b", "a\u202eb"),
    ):
        refusal = refused(set_name(column), name)
        assert refusal == by_check(f"{'_'.join(column)}_legible_ck"), ascii(name)


@pytest.mark.parametrize("column", OPTIONAL, ids=".".join)
def test_name_that_may_be_missing_may_be_missing(column: tuple[str, str]) -> None:
    NAMES[column]()

    assert execute(set_name(column), OPTIONAL[column]) > 0


@pytest.mark.parametrize("code", ["\u200b\u200b", "  ", "ab\n", "a\x1bb"])
def test_code_that_nobody_can_read_is_refused(code: str) -> None:
    refusal = refused("INSERT INTO invite_codes (code, space_id) VALUES (%s, uuidv7())", code)

    assert refusal == by_check("invite_codes_code_ck")


def constraint(column: tuple[str, str]) -> str:
    """Return the condition as the catalogue has it."""
    expression = value(
        "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint"
        " WHERE conname = %s AND conrelid = %s::regclass",
        f"{'_'.join(column)}_legible_ck",
        column[0],
    )
    assert isinstance(expression, str)
    return expression


def test_every_name_is_under_the_same_rule_which_can_be_read_where_it_is_shown(
    column: tuple[str, str],
) -> None:
    (pattern,) = re.findall(r"~ '(.*)'::text", constraint(column))

    assert pattern == LEGIBLE_PATTERN
    assert constraint(column).isascii()


@pytest.mark.parametrize("before", ["", "x"], ids=["alone", "after a letter"])
def test_python_and_the_server_agree_on_every_character(before: str) -> None:
    condition = constraint(("servers", "name"))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT point
            FROM (
                SELECT point, (%s || chr(point))::varchar AS name
                FROM generate_series(1, 1114111) AS point
                WHERE point NOT BETWEEN 55296 AND 57343
            ) AS character
            WHERE NOT ({condition})
            """,
            [before],
        )
        refused_by_server = {chr(point) for (point,) in cursor.fetchall()}

    refused_by_python = {
        character
        for point in range(1, 0x110000)
        if not 0xD800 <= point < 0xE000 and not is_legible(before + (character := chr(point)))
    }

    assert refused_by_server == refused_by_python
    assert len(refused_by_server) == (71 if before else 4279)


CHARACTERS = st.one_of(
    st.sampled_from(
        "ab🚀 \t\n\r\x1b\x7f\x85\xa0\xad\u034f\u200b\u2028\u202e\u2800\u3164\ufe0f\U000e0020"
    ),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)


@settings(max_examples=150)
@given(names=st.lists(st.text(CHARACTERS, max_size=100), min_size=1, max_size=20))
def test_python_and_the_server_agree_on_every_name(names: list[str]) -> None:
    answers = rows(
        "SELECT name ~ %s, name ~ %s FROM unnest(%s::text[]) WITH ORDINALITY AS given (name, place)"
        " ORDER BY place",
        LEGIBLE_PATTERN,
        CONTROL.pattern,
        names,
    )

    assert answers == [(is_legible(name), CONTROL.search(name) is not None) for name in names]
