"""Words that stand for each other in what people ask of tools, prompts, agents and memory.

The table is thesaurus/*.txt, one group a line: the words before a tilde mean about the same, those
after it go with them and count less, and not among each other. It is written by hand from general
knowledge of the fields agents work in. A line is worth adding when people use one word where
resources say another, whatever the resources of one store are.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

from agp.rspl.search.words import words_of

SAME = 0.7
"""What a word of about the same meaning counts, compared with the word itself."""
NEAR = 0.3
"""What a word counts that goes with it."""
MOST = 40
"""How many words may stand for one at most: the closest, then the first of the table."""


@lru_cache(maxsize=4096)
def related(word: str) -> dict[str, float]:
    """Stems that may stand for a stem, with their weight."""
    closest = sorted(_table().get(word, {}).items(), key=lambda item: -item[1])
    return dict(closest[:MOST])


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, float]]:
    table: dict[str, dict[str, float]] = {}
    files = (resources.files("agp.rspl.search") / "thesaurus").iterdir()
    for file in sorted(files, key=lambda file: file.name):
        for line in file.read_text("utf-8").splitlines():
            if not line.startswith("#"):
                _enter(table, line)
    return table


def _enter(table: dict[str, dict[str, float]], line: str) -> None:
    same, near = (words_of(part) for part in line.partition("~")[::2])
    for word in same:
        for other in same:
            _relate(table, word, other, SAME)
        for other in near:
            _relate(table, word, other, NEAR)
            _relate(table, other, word, NEAR)


def _relate(table: dict[str, dict[str, float]], word: str, other: str, weight: float) -> None:
    if word != other:
        others = table.setdefault(word, {})
        others[other] = max(others.get(other, 0.0), weight)
