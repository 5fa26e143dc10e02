"""The rules of integrity.sql, checked on existing rows: those that triggers enforce."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import Error, connections, transaction
from psycopg import sql

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


def check_rules(
    *, using: str, timeout: timedelta, space: UUID | None = None, most: int = 5
) -> Iterator[Finding]:
    """Yield the result of each rule, in one space or in all.

    Each is one statement in a read-only transaction of its own, which is rolled back: it locks no
    row, keeps no snapshot longer than it runs, and is cancelled after `timeout`.

    Raises: Error, when there is no connection.
    """
    params: dict[str, Any] = {**_LIMITS, "space": space, "most": most}
    for rule in rules():
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
