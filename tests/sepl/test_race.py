"""Races end as soon as it is clear which way they go: hand-computed cases."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from agp.errors import InputError
from agp.sepl.steps.race import Race, Rules, standardised
from tests.support.words import SELECTION, SPLIT, Words, optimize


def test_standardised() -> None:
    assert standardised([1, 1, 1, 1]) == pytest.approx(2.0)
    assert standardised([1, -1, 0]) == 0.0
    assert standardised([0, 0]) == 0.0
    assert standardised([0.5, 1.0]) == pytest.approx(1.5 / math.sqrt(1.25))


@pytest.mark.parametrize(
    ("differences", "last", "decided"),
    [
        ([0, -1, 0, 0], False, False),  # z = −1
        ([1, 0, 0, 0], False, None),  # z = 1: open
        ([1, 1, 1, 1], False, None),  # z = 2, but only one block
        ([1, 1, 1, 1, 0, 0, 0, 0], False, True),
        ([0] * 8, False, None),
        ([0] * 12, False, False),  # three blocks without any difference
        ([0] * 8, True, False),
        ([1, 0, 0, 0], True, True),
        ([1, -1, 0, 0], True, False),
    ],
)
def test_decisions(differences: list[float], last: bool, decided: bool | None) -> None:
    race = Race(None, Rules())  # type: ignore[arg-type]
    assert race._decided(differences, last=last) is decided


def assessed(text: str, **settings: Any) -> tuple[int, str]:
    """On how many selection samples a candidate was run, and why it went as it did."""
    metric = Words()
    report = optimize(
        metric=metric, proposer=lambda *_: {"text": text}, rounds=1, seed="think", **settings
    )
    (line,) = report.proposals
    return sum(t == text and e in SELECTION for t, e in metric.calls), line.verdict.reason


def test_a_worse_candidate_pays_for_one_block() -> None:
    assert assessed("nothing") == (4, "-0.333 a sample against seed on 4 of 12")


def test_a_better_candidate_is_taken_after_two_blocks() -> None:
    assert assessed("think check") == (8, "+0.333 a sample against seed on 8 of 12")


def test_an_equal_candidate_is_dropped_in_the_end() -> None:
    assert assessed("think.") == (12, "+0.000 a sample against seed on 12 of 12")


def test_the_rules_are_parameters() -> None:
    assert assessed("think check", parameters={"block": 6, "clear": 9}) == (
        12,
        "+0.333 a sample against seed on 12 of 12",
    )
    with pytest.raises(InputError, match="block"):
        optimize(parameters={"block": 0})


def test_a_race_that_the_budget_ends_decides_nothing() -> None:
    texts = iter(["think check", "think number"])

    def proposer(texts_: Any, feedback: Any, rng: random.Random) -> dict[str, str]:
        return {"text": next(texts)}

    report = optimize(seed="think", proposer=proposer, budget=12 + 4 + 8 + 4 + 5 + 40, rounds=9)
    assert report.best == {"text": "think check"}
    assert report.spend.evaluations <= 73
    assert report.commit
    assert len(SPLIT["holdout"]) == 20
