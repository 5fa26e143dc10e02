"""What the room may import: Django, psycopg, the standard library, and itself."""

import ast
import sys
from pathlib import Path

import pytest

ROOM = Path(__file__).resolve().parents[2] / "chat" / "schema"


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda path: path.name)
def test_room_knows_nothing_of_the_application(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            imported.add(node.module or "")

    strangers = {
        name
        for name in imported
        if name.partition(".")[0] not in {"django", "psycopg", *sys.stdlib_module_names}
        and not f"{name}.".startswith("chat.schema.")
    }

    assert strangers == set()
