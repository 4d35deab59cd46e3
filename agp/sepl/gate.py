"""The gate: whether a candidate may replace the incumbent, as a decision with its numbers.

Three rules. ``non_degrading`` is the paper's: the mean must not fall. ``significant`` demands an
exact paired test on the same samples at level α. ``sequential`` looks several times, at the same
α over all looks (`agp.sepl.looks`). Guards come first in each: a candidate that costs more than
it may is refused whatever its score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from agp.errors import InputError
from agp.evaluation.results import SampleResult, held_by
from agp.sepl.statistics import Spending, paired_test

GUARDS = ("tokens", "cost", "seconds")


class Rule(StrEnum):
    """What a candidate must show."""

    NON_DEGRADING = "non_degrading"
    SIGNIFICANT = "significant"
    SEQUENTIAL = "sequential"


class Spend(StrEnum):
    """How α is divided between the decisions that one holdout makes, over a whole store.

    ``later``: the first decision has all of α, the k-th after it α·6/(π²k²), so that all later
    ones together have at most 0.4 α. ``always``: the first has its share too (0.61 α), and all
    decisions together at most α. ``never``: each has α, whatever was decided before.
    """

    LATER = "later"
    ALWAYS = "always"
    NEVER = "never"


class Policy(BaseModel):
    """The gate's settings.

    ``alpha`` is the largest p-value that is accepted; ``guards`` limit, metric by metric, how
    many times the incumbent's mean per sample the candidate's may be; ``spend`` is how α is
    divided between decisions on one holdout.

    The rule ``sequential`` looks after each of ``blocks`` equal parts of the holdout, then runs
    it again, with new repetitions, until ``epochs`` have been run in all. ``spending`` divides α
    between these looks. It gives up after an epoch where the chance of ending significant, if
    things go on as they did, is below ``futility``; 0 is never.
    """

    rule: Rule = Rule.SIGNIFICANT
    alpha: float = 0.05
    guards: dict[str, float] = Field(default_factory=dict[str, float])
    spend: Spend = Spend.LATER
    epochs: int = 3
    blocks: int = 2
    spending: Spending = Spending.POCOCK
    futility: float = 0.05

    def check(self) -> None:
        """Raises InputError for settings that make no sense."""
        if not 0.0 < self.alpha < 1.0:
            raise InputError(f"alpha must be between 0 and 1, not {self.alpha}.")
        if not 0.0 <= self.futility < 1.0:
            raise InputError(f"futility must be at least 0 and below 1, not {self.futility}.")
        for name in ("epochs", "blocks"):
            if (value := getattr(self, name)) < 1:
                raise InputError(f"{name} must be at least 1, not {value}.")
        for metric, limit in self.guards.items():
            if metric not in GUARDS or not limit > 0:
                raise InputError(
                    f"Not a guard: {metric}={limit}.", hint=f"Guards: {', '.join(GUARDS)} (× > 0)"
                )


class Verdict(BaseModel):
    """A decision with the numbers that made it; stored for acceptances and rejections alike."""

    accepted: bool
    rule: str
    reason: str
    numbers: dict[str, Any] = Field(default_factory=dict[str, Any])


class Pair(NamedTuple):
    """The scores of one sample that counts: it could be scored for at least one side."""

    candidate: float
    incumbent: float


def judge(
    candidate: Sequence[SampleResult], incumbent: Sequence[SampleResult], policy: Policy
) -> Verdict:
    """Compare two agents on the same samples, looked at once.

    A sample that neither could be scored on is left out. One that only the candidate is missing
    counts 0 for it, one that only the incumbent is missing counts 1 for the incumbent: missing
    evidence never helps a candidate; ``imputed`` counts these. Raises InputError if the samples
    differ, or a score is not a finite number.
    """
    pairs = [pair for pair in paired(candidate, incumbent) if pair is not None]
    if not pairs:
        return Verdict(accepted=False, rule=policy.rule, reason="no sample could be scored")
    test = paired_test([c for c, _ in pairs], [i for _, i in pairs])
    numbers: dict[str, Any] = {
        "n": test.n,
        "candidate": sum(c for c, _ in pairs) / len(pairs),
        "incumbent": sum(i for _, i in pairs) / len(pairs),
        "difference": test.difference,
        "low": test.low,
        "high": test.high,
        "level": test.level,
        "p": test.p_value,
        "alpha": policy.alpha,
        "wins": test.wins,
        "losses": test.losses,
        "ties": test.ties,
        "test": test.test,
        **evidence(candidate, incumbent),
    }
    if broken := broken_guard(candidate, incumbent, policy.guards):
        return Verdict(accepted=False, rule=policy.rule, reason=broken, numbers=numbers)
    if policy.rule is Rule.NON_DEGRADING:
        accepted = test.difference >= 0
        reason = "the mean did not fall" if accepted else "the mean fell"
    else:
        accepted = test.p_value <= policy.alpha and test.difference > 0
        sign = "≤" if accepted else ">"
        reason = f"p = {test.p_value:.4g} {sign} α = {policy.alpha:.4g}"
    return Verdict(accepted=accepted, rule=policy.rule, reason=reason, numbers=numbers)


def paired(
    candidate: Sequence[SampleResult], incumbent: Sequence[SampleResult]
) -> list[Pair | None]:
    """The scores sample by sample, None where neither side has one; see `judge` for the rest.

    Raises InputError if the samples differ.
    """
    if [r.sample_digest for r in candidate] != [r.sample_digest for r in incumbent]:
        raise InputError("A paired comparison needs the same samples in the same order.")
    return [
        None
        if c.score is None and i.score is None
        else Pair(0.0 if c.score is None else c.score, 1.0 if i.score is None else i.score)
        for c, i in zip(candidate, incumbent, strict=True)
    ]


def evidence(
    candidate: Sequence[SampleResult], incumbent: Sequence[SampleResult]
) -> dict[str, Any]:
    """What is told of results beside their scores: what is missing, and what held code."""
    sides = list(zip(candidate, incumbent, strict=True))
    return {
        "unscored": sum(c.score is None and i.score is None for c, i in sides),
        "imputed": sum((c.score is None) != (i.score is None) for c, i in sides),
        "sandbox": held_by(candidate),
    }


def broken_guard(
    candidate: Sequence[SampleResult],
    incumbent: Sequence[SampleResult],
    guards: Mapping[str, float],
) -> str:
    """The first guard that the candidate breaks, in words; empty where it breaks none."""
    for metric, limit in guards.items():
        before, after = (_metric(results, metric) for results in (incumbent, candidate))
        if before is None or after is None:
            return f"guard {metric}: what some calls cost is unknown, so it cannot be checked"
        if after > limit * before:
            return (
                f"guard {metric}: {after:.4g} a sample against {before:.4g}, more than {limit:g}×"
            )
    return ""


def _metric(results: Sequence[SampleResult], metric: str) -> float | None:
    """Mean per scored sample of what its calls cost, were they made now or taken from the cache."""
    spends = [result.spend for result in results if result.score is not None]
    if not spends:
        return None
    if metric == "cost":
        if any(spend.unpriced + spend.cached_unpriced for spend in spends):
            return None
        return sum(spend.cost_usd + spend.cached_cost_usd for spend in spends) / len(spends)
    if metric == "tokens":
        return sum(spend.tokens + spend.cached_tokens for spend in spends) / len(spends)
    return sum(spend.seconds + spend.cached_seconds for spend in spends) / len(spends)
