"""What came of running an agent on a sample, and what a set of such results adds up to."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

from pydantic import BaseModel, Field

from agp.budget import Spend
from agp.evaluation.failures import Failure


class SampleResult(BaseModel):
    """One agent on one sample.

    ``score`` is None where the sample is *unscored*: the infrastructure failed (a provider was
    down, the scorer crashed), not the agent; ``unscored`` then says why. ``rounds`` holds the
    score after each attempt when the answer was refined; the last one is ``score``. ``taint`` are
    the labels of all that the agent saw (see `agp.taint`), ``sandbox`` what held confined code
    (backend → strength). ``reused`` results were measured by an earlier run and cost this one
    nothing; ``spend`` is what they cost then. ``failure`` tells what was raised, or which limit
    passed, in an unscored sample or one that counts 0 for it.
    """

    sample: str
    sample_digest: str
    key: str
    score: float | None
    unscored: str = ""
    text: str = ""
    answer: str | None = None
    feedback: str = ""
    ended: str = "answered"
    rounds: list[float] = Field(default_factory=list[float])
    spend: Spend = Field(default_factory=Spend)
    trace_id: str = ""
    taint: list[str] = Field(default_factory=list[str])
    sandbox: dict[str, str] = Field(default_factory=dict[str, str])
    reused: bool = False
    failure: Failure | None = None


def scored(results: Sequence[SampleResult]) -> list[float]:
    """The scores of the scored results, in order."""
    return [result.score for result in results if result.score is not None]


def by_sample(results: Sequence[SampleResult], epochs: int) -> list[Sequence[SampleResult]]:
    """The repetitions of each sample, of results of all samples ``epochs`` times over."""
    size = len(results) // epochs
    return [results[number::size] for number in range(size)]


def pass_at(results: Sequence[SampleResult], epochs: int) -> list[float]:
    """The chance that at least one of k repetitions is right, for k = 1 … ``epochs``.

    Mean over samples of 1 - C(n-c, k) / C(n, k), where c of n repetitions are right (Chen et al.
    2021, equation 1). Empty where scores are not all 0 or 1; samples with a repetition that is
    unscored are left out.
    """
    whole = [s for each in by_sample(results, epochs) if len(s := scored(each)) == epochs]
    if not whole or any(score not in (0.0, 1.0) for scores in whole for score in scores):
        return []
    wrong = [epochs - int(sum(scores)) for scores in whole]
    return [
        sum(1 - comb(each, k) / comb(epochs, k) for each in wrong) / len(wrong)
        for k in range(1, epochs + 1)
    ]


def held_by(results: Sequence[SampleResult]) -> dict[str, str]:
    """What held confined code in any of the results: backend → strength."""
    found = {name: strength for result in results for name, strength in result.sandbox.items()}
    return dict(sorted(found.items()))


def mean_score(results: Sequence[SampleResult]) -> float:
    """Mean over scored results; 0 where nothing could be scored."""
    scores = scored(results)
    return sum(scores) / len(scores) if scores else 0.0


def round_scores(results: Sequence[SampleResult], rounds: int) -> list[float]:
    """Mean score after the first attempt and after each of ``rounds`` refinements.

    A sample that was done early keeps its score.
    """
    runs = [result.rounds for result in results if result.score is not None]
    if not runs:
        return []
    return [
        sum(scores[min(index, len(scores) - 1)] for scores in runs) / len(runs)
        for index in range(1 + rounds)
    ]
