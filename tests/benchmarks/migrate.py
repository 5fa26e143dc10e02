"""What our `migrate` costs against stock Django's on the same project: `python -m` this module.

Whole processes, ours and stock in turn, so that whatever slows the machine slows both. Each works
on a database of its own, on the server that the settings lead to; all are dropped in the end. The
last path is a made-up project of many migrations, with and without chat.schema.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import django
import psycopg
from django.conf import settings
from django.db import connections
from psycopg import sql

from melo.environment.reading import VARIABLES

_STOCK = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "melo.settings")
import django
django.setup()
from django.core.management.commands.migrate import Command
Command().run_from_argv(["manage.py", "migrate"])
"""
_OURS = (sys.executable, "manage.py", "migrate")
_THEIRS = (sys.executable, "-c", _STOCK)
_MANY_SETTINGS = """
import os
SECRET_KEY = "of a benchmark"
INSTALLED_APPS = [*os.environ["APPS"].split(","), "many"]
MIGRATIONS_PRODUCTION = False
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", **{
    name: os.environ[f"DB_{name}"] for name in ("HOST", "PORT", "USER", "PASSWORD", "NAME")
}}}
"""
_TABLE_ROW = "{path:<14} {ours:>20} {stock:>20} {ratio:>6} {goal:>7}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long one way took, round by round, in milliseconds."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.rounds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between which the middle half lies."""
        first, _, third = statistics.quantiles(self.rounds, n=4, method="inclusive")
        return first, third


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One path, ours against stock, and the most that ours may take of stock's time."""

    path: str
    ours: Timing
    stock: Timing
    goal: float

    @property
    def ratio(self) -> float:
        """Our median in stock's."""
        return self.ours.median / self.stock.median

    def as_json(self) -> dict[str, object]:
        """Return what `--json` prints of it."""
        return {
            "path": self.path,
            "ours_ms": _timing_json(self.ours),
            "stock_ms": _timing_json(self.stock),
            "ratio": round(self.ratio, 3),
            "goal": self.goal,
            "is_met": self.ratio <= self.goal,
        }

    def as_row(self) -> str:
        """Return its row of the table."""
        return _TABLE_ROW.format(
            path=self.path,
            ours=_timing_text(self.ours),
            stock=_timing_text(self.stock),
            ratio=f"{self.ratio:.2f}",
            goal=f"≤ {self.goal}",
        )


class Server:
    """The server that the settings lead to, and the databases made on it."""

    def __init__(self, stack: ExitStack) -> None:
        params = connections["default"].get_connection_params() | {"dbname": "postgres"}
        self._session = stack.enter_context(psycopg.connect(**params, autocommit=True))
        self._environ = {
            **os.environ,
            **dict.fromkeys(VARIABLES, ""),
            "DB_HOST": str(params.get("host") or ""),
            "DB_PORT": str(params.get("port") or ""),
            "DB_USER": str(params.get("user") or ""),
            "DB_PASSWORD": str(params.get("password") or ""),
        }

    @property
    def version(self) -> str:
        """What the server calls itself."""
        return self._session.info.parameter_status("server_version") or "unknown"

    @contextmanager
    def database(self) -> Iterator[dict[str, str]]:
        """Make an empty database; the value is the environment that leads a process to it."""
        name = f"benchmark_{uuid4().hex}"
        identifier = sql.Identifier(name)
        self._session.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
        try:
            yield {**self._environ, "DB_NAME": name}
        finally:
            self._session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


def nothing_to_do(server: Server, *, rounds: int) -> Comparison:
    """Return what a run costs that finds everything applied."""
    with server.database() as environ:
        _run(_OURS, environ)
        ours, stock = _in_turn(
            rounds,
            lambda: _run(_OURS, environ),
            lambda: _run(_THEIRS, environ),
        )
    return Comparison(path="nothing to do", ours=ours, stock=stock, goal=1.1)


def from_zero(server: Server, *, rounds: int) -> Comparison:
    """Return what a run costs that applies every migration of the project."""

    def afresh(command: Sequence[str]) -> float:
        with server.database() as environ:
            return _run(command, environ)

    ours, stock = _in_turn(rounds, lambda: afresh(_OURS), lambda: afresh(_THEIRS))
    return Comparison(path="from zero", ours=ours, stock=stock, goal=1.25)


def many_migrations(server: Server, *, rounds: int, count: int) -> Comparison:
    """Return what a run costs that applies so many small migrations, each one of Django's."""
    with TemporaryDirectory() as name:
        _write_project(Path(name), count=count)

        def afresh(apps: str) -> float:
            with server.database() as environ:
                path = os.pathsep.join([name, str(settings.BASE_DIR)])
                project = {
                    "APPS": apps,
                    "PYTHONPATH": path,
                    "DJANGO_SETTINGS_MODULE": "many.settings",
                }
                return _run((sys.executable, "-m", "django", "migrate"), {**environ, **project})

        ours, stock = _in_turn(
            rounds,
            lambda: afresh("chat.schema"),
            lambda: afresh("django.contrib.messages"),
        )
    return Comparison(path=f"{count} from zero", ours=ours, stock=stock, goal=1.3)


def _write_project(folder: Path, *, count: int) -> None:
    """Write a project with an app `many`: every fourth migration a table, the others a column."""
    migrations = folder / "many" / "migrations"
    migrations.mkdir(parents=True)
    for package in (migrations, migrations.parent):
        (package / "__init__.py").touch()
    (migrations.parent / "settings.py").write_text(_MANY_SETTINGS)
    for number in range(count):
        fields = '[("id", models.BigAutoField(primary_key=True)), ("name", models.SlugField())]'
        operation = (
            f'AddField("t{number // 4}", "c{number}", models.IntegerField(null=True))'
            if number % 4
            else f'CreateModel("T{number // 4}", {fields})'
        )
        (migrations / f"m{number:04}.py").write_text(
            "from django.db import migrations, models\n\n\n"
            "class Migration(migrations.Migration):\n"
            f"    dependencies = {[('many', f'm{number - 1:04}')] if number else []}\n"
            f"    operations = [migrations.{operation}]\n"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table or JSON, and return 0 when every goal is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.migrate", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="of each path (default: 15)")
    parser.add_argument(
        "--migrations", type=int, default=700, help="of the made-up project (default: 700)"
    )
    parser.add_argument("--json", action="store_true", help="one object per path, one a line")
    options = parser.parse_args(arguments)
    if options.rounds < 2:
        parser.error("a spread needs two rounds at least")
    with ExitStack() as stack:
        server = Server(stack)
        many = partial(many_migrations, count=options.migrations)
        found = [
            measure(server, rounds=options.rounds) for measure in (nothing_to_do, from_zero, many)
        ]
        version = server.version
    if options.json:
        for one in found:
            sys.stdout.write(f"{json.dumps({**one.as_json(), 'server_version': version})}\n")
    else:
        heading = {"path": "migrate", "ours": "ours", "stock": "stock", "ratio": "ratio"}
        sys.stdout.write(f"{_TABLE_ROW.format(**heading, goal='goal')}\n")
        for one in found:
            sys.stdout.write(f"{one.as_row()}\n")
        sys.stdout.write(
            f"Median (quartiles) of {options.rounds} processes each, in ms; "
            f"PostgreSQL {version}, Django {django.get_version()}\n"
        )
    return 0 if all(one.ratio <= one.goal for one in found) else 1


def _in_turn(
    rounds: int, ours: Callable[[], float], stock: Callable[[], float]
) -> tuple[Timing, Timing]:
    """Return both timings, having run each once for nothing, and first in every other round."""
    ours(), stock()
    taken: dict[str, list[float]] = {"ours": [], "stock": []}
    for number in range(rounds):
        turns = [("ours", ours), ("stock", stock)]
        for name, run in turns if number % 2 else reversed(turns):
            taken[name].append(run())
    return Timing(rounds=tuple(taken["ours"])), Timing(rounds=tuple(taken["stock"]))


def _run(command: Sequence[str], environ: dict[str, str]) -> float:
    """Return how many milliseconds the process took; one that fails ends the benchmark."""
    began = time.perf_counter()
    subprocess.run(
        command,
        cwd=Path(settings.BASE_DIR),
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return (time.perf_counter() - began) * 1000


def _timing_json(timing: Timing) -> dict[str, float]:
    first, third = timing.quartiles
    return {
        "median": round(timing.median, 1),
        "first_quartile": round(first, 1),
        "third_quartile": round(third, 1),
        "min": round(min(timing.rounds), 1),
        "max": round(max(timing.rounds), 1),
    }


def _timing_text(timing: Timing) -> str:
    first, third = timing.quartiles
    return f"{timing.median:.0f} ({first:.0f} to {third:.0f})"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "melo.settings")
    django.setup()
    sys.exit(main())
