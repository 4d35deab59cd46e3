"""The samples of a run as copies are looked for in: read once, asked about every candidate.

What stands in one task only is a sample's own; what several tasks share is the benchmark's
standing text, which a prompt may quote.
"""

from __future__ import annotations

import re
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property

from ahocorasick_rs import AhoCorasick

from agp.evaluation.splits import Splits
from agp.evaluation.types import Sample
from agp.rspl.search.words import STOP_WORDS
from agp.sepl.readings import fold

TELLING = 12
"""An answer of at least this many letters and digits does not stand in a text by chance."""
COPIED = 48
"""This many letters and digits of one task in a row are a copy."""
_BLOCK = COPIED // 2
"""Every stretch of the length of a copy holds a whole block of a task that is cut into these."""
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?")
_GRAM = 3

Gram = tuple[str, ...]


def words(text: str) -> list[str]:
    """The words and numbers of a text in order, in one case; ``1,000`` is ``1000``."""
    return [_plain(word) for word in _WORD.findall(text)]


def grams(sequence: Sequence[str]) -> Iterator[Gram]:
    """Every three words in a row of which at least one says something."""
    for start in range(len(sequence) - _GRAM + 1):
        gram = tuple(sequence[start : start + _GRAM])
        if not STOP_WORDS.issuperset(gram):
            yield gram


class Corpus:
    """An index of samples, by all that copies of them are known by."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = list(samples)
        self.tasks = [fold(sample.task.input) for sample in samples]
        self.answers = [fold(sample.target) for sample in samples]
        self._blocks = {
            task[start : start + _BLOCK]
            for task in self.tasks
            for start in range(0, len(task) - _BLOCK + 1, _BLOCK + 1)
        }
        self._holders: dict[str, list[int]] = {}
        short = (task for task in self.tasks if len(task) < COPIED)
        known = {each for each in [*short, *self.answers] if len(each) >= TELLING}
        self._known = AhoCorasick([*self._blocks, *known])

    def touches(self, text: str) -> bool:
        """Whether a folded text holds a part of a sample at all: a look before a closer one."""
        return bool(self._known.find_matches_as_indexes(text))

    def holders(self, piece: str) -> list[int]:
        """The tasks that hold a folded text: their numbers, two at most."""
        if piece not in self._holders:
            found: list[int] = []
            for number, task in enumerate(self.tasks):
                if piece in task:
                    found.append(number)
                    if len(found) > 1:
                        break
            self._holders[piece] = found
        return self._holders[piece]

    def stretches(self, text: str) -> Iterator[str]:
        """The stretches of a folded text that may be copies: each holds a block of a task."""
        for start in range(len(text) - _BLOCK + 1):
            if text[start : start + _BLOCK] in self._blocks:
                first = max(0, start - _BLOCK)
                for begin in range(first, min(start, len(text) - COPIED) + 1):
                    yield text[begin : begin + COPIED]

    @cached_property
    def words(self) -> list[list[str]]:
        """The words of each task."""
        return [words(sample.task.input) for sample in self.samples]

    @cached_property
    def own_words(self) -> list[frozenset[str]]:
        """The words that stand in one task only, task by task; those of its answer apart."""
        counts = Counter(word for each in self.words for word in set(each))
        answers = [frozenset(words(sample.target)) for sample in self.samples]
        return [
            frozenset(w for w in each if counts[w] == 1 and w not in STOP_WORDS) - answer
            for each, answer in zip(self.words, answers, strict=True)
        ]

    @cached_property
    def own_grams(self) -> list[frozenset[Gram]]:
        """The threes of words that stand in one task only, task by task."""
        found = [set(grams(each)) for each in self.words]
        counts = Counter(gram for each in found for gram in each)
        return [frozenset(gram for gram in each if counts[gram] == 1) for each in found]

    @cached_property
    def gram_owner(self) -> dict[Gram, int]:
        """The task that a three of words stands in alone."""
        return {gram: number for number, each in enumerate(self.own_grams) for gram in each}

    @cached_property
    def word_owner(self) -> dict[str, int]:
        """The task that a word stands in alone."""
        return {word: number for number, each in enumerate(self.own_words) for word in each}

    @cached_property
    def short_answers(self) -> dict[str, list[int]]:
        """Answers of one word, to the samples that have them; those that say too little apart.

        An answer that stands in several tasks (a choice that is offered) is no secret.
        """
        found: dict[str, list[int]] = {}
        for number, sample in enumerate(self.samples):
            if len(said := words(sample.target)) == 1 and said[0] not in STOP_WORDS:
                found.setdefault(said[0], []).append(number)
        counts = Counter(word for each in self.words for word in set(each))
        return {w: n for w, n in found.items() if w[0].isdigit() or counts[w] <= 1 < len(w)}

    @cached_property
    def whole_answers(self) -> list[int]:
        """The different answers that are whole numbers."""
        return [int(word) for word in self.short_answers if word.isdecimal()]


_KNOWN: dict[int, tuple[weakref.ref[Splits], tuple[int, ...], Corpus]] = {}


def corpus_of(splits: Splits) -> Corpus:
    """The index of all samples of a run: feedback, then selection, then holdout; made once."""
    sizes = (len(splits.feedback), len(splits.selection), len(splits.holdout))
    known = _KNOWN.get(id(splits))
    if known is not None and known[0]() is splits and known[1] == sizes:
        return known[2]
    made = Corpus([*splits.feedback, *splits.selection, *splits.holdout])
    key = id(splits)
    _KNOWN[key] = (weakref.ref(splits, lambda _: _KNOWN.pop(key, None)), sizes, made)
    return made


def _plain(word: str) -> str:
    return word.replace(",", "") if word[0].isdigit() else word.casefold().replace("’", "'")
