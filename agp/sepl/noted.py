"""What a run tells of itself for those who read it later: events, and steps of its journal.

Nothing here is read by the run itself: it decides nothing, and a resumed run does not need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agp.evaluation.results import SampleResult, scored
from agp.evaluation.splits import Splits
from agp.runs.events import CandidateAssessed, CandidateProposed, Decision, RoundFinished
from agp.runs.journal import PLAN, Journal
from agp.sepl.lab import Lab
from agp.sepl.messages import Assessment, Candidate
from agp.sepl.plan import Plan

if TYPE_CHECKING:
    from agp.sepl.promotion import Promotion

HOLDOUT = "holdout"
_SPLITS = ("feedback", "selection", "holdout")


def note_plan(journal: Journal, made: Plan, splits: Splits) -> None:
    """Journal the plan, and which samples are in which split, by digest in order."""
    if journal.done(PLAN) is None:
        digests = {name: [sample.digest for sample in getattr(splits, name)] for name in _SPLITS}
        journal.append(PLAN, PLAN, {"plan": made.model_dump(mode="json"), "splits": digests})


def note_holdout(lab: Lab, promotion: Promotion, commit: str | None) -> None:
    """Journal the holdout's scores, and tell the decision."""
    if lab.journal.done(HOLDOUT) is None:
        both = {"before": promotion.before, "after": promotion.after}
        payload = {name: scores_of(results) for name, results in both.items()}
        lab.journal.append(HOLDOUT, HOLDOUT, payload)
    verdict = promotion.verdict
    lab.observer.event(
        Decision(
            accepted=verdict.accepted,
            rule=verdict.rule,
            reason=verdict.reason,
            numbers=verdict.numbers,
            commit=commit,
        )
    )


def tell_proposed(lab: Lab, round_: int, candidate: Candidate) -> None:
    """Tell of a candidate, before it runs."""
    proposal = candidate.proposal
    lab.observer.event(
        CandidateProposed(
            round=round_,
            id=proposal.id,
            strategy=proposal.strategy,
            rationale=proposal.rationale,
            edits=[edit.model_dump(mode="json") for edit in proposal.edits],
            parents=candidate.parents,
            digests=candidate.digests,
            fault=candidate.fault,
        )
    )


def tell_assessed(lab: Lab, round_: int, item: Assessment) -> None:
    """Tell what became of a candidate."""
    candidate, verdict = item.candidate, item.verdict
    lab.observer.event(
        CandidateAssessed(
            round=round_,
            id=candidate.proposal.id,
            strategy=candidate.proposal.strategy,
            accepted=verdict.accepted,
            rule=verdict.rule,
            reason=verdict.reason,
            numbers=verdict.numbers,
            parents=candidate.parents,
            scores=scores_of(item.selection),
            evaluations=lab.spent,
        )
    )


def tell_round(
    lab: Lab, round_: int, feedback: Sequence[SampleResult], selection: Sequence[SampleResult]
) -> None:
    """Tell that a round is over."""
    means = [sum(each) / len(each) if each else None for each in map(scored, (feedback, selection))]
    lab.observer.event(
        RoundFinished(
            round=round_,
            feedback=means[0],
            selection=means[1],
            best=lab.pool.best().id if len(lab.pool) else "seed",
            evaluations=lab.spent,
        )
    )


def scores_of(results: Sequence[SampleResult]) -> dict[str, float | None]:
    """Scores by digest of the sample; None where it is unscored."""
    return {result.sample_digest: result.score for result in results}


def a_sample(results: Sequence[SampleResult]) -> dict[str, Any] | None:
    """What the mean sample cost: tokens, US dollars (None: unknown), seconds of model time.

    Replies out of the cache count as what they had cost. None where nothing ran.
    """
    spends = [result.spend for result in results]
    if not spends:
        return None
    n = len(spends)
    priced = not any(each.unpriced + each.cached_unpriced for each in spends)
    return {
        "tokens": sum(each.tokens + each.cached_tokens for each in spends) / n,
        "cost_usd": sum(s.cost_usd + s.cached_cost_usd for s in spends) / n if priced else None,
        "seconds": sum(each.seconds + each.cached_seconds for each in spends) / n,
    }
