"""Whether a candidate solves tasks, or recognises samples: the same tasks in another dress tell.

A candidate whose text shares rare words with samples it gained on, or that brings code or data
nobody can read, might look answers up. Then incumbent and candidate meet twins of those samples
(`Benchmark.twin`): who solves the task honestly solves its twin about as often, a table does not.
The originals are run once more beside the twins, so that luck at first does not count against it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agp.evaluation.results import SampleResult
from agp.evaluation.types import Benchmark, Sample
from agp.rspl.entities import Record
from agp.rspl.view import View
from agp.sepl.copies import new_texts
from agp.sepl.corpus import corpus_of, words
from agp.sepl.invariants import broken_invariant, self_judging
from agp.sepl.lab import Lab
from agp.sepl.statistics import paired_test

MOST = 24
"""Samples that are asked about in another dress, at most."""
_LEAST = 5
"""Fewer can neither carry a significant gain nor show that it vanishes."""
VANISHED = 0.25
"""A gain of which no more than this share is left on twins has vanished …"""
ALPHA = 0.05
"""… if chance alone would make it fall so far with no more probability than this."""
_AGAIN = 1_000
"""The repetition under which originals are run once more; no search counts so far."""
_OPAQUE = re.compile(r"[A-Za-z0-9+/=_-]{24,}|(?:\b\d+\b[\s,;:]+){15,}")


async def recognised(
    lab: Lab,
    start: View,
    found: View,
    before: Sequence[SampleResult],
    after: Sequence[SampleResult],
) -> str:
    """Why a candidate that the gate accepted must not go live, with the invariant's name; or empty.

    The invariants are asked about the whole change from ``start`` to ``found``, however small the
    steps were that led there; then samples that seem to be recognised are met as twins.
    Parameters: ``before`` and ``after`` are the results of both on the holdout, sample by sample.
    """
    benchmark, records = lab.evaluator.benchmark, list(found.overlay.values())
    refusal = broken_invariant(start, records, lab.splits, benchmark)
    refusal = refusal or self_judging(found, lab.agent, benchmark)
    if refusal:
        return refusal
    pairs = _twins(lab, benchmark, _suspects(lab, start, records, before, after))
    if len(pairs) < _LEAST:
        return ""
    originals, twins = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    gains = await _gains(lab, start, found, originals, "originals")
    left = await _gains(lab, start, found, twins, "twins")
    both = [(g, t) for g, t in zip(gains, left, strict=True) if g is not None and t is not None]
    return _verdict([g for g, _ in both], [t for _, t in both])


def _verdict(gains: Sequence[float], left: Sequence[float]) -> str:
    if len(gains) < _LEAST or sum(gains) <= 0 or sum(left) > VANISHED * sum(gains):
        return ""
    test = paired_test(gains, left)
    if test.difference <= 0 or test.p_value > ALPHA:
        return ""
    n = len(gains)
    return (
        f"recognised_samples: on {n} samples that it seems to recognise it gains "
        f"{100 * sum(gains) / n:+.0f} points, on their twins {100 * sum(left) / n:+.0f} "
        f"(p = {test.p_value:.2g})"
    )


def _suspects(
    lab: Lab,
    start: View,
    records: Sequence[Record],
    before: Sequence[SampleResult],
    after: Sequence[SampleResult],
) -> list[Sample]:
    """Holdout samples whose own words the change holds; those gained on, where nobody can read it.

    Empty where the candidate gained on none of them.
    """
    corpus = corpus_of(lab.splits)
    first = len(corpus.samples) - len(lab.splits.holdout)
    held: set[str] = set()
    opaque = False
    for record in records:
        old = start.record(record.id) if record.id in start else None
        opaque = opaque or old is None or old.implementation != record.implementation
        for texts in new_texts(record, old, lab.splits):
            held |= set(words(texts.after)) - set(words(texts.before))
            known = set(_OPAQUE.findall(texts.before))
            opaque = opaque or not known.issuperset(_OPAQUE.findall(texts.after))
    numbers = {s.digest: n for n, s in enumerate(corpus.samples[first:], start=first)}
    was = {result.sample_digest: result.score for result in before}
    chosen: list[Sample] = []
    wins = 0
    for result in after:
        number = numbers.get(result.sample_digest)
        if number is None:
            continue
        won = (result.score or 0.0) > (was.get(result.sample_digest) or 0.0)
        if (opaque and won) or held & corpus.own_words[number]:
            chosen.append(corpus.samples[number])
            wins += won
    if not wins:
        return []
    drawn = lab.rng("twins").sample(chosen, min(MOST, len(chosen)))
    return sorted(drawn, key=lambda sample: sample.digest)


def _twins(
    lab: Lab, benchmark: Benchmark, samples: Sequence[Sample]
) -> list[tuple[Sample, Sample]]:
    """The samples that have a twin, with it."""
    found = [(sample, benchmark.twin(sample, lab.seed)) for sample in samples]
    return [(s, twin) for s, twin in found if twin is not None and twin.task != s.task]


async def _gains(
    lab: Lab, start: View, found: View, samples: Sequence[Sample], what: str
) -> list[float | None]:
    """Candidate minus incumbent on each sample; None where one of them was not scored."""
    old = await lab.run(start, samples, f"{what}, vanilla", repetition=_AGAIN)
    new = await lab.run(found, samples, f"{what}, evolved", repetition=_AGAIN)
    return [
        None if a.score is None or b.score is None else b.score - a.score
        for a, b in zip(old, new, strict=True)
    ]
