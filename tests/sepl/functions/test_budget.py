"""A budget of metric calls is never exceeded, and one that suffices for nothing is refused."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from agp.errors import InputError
from tests.support.words import Words, optimize

OPTIMIZERS = [
    "pareto",
    "best_of_n",
    "random_restart",
    "reflection",
    "textgrad",
    "reinforce_pp",
    "grpo",
]


@pytest.mark.parametrize("budget", [64, 77, 130])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_it_is_never_exceeded(optimizer: str, budget: int) -> None:
    metric = Words()
    settings: dict[str, Any] = {"optimizer": optimizer, "budget": budget, "candidates": 3}
    with contextlib.suppress(InputError):
        report = optimize(metric=metric, rounds=None, **settings)
        assert report.spend is not None
        assert report.spend.evaluations == len(metric.calls)
        assert report.conclusion
    assert len(metric.calls) <= budget


@pytest.mark.parametrize("budget", [0, 1, 39, 63])
def test_too_small_a_budget_is_refused_saying_what_is_needed(budget: int) -> None:
    """12 on selection, twice; 20 on the holdout, twice."""
    metric = Words()
    with pytest.raises(InputError, match="64"):
        optimize(metric=metric, budget=budget)
    assert not metric.calls


def test_what_was_paid_for_counts_when_the_budget_ends_a_round() -> None:
    """Two candidates in a round, and evaluations for the first only."""
    texts = iter(["think check number", "think please"])
    report = optimize(
        proposer=lambda *_: {"text": next(texts)},
        optimizer="best_of_n",
        parameters={"minibatch": 1},
        candidates=2,
        budget=12 + 1 + 12 + 40,
    )
    assert report.best == {"text": "think check number"}
    assert report.commit
