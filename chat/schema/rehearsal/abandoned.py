"""Scratch databases that rehearsals which were killed have left, and how one knows them.

A scratch database carries a comment that names the database it is beside, and for as long as its
rehearsal lives a session on the maintenance database holds an advisory lock on its name, which the
server drops with the process. What has the comment, no lock and no session is nobody's any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, LiteralString

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from chat.schema.session.database import cut_name

SUFFIX_DIGITS: Final = 8

_CLAIM: Final[LiteralString] = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
_RELEASE: Final[LiteralString] = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"
_BY_NAME: Final[LiteralString] = """
SELECT
    d.datname,
    shobj_description(d.oid, 'pg_database') IS NOT DISTINCT FROM %s,
    (SELECT count(*) FROM pg_stat_activity AS a WHERE a.datid = d.oid)
FROM pg_database AS d
WHERE
    starts_with(d.datname, %s)
    AND substr(d.datname, length(%s) + 1) ~ %s
    AND d.datname <> %s
ORDER BY d.datname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """A database with the name of a scratch database; `why_kept` is empty when it was dropped."""

    name: str
    why_kept: str = ""

    def __str__(self) -> str:
        if self.why_kept:
            return f"Left alone: the database {self.name}, {self.why_kept}"
        return f"Dropped the database {self.name}, which a rehearsal that was killed had left."


def mark(maintenance: BaseDatabaseWrapper, *, name: str, beside: str) -> None:
    """Write on a scratch database that it is one, and beside which database."""
    with maintenance.cursor() as cursor:
        cursor.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                sql.Identifier(name), sql.Literal(_comment(beside))
            )
        )


def claim(maintenance: BaseDatabaseWrapper, *, name: str) -> bool:
    """Return whether the scratch database of this name is this session's, until it ends."""
    with maintenance.cursor() as cursor:
        cursor.execute(_CLAIM, (name,))
        return bool(cursor.fetchone()[0])


def drop_left_behind(
    maintenance: BaseDatabaseWrapper, *, prefix: str, beside: str
) -> Iterator[LeftBehind]:
    """Drop what rehearsals beside this database have left, and yield each that was found.

    Those of rehearsals that go on are passed over in silence; what has the name and not the mark,
    or a session, is left alone and yielded with the reason. One statement when there is nothing.
    """
    with maintenance.cursor() as cursor:
        digits = f"^[0-9a-f]{{{SUFFIX_DIGITS}}}$"
        cursor.execute(_BY_NAME, (_comment(beside), prefix, prefix, digits, cut_name(beside)))
        found = cursor.fetchall()
    for name, is_marked, sessions in found:
        if not claim(maintenance, name=name):
            continue
        try:
            yield _dropped(maintenance, name=name, is_marked=is_marked, sessions=sessions)
        finally:
            with maintenance.cursor() as cursor:
                cursor.execute(_RELEASE, (name,))


def _dropped(
    maintenance: BaseDatabaseWrapper, *, name: str, is_marked: bool, sessions: int
) -> LeftBehind:
    by_hand = f'if nobody needs it: DROP DATABASE "{name}";'
    if not is_marked:
        return LeftBehind(name=name, why_kept=f"which has no mark of a rehearsal; {by_hand}")
    if sessions:
        return LeftBehind(name=name, why_kept=f"to which somebody is connected; {by_hand}")
    try:
        with maintenance.cursor() as cursor:
            # Without FORCE: who connects in this very moment keeps it.
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
    except DatabaseError as exc:
        return LeftBehind(name=name, why_kept=f"which could not be dropped ({exc}); {by_hand}")
    return LeftBehind(name=name)


def _comment(beside: str) -> str:
    return f"Scratch database of a rehearsal beside {beside}; its rehearsal drops it."
