"""What a restore past the triggers may break, checked on existing rows.

The rules of integrity.sql, which are the triggers', and each foreign key, as the catalogue has it:
PostgreSQL holds these by triggers too, which a restore of a part switches off.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from django.db import Error, connections, transaction
from psycopg import sql

from chat.db.statements import Statement
from chat.rules.emoji import EMOJI_PATTERN
from chat.rules.limits import (
    CHANNEL_LIMIT,
    EMOJI_LIMIT,
    GROUP_LIMIT,
    PIN_LIMIT,
    THREAD_LIMIT,
)

_SQL = Path(__file__).with_suffix(".sql")
_RULE = re.compile(r"^-- Rule: (\w+)\n((?:-- .*\n)+)((?:(?!-- Rule: ).*\n?)+)", re.MULTILINE)
_LIMITS: dict[str, int | str] = {
    "channel_limit": CHANNEL_LIMIT,
    "thread_limit": THREAD_LIMIT,
    "pin_limit": PIN_LIMIT,
    "emoji_limit": EMOJI_LIMIT,
    "group_limit": GROUP_LIMIT,
    "emoji_pattern": EMOJI_PATTERN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule's name, the sentence that it checks, and the query that returns what breaks it."""

    name: str
    sentence: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one rule: how many rows break it, the first of them, or why it is not known."""

    rule: Rule
    count: int = 0
    first: tuple[dict[str, Any], ...] = ()
    error: str = ""


def rules() -> list[Rule]:
    """Return all rules, in the order of the file."""
    return read_rules(_SQL)


def read_rules(path: Path) -> list[Rule]:
    """Return the rules in a file: each has a line with its name, a sentence, and its query."""
    return [
        Rule(
            name=name,
            sentence=" ".join(line.removeprefix("-- ") for line in sentence.splitlines()),
            query=query.strip().removesuffix(";"),
        )
        for name, sentence, query in _RULE.findall(path.read_text(encoding="utf-8"))
    ]


def keys(*, using: str, space: UUID | None) -> list[Rule]:
    """Return a rule for each foreign key, by the names of tables: one statement.

    In one space those of the tables that have a space.
    """
    found = _KEYS.rows({}, using=using)
    return [_key_rule(key) for key in found if space is None or "space_id" in key.shown]


class _Key(NamedTuple):
    """A foreign key; and the columns of its table that have ids and numbers, which are shown."""

    name: str
    table: str
    columns: Sequence[str]
    target: str
    target_columns: Sequence[str]
    shown: Sequence[str]


def _key_rule(key: _Key) -> Rule:
    def of(row: LiteralString, column: str) -> sql.Composed:
        return sql.SQL("{}.{}").format(sql.SQL(row), sql.Identifier(column))

    pairs = list(zip(key.columns, key.target_columns, strict=True))
    query = sql.SQL(
        "SELECT {shown} FROM public.{table} AS child WHERE {given} AND NOT EXISTS ("
        "SELECT FROM public.{target} AS parent WHERE {same})"
    ).format(
        shown=sql.SQL(", ").join(of("child", column) for column in key.shown),
        table=sql.Identifier(key.table),
        # A key of which a part is NULL is not asked.
        given=sql.SQL(" AND ").join(
            [
                *(sql.SQL("{} IS NOT NULL").format(of("child", column)) for column in key.columns),
                *(
                    [sql.SQL("(%(space)s::uuid IS NULL OR child.space_id = %(space)s)")]
                    if "space_id" in key.shown
                    else []
                ),
            ]
        ),
        target=sql.Identifier(key.target),
        same=sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(of("parent", there), of("child", here))
            for here, there in pairs
        ),
    )
    return Rule(
        name=key.name,
        sentence=f"What {key.table} names by {', '.join(key.columns)} is in {key.target}.",
        query=query.as_string(None),
    )


def check_rules(
    *, using: str, timeout: timedelta, space: UUID | None = None, most: int = 5
) -> Iterator[Finding]:
    """Yield the result of each rule and then of each key, in one space or in all.

    Each is one statement in a read-only transaction of its own, which is rolled back: it locks no
    row, keeps no snapshot longer than it runs, and is cancelled after `timeout`.

    Raises: Error, when there is no connection.
    """
    params: dict[str, Any] = {**_LIMITS, "space": space, "most": most}
    for rule in (*rules(), *keys(using=using, space=space)):
        # Without one, each rule would fail as the one before.
        connections[using].ensure_connection()
        try:
            with transaction.atomic(using=using), connections[using].cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('transaction_read_only', 'on', true),"
                    " set_config('statement_timeout', %s, true)",
                    # Not 0, which is for ever.
                    [str(ceil(timeout / timedelta(milliseconds=1)))],
                )
                cursor.execute(
                    sql.SQL(
                        "SELECT count(*) OVER () AS count, found.* FROM ({}) AS found"
                        " LIMIT %(most)s"
                    ).format(sql.SQL(rule.query)),
                    params,
                )
                columns = [column.name for column in cursor.description][1:]
                found = cursor.fetchall()
                # Undoes the settings too, where the caller is in a transaction.
                transaction.set_rollback(True, using=using)
        except Error as error:
            yield Finding(rule=rule, error=str(error).strip().partition("\n")[0])
            continue
        yield Finding(
            rule=rule,
            count=found[0][0] if found else 0,
            first=tuple(dict(zip(columns, row[1:], strict=True)) for row in found),
        )


_KEYS = Statement(
    """
    SELECT
        key.conname::text,
        child.relname::text,
        (
            SELECT array_agg(part.attname::text ORDER BY place)
            FROM unnest(key.conkey) WITH ORDINALITY AS named (number, place)
            INNER JOIN pg_attribute AS part
                ON part.attrelid = key.conrelid AND part.attnum = named.number
        ),
        parent.relname::text,
        (
            SELECT array_agg(part.attname::text ORDER BY place)
            FROM unnest(key.confkey) WITH ORDINALITY AS named (number, place)
            INNER JOIN pg_attribute AS part
                ON part.attrelid = key.confrelid AND part.attnum = named.number
        ),
        (
            SELECT array_agg(part.attname::text ORDER BY part.attnum)
            FROM pg_attribute AS part
            WHERE
                part.attrelid = key.conrelid
                AND (part.attname IN ('space_id', 'id') OR part.attnum = ANY (key.conkey))
                AND part.atttypid IN ('uuid'::regtype, 'int8'::regtype, 'int4'::regtype)
        )
    FROM pg_constraint AS key
    INNER JOIN pg_class AS child
        ON child.oid = key.conrelid
    INNER JOIN pg_class AS parent
        ON parent.oid = key.confrelid
    WHERE
        key.contype = 'f'
        AND child.relnamespace = 'public'::regnamespace
        AND parent.relnamespace = 'public'::regnamespace
        AND key.conparentid = 0
    ORDER BY child.relname, key.conname
    """,
    _Key,
)
