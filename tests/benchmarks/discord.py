"""What `import_discord` takes for a file of any size, and where its time goes: `python -m` this.

The command runs as a process of its own, in a database of its own. Beside it: the file read and not
used, the file made into rows that go nowhere, and psql's \\copy of the very messages that were
imported, into another channel of the same table with the same keys and triggers.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "melo.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402

from chat.db.ids import uuid7  # noqa: E402
from chat.discord.mapping import Mapper  # noqa: E402
from chat.discord.people import People  # noqa: E402
from chat.discord.reader import ExportFile  # noqa: E402
from chat.models import Channel, ChannelCounter  # noqa: E402
from melo.environment.reading import VARIABLES  # noqa: E402
from tests.benchmarks.database import describe_machine, led_to, migrated_database  # noqa: E402
from tests.benchmarks.imports import COLUMNS, copy_messages  # noqa: E402
from tests.discord.exports import FIRST_ID, export, message, user  # noqa: E402

# What the file is to be imported in, in kB of resident memory.
_MEMORY_GOAL = 300_000
# Of the rate of \copy.
_RATE_GOAL = 0.3
_AUTHORS = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure once, print a table, and return 0 when both goals are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.discord", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000, help="how many (1000000)")
    count = parser.parse_args(arguments).messages
    settings.DEBUG = False
    sys.stdout.write(f"{describe_machine()}\n")
    with (
        tempfile.TemporaryDirectory() as directory,
        migrated_database() as database,
        led_to(database),
    ):
        path = _write_export(Path(directory) / "export.json", count)
        reading = _seconds(lambda: _read(path))
        mapping = _seconds(lambda: _map(path))
        began = time.perf_counter()
        memory = _import(path, database)
        importing = time.perf_counter() - began
        with _twin(Path(directory) / "messages.tsv", count) as rows:
            copying = _seconds(lambda: copy_messages(rows))
        size = path.stat().st_size
    ratio = copying / importing
    sys.stdout.write(
        f"{count:,} messages in {size / 1e6:,.0f} MB of JSON\n\n"
        + _row("import_discord, the whole process", importing, count)
        + _row("  reading the file", reading, count)
        + _row("  making rows of it", mapping - reading, count)
        + _row("  checking, writing, keys and indexes", importing - mapping, count)
        + _row("\\copy of the same messages", copying, count)
        + f"\nrate in that of \\copy  {ratio:.2f}  (goal: at least {_RATE_GOAL})\n"
        f"most memory            {memory / 1000:.0f} MB  (goal: at most {_MEMORY_GOAL // 1000})\n"
    )
    return 0 if memory <= _MEMORY_GOAL and ratio >= _RATE_GOAL else 1


def _write_export(path: Path, count: int) -> Path:
    """Write what a busy channel is like: answers, edits, mentions, reactions."""
    before, after = json.dumps(export(messageCount=count), indent=2).split('"messages": []')
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{before}"messages": [')
        for number in range(count):
            text = json.dumps(_message(number), indent=2, ensure_ascii=False)
            file.write(f"{',' if number else ''}\n{text}")
        file.write(f"]{after}")
    return path


def _message(number: int) -> dict[str, object]:
    parts: dict[str, object] = {
        "author": user(number * number % _AUTHORS),
        "content": f"{number} gulls over {'the harbour, and no boat left in it ' * (number % 5)}",
    }
    if number % 10 == 9:
        parts |= {"type": "Reply", "reference": {"messageId": str(FIRST_ID + number - 5)}}
    if number % 20 == 3:
        parts["mentions"] = [user(number % 7)]
    if number % 12 == 5:
        people = [user((number + k) % _AUTHORS) for k in range(3)]
        parts["reactions"] = [{"emoji": {"id": "", "name": "⚓"}, "count": 3, "users": people}]
    if number % 30 == 7:
        parts["timestampEdited"] = message(number + 60)["timestamp"]
    return message(number, **parts)


def _read(path: Path) -> None:
    with path.open("rb") as file:
        source = ExportFile(path, file)
        source.read_header()
        for _ in source.messages():
            pass


def _map(path: Path) -> None:
    with path.open("rb") as file:
        source = ExportFile(path, file)
        source.read_header()
        mapper = Mapper(People(UUID(int=0)), files=path.parent)
        for each in source.messages():
            mapper.register(each)
            mapper.row(each)


def _import(path: Path, database: BaseDatabaseWrapper) -> int:
    """Run the command, and return the most memory that it had, in kB."""
    params = database.get_connection_params()
    environ = {
        **os.environ,
        **dict.fromkeys(VARIABLES, ""),
        "DB_HOST": str(params.get("host") or ""),
        "DB_PORT": str(params.get("port") or ""),
        "DB_USER": str(params.get("user") or ""),
        "DB_PASSWORD": str(params.get("password") or ""),
        "DB_NAME": str(params["dbname"]),
    }
    command = [sys.executable, "manage.py", "import_discord", "-v0", str(path)]
    pid = os.posix_spawn(sys.executable, command, environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise RuntimeError(f"import_discord ended with {os.waitstatus_to_exitcode(status)}")
    # macOS counts bytes.
    return usage.ru_maxrss // 1000 if sys.platform == "darwin" else usage.ru_maxrss


@contextmanager
def _twin(path: Path, count: int) -> Iterator[Path]:
    """Yield a file of what was imported, for a channel that is empty yet."""
    imported = ChannelCounter.objects.get(last_seq=count)
    twin = Channel.objects.create(server_id=imported.space_id, name="twin", pk=uuid7())
    columns = COLUMNS.replace("channel_id, id,", "%s::uuid, uuidv7(),")
    with connection.cursor() as cursor, path.open("wb") as file:
        where = "space_id = %s AND channel_id = %s"
        copy = f"COPY (SELECT {columns} FROM messages WHERE {where}) TO STDOUT"
        with cursor.copy(copy, (twin.pk, imported.space_id, imported.channel_id)) as rows:
            for chunk in rows:
                file.write(chunk)
    yield path


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _row(what: str, seconds: float, count: int) -> str:
    return f"{what:<38} {seconds:>8.1f} s {count / seconds:>10,.0f} messages/s\n"


if __name__ == "__main__":
    sys.exit(main())
