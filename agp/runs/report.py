"""What comes out of a run, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from pydantic import BaseModel, Field

from agp.budget import Spend
from agp.errors import AgpError, BudgetExhausted, Stopped
from agp.evaluation.results import SampleResult, by_sample, pass_at, round_scores, scored
from agp.runs.journal import Journal
from agp.sepl.statistics import mean_interval


class ScoreLine(BaseModel):
    """A mean with its 95 % interval over ``n`` scored samples; ``unscored`` are apart.

    Of samples that were repeated, the mean over repetitions is one score: repetitions of one sample
    are no independent evidence.
    """

    mean: float
    low: float
    high: float
    n: int
    unscored: int

    @classmethod
    def of(cls, results: Sequence[SampleResult], epochs: int = 1) -> ScoreLine | None:
        """The line of all samples, ``epochs`` times over; None where none is scored."""
        samples = by_sample(results, epochs)
        scores = [fmean(each) for sample in samples if (each := scored(sample))]
        if not scores:
            return None
        interval = mean_interval(scores)
        return cls(
            mean=interval.mean,
            low=interval.low,
            high=interval.high,
            n=interval.n,
            unscored=len(samples) - len(scores),
        )


class Report(BaseModel):
    """What a run measured and what it cost.

    ``vanilla`` is the score of the agent as it was, its first attempts. ``attempts`` is the mean
    score after each refinement of the solutions, where there were any, and ``refined`` the score
    of the last, over the same samples. Of ``epochs`` repetitions of every sample, ``pass_at`` is
    the chance that at least one of 1, 2, … of them is right, where scores are 0 or 1. ``closure``
    is the digest of the agent and all it uses;
    ``reused`` counts samples whose result was known from an earlier run; ``spend`` and
    ``wall_seconds`` are those of all sessions of the run.
    """

    run: str
    kind: str
    agent: str
    closure: str
    benchmark: str
    models: dict[str, str]
    seed: int
    vanilla: ScoreLine | None = None
    refined: ScoreLine | None = None
    attempts: list[float] = Field(default_factory=list[float])
    epochs: int = 1
    pass_at: list[float] = Field(default_factory=list[float])
    oracle: bool = False
    spend: Spend = Field(default_factory=Spend)
    wall_seconds: float = 0.0
    reused: int = 0
    unscored: list[str] = Field(default_factory=list[str])


def measured(
    results: Sequence[SampleResult], *, rounds: int, oracle: bool, epochs: int = 1
) -> dict[str, object]:
    """The fields of a report that follow from results refined up to ``rounds`` times.

    ``results`` are those of all samples, ``epochs`` times over.
    """
    refined = rounds > 0
    first = [r if r.score is None else r.model_copy(update={"score": r.rounds[0]}) for r in results]
    return {
        "vanilla": ScoreLine.of(first, epochs),
        "refined": ScoreLine.of(results, epochs) if refined else None,
        "epochs": epochs,
        "pass_at": pass_at(results, epochs) if epochs > 1 else [],
        "attempts": round_scores(results, rounds) if refined else [],
        "oracle": refined and oracle,
        "unscored": [f"{r.sample}: {r.unscored}" for r in results if r.score is None],
    }


def spend_of(journal: Journal) -> Spend:
    """What a run has spent so far, by its journal: agents and operators both."""
    return spend_in(journal.steps.values())


def spend_in(payloads: Iterable[dict[str, Any]]) -> Spend:
    """What the steps with these payloads cost together; a step may hold many results."""
    total = Spend()
    for payload in payloads:
        for part in (payload, *payload.get("results", ())):
            if part.get("spend") and not part.get("reused"):
                total.add(Spend.model_validate(part["spend"]))
    return total


def wall_of(journal: Journal) -> float:
    """Seconds that the sessions of a run took together."""
    return wall_in(journal.steps)


def wall_in(steps: Mapping[str, dict[str, Any]]) -> float:
    """Seconds that the sessions among steps (key → payload) took together."""
    return sum(p["wall"] for key, p in steps.items() if key.startswith("session/"))


def ended_by(error: BaseException) -> dict[str, Any]:
    """Why a session ended before its run did, as data: a budget by its scope and amount."""
    told: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, AgpError):
        told["message"] = error.message
    if isinstance(error, BudgetExhausted):
        for name in ("scope", "amount", "limit", "spent", "reserved"):
            told[name] = getattr(error, name)
    elif isinstance(error, Stopped):
        told |= {"author": error.author, "reason": error.reason}
    return told


def ended_of(journal: Journal) -> dict[str, Any] | None:
    """Why the last session of a run ended early, None where it did not."""
    sessions = [p for key, p in journal.steps.items() if key.startswith("session/")]
    return sessions[-1].get("ended") if sessions else None


def reused_in(journal: Journal) -> int:
    """How many of a run's samples were known from an earlier run."""
    return sum(bool(payload.get("reused")) for payload in journal.steps.values())
