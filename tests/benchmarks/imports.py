"""What an import of messages costs against psql's \\copy into the same table, keys and triggers.

Each measurement fills a channel of its own. What is compared is from rows in memory, or from a file
of the same rows, to the commit. What is counted is how long 99 of 100 sends into another server
take at most, before the import and beside it.
"""

import os
import random
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path as FilePath
from uuid import UUID

from django.db import connection

from chat.db.ids import uuid7
from chat.models import Channel, Server, User
from chat.services.imports import MessageRow, import_messages
from tests.benchmarks.paths import BARE, OURS, Goal, Path
from tests.benchmarks.sends import SHAPES, Crew, Place

COLUMNS = (
    "space_id, channel_id, id, seq, author_id, created_at, updated_at, content, kind, "
    "reply_to_seq, edited_at, pinned_at, pinned_by_id, deleted_at, deleted_by_id"
)
_NULLS = "\t".join(["\\N"] * 5)
# They are done before an import is.
_SENDS = 1000


@contextmanager
def import_paths(place: Place, *, messages: int = 100_000) -> Iterator[list[Path]]:
    """Yield the path of the import of this many messages; what it wrote stays in the database.

    Sends beside it go to `place`.
    """
    with tempfile.TemporaryDirectory() as directory:
        work = _Work(messages=messages, file=FilePath(directory) / "messages.tsv")
        work.prepare()
        yield [
            # bulk_create has no way to bring numbers, and without one it moves the channel for
            # every row: minutes for what COPY does in seconds.
            Path(
                name=f"import of {messages:,} messages",
                ways={OURS: work.import_rows, BARE: work.copy_file},
                goals=[Goal(way=OURS, other=BARE, ratio=1 / 0.9)],
                reset=work.prepare,
                counts=lambda: work.sends_beside(place),
            )
        ]


def copy_messages(file: FilePath) -> None:
    """Let psql copy a file of `COLUMNS` into the messages, in one transaction."""
    arguments, env = connection.client.settings_to_cmd_args_env(connection.settings_dict, [])
    subprocess.run(
        [
            *arguments[:1],
            *("-qX", "-v", "ON_ERROR_STOP=1", "-c", "BEGIN"),
            *("-c", "SET LOCAL chat.import = 'on'"),
            *("-c", f"\\copy messages ({COLUMNS}) FROM '{file}'", "-c", "COMMIT"),
            *arguments[1:],
        ],
        env={**os.environ, **(env or {})},
        check=True,
    )


class _Work:
    def __init__(self, *, messages: int, file: FilePath) -> None:
        self.messages = messages
        self.file = file
        self.random = random.Random(1)
        self.words = [
            "".join(self.random.choices("abcdefghijklmnopqrstuvwxyz", k=self.random.randint(2, 9)))
            for _ in range(5000)
        ]
        self.authors = [
            user.id
            for user in User.objects.bulk_create(
                User(username=f"writer_{n}_{uuid7().hex[-12:]}") for n in range(200)
            )
        ]
        self.server = Server.objects.create(name="Library", owner_id=self.authors[0])
        self.rows: list[MessageRow] = []
        self.channel = self.copied_to = UUID(int=0)

    def prepare(self) -> None:
        """Make two empty channels, the rows for one of them and the file for the other."""
        self.channel = Channel.objects.create(server=self.server, name="by-import").id
        self.copied_to = Channel.objects.create(server=self.server, name="by-psql").id
        self.rows = self._rows()
        with self.file.open("w", encoding="utf-8") as file:
            for seq, row in enumerate(self._rows(), 1):
                # What each tenth answers came nine before it.
                reply_to = "\\N" if row.reply_to is None else str(seq - 9)
                file.write(
                    f"{self.server.id}\t{self.copied_to}\t{row.id}\t{seq}\t{row.author}\t"
                    f"{row.created_at}\t{row.created_at}\t{row.content}\ttext\t{reply_to}\t{_NULLS}\n"
                )

    def import_rows(self) -> None:
        done = import_messages(channel=self.channel, messages=self.rows)
        if done.messages != self.messages:
            raise RuntimeError(f"{done} of {self.messages} messages")

    def copy_file(self) -> None:
        copy_messages(self.file)

    def sends_beside(self, place: Place) -> dict[str, int]:
        with Crew(place, SHAPES[0], way=OURS, each=_SENDS) as crew:
            before = crew()
            crew.begin()
            self.import_rows()
            beside = crew.finish()
        return {"send p99, µs": _p99(before), "beside it, µs": _p99(beside)}

    def _rows(self) -> list[MessageRow]:
        first = datetime(2024, 1, 1, tzinfo=UTC)
        choose = self.random
        rows: list[MessageRow] = []
        for n in range(self.messages):
            row = MessageRow(
                uuid7(),
                choose.choice(self.authors),
                first + timedelta(seconds=n),
                " ".join(choose.choices(self.words, k=choose.randint(1, 24))),
                reply_to=rows[n - 9].id if n > 9 and n % 10 == 0 else None,
            )
            rows.append(row)
        return rows


def _p99(seconds: Sequence[float]) -> int:
    return round(statistics.quantiles(seconds, n=100)[-1] * 1_000_000)
