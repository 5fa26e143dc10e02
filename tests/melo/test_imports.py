"""Which folder of `melo` may import which, for types too."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

MELO = Path(__file__).resolve().parents[2] / "melo"


def module_name(path: Path) -> str:
    parts = path.relative_to(MELO.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_by(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            # What is imported from a package may be a module of it.
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return names


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("environment", {"melo.environment"}),
        # The bare package, to find where it lies.
        ("embedded", {"melo.embedded", "melo"}),
        ("postgresql", {"melo.postgresql", "melo.embedded"}),
    ],
)
def test_folder_imports_only_what_is_below_it(folder: str, allowed: set[str]) -> None:
    imported = {name for path in (MELO / folder).rglob("*.py") for name in imported_by(path)}
    ours = {name for name in imported if name.partition(".")[0] in {"melo", "chat"}}

    assert {".".join(name.split(".")[:2]) for name in ours} <= allowed


def test_embedded_server_knows_no_django() -> None:
    imported = {name for path in (MELO / "embedded").rglob("*.py") for name in imported_by(path)}

    assert not {name for name in imported if name.partition(".")[0] == "django"}


def test_backend_names_nothing_of_the_application() -> None:
    for path in (MELO / "postgresql").rglob("*.py"):
        assert "chat" not in path.read_text(encoding="utf-8"), path


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module_name(path): imported_by(path) for path in MELO.rglob("*.py")}

    # Raises CycleError, with the circle, where there is one.
    TopologicalSorter(graph).prepare()
