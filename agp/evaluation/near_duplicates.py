"""Samples that are another sample in a slightly different dress: they must not leak across splits.

Two samples are near-duplicates where

- their texts are the same but for case and blank ends of lines, whatever the targets say, or
- they have the same target and the same words, numbers and signs, whatever the case, the spacing
  and the punctuation of sentences, or
- they have the same target, the same numbers, and at least 90 % of their words and signs in the
  same order, and are no members of a *family*: texts from one template that ask for other things.

"Say the number 4." and "Say the number 5." are not: their numbers differ. Where texts share a
template and differ in a word ("Is *chess* a game?"), others that are alike but have other targets
or numbers show that one word makes another question there, and the third rule does not count.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from agp.evaluation.types import Sample

ALIKE = 0.9
"""This share of the words of two texts, in their order, makes them alike."""
RELATED = 0.7
"""This share makes them members of one family."""
_CROWD = 40
"""A rare word that more texts than this share belongs to a template."""
_ASKED = 500
"""So many texts, spread over all, are looked at to see whether two belong to a family."""
_TOKEN = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W\d_]+|(?:[^\w\s]|_)+")
_SENTENCES = (
    (re.compile(r"(?<=\w)[.,;:!?'\"“”‘’]+(?=\s|$)|(?<!\S)[\"“‘'](?=\w)"), ""),
    (re.compile(r"(?<=[^\W\d_])['’](?=[^\W\d_])"), ""),
    (re.compile(r"(?<=[^\W\d_])[-–](?=[^\W\d_])"), " "),
)


class Near(NamedTuple):
    """A sample that was dropped because it is nearly one that was kept, by their ids."""

    kept: str
    dropped: str


@dataclass(frozen=True)
class _Text:
    """A sample as it is compared."""

    sample: Sample

    @cached_property
    def whole(self) -> str:
        """All the agent is given, in one case."""
        task = self.sample.task
        texts = [task.input]
        texts += [text for _, text in sorted(task.fields.items()) if text not in task.input]
        texts += [text for item in sorted(task.files.items()) for text in item]
        return "\n".join(line.rstrip() for line in "\n".join(texts).strip().casefold().split("\n"))

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Its words, numbers and signs."""
        return _tokens(self.whole)

    @cached_property
    def frame(self) -> tuple[str, ...]:
        """The same without its numbers."""
        return tuple(token for token in self.tokens if not token[0].isdigit())

    @cached_property
    def target(self) -> tuple[str, ...]:
        return _tokens(self.sample.target.casefold())

    @cached_property
    def facts(self) -> tuple[object, object]:
        """Its numbers in any order, and its target: what differs within a template."""
        return tuple(sorted(t for t in self.tokens if t[0].isdigit())), self.target


def independent(samples: Sequence[Sample]) -> tuple[list[Sample], list[Near]]:
    """The samples without near-duplicates of earlier ones, and those that were dropped.

    Parameters: ``samples`` of different content, in the order in which they have precedence.
    10,000 questions take a few seconds.
    """
    texts = [_Text(sample) for sample in samples]
    union = _Union(len(texts))
    wholes = _equal(texts, lambda text: text.whole)
    signs = _equal(texts, lambda text: (text.tokens, text.target))
    for first, second in (*wholes, *signs, *_alike(texts)):
        # Where a target is empty (the scorer knows the answer otherwise) it says nothing.
        if texts[first].whole == texts[second].whole or texts[first].target:
            union.join(first, second)
    kept: list[Sample] = []
    near: list[Near] = []
    for number, sample in enumerate(samples):
        root = union.find(number)
        if root == number:
            kept.append(sample)
        else:
            near.append(Near(samples[root].id, sample.id))
    return kept, near


def _equal(texts: Sequence[_Text], key: Callable[[_Text], Any]) -> Iterator[tuple[int, int]]:
    first: dict[Any, int] = {}
    for number, text in enumerate(texts):
        yield first.setdefault(key(text), number), number


def _alike(texts: Sequence[_Text]) -> Iterator[tuple[int, int]]:
    """Pairs of alike texts with the same numbers and target, outside of families."""
    asked = texts[:: max(1, len(texts) // _ASKED)]
    for first, second in _pairs(texts):
        one, other = texts[first], texts[second]
        if one.tokens != other.tokens and not _in_family(one, asked):
            yield first, second


def _in_family(text: _Text, asked: Sequence[_Text]) -> bool:
    """Whether a text has relatives that ask for something else."""
    return any(other.facts != text.facts and _similar(text, other, RELATED) for other in asked)


def _pairs(texts: Sequence[_Text]) -> Iterator[tuple[int, int]]:
    """Pairs of alike texts with the same facts.

    Two texts that are alike share one of their rarest words, if enough of these are looked at
    (prefix filtering): so each is compared with few others.
    """
    counts = Counter(word for text in texts for word in set(text.frame))
    holders: dict[str, list[int]] = defaultdict(list)
    for number, text in enumerate(texts):
        rare = sorted(set(text.frame), key=lambda word: (counts[word], word))
        # What one side lacks may be twice what is allowed on the average: their lengths differ.
        rare = rare[: int(len(text.frame) * 2 * (1 - ALIKE)) + 1]
        others = {o for word in rare if len(holders[word]) <= _CROWD for o in holders[word]}
        for word in rare:
            holders[word].append(number)
        for other in sorted(others):
            if texts[other].facts == text.facts and _similar(texts[other], text, ALIKE):
                yield other, number


def _similar(one: _Text, other: _Text, least: float) -> bool:
    """Whether two texts have a share of their words in the same order."""
    from rapidfuzz.distance import Indel

    found = Indel.normalized_similarity(one.frame, other.frame, score_cutoff=least)
    return found >= least


class _Union:
    """Groups of numbers; each is known by its smallest."""

    def __init__(self, size: int) -> None:
        self._above = list(range(size))

    def find(self, number: int) -> int:
        """The smallest of the group of a number."""
        while self._above[number] != number:
            self._above[number] = self._above[self._above[number]]
            number = self._above[number]
        return number

    def join(self, one: int, other: int) -> None:
        """Make the groups of two numbers one."""
        first, second = sorted((self.find(one), self.find(other)))
        self._above[second] = first


def _tokens(text: str) -> tuple[str, ...]:
    text = unicodedata.normalize("NFKC", text)
    for pattern, instead in _SENTENCES:
        text = pattern.sub(instead, text)
    found = _TOKEN.findall(text)
    return tuple(t.replace(",", "") if t[0].isdigit() else t for t in found)
