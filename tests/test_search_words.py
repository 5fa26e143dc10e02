"""The words of texts in any script: the database's and Python's, on every server the same."""

import random
import re
import secrets
import sys
import unicodedata
from typing import Any, NamedTuple

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from chat.rules import search_words
from chat.rules.search_words import find_spans, find_words
from tests.queries.test_search import FOUND, NOT_FOUND
from tests.scratch import ScratchServer, connect

# Without it there is no test database.
pytestmark = pytest.mark.django_db


def rows(statement: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def words_in_database(texts: list[str]) -> list[list[str]]:
    return [
        words
        for (words,) in rows(
            "SELECT search_words(search_fold(content)) FROM unnest(%s::text[]) WITH ORDINALITY"
            " AS text (content, place) ORDER BY place",
            texts,
        )
    ]


def words_in_python(text: str) -> list[str]:
    return [f"-{word.text}" if word.has_minus else word.text for word in find_words(text)]


def test_every_code_point_is_the_same_to_the_database_and_to_python() -> None:
    # Of Han, Hangul, Tangut and what is unassigned, every hundredth.
    known = [
        code
        for code in (*range(1, 0xD800), *range(0xE000, 0x110000))
        if code % 100 == 0
        or code in range(0x3400)
        or code in range(0xA000, 0xAC00)
        or code in range(0xD7A0, 0x17000)
        or code in range(0x1AFF0, 0x20000)
    ]
    texts = [
        " ".join(f"a{chr(code)}b {chr(code)}" for code in known[first : first + 500])
        for first in range(0, len(known), 500)
    ]

    expected = words_in_database(texts)

    assert [words_in_python(text) for text in texts] == expected


def test_tables_of_characters_are_the_same_in_the_database_and_in_python() -> None:
    kinds = ("later", "mark", "pair", "symbol", "separator")

    in_database = dict(
        rows("SELECT kind, search_characters(kind) FROM unnest(%s::text[]) kind", [*kinds])
    )

    assert {kind: getattr(search_words, kind.upper()) for kind in kinds} == in_database


# Letters that are composed, decomposed, folded and joined in every way; and what separates words.
_PIECES = (
    "abcXYZ019 -_.\"'éÉßẞøIıİſΣσςАяЙйёㄱㅎㅏ한글각가\u1100\u1161\u11a8がか\u3099\u309a図書館ｶﾞ天อาำกี่"
    "\u0e4d\u0e32ລາວ👍🏽\u200d€…“”\u0301\u0323\u0327\u05b0שﬁ①½ﷺ㍿क्ष\u093cक़डढ़\u09c7\u09be\u0b92\u0bd7"
    "\ufdd0\ufdd1\u200b\u00adа\u0306㋿𝔸ﾞὈ\U0001e030\U000105d2"
)


def test_texts_at_random_have_the_same_words_in_the_database_and_in_python() -> None:
    seed = secrets.randbelow(10**6)
    chance = random.Random(seed)
    texts = [
        "".join(chance.choices(pieces, k=chance.randint(1, 16)))
        for pieces in (
            _PIECES,
            "abE e1290x-._/:@#&<> \t\n¡«·»¿‐–—‘’“”…‧、。〃",
            "éßЯяеЕйЁїґσςΣάω e1290x-._ \t\n«»–’…",
            "شאبَأ٣ـﷺשׁן e10-._ \t\n،؛؟«»",
            # With Thai vowels below, which come before tone marks.
            "今図館かがカーㅋ가관々กำนู่ิ๑x1E5-.' \t\u3000·…、。「」・，！～？：－Ａ＂１",
            "xE1-. \t\n❤☺✓😀👩👍🏽🇩🇪\u200d\ufe0f\u20e3今—…",
        )
        for _ in range(5_000)
    ]

    expected = words_in_database(texts)
    ways_differ = rows(
        """
        SELECT content
        FROM unnest(%s::text[]) AS content
        WHERE
            search_vector(content)
                <> coalesce(search_vector_of_words(search_words(search_fold(content))), '')
            OR search_fold(search_fold(content)) <> search_fold(content)
        """,
        texts,
    )

    assert ways_differ == [], seed
    assert [words_in_python(text) for text in texts] == expected, seed


# What a server has of these; the embedded one has no ICU, and one before 17 no locale of its own.
_LOCALES = {
    "C": "LOCALE 'C'",
    "C.UTF-8": "LOCALE 'C.UTF-8'",
    "Turkish by ICU": "LOCALE_PROVIDER icu ICU_LOCALE 'tr' LOCALE 'C.UTF-8'",
    "built in": "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'",
}


@pytest.mark.parametrize("locale", _LOCALES)
def test_the_same_is_found_in_every_locale(
    locale: str, scratch_server: ScratchServer, django_db_blocker: DjangoDbBlocker
) -> None:
    functions = [
        definition
        for (definition,) in rows(
            "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname ~ '^search_' "
            "AND pronamespace = 'public'::regnamespace "
            # What is in the body of one must be there before it.
            "ORDER BY prosqlbody IS NOT NULL, oid"
        )
    ]
    name = f"{connection.settings_dict['NAME']}_locale"
    with scratch_server.maintenance.cursor() as cursor:
        try:
            cursor.execute(
                f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {_LOCALES[locale]}"
            )
        except Exception as error:
            pytest.skip(f"this server has no such locale: {error}")
    try:
        other = connect(name, alias="locale")
        with other.cursor() as cursor:
            for definition in functions:
                cursor.execute(definition)
            cursor.execute(
                """
                SELECT
                    content, query, coalesce(search_vector(content) @@ search_query(query), false)
                FROM unnest(%s::text[], %s::text[]) AS pair (content, query)
                """,
                [list(column) for column in zip(*FOUND, *NOT_FOUND, strict=True)],
            )
            answers = [tuple(row) for row in cursor.fetchall()]
        other.close()
    finally:
        scratch_server.drop(name)

    assert answers == [(*pair, True) for pair in FOUND] + [(*pair, False) for pair in NOT_FOUND]


class Script(NamedTuple):
    """Plain letters, what some of them are also written as, and whether words have spaces."""

    letters: str
    forms: dict[str, str] = {}
    has_spaces: bool = True


_SCRIPTS = {
    "Latin": Script("abcdeiostuz", {"a": "á À â ä å", "c": "ç Č", "o": "ô õ ø Ø", "s": "Ş ſ"}),
    "Greek": Script("αβγεηιουρσω", {"α": "ά Ά", "ι": "ί ϊ ΐ", "σ": "ς Σ ϲ", "ω": "ώ ὣ"}),
    "Cyrillic": Script("абвгдеиоуяы", {"е": "ё Ё ѐ", "и": "й Й", "у": "ў Ў", "о": "О"}),
    "Turkish": Script("abcgiklmosu", {"i": "ı İ I", "s": "ş Ş", "g": "ğ", "u": "ü", "c": "ç"}),
    "German": Script("abehklnosu", {"a": "ä Ä", "o": "ö Ö", "u": "ü", "ss": "ß ẞ"}),
    "Arabic": Script("ابتسكلمنهوي", {"ا": "أ إ آ", "ب": "بَ بّ", "ل": "لـ", "و": "ؤ", "ي": "ئ"}),
    "Hebrew": Script("אבגדהושלמנר", {"ש": "שׁ שׂ", "ב": "בּ", "א": "אָ"}),
    "Devanagari": Script("कखगतदनमरसा"),
    "Chinese": Script("天气图书馆我们去看的", has_spaces=False),
    "Japanese": Script("天気カガパンのがぱ図書", {"カ": "ｶ"}, has_spaces=False),
    "Korean": Script("도서관가각나다의에한", has_spaces=False),
    "Thai": Script("อากศมรนเทป่", has_spaces=False),
}
_BETWEEN = " \n\u3000\u00a0,.!?;:/_()[]«»“”…、。·€"


@pytest.mark.parametrize("is_free", [False, True], ids=["fixed seed", "free seed"])
@pytest.mark.parametrize("script", _SCRIPTS)
def test_nothing_is_missed_and_nothing_else_is_found(script: str, is_free: bool) -> None:
    seed = secrets.randbelow(10**6) if is_free else 1
    chance = random.Random(f"{script} {seed}")
    letters, forms, has_spaces = _SCRIPTS[script]

    def some_word() -> str:
        return "".join(chance.choices(letters, k=chance.randint(1, 6)))

    def written(plain: str) -> str:
        """A word as somebody may write it."""
        text = "".join(
            chance.choice([part, *forms.get(part, "").split()])
            for part in re.findall("|".join([*sorted(forms, key=len, reverse=True), "."]), plain)
        )
        text = text.upper() if chance.random() < 0.3 else text
        return unicodedata.normalize(chance.choice(["NFC", "NFD"]), text)

    def is_found(text: list[str], query: list[str]) -> bool:
        *others, last = query
        if not has_spaces:
            return all(any(part in word for word in text) for part in query)
        return {*others} <= {*text} and any(
            word == last or (len(last) >= 4 and word.startswith(last)) for word in text
        )

    texts = [[some_word() for _ in range(chance.randint(1, 12))] for _ in range(80)]
    queries = [[some_word() for _ in range(chance.randint(1, 2))] for _ in range(40)]
    queries += [[chance.choice(chance.choice(texts))[: chance.randint(1, 6)]] for _ in range(60)]
    expected = {
        (text, query)
        for text, words in enumerate(texts, 1)
        for query, wanted in enumerate(queries, 1)
        if is_found(words, wanted)
    }

    found = rows(
        """
        WITH
            -- Each once, and not once for each of the other.
            texts AS MATERIALIZED (
                SELECT place, search_vector(content) AS vector
                FROM unnest(%s::text[]) WITH ORDINALITY AS text (content, place)
            ),
            queries AS MATERIALIZED (
                SELECT place, search_query(content) AS query
                FROM unnest(%s::text[]) WITH ORDINALITY AS query (content, place)
            )
        SELECT texts.place, queries.place
        FROM texts
        CROSS JOIN queries
        WHERE vector @@ query
        """,
        [
            "".join(
                written(word) + "".join(chance.choices(_BETWEEN, k=chance.randint(1, 2)))
                for word in text
            )
            for text in texts
        ],
        [" ".join(map(written, query)) for query in queries],
    )

    assert len(expected) > 50
    assert set(found) == expected, seed


@pytest.mark.parametrize(
    ("content", "query", "shown"),
    [
        ("The boat, the red boat", "boat", ["boat", "boat"]),
        ("A red boat, a boat in red", '"red boat"', ["red", "boat"]),
        ("Redeploying it", "rede", ["Rede"]),
        ("un cafe\u0301 noir", "cafe", ["cafe\u0301"]),
        ("un CAFÉ noir", "cafe", ["CAFÉ"]),
        ("Ｔｈｅ ｂｏａｔ", "boat", ["ｂｏａｔ"]),
        ("今天天气很好", "天气", ["天气"]),
        ("去图书馆看书", "图书馆", ["图书馆"]),
        ("去图书馆看书", "书", ["书", "书"]),
        ("ﾊﾞﾅﾅとバナナ", "バナナ", ["ﾊﾞﾅﾅ", "バナナ"]),
        ("see report.pdf.", "report.pdf", ["report", "pdf"]),
        ("㍿の株式会社", "株式", ["㍿", "株式"]),
        ("👍🏽 fine 👍", "👍", ["👍", "👍"]),
        ("Große Straße", "strasse", ["Straße"]),
        ("rm -rf or rm rf", "rm -rf", ["rm", "rf", "rm"]),
        ("a red boat", "boat -green", ["boat"]),
        ("green fish", "boat or fish", ["fish"]),
        ("a\U0001f600b\u200dc boat", "boat", ["boat"]),
        ("boat", "!!", []),
        ("", "boat", []),
    ],
)
def test_hit_says_where_the_words_are(content: str, query: str, shown: list[str]) -> None:
    ((words,),) = rows("SELECT search_query(%s)::text", query)

    spans = find_spans(content, query=words or "")

    assert [content[start:end] for start, end in spans] == shown


def calls(query: str) -> int:
    """Count the calls that it takes to show a query in a text of 4,000 letters."""
    made = 0

    def count(*_: object) -> None:
        nonlocal made
        made += 1

    sys.setprofile(count)
    try:
        spans = find_spans("天" * 4000, query=query)
    finally:
        sys.setprofile(None)
    assert spans == ((0, 4000),)
    return made


@pytest.mark.parametrize(
    "query", [" & ".join(["'天':*"] * 100), " <-> ".join(["'天天'"] * 199)], ids=["words", "phrase"]
)
def test_long_query_is_shown_in_a_long_message_at_once(query: str) -> None:
    # 23 and 38 times as many when each word was compared with each.
    assert calls(query) < 10 * calls("'天':*")


def test_words_of_any_length_are_stored_and_found() -> None:
    long = "x" * 4000
    wide = "\U00020000" * 1 + "\U00010400" * 3999

    assert (
        rows(
            """
        SELECT search_vector(word) @@ search_query(word), search_vector(word || '…') IS NOT NULL
        FROM unnest(%s::text[]) AS word
        """,
            [long[:500], wide[:500]],
        )
        == [(True, True)] * 2
    )
    assert rows("SELECT length(search_vector(%s)), length(search_vector(%s))", long, wide) == [
        (1, 2)
    ]
