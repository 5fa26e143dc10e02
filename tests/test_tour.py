"""The README's tour in code runs, and says what its comments promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

README = Path(settings.BASE_DIR) / "README.md"
# A line such as `total  # 3` promises what it evaluates to.
_PROMISE = re.compile(r"^(?P<expression>\S.*?)  # (?P<result>.+)$")


def _code() -> str:
    _, _, section = README.read_text(encoding="utf-8").partition("\n## A tour in code\n")
    section, _, _ = section.partition("\n## ")
    return "\n".join(re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL))


def _checked(code: str) -> str:
    """Return the code with every promise turned into an assertion."""
    lines = []
    for line in code.splitlines():
        promise = _PROMISE.match(line)
        if promise is None or promise["expression"].startswith(("import ", "from ")):
            lines.append(line)
        else:
            lines.append(f"_hold({promise['expression']}, {promise['result']!r}, {line!r})")
    return "\n".join(lines)


@pytest.mark.django_db
def test_the_tour_in_the_readme_runs_and_keeps_its_promises() -> None:
    held: list[str] = []

    def hold(value: object, promised: str, line: str) -> None:
        assert repr(value) == promised, line
        held.append(promised)

    exec(compile(_checked(_code()), str(README), "exec"), {"_hold": hold})

    assert len(held) >= 8
