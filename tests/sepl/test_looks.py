"""The sequential gate on results: when it stops, what it counts, and that it stays exact."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agp.errors import InputError
from agp.evaluation.results import SampleResult
from agp.sepl.gate import Policy, Rule, Verdict, judge
from agp.sepl.looks import Look, Looks, averaged
from tests.sepl.test_gate import results

SEQUENTIAL = Policy(rule=Rule.SEQUENTIAL)
Scores = list[list[float | None]]


def look_at(policy: Policy, candidate: Scores, incumbent: Scores) -> tuple[Verdict, list[Look]]:
    """Let the gate look at scores by epoch until it has decided."""
    looks, taken = Looks(policy, len(candidate[0])), []
    sides = [[results(epoch) for epoch in side] for side in (candidate, incumbent)]
    while (look := looks.next()) is not None:
        taken.append(look)
        looks.see(*(side[look.epoch][look.start : look.stop] for side in sides))
    return looks.verdict, taken


def test_a_clear_gain_is_accepted_after_the_first_block() -> None:
    verdict, looks = look_at(SEQUENTIAL, [[1.0] * 20], [[0.0] * 20])
    assert verdict.accepted
    assert looks == [Look(1, 0, 10, 0)]
    assert verdict.numbers["p"] == pytest.approx(0.5**10)
    assert (verdict.numbers["n"], verdict.numbers["evaluations"]) == (10, 20)
    assert verdict.numbers["low"] > 0


def test_a_loss_ends_after_the_first_epoch() -> None:
    verdict, looks = look_at(SEQUENTIAL, [[0.0] * 20], [[1.0] * 20])
    assert not verdict.accepted
    assert "the chance to get there is" in verdict.reason
    assert looks == [Look(1, 0, 10, 0), Look(2, 10, 20, 0)]
    patient = SEQUENTIAL.model_copy(update={"futility": 0.0})
    _, all_ = look_at(patient, [[0.0] * 20, [0.0, 1.0] * 10, [0.0] * 20], [[1.0] * 20] * 3)
    assert [look.epoch for look in all_] == [0, 0, 1, 2]


def test_more_epochs_decide_what_one_could_not() -> None:
    """Six of twelve samples gain in each epoch, other ones; two lose in the first."""
    first = [1.0] * 4 + [0.0] * 8
    second = [0.0] * 4 + [1.0] * 6 + [0.0] * 2
    third = [1.0] * 2 + [0.0] * 6 + [1.0] * 4
    verdict, looks = look_at(SEQUENTIAL, [first, second, third], [[0.0] * 12] * 3)
    assert verdict.accepted
    assert looks[-1].epoch > 0
    assert verdict.numbers["epochs"] == looks[-1].epoch + 1
    told = verdict.numbers["looks"]
    assert [each["n"] for each in told[:2]] == [6, 12]
    assert [each["spent"] for each in told] == sorted(each["spent"] for each in told)


def test_an_agent_that_repeats_itself_is_not_asked_a_third_time() -> None:
    ours, theirs = [1.0] * 5 + [0.0] * 15, [0.0] * 20
    policy = Policy(rule=Rule.SEQUENTIAL, blocks=1)
    verdict, looks = look_at(policy, [ours] * 3, [theirs] * 3)
    assert [look.epoch for look in looks] == [0, 1]
    assert verdict.numbers["looks"][-1]["spent"] == 0.05  # all of α: nothing more is to come
    assert verdict.numbers["p"] == pytest.approx(1 / 32)
    assert verdict.accepted
    assert judge(results(ours), results(theirs), Policy()).accepted  # as with one look


def test_repeating_a_sample_is_not_more_samples() -> None:
    """Four samples won ten times each are four wins, not forty."""
    policy = Policy(rule=Rule.SEQUENTIAL, epochs=10, futility=0.0, blocks=1)
    noise = [[0.0] * 4 + [float(n == k) for n in range(4)] for k in (0, 1, 2, 3)] * 3
    ours = [[1.0] * 4 + epoch[4:] for epoch in noise]
    theirs = [[0.0] * 4 + epoch[4:] for epoch in noise]
    verdict, _ = look_at(policy, ours, theirs)
    assert verdict.numbers["p"] == pytest.approx(1 / 16)
    assert not verdict.accepted


def test_missing_evidence_never_helps_the_candidate() -> None:
    ours: list[float | None] = [1.0, 1.0, 1.0, 1.0, 1.0, None, None, 1.0]
    theirs: list[float | None] = [0.0, 0.0, 0.0, 0.0, None, 0.0, None, 0.0]
    policy = Policy(rule=Rule.SEQUENTIAL, epochs=1, blocks=1)
    verdict, _ = look_at(policy, [ours], [theirs])
    numbers = verdict.numbers
    assert (numbers["n"], numbers["wins"], numbers["ties"]) == (7, 5, 2)
    assert (numbers["unscored"], numbers["imputed"]) == (1, 2)
    nothing, _ = look_at(SEQUENTIAL, [[None] * 4] * 3, [[None] * 4] * 3)
    assert not nothing.accepted
    assert nothing.reason == "no sample could be scored"


def test_a_guard_refuses_at_any_look() -> None:
    looks = Looks(Policy(rule=Rule.SEQUENTIAL, guards={"tokens": 2.0}), 20)
    looks.see(results([1.0] * 10, output_tokens=300), results([0.0] * 10, output_tokens=100))
    assert looks.next() is None
    assert not looks.verdict.accepted
    assert "guard tokens" in looks.verdict.reason


def test_scores_that_are_no_numbers_and_other_samples_are_errors() -> None:
    looks = Looks(SEQUENTIAL, 2)
    with pytest.raises(InputError, match="finite number"):
        looks.see(results([math.nan]), results([0.0]))
    with pytest.raises(InputError, match="same samples"):
        Looks(SEQUENTIAL, 4).see(results([1.0, 1.0]), results([1.0, 1.0])[::-1])
    with pytest.raises(InputError, match="needs 2 results"):
        Looks(SEQUENTIAL, 4).see(results([1.0]), results([1.0]))
    with pytest.raises(InputError, match="no samples"):
        Looks(Policy(), 0)
    with pytest.raises(InputError, match="Nothing is decided"):
        _ = Looks(SEQUENTIAL, 4).verdict


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_with_one_look_it_is_the_significant_rule(pairs: list[tuple[int, int]]) -> None:
    ours, theirs = ([pair[i] / 4 for pair in pairs] for i in (0, 1))
    policy = Policy(rule=Rule.SEQUENTIAL, epochs=1, blocks=1)
    verdict, looks = look_at(policy, [list(ours)], [list(theirs)])
    once = judge(results(list(ours)), results(list(theirs)), Policy())
    assert len(looks) == 1
    assert verdict.accepted == once.accepted
    assert verdict.numbers["p"] == pytest.approx(once.numbers["p"])
    same = ("difference", "low", "high", "wins", "losses", "candidate", "incumbent", "imputed")
    assert all(verdict.numbers[name] == pytest.approx(once.numbers[name]) for name in same)


@pytest.mark.parametrize("blocks", [1, 3])
def test_worthless_candidates_pass_at_most_at_alpha(blocks: int) -> None:
    """Difficulty differs by sample, so that repetitions of a sample are no new samples."""
    draw, runs, passed = random.Random(blocks), 200, 0
    policy = Policy(rule=Rule.SEQUENTIAL, alpha=0.1, blocks=blocks)
    for _ in range(runs):
        ours, theirs = ([draw.betavariate(0.3, 0.3) for _ in range(12)] for _ in range(2))
        epochs = [
            [[float(draw.random() < chance) for chance in side] for _ in range(3)]
            for side in (ours, theirs)
        ]
        passed += look_at(policy, epochs[0], epochs[1])[0].accepted
    assert passed / runs <= 0.1 + 2 * (0.1 * 0.9 / runs) ** 0.5


def test_results_are_one_a_sample_with_the_mean_of_its_epochs() -> None:
    epochs = [results([1.0, None, 0.0]), results([0.0, None, None])]
    assert [r.score for r in averaged(epochs)] == [0.5, None, 0.0]
    half: list[list[SampleResult]] = [results([1.0, 0.0]), results([0.0])]
    assert [r.score for r in averaged(half)] == [0.5, 0.0]


@pytest.mark.parametrize(
    ("settings", "says"), [({"epochs": 0}, "epochs"), ({"blocks": 0}, "blocks")]
)
def test_settings_are_checked(settings: dict[str, int], says: str) -> None:
    with pytest.raises(InputError, match=f"{says} must be at least 1"):
        Policy(rule=Rule.SEQUENTIAL, **settings).check()  # type: ignore[arg-type]
    for futility in (-0.1, 1.0, math.nan):
        with pytest.raises(InputError, match="futility"):
            Policy(futility=futility).check()
