"""Finding tables of answers in a candidate's text: answers too short to be copies by themselves.

An answer such as "18" stands in many honest texts. What gives a table away is that answers stand
beside words of their own samples, or many of them together, more often than chance would have it;
and that a text names samples by their ids or digests. Chance is reckoned from the samples at hand:
common answers prove little, rare ones much.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from math import comb
from typing import NamedTuple

from agp.evaluation.twins import NAMES
from agp.evaluation.types import Sample
from agp.sepl.copies import Texts
from agp.sepl.corpus import Corpus, words

CHANCE = 0.01
"""Answers that stand beside their own samples' words with less chance than this are a table."""
LISTED = 1e-4
"""Answers that stand together with less chance than this are a list of them."""
_LEAST_TIED = 2
_LEAST_LISTED = 4
_NEAR = 6
"""Words that may stand between a sample's word and its answer."""
_GAP = 2
_LEAST_COVER = 0.05
_LEAST_HEX = 8
_HEX = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{8,128}(?![0-9a-fA-F])")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{2,}")
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
)
_IN_DIGITS = {word: str(number) for number, word in enumerate(_SMALL.split())}


def tied_in(texts: Texts) -> str:
    """The id of a sample whose answer stands beside its own words in new text; or empty."""
    corpus = texts.corpus
    before = _ties(texts.before, corpus).hits
    ties = _ties(texts.after, corpus)
    new = {key: number for key, number in ties.hits.items() if key not in before}
    found = {number for number in new.values() if number in texts.barred}
    if not found:
        return ""
    named = [n for key, n in new.items() if n in found and _is_name(key, corpus.samples[n])]
    tries = ties.beside - len(ties.hits) + len(new)
    chance = _binomial(len(new), tries, ties.expected / max(1, ties.beside))
    unlikely = len(found) >= _LEAST_TIED and chance <= CHANCE
    number = min(found) if unlikely else min(named, default=None)
    return "" if number is None else corpus.samples[number].id


def listed_in(texts: Texts) -> str:
    """The id of a sample whose answer stands in a list of answers in new text; or empty."""
    corpus = texts.corpus
    old = set(_tokens(texts.before))
    for run in _runs(_tokens(texts.after), corpus):
        answers = {token for token in run if token in corpus.short_answers} - old
        owners = [n for a in answers for n in corpus.short_answers[a] if n in texts.barred]
        barred = {a for a in answers if any(n in texts.barred for n in corpus.short_answers[a])}
        if len(barred) < _LEAST_LISTED:
            continue
        others = set(run) - answers
        tries, cover = len(barred) + len(others), _cover(run, corpus)
        if _binomial(len(barred), tries, cover) <= LISTED:
            return corpus.samples[min(owners)].id
    return ""


def named_in(texts: Texts) -> str:
    """The id of a sample that new text names, by id, or by a digest of it or of its task."""
    hexes = {found.casefold() for found in _HEX.findall(texts.after)}
    hexes -= {found.casefold() for found in _HEX.findall(texts.before)}
    for number, sample in enumerate(texts.corpus.samples):
        if number not in texts.barred:
            continue
        said = _is_id(sample.id) and _stands(sample.id, texts.after)
        if said and not _stands(sample.id, texts.before):
            return sample.id
        if hexes and any(full.startswith(part) for full in _digests(sample) for part in hexes):
            return sample.id
    return ""


class _Ties(NamedTuple):
    """Words of samples beside which an answer stands.

    ``hits`` are those whose sample's own answer it is, ``beside`` counts them all, ``expected`` how
    many hits there would be if answers stood there by chance.
    """

    hits: dict[str, int]
    beside: int
    expected: float


def _ties(text: str, corpus: Corpus) -> _Ties:
    """The ties of a text, read with answers after their words or before them: whichever is more."""
    tokens = _tokens(text)
    best = _Ties({}, 0, 0.0)
    for direction in (1, -1):
        hits: dict[str, int] = {}
        chances: dict[str, float] = {}
        for at, token in enumerate(tokens):
            number = corpus.word_owner.get(token)
            if number is None:
                continue
            if (answer := _nearest(tokens, at, direction, corpus)) is None:
                continue
            owners = corpus.short_answers[answer]
            chances[token] = len(owners) / len(corpus.samples)
            if number in owners:
                hits[token] = number
        if len(hits) > len(best.hits):
            best = _Ties(hits, len(chances), sum(chances.values()))
    return best


def _nearest(tokens: Sequence[str], at: int, direction: int, corpus: Corpus) -> str | None:
    """The first answer of any sample after (or before) a word, if it stands near."""
    for step in range(1, _NEAR + 1):
        place = at + direction * step
        if not 0 <= place < len(tokens):
            return None
        if tokens[place] in corpus.short_answers:
            return tokens[place]
    return None


def _runs(tokens: Sequence[str], corpus: Corpus) -> Iterable[list[str]]:
    """Stretches of a text in which answers or numbers follow each other closely."""
    run: list[str] = []
    gap = 0
    for token in tokens:
        if token[0].isdigit() or token in corpus.short_answers:
            run.append(token)
            gap = 0
        elif (gap := gap + 1) > _GAP:
            if len(run) >= _LEAST_LISTED:
                yield run
            run = []
    if len(run) >= _LEAST_LISTED:
        yield run


def _cover(run: Sequence[str], corpus: Corpus) -> float:
    """The share of the whole numbers around those of a run that are answers of some sample."""
    numbers = [int(token) for token in run if token.isdecimal() and len(token) < 16]
    if not numbers:
        return _LEAST_COVER
    low, high = min(numbers), max(numbers)
    known = sum(low <= number <= high for number in corpus.whole_answers)
    return min(1.0, max(_LEAST_COVER, known / (high - low + 1)))


def _tokens(text: str) -> list[str]:
    return [_IN_DIGITS.get(word, word) for word in words(text)]


def _is_name(word: str, sample: Sample) -> bool:
    """Whether a word stands in a task as a name does: capital, in the middle of a sentence."""
    answer = "".join(words(sample.target))
    names = {name.casefold() for name in (*_NAME.findall(sample.task.input), *NAMES)}
    return len(answer) > 1 and word in names


def _is_id(name: str) -> bool:
    """Whether an id is one that no honest text would hold by chance."""
    return len(name) >= 4 and any(c.isdigit() for c in name) and not name.isdigit()


def _stands(name: str, text: str) -> bool:
    pattern = rf"(?<![\w/-]){re.escape(name)}(?![\w/-])"
    return name in text and re.search(pattern, text) is not None


def _digests(sample: Sample) -> list[str]:
    given = {sample.task.input, sample.task.input.strip(), *sample.task.fields.values()}
    kinds = (hashlib.md5, hashlib.sha1, hashlib.sha256)
    return [sample.digest, *(kind(text.encode()).hexdigest() for kind in kinds for text in given)]


def _binomial(least: int, tries: int, chance: float) -> float:
    """The chance of ``least`` or more hits in ``tries``."""
    chance = min(1.0, chance)
    terms = (comb(tries, k) * chance**k * (1 - chance) ** (tries - k) for k in range(least))
    return max(0.0, round(1.0 - sum(terms), 12))
