"""The gate: what is accepted, what is refused, and that noise rarely passes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.budget import Spend
from agp.errors import InputError
from agp.evaluation.results import SampleResult
from agp.sepl.gate import Policy, Rule, judge

SCORES = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1)


def results(scores: list[float | None], **spend: float) -> list[SampleResult]:
    """Results with these scores on samples numbered in order."""
    return [
        SampleResult(sample=str(n), sample_digest=str(n), key="", score=score, spend=Spend(**spend))
        for n, score in enumerate(scores)
    ]


def test_a_clear_win_is_significant_and_its_numbers_are_kept() -> None:
    verdict = judge(results([1.0] * 8), results([0.0] * 8), Policy(alpha=0.01))
    assert verdict.accepted
    assert verdict.numbers["p"] == pytest.approx(0.5**8)
    assert (verdict.numbers["n"], verdict.numbers["wins"], verdict.numbers["losses"]) == (8, 8, 0)
    assert verdict.numbers["low"] > 0


def test_four_wins_without_a_loss_are_not_enough_at_five_percent() -> None:
    four = judge(results([1.0] * 4), results([0.0] * 4), Policy())
    five = judge(results([1.0] * 5), results([0.0] * 5), Policy())
    assert (four.accepted, five.accepted) == (False, True)


@given(SCORES)
def test_a_candidate_that_is_not_better_on_average_is_never_significant(
    pairs: list[tuple[float, float]],
) -> None:
    candidate, incumbent = ([p[i] for p in pairs] for i in (0, 1))
    verdict = judge(results(candidate), results(incumbent), Policy(alpha=0.99))
    if sum(candidate) <= sum(incumbent):
        assert not verdict.accepted


@given(SCORES)
def test_non_degrading_is_exactly_that(pairs: list[tuple[float, float]]) -> None:
    candidate, incumbent = ([p[i] for p in pairs] for i in (0, 1))
    policy = Policy(rule=Rule.NON_DEGRADING)
    verdict = judge(results(candidate), results(incumbent), policy)
    assert verdict.accepted == (sum(candidate) >= sum(incumbent))


def test_worthless_candidates_pass_at_most_at_alpha() -> None:
    draw = random.Random(1)
    runs, passed = 1500, 0
    for _ in range(runs):
        scores = [[float(draw.random() < 0.5) for _ in range(40)] for _ in range(2)]
        passed += judge(results(scores[0]), results(scores[1]), Policy(alpha=0.05)).accepted
    assert passed / runs <= 0.05 + 2 * (0.05 * 0.95 / runs) ** 0.5


def test_missing_evidence_never_helps_the_candidate() -> None:
    candidate = results([1.0, 1.0, 1.0, 1.0, 1.0, None])
    incumbent = results([0.0, 0.0, 0.0, 0.0, None, 0.0])
    verdict = judge(candidate, incumbent, Policy())
    assert (verdict.numbers["wins"], verdict.numbers["ties"]) == (4, 2)
    neither = judge(results([None, 1.0]), results([None, 0.0]), Policy())
    assert (neither.numbers["n"], neither.numbers["unscored"]) == (1, 1)
    assert not judge(results([None]), results([None]), Policy()).accepted


def test_a_guard_refuses_whatever_the_score() -> None:
    candidate = results([1.0] * 20, output_tokens=300)
    incumbent = results([0.0] * 20, output_tokens=100)
    assert judge(candidate, incumbent, Policy(guards={"tokens": 3.0})).accepted
    refused = judge(candidate, incumbent, Policy(guards={"tokens": 2.9}))
    assert not refused.accepted
    assert "guard tokens" in refused.reason


def test_an_unknown_price_cannot_pass_a_cost_guard() -> None:
    candidate = results([1.0] * 20, unpriced=1)
    verdict = judge(candidate, results([0.0] * 20), Policy(guards={"cost": 5.0}))
    assert (verdict.accepted, "unknown" in verdict.reason) == (False, True)


def test_pairs_must_be_the_same_samples() -> None:
    with pytest.raises(InputError, match="same samples"):
        judge(results([1.0, 1.0]), results([1.0]), Policy())


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, float("nan")])
def test_alpha_must_be_a_probability(alpha: float) -> None:
    with pytest.raises(InputError, match="alpha"):
        Policy(alpha=alpha).check()


@pytest.mark.parametrize("guards", [{"beauty": 1.0}, {"tokens": 0.0}, {"tokens": float("nan")}])
def test_guards_are_known_and_positive(guards: dict[str, float]) -> None:
    with pytest.raises(InputError, match="Not a guard"):
        Policy(guards=guards).check()
