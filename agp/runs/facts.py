"""What follows from the steps of a run: its parts and their cost, candidates, progress, holdout.

Pure functions of a `StoredRun`, for tables, figures and comparisons alike. They take runs of any
age and at any point: what a journal does not say is None or absent, never guessed; only the parent
of a candidate is inferred where it is not named (the candidate kept last before its round).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from agp.budget import Spend
from agp.errors import InputError
from agp.runs.journal import PLAN
from agp.runs.listing import Step, StoredRun
from agp.runs.report import spend_in

JsonObject = dict[str, Any]

SEED = "seed"
"""The candidate that a search starts from: the agent as it was."""
HOLDOUT = "holdout"
BASELINE = "baseline"
ROUNDS_APART = 12
"""More rounds than these are told as one part."""
_SAMPLES = ("sample", "samples")
_PARTIAL = ("screen", "edit")
"""Rules of verdicts whose numbers are not of selection."""


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % interval; the bounds are None where scores lie outside [0, 1]."""

    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Average:
    """What the mean sample cost, replies out of the cache counted as what they had cost.

    ``seconds`` is model time; ``cost_usd`` is None where a price is unknown.
    """

    tokens: float
    cost_usd: float | None
    seconds: float


@dataclass(frozen=True)
class CandidateFacts:
    """One candidate of a search, whatever became of it.

    ``parents`` are candidates (``seed``: the start). ``scores`` are by digest of the sample, on
    selection, for candidates that met it (None: unscored); ``selection`` is their mean.
    ``a_sample`` is what the mean sample cost, None where it ran on none; ``evaluations`` what the
    search had spent when it was assessed.
    """

    id: str
    round: int
    strategy: str
    parents: tuple[str, ...]
    accepted: bool
    rule: str = ""
    reason: str = ""
    rationale: str = ""
    numbers: JsonObject = field(default_factory=dict[str, Any])
    edits: Sequence[JsonObject] = ()
    scores: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    selection: Mean | None = None
    evaluations: int = 0
    a_sample: Average | None = None


@dataclass(frozen=True)
class Progress:
    """The best selection score so far, when ``evaluations`` were spent, and whose it is."""

    evaluations: int
    best: Mean
    candidate: str


class Cost(NamedTuple):
    """What one role cost in one part of a run.

    ``part`` is ``baseline``, ``round N`` (``search`` where there were more than `ROUNDS_APART`),
    ``holdout``, ``interrupted`` (samples that a session never finished), or the kind of a run
    without a search; ``role`` is ``agent`` or ``reflector``.
    """

    part: str
    role: str
    spend: Spend


def mean_of(scores: Sequence[float | None]) -> Mean | None:
    """The mean of the scored ones with its interval; None where there is none."""
    from agp.sepl.statistics import mean_interval

    given = [score for score in scores if score is not None]
    if not given:
        return None
    try:
        interval = mean_interval(given)
    except InputError:  # a metric of one's own need not lie in [0, 1]
        return Mean(sum(given) / len(given), None, None, len(given))
    return Mean(interval.mean, interval.low, interval.high, interval.n)


def searches(run: StoredRun) -> bool:
    """Whether a run looks for something better: not a benchmark, and not refinement alone."""
    return "optimizer" in run.config and run.config.get("mode") != "solution"


def costs(run: StoredRun) -> list[Cost]:
    """What each role cost in each part of the run, in the order in which they began.

    What is paid for belongs to the round whose assessments or summary are journalled next, unless
    its samples are the holdout's.
    """
    found: dict[tuple[str, str], Spend] = {}
    for part, role, payload in _paid(run):
        spend = spend_in([payload])
        if spend.calls or spend.failed or spend.evaluations:
            found.setdefault((part, role), Spend()).add(spend)
    rounds = {part for part, _ in found if part.startswith("round ")}
    if len(rounds) <= ROUNDS_APART:
        return [Cost(part, role, spend) for (part, role), spend in found.items()]
    merged: dict[tuple[str, str], Spend] = {}
    for (part, role), spend in found.items():
        where = "search" if part in rounds else part
        merged.setdefault((where, role), Spend()).add(spend)
    return [Cost(part, role, spend) for (part, role), spend in merged.items()]


def _paid(run: StoredRun) -> Iterator[tuple[str, str, JsonObject]]:
    """All that was paid for, in order: (part, role, payload)."""
    held = set(splits_of(run).get(HOLDOUT, ()))
    last = max((n for n, s in enumerate(run.steps) if s.type in ("round", "assessment")), default=0)
    part = BASELINE if searches(run) else run.kind
    waiting: list[JsonObject] = []
    for number, step in enumerate(run.steps):
        if step.type in _SAMPLES:
            results = step.payload.get("results") or [step.payload]
            of_holdout = results[0].get("sample_digest") in held if held else number > last > 0
            if of_holdout:
                yield HOLDOUT, "agent", step.payload
            else:
                waiting.append(step.payload)
        elif step.type in ("round", "assessment"):
            if step.type == "assessment":
                part = f"round {step.payload['round']}"
            yield from ((part, "agent", each) for each in waiting)
            waiting = []
            if step.type == "round":
                part = f"round {step.payload['round'] + 1}"
        elif step.type == "session":
            yield "interrupted", "agent", step.payload
        elif step.type != "report" and step.payload.get("spend"):
            yield part, "reflector" if step.type == "ask" else step.type, step.payload
    yield from ((part, "agent", each) for each in waiting)


def splits_of(run: StoredRun) -> dict[str, list[str]]:
    """The samples of each split by digest, in order; empty where the run did not note them."""
    return run.noted(PLAN).get("splits", {})


def candidates(run: StoredRun) -> list[CandidateFacts]:
    """The start (where its baseline is done) and every assessed candidate, in order."""
    found: list[CandidateFacts] = []
    kept, round_ = SEED, 0
    for step, spent in _spending(run):
        if step.type == "round" and step.payload["round"] == 0:
            found.append(_start(run, step.payload, spent))
        elif step.type == "assessment":
            if step.payload["round"] != round_:  # those of one round come from the same parent
                round_, kept = step.payload["round"], _kept(found, kept)
            found.append(_candidate(step.payload, spent, kept))
    return found


def progress(run: StoredRun) -> list[Progress]:
    """The best selection score after the baseline, after each gain, and at the end of the search.

    Only candidates that met as many selection samples as the start did are compared: a mean over
    a few easy ones is not one over all. A best of many is flattered by chance; only the
    holdout tells what it is worth.
    """
    found: list[Progress] = []
    for each in candidates(run):
        mean = each.selection
        if mean is None or (found and mean.n < found[0].best.n):
            continue
        if not found or mean.mean > found[-1].best.mean:
            found.append(Progress(each.evaluations, mean, each.id))
    end = max((spent for _, spent in _spending(run)), default=0)
    if found and end > found[-1].evaluations:
        found.append(replace(found[-1], evaluations=end))
    return found


def holdout(run: StoredRun) -> tuple[dict[str, float | None], dict[str, float | None]]:
    """Scores by digest of the sample on the holdout: of the agent as it was, and as evolved.

    A run without a search has one set of scores, which stands for both.
    """
    if searches(run):
        noted = run.noted(HOLDOUT)
        return noted.get("before", {}), noted.get("after", {})
    scores = {each["sample_digest"]: each["score"] for each in run.of_type("sample")}
    return scores, scores


def outcome(run: StoredRun) -> tuple[Mean | None, Mean | None]:
    """The scores of the agent as it was and of what came out: as reported, else on the holdout."""
    told = run.report
    if told is None:
        before, after = holdout(run)
        return mean_of(list(before.values())), mean_of(list(after.values()))
    return _line(told.get("vanilla")), _line(told.get("evolved") or told.get("refined"))


def _line(told: JsonObject | None) -> Mean | None:
    return Mean(**{name: told[name] for name in ("mean", "low", "high", "n")}) if told else None


def _spending(run: StoredRun) -> Iterator[tuple[Step, int]]:
    """The steps that sum the search up, each with the evaluations spent by then.

    By the count that the search itself noted, or else by the samples in the journal.
    """
    counted = 0
    for step in run.steps:
        if step.type in _SAMPLES:
            counted += len(step.payload.get("results", (step.payload,)))
        elif step.type in ("round", "assessment"):
            yield step, step.payload.get("evaluations", counted)


def _start(run: StoredRun, payload: JsonObject, spent: int) -> CandidateFacts:
    samples = splits_of(run).get("selection", ())
    scores = dict(zip(samples, payload["selection"], strict=False))
    return CandidateFacts(
        id=SEED,
        round=0,
        strategy="start",
        parents=(),
        accepted=True,
        scores=scores,
        selection=mean_of(payload["selection"]),
        evaluations=spent,
        a_sample=_average(payload),
    )


def _candidate(payload: JsonObject, spent: int, kept: str) -> CandidateFacts:
    proposal, verdict = payload["proposal"], payload["verdict"]
    scores = payload.get("scores", {})
    old = "scores" not in payload
    return CandidateFacts(
        id=proposal["id"],
        round=payload["round"],
        strategy=proposal["strategy"],
        parents=tuple(payload.get("parents") or (kept,)),
        accepted=verdict["accepted"],
        rule=verdict["rule"],
        reason=verdict["reason"],
        rationale=proposal.get("rationale", ""),
        numbers=verdict.get("numbers", {}),
        edits=proposal.get("edits", []),
        scores=scores,
        selection=_judged(verdict) if old else mean_of(list(scores.values())),
        evaluations=spent,
        a_sample=_average(payload),
    )


def _judged(verdict: JsonObject) -> Mean | None:
    """The mean on selection that a verdict names, of runs that did not note the scores."""
    numbers = verdict.get("numbers", {})
    if verdict["rule"] in _PARTIAL or "candidate" not in numbers:
        return None
    return Mean(numbers["candidate"], None, None, numbers["n"])


def _kept(found: Sequence[CandidateFacts], before: str) -> str:
    return next((each.id for each in reversed(found) if each.accepted), before)


def _average(payload: JsonObject) -> Average | None:
    noted = payload.get("a_sample")
    return Average(**noted) if noted else None
