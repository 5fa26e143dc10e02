"""The words of the demo: names from names.toml, sentences from languages.toml."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

SENTENCES = 4000
EMOJI = ("👍", "❤️", "😂", "🎉", "👀", "🔥", "🙏", "✅", "🐟", "⚓", "☕", "🚲", "🌧️", "💡", "🫡")


@dataclass(frozen=True, slots=True)
class Language:
    """A language: its code, and so many sentences that few are repeated on a page."""

    code: str
    sentences: tuple[str, ...]


def choose_language(chance: Random) -> str:
    """Return the code of a random language, by its weight."""
    weights = {code: language["weight"] for code, language in _languages().items()}
    (code,) = chance.choices(list(weights), list(weights.values()))
    return code


def make_language(code: str, chance: Random) -> Language:
    """Return a language with random sentences."""
    words = _languages()[code]
    return Language(
        code,
        tuple(
            chance.choice(words["templates"]).format(
                thing=chance.choice(words["things"]),
                place=chance.choice(words["places"]),
                time=chance.choice(words["times"]),
                how=chance.choice(words["hows"]),
            )
            for _ in range(SENTENCES)
        ),
    )


@cache
def _languages() -> dict[str, Any]:
    return _read("languages.toml")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


NAMES: dict[str, list[str]] = _read("names.toml")
