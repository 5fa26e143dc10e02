"""Where statements and sections begin, held against rules, made-up scripts, and the server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.schema.files import RunSQLFile
from chat.schema.files.tokens import Token, line_at, split_sections, split_statements, tokens

# Pieces of statements, each with what must not end one.
words = st.from_regex(r"[a-z_é][a-z0-9_$]{0,6}", fullmatch=True).filter(
    lambda word: word not in {"create", "e", "n", "u", "b", "x"}
)
inner = st.text(st.sampled_from('ab;:-/*()$ \n"%é'), max_size=8)
strings = inner.map(lambda text: f"'{text};''--'")
escaped = inner.map(lambda text: rf"E'\';{text}\\'")
identifiers = inner.map(lambda text: '"' + text.replace('"', '""') + ';"')
dollars = st.tuples(st.sampled_from(["$$", "$a$", "$é_1$"]), inner).map(
    lambda parts: f"{parts[0]}{parts[1].replace('$', '')}; '{parts[0]}"
)
comments = inner.map(lambda text: f"/* {text.replace('*', '').replace('/', '')}; /* '; */ $$ */")
line_comments = inner.map(lambda text: "-- ' ; $$" + text.replace("\n", "") + "\n")
grouped = st.lists(words, min_size=1, max_size=3).map(lambda parts: f"({' ; '.join(parts)})")
pieces = st.one_of(words, strings, escaped, identifiers, dollars, grouped)
made_up = st.tuples(
    words, st.lists(st.one_of(pieces, comments, line_comments), max_size=5), pieces
).map(lambda parts: " ".join([parts[0], *parts[1], parts[2]]))


@given(st.lists(made_up, max_size=5))
def test_statements_are_cut_where_they_were_joined(statements: list[str]) -> None:
    script = " -- first ;\n" + " ;\n/* ; */ ".join(statements) + ";;"

    found = split_statements(script)

    assert [statement.text for statement in found] == statements
    assert all(script.startswith(statement.text, statement.start) for statement in found)


@given(st.text(st.sampled_from("aE$1'\";-/*\\()\n é\x00"), max_size=60))
def test_tokens_are_the_whole_text(text: str) -> None:
    assert "".join(text[token.start : token.end] for token in tokens(text)) == text


literals = st.one_of(
    inner.map(lambda text: (text.replace("'", ""), f"'{text}'")),
    inner.map(lambda text: (text + "';\\", f"E'{text}\\';\\\\'")),
    inner.map(lambda text: (text + "';a", f"E'{text}'\n  -- it's ;\n'\\';a'")),
    inner.map(lambda text: (text.replace("$", ""), f"$é${text.replace('$', '')}$é$")),
    inner.map(lambda text: (text, f"/* /* ; */ ' */ '{text}' --;'\n")),
)


@pytest.mark.django_db
@settings(deadline=None)
@given(st.lists(literals, min_size=1, max_size=4))
def test_server_finds_the_same_statements(expected: list[tuple[str, str]]) -> None:
    connection.ensure_connection()
    script = ";".join(f"SELECT {literal} AS x" for _, literal in expected)

    with connection.connection.cursor() as cursor:
        as_a_whole = [result.fetchone()[0] for result in cursor.execute(script).results()]
        one_by_one = [
            cursor.execute(statement.text).fetchone()[0] for statement in split_statements(script)
        ]

    assert as_a_whole == one_by_one == [value for value, _ in expected]


@pytest.mark.parametrize(
    ("script", "count"),
    [
        ("", 0),
        ("-- nothing\n/* ; */ ;;", 0),
        ("SELECT 1", 1),
        ("SELECT a$1$;b$1$", 2),
        ("SELECT $1;SELECT $2", 2),
        ("SELECT 'C:\\';SELECT 2", 2),
        ("SELECT E'\\';SELECT 2", 1),
        ("SELECT tablee'\\';SELECT 2", 2),
        ("SELECT 'without an end;SELECT 2", 1),
        ("SELECT 1 /* without an end; /* */ SELECT 2", 1),
        ("SELECT 1; /* without an end; SELECT 2", 2),
        ("CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM a; DELETE FROM b); SELECT 1", 2),
        ("SELECT (1; SELECT 2; SELECT 3", 1),
        ("SELECT 1); SELECT 2", 2),
        ("BEGIN; SELECT 1; END; SELECT 2", 4),
        (
            (
                "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC"
                " SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3"
            ),
            2,
        ),
        ("CREATE PROCEDURE p() BEGIN ATOMIC SELECT 1; END; SELECT 3", 2),
        ("CREATE TABLE begin_ (a int); SELECT 3", 2),
    ],
)
def test_statements_are_counted_as_psql_counts_them(script: str, count: int) -> None:
    assert len(split_statements(script)) == count


@pytest.mark.django_db
def test_function_with_a_standard_body_is_one_statement() -> None:
    script = (
        "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC\n"
        "  SELECT 1; SELECT CASE WHEN a > 0 THEN 7 ELSE 8 END; END; SELECT f(1);"
    )

    with connection.cursor() as cursor:
        for statement in split_statements(script):
            cursor.execute(statement.text)

        assert cursor.fetchone() == (7,)


def test_first_words_are_told() -> None:
    (statement,) = split_statements("/* a */ Rollback -- b\n To SAVEPOINT x y")

    assert statement.words == ("rollback", "to", "savepoint", "x")


@pytest.mark.parametrize("marker", ["-- UP", "--up", "  --  Up  ", "\t-- uP\t"])
def test_marker_is_alone_on_its_line(marker: str) -> None:
    sections = split_sections(f"-- x\n{marker}\nSELECT 1;\n-- DOWN\nSELECT 2;")

    assert [(section.name, section.text) for section in sections] == [
        ("up", "\nSELECT 1;\n"),
        ("down", "\nSELECT 2;"),
    ]


@pytest.mark.parametrize(
    "line", ["SELECT 1; -- UP", "-- UP now", "'\n-- UP\n'", "/*\n-- UP\n*/", "$$\n-- UP\n$$", "-UP"]
)
def test_what_looks_like_a_marker_is_none(line: str) -> None:
    assert split_sections(line) == []


def test_lines_are_counted_from_one() -> None:
    assert [line_at("a\nb\n", position) for position in (0, 1, 2, 4)] == [1, 1, 2, 3]


class _Walked(str):  # noqa: SLOT000 — it counts
    """A text that counts the characters which are looked at backwards in it."""

    walked = 0

    def rfind(self, *arguments: Any) -> int:
        _, low, high = arguments
        found = super().rfind(*arguments)
        self.walked += high - max(low, found)
        return found


def test_twice_the_text_takes_twice_the_work() -> None:
    def walked(lines: int) -> int:
        text = _Walked("-- A remark.\nSELECT 1; -- up\n\n-- UP\n" * lines)
        split_sections(text)
        return text.walked

    assert walked(2_000) <= 2.5 * walked(1_000)


def test_big_file_is_cut_into_tokens_once_for_each_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def counted(text: str) -> Iterator[Token]:
        read.append(len(text))
        return tokens(text)

    (tmp_path / "sql").mkdir()
    body = "INSERT INTO things VALUES (1, 'one');\n" * 1_000
    (tmp_path / "sql" / "0001_pair.up.sql").write_text(body)
    (tmp_path / "sql" / "0002_one.sql").write_text(f"-- UP\n{body}-- DOWN\nDROP TABLE things;\n")
    monkeypatch.setattr("chat.schema.files.tokens.tokens", counted)

    def times_read(name: str) -> float:
        read.clear()
        RunSQLFile(str(tmp_path / f"{name}.py"))
        return sum(read) / len(body)

    # For the statements; of one file for its sections before that.
    assert times_read("0001_pair") < 1.2
    assert times_read("0002_one") < 2.2
