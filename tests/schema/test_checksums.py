"""What is a change of a migration, and what is not."""

import hashlib
import importlib
import py_compile
import sys
from collections.abc import Callable, Iterator

import pytest
from django.db import migrations
from django.test import override_settings

from chat.schema.disk.checksums import (
    NO_BYTES,
    is_changed,
    migration_checksum,
    migration_files,
    short_checksum,
)
from tests.schema.conftest import EditedSituation


@pytest.fixture
def two_steps(
    edited: Callable[[str], EditedSituation], monkeypatch: pytest.MonkeyPatch
) -> Iterator[EditedSituation]:
    copy = edited("two_steps")
    monkeypatch.syspath_prepend(copy.migrations.parents[2])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    with override_settings(INSTALLED_APPS=[copy.name]):
        yield copy
    for module in [name for name in sys.modules if name.startswith(copy.name.partition(".")[0])]:
        del sys.modules[module]


def load(situation: EditedSituation, name: str) -> migrations.Migration:
    importlib.invalidate_caches()
    path = f"{situation.name}.migrations.{name}"
    sys.modules.pop(path, None)
    migration: migrations.Migration = importlib.import_module(path).Migration(name, "two_steps")
    return migration


def test_without_sql_files_it_is_what_sha256sum_prints(two_steps: EditedSituation) -> None:
    content = (two_steps.migrations / "0001_initial.py").read_bytes()

    checksum = migration_checksum(load(two_steps, "0001_initial"))

    assert checksum == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert short_checksum(checksum) == checksum[7:15]


@pytest.mark.parametrize(
    "file", ["0002_touch.py", "sql/0002_touch.up.sql", "sql/0002_touch.down.sql"]
)
def test_one_byte_in_any_of_its_files_is_a_change(two_steps: EditedSituation, file: str) -> None:
    before = migration_checksum(load(two_steps, "0002_touch"))
    path = two_steps.migrations / file

    path.write_bytes(path.read_bytes() + b"\n")
    after = migration_checksum(load(two_steps, "0002_touch"))

    assert is_changed(recorded=before, on_disk=after)
    assert path in migration_files(load(two_steps, "0002_touch"))


@pytest.mark.parametrize("ending", [b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_endings_and_byte_order_mark_are_no_change(
    two_steps: EditedSituation, ending: bytes, mark: bytes
) -> None:
    before = migration_checksum(load(two_steps, "0002_touch"))

    for file in ("0002_touch.py", "sql/0002_touch.up.sql", "sql/0002_touch.down.sql"):
        path = two_steps.migrations / file
        path.write_bytes(mark + path.read_bytes().replace(b"\n", ending))

    assert migration_checksum(load(two_steps, "0002_touch")) == before


def test_bytes_that_move_from_one_file_to_the_next_are_a_change(
    two_steps: EditedSituation,
) -> None:
    before = migration_checksum(load(two_steps, "0002_touch"))
    up, down = (two_steps.migrations / f"sql/0002_touch.{way}.sql" for way in ("up", "down"))

    moved = up.read_bytes()[-1:]
    up.write_bytes(up.read_bytes()[:-1])
    down.write_bytes(moved + down.read_bytes())

    assert migration_checksum(load(two_steps, "0002_touch")) != before


def test_sql_file_inside_of_another_operation_counts(two_steps: EditedSituation) -> None:
    migration = load(two_steps, "0002_touch")
    before = migration_checksum(migration)

    class Wrapped(type(migration)):  # type: ignore[misc]
        operations = [
            migrations.SeparateDatabaseAndState(database_operations=list(migration.operations))
        ]

    assert migration_checksum(Wrapped("0002_touch", "two_steps")) == before


def test_bytecode_alone_is_never_compared_with_a_source(two_steps: EditedSituation) -> None:
    source = two_steps.migrations / "0001_initial.py"
    before = migration_checksum(load(two_steps, "0001_initial"))

    py_compile.compile(str(source), cfile=str(source.with_suffix(".pyc")))
    source.unlink()
    bytecode = migration_checksum(load(two_steps, "0001_initial"))

    assert bytecode.startswith(f"sha256-{sys.implementation.cache_tag}:")
    assert not is_changed(recorded=before, on_disk=bytecode)
    assert is_changed(recorded=bytecode[:-1] + "x", on_disk=bytecode)


@pytest.mark.usefixtures("two_steps")
def test_migration_that_was_made_in_memory_has_no_bytes() -> None:
    made = type("Migration", (migrations.Migration,), {"__module__": "nowhere"})

    migration = made("0009_made", "two_steps")

    assert migration_checksum(migration) == NO_BYTES
    assert migration_files(migration) == ()
