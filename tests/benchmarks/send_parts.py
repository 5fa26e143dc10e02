"""What each trigger, CHECK, key and index of `messages` costs a send.

Each is dropped in a copy of the database of its own, and a bare INSERT there is measured beside one
where all are left.
"""

import math
from collections.abc import Callable, Iterator
from typing import LiteralString

import psycopg
from django.db import connection

from tests.benchmarks.database import copied_database, led_to, migrated_database
from tests.benchmarks.paths import Goal, Path
from tests.benchmarks.sends import Place, bare_send, make_place, written_by

WITHOUT, WITH = "without", "with"

_SENDS = 500

# What acts on INSERT, with what drops it. Two triggers that import messages are asked whether they
# apply with each statement, and so are on the list.
_PARTS: LiteralString = """
    SELECT 'trigger ' || tgname, format('DROP TRIGGER %I ON messages', tgname)
    FROM pg_trigger
    WHERE tgrelid = 'messages'::regclass AND NOT tgisinternal AND tgtype & 4 <> 0
    UNION ALL
    SELECT
        CASE contype WHEN 'c' THEN 'CHECK ' WHEN 'f' THEN 'foreign key ' ELSE 'key ' END || conname,
        format('ALTER TABLE messages DROP CONSTRAINT %I CASCADE', conname)
    FROM pg_constraint
    WHERE conrelid = 'messages'::regclass AND contype IN ('c', 'f', 'p', 'u')
    UNION ALL
    SELECT 'index ' || indexrelid::regclass, format('DROP INDEX %s', indexrelid::regclass)
    FROM pg_index
    WHERE
        indrelid = 'messages'::regclass
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
    ORDER BY 1
"""


def part_paths() -> Iterator[Path]:
    """Yield a path for each part: a send without it, and with it.

    A send that fails without a part is measured with it alone.
    """
    with migrated_database() as whole:
        with led_to(whole):
            place = make_place(clients=1)
            _sends(place)()
            with connection.cursor() as cursor:
                cursor.execute(_PARTS)
                parts = cursor.fetchall()
        whole.close()
        name = whole.settings_dict["NAME"]
        with copied_database(name) as other, led_to(other):
            send = _sends(place)
            wal, disk = written_by(connection, send, messages=_SENDS).values()
            for part, drop in parts:
                with copied_database(name) as lesser, led_to(lesser):
                    with connection.cursor() as cursor:
                        cursor.execute(drop)
                    yield _path(part, place, send, wal=wal, disk=disk)


def _path(part: str, place: Place, send: Callable[[], object], *, wal: int, disk: int) -> Path:
    try:
        without = _sends(place)
    except psycopg.Error:
        return Path(name=f"{part}: no send without it", ways={WITH: send}, goals=[], units=_SENDS)
    seen = written_by(connection, without, messages=_SENDS)
    return Path(
        name=part,
        ways={WITH: send, WITHOUT: without},
        # How much a part may cost is a matter of what it keeps.
        goals=[Goal(way=WITH, other=WITHOUT, ratio=math.inf)],
        units=_SENDS,
        counts=lambda: {
            "its WAL bytes": wal - seen["WAL bytes"],
            "its disk bytes": disk - seen["disk bytes"],
        },
    )


def _sends(place: Place) -> Callable[[], object]:
    """Return what sends many messages to where Django's connection leads, after it has done so."""
    send = bare_send(place.space_id, place.channel_ids[0], place.author_ids[0])

    def run() -> None:
        for _ in range(_SENDS):
            send()

    run()
    return run
