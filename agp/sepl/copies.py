"""Finding samples and their answers in a candidate's text, also where they were disguised.

Verbatim and encoded copies are found in what a text may mean (`agp.sepl.readings`), reworded ones
by the words that stand in one sample only. What the incumbent holds already, and what several
tasks share, is no copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from typing import cast

from agp.evaluation.splits import Splits
from agp.rspl.entities import EntityType, Record
from agp.sepl.corpus import COPIED, TELLING, Corpus, corpus_of, grams, words
from agp.sepl.readings import fold, readings

REWORDED = 0.25
"""This share of the threes of words that only one task has is a copy with a few words changed."""
_LEAST_GRAMS = 6
SHUFFLED = 0.6
"""This share of the words that only one task has is a copy in another order."""
_LEAST_WORDS = 5


class Texts:
    """What a record says, before and after, and the samples that must not stand in it."""

    def __init__(self, after: str, before: str, corpus: Corpus, barred: Container[int]) -> None:
        self.after, self.before, self.corpus, self.barred = after, before, corpus, barred


def new_texts(candidate: Record, incumbent: Record | None, splits: Splits) -> list[Texts]:
    """A candidate's texts with the samples that must not come into them.

    Demonstrations of a prompt may hold feedback samples: that is what they are made of. Everything
    else may hold none.
    """
    corpus = corpus_of(splits)
    every = range(len(corpus.samples))
    after, shown = _texts_of(candidate)
    before, known = _texts_of(incumbent) if incumbent is not None else ("", "")
    found = [Texts(after, before, corpus, every)] if after != before else []
    if shown != known:
        found.append(Texts(shown, f"{before}\n{known}", corpus, every[len(splits.feedback) :]))
    return found


def copied(candidate: Record, incumbent: Record | None, splits: Splits) -> str:
    """The id of a sample whose task or answer came into the candidate; empty if none did."""
    found = [copy_in(texts) for texts in new_texts(candidate, incumbent, splits)]
    return next((sample for sample in found if sample), "")


def copy_in(texts: Texts) -> str:
    """The id of a sample that stands in new text, plain or encoded; empty if none does."""
    old, corpus = fold(texts.before), texts.corpus
    for reading in set(filter(corpus.touches, readings(texts.after))) - {old}:
        if (number := _found(reading, old, corpus, texts.barred)) is not None:
            return corpus.samples[number].id
    return ""


def reworded_in(texts: Texts) -> str:
    """The id of a sample that stands in new text with a few words changed; empty if none does."""
    corpus = texts.corpus
    after, before = words(texts.after), words(texts.before)
    threes = set(grams(after)) - set(grams(before))
    owned = Counter(corpus.gram_owner[g] for g in threes if g in corpus.gram_owner)
    single = set(after) - set(before)
    held = Counter(corpus.word_owner[w] for w in single if w in corpus.word_owner)
    for counts, own, least, share in (
        (owned, corpus.own_grams, _LEAST_GRAMS, REWORDED),
        (held, corpus.own_words, _LEAST_WORDS, SHUFFLED),
    ):
        for number, count in sorted(counts.items()):
            if number in texts.barred and count >= max(least, share * len(own[number])):
                return corpus.samples[number].id
    return ""


def _found(text: str, known: str, corpus: Corpus, barred: Container[int]) -> int | None:
    for number, (task, answer) in enumerate(zip(corpus.tasks, corpus.answers, strict=True)):
        if number not in barred:
            continue
        told = len(answer) >= TELLING and answer in text and answer not in known
        if told and not _allowed(answer, corpus, barred):
            return number
        stands = TELLING <= len(task) < COPIED and task in text and task not in known
        if stands and corpus.holders(task) == [number]:
            return number
    for piece in sorted(set(corpus.stretches(text))):
        if piece not in known:
            holders = corpus.holders(piece)
            if len(holders) == 1 and holders[0] in barred:
                return holders[0]
    return None


def _allowed(answer: str, corpus: Corpus, barred: Container[int]) -> bool:
    """Whether a sample that may stand there has the same answer, or holds it."""
    pairs = enumerate(zip(corpus.tasks, corpus.answers, strict=True))
    return any(n not in barred and (answer in a or answer in t) for n, (t, a) in pairs)


def _texts_of(record: Record) -> tuple[str, str]:
    """All a record says, and what its demonstrations say apart."""
    body = record.body()
    shown: object = []
    if record.type is EntityType.PROMPT:
        params = cast("dict[str, object]", body["params"])
        shown = params.pop("demonstrations", [])
    return "\n".join(_strings(body)), "\n".join(_strings(shown))


def _strings(value: object) -> Iterator[str]:
    """Every text and number in plain JSON data, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, Mapping):
        for key, each in cast("Mapping[str, object]", value).items():
            yield key
            yield from _strings(each)
    elif isinstance(value, list | tuple):
        for each in cast("list[object]", value):
            yield from _strings(each)
