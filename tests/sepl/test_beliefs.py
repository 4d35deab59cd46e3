"""Beliefs about candidates, on cases that can be worked out by hand."""

from __future__ import annotations

import pytest

from agp.sepl.beliefs import Beliefs


def test_without_scores_a_child_is_its_parent_and_the_drift() -> None:
    beliefs = Beliefs(drift=-0.02)
    beliefs.add("seed")
    beliefs.add("child", "seed")
    beliefs.add("grandchild", "child")
    assert beliefs.means() == pytest.approx({"seed": 0.5, "child": 0.48, "grandchild": 0.46})


def test_one_score_of_the_first_candidate_by_hand() -> None:
    # Prior N(0.5, 0.09); the score has the variance 0.02 of the noise and 0.01 of the sample.
    beliefs = Beliefs(ease=0.1)
    beliefs.add("seed")
    beliefs.see("seed", "sample", 0.9)
    gain = 0.09 / (0.09 + 0.02 + 0.01)
    assert beliefs.means()["seed"] == pytest.approx(0.5 + gain * 0.4)


def test_evidence_travels_both_ways_along_the_lineage() -> None:
    beliefs = Beliefs(drift=0.0)
    beliefs.add("seed")
    beliefs.add("good", "seed")
    beliefs.add("other", "seed")
    before = beliefs.means()
    for number in range(8):
        beliefs.see("good", f"sample {number}", 0.9)
    after = beliefs.means()
    assert after["good"] > after["seed"] > before["seed"]
    assert after["other"] == pytest.approx(after["seed"])


def test_an_easy_sample_is_not_taken_for_a_good_candidate() -> None:
    paired, unpaired = Beliefs(drift=0.0), Beliefs(drift=0.0)
    for beliefs in (paired, unpaired):
        beliefs.add("seed")
        beliefs.add("child", "seed")
        for number in range(5):
            beliefs.see("child", f"sample {number}", 0.8)
            place = "sample" if beliefs is paired else "hard sample"
            beliefs.see("seed", f"{place} {number}", 0.6)
    gaps = [b.means()["child"] - b.means()["seed"] for b in (paired, unpaired)]
    assert gaps[0] > gaps[1] > 0


def test_a_lucky_child_is_left_again_when_it_fails() -> None:
    beliefs = Beliefs()
    beliefs.add("seed")
    beliefs.add("lucky", "seed")
    for number in range(3):
        beliefs.see("seed", f"first {number}", 0.0)
        beliefs.see("lucky", f"first {number}", 1.0)
    assert beliefs.means()["lucky"] > beliefs.means()["seed"]
    for number in range(30):
        beliefs.see("seed", f"later {number}", 0.6)
        beliefs.see("lucky", f"later {number}", 0.3)
    assert beliefs.means()["lucky"] < beliefs.means()["seed"]
