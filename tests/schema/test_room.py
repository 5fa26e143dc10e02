"""What the room imports: Django, psycopg, the standard library; of itself, what lies below."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOM = Path(__file__).resolve().parents[2] / "chat" / "schema"

# From the ground up; what stands on one floor does not know each other.
FLOORS = [
    {"text", "errors"},
    {"guards", "session", "disk"},
    {"catalogue", "files"},
    {"ledger"},
    {"drift"},
    {"status"},
    {"run"},
    {"rollback", "rehearsal", "acceptance"},
    {"management"},
]
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda path: path.name)
def test_room_knows_nothing_of_the_application(path: Path) -> None:
    strangers = {
        name
        for name in imports(path)
        if name.partition(".")[0] not in {"django", "psycopg", *sys.stdlib_module_names}
        and not f"{name}.".startswith("chat.schema.")
    }

    assert strangers == set()


def test_folders_import_what_lies_below_them() -> None:
    upwards = {
        f"{folder} imports {name}"
        for path in ROOM.rglob("*.py")
        for folder in [path.relative_to(ROOM).parts[0].removesuffix(".py")]
        for name in imports(path)
        if name.startswith("chat.schema.")
        for imported in [name.split(".")[2]]
        if imported != folder and FLOOR[imported] >= FLOOR[folder]
    }

    assert upwards == set()


def test_files_beside_the_folders_are_few() -> None:
    assert len([path for path in ROOM.iterdir() if path.is_file()]) <= 8
