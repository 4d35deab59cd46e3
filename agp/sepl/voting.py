"""Baseline majority_vote: K answers to each sample, and the one given most often.

It changes no resource: what it shows is how far more calls alone lead (Wang et al.,
"Self-Consistency Improves Chain of Thought Reasoning in Language Models", 2022).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agp.errors import InputError
from agp.evaluation.results import SampleResult, mean_score
from agp.evaluation.types import Sample
from agp.runs.report import ScoreLine
from agp.sepl.steps.rollouts import warmed

if TYPE_CHECKING:
    from agp.sepl.evolution import Evolution

MAJORITY_VOTE = "majority_vote"


class VoteParams(BaseModel):
    """``K`` answers a sample, drawn at ``temperature`` where the agent's policy has such a one."""

    model_config = ConfigDict(extra="forbid")

    K: int = Field(default=5, ge=1, le=100)
    temperature: float = Field(default=0.8, ge=0.0, allow_inf_nan=False)


async def vote(run: Evolution, samples: Sequence[Sample]) -> dict[str, object]:
    """The fields of a report: single answers, and votes of up to K. Raises InputError."""
    try:
        given = VoteParams.model_validate(run.config.parameters)
    except ValidationError as error:
        fault = error.errors()[0]
        raise InputError(f"{MAJORITY_VOTE}: {fault['loc'][0]}: {fault['msg']}.") from error
    view = warmed(run.start, run.agent, given.temperature)
    drawn: list[list[SampleResult]] = []
    for number in range(1, given.K + 1):
        run.observer.phase(f"answer {number} of {given.K}", len(samples))
        drawn.append(
            await run.evaluator.evaluate(
                view, run.agent, samples, repetition=number, on_result=run.observer.result
            )
        )
    votes = [
        [majority(answers) for answers in zip(*drawn[:number], strict=True)]
        for number in range(1, given.K + 1)
    ]
    return {
        "vanilla": ScoreLine.of(votes[0]),
        "refined": ScoreLine.of(votes[-1]),
        "attempts": [mean_score(each) for each in votes],
        "unscored": [f"{r.sample}: {r.unscored}" for r in votes[-1] if r.score is None],
        "conclusion": f"Votes of up to {given.K} answers a sample; no resource was changed.",
    }


def majority(answers: Sequence[SampleResult]) -> SampleResult:
    """The first result with the answer given most often; of equally frequent ones the earliest.

    Only what was scored votes, and answers that could not be read vote for nobody.
    """
    scored = [each for each in answers if each.score is not None]
    if not scored:
        return answers[0]
    counts = Counter(each.answer for each in scored if each.answer is not None)
    if not counts:
        return scored[0]
    most = max(counts.values())
    return next(each for each in scored if counts.get(each.answer or "", 0) == most)
