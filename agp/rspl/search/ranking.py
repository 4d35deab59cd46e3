"""How well a document answers a query: BM25 over weighted fields.

BM25F (Robertson, Zaragoza, Taylor, CIKM 2004) with three additions: a word's place may be taken
by related ones at lower weights; documents that have more of what was asked come first; and so
do those whose name is all in the query. Field lengths are compared with fixed typical lengths, so
that a document's score does not depend on what else is in the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agp.rspl.search.candidates import Candidate
from agp.rspl.search.query import Group


class Field(NamedTuple):
    """How a field counts: its weight, how much its length does (b), typical length in words."""

    weight: float
    b: float
    typical: int

    def factor(self, length: int) -> float:
        """What one occurrence in a text of so many words counts."""
        return self.weight / (1 - self.b + self.b * length / self.typical)


_TITLE = Field(4.0, 0.4, 3)
_ABOUT = Field(2.0, 0.5, 15)
_CONTENT = Field(0.5, 0.75, 120)
_SATURATION = 2.0
_FURTHER = 0.2
"""What further words of a group count that a document has beside the best."""
_COVERAGE = 0.35
_NAME = 0.3
_FUSION = 60


class Ranked(NamedTuple):
    """A version and how well it answers."""

    score: float
    type: str
    name: str
    digest: str

    def order(self) -> tuple[float, str, str]:
        """Best first; equals by name, so that a search gives the same twice."""
        return -self.score, self.type, self.name


def rank(groups: Sequence[Group], found: Sequence[Candidate]) -> list[Ranked]:
    """Documents with their scores, best first; those that match nothing are left out."""
    total = sum(group.best for group in groups)
    asked = {word for group in groups for word in group.words}
    scored = (
        Ranked(_score(groups, each, total, asked), each.type, each.name, each.digest)
        for each in found
    )
    return sorted((each for each in scored if each.score > 0), key=Ranked.order)


def fuse(*rankings: Sequence[Ranked]) -> list[Ranked]:
    """One ranking of several whose scores do not compare.

    Reciprocal rank fusion, score = Σ 1 / (60 + rank) (Cormack, Clarke, Buettcher, SIGIR 2009).
    """
    scores: dict[Ranked, float] = {}
    for ranking in rankings:
        for rank_, each in enumerate(ranking, start=1):
            same = each._replace(score=0.0)
            scores[same] = scores.get(same, 0.0) + 1 / (_FUSION + rank_)
    return sorted((each._replace(score=s) for each, s in scores.items()), key=Ranked.order)


def _score(groups: Sequence[Group], document: Candidate, total: float, asked: set[str]) -> float:
    frequencies = _frequencies(document, asked)
    score = matched = 0.0
    for group in groups:
        found = [
            weight * frequencies[word] / (_SATURATION + frequencies[word])
            for word, weight in group.words.items()
            if word in frequencies
        ]
        if found:
            best = max(found)
            score += best + _FURTHER * (sum(found) - best)
            matched += group.best
    if not score:
        return 0.0
    names = document.title.split()
    named = sum(name in asked for name in names) / len(names)
    return score * (matched / total) ** _COVERAGE * (1 + _NAME * named)


def _frequencies(document: Candidate, asked: set[str]) -> dict[str, float]:
    """How often each word that is asked for occurs, weighted by field."""
    found: dict[str, float] = {}
    for field, text in (
        (_TITLE, document.title),
        (_ABOUT, document.about),
        (_CONTENT, document.content),
    ):
        words = text.split()
        factor = field.factor(len(words))
        for word in words:
            if word in asked:
                found[word] = found.get(word, 0.0) + factor
    return found
