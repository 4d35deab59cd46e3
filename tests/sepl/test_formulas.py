"""The formulas of protocol §2.6 and §2.7 on values worked out by hand, and their properties."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.sepl.formulas import (
    Ratio,
    group_advantages,
    grpo_objective,
    penalty,
    ratios,
    reinforce_advantage,
    reinforce_objective,
)

rewards = st.lists(st.floats(0.0, 1.0).map(lambda x: round(x, 3)), min_size=1, max_size=8)
similarities = st.lists(st.floats(0.0, 1.0).map(lambda x: round(x, 3)), min_size=1, max_size=8)
advantages = st.floats(-5.0, 5.0)
epsilons = st.floats(0.0, 0.9)


def test_penalty_by_hand() -> None:
    # β = 0.5, η = 0.25: 0.5 · |ln 0.25| = 0.5 · 1.3862943611 = 0.6931471806 (= ln 2)
    assert penalty(0.25, 0.5, 1e-8) == pytest.approx(0.6931471805599453)
    assert penalty(1.0, 0.5, 1e-8) == 0.0  # ln 1 = 0: the reference itself costs nothing
    # η = 0 is floored: 0.01 · |ln 1e-8| = 0.01 · 18.4206807440 = 0.1842068074
    assert penalty(0.0, 0.01, 1e-8) == pytest.approx(0.18420680743952367)


def test_reinforce_by_hand() -> None:
    # r = 1, pen = ln 2 = 0.693147: A = 0.306853
    advantage = reinforce_advantage(1.0, penalty(0.25, 0.5, 1e-8))
    assert advantage == pytest.approx(0.3068528194400547)
    # π = 0.5, ε = 0.2: clip(0.5, 0.8, 1.2) = 0.8
    # J = min(0.5 · 0.306853, 0.8 · 0.306853) = min(0.153426, 0.245482) = 0.153426
    assert reinforce_objective(0.5, advantage, 0.2) == pytest.approx(0.15342640972002736)
    # r = 0: A = −0.693147; J = min(0.5 · −0.693147, 0.8 · −0.693147) = −0.554518
    loss = reinforce_advantage(0.0, penalty(0.25, 0.5, 1e-8))
    assert reinforce_objective(0.5, loss, 0.2) == pytest.approx(-0.5545177444479562)
    # π = 1.5 (only a centred ratio gets there): min(1.5 · 2, 1.2 · 2) = 2.4
    assert reinforce_objective(1.5, 2.0, 0.2) == pytest.approx(2.4)
    # and with A < 0 the clip does not help: min(1.5 · −2, 1.2 · −2) = −3
    assert reinforce_objective(1.5, -2.0, 0.2) == pytest.approx(-3.0)


def test_group_advantages_by_hand() -> None:
    # r = (1, 0, 0, 1): mean 1/2, std √(4 · 1/4 / 4) = 1/2: A = ±1
    assert group_advantages([1.0, 0.0, 0.0, 1.0]) == [1.0, -1.0, -1.0, 1.0]
    # r = (1, 0, 0, 0): mean 1/4, squares 9/16, 3 · 1/16 → 12/16 / 4 = 3/16, std √3/4
    # A = (3/4) / (√3/4) = √3, and (−1/4) / (√3/4) = −1/√3
    expected = [math.sqrt(3), *[-1 / math.sqrt(3)] * 3]
    assert group_advantages([1.0, 0.0, 0.0, 0.0]) == pytest.approx(expected)


@pytest.mark.parametrize("equal", [[], [1.0], [0.0] * 4, [1.0] * 4, [0.1] * 3, [0.7] * 7])
def test_equal_rewards_have_no_advantage(equal: list[float]) -> None:
    assert group_advantages(equal) == [0.0] * len(equal)


def test_grpo_by_hand() -> None:
    # A = √3 ≥ 0, π = 0.75: π̄ = min(0.75, 1.2) = 0.75, J = 0.75 · √3
    assert grpo_objective(0.75, math.sqrt(3), 0.2) == pytest.approx(0.75 * math.sqrt(3))
    # A = −1 < 0, π = 0.5: π̄ = max(0.5, 0.8) = 0.8, J = min(−0.5, −0.8) = −0.8
    assert grpo_objective(0.5, -1.0, 0.2) == pytest.approx(-0.8)
    # A = −1, π = 0.9: π̄ = 0.9, J = −0.9
    assert grpo_objective(0.9, -1.0, 0.2) == pytest.approx(-0.9)
    # centred π = 1.6, A = 1: π̄ = 1.2, J = min(1.6, 1.2) = 1.2
    assert grpo_objective(1.6, 1.0, 0.2) == pytest.approx(1.2)


def test_centred_ratios_by_hand() -> None:
    # η = (0.9, 0.3, 0.6): mean 0.6, ratios 1.5, 0.5, 1
    assert ratios([0.9, 0.3, 0.6], Ratio.CENTRED) == pytest.approx([1.5, 0.5, 1.0])
    assert ratios([0.9, 0.3, 0.6]) == [0.9, 0.3, 0.6]
    assert ratios([0.0, 0.0], Ratio.CENTRED) == [1.0, 1.0]
    assert ratios([], Ratio.CENTRED) == []


@given(st.floats(0.0, 1.0), st.floats(0.0, 10.0), st.floats(1e-12, 1.0))
def test_penalty_is_bounded_and_falls_with_similarity(
    eta: float, beta: float, epsilon0: float
) -> None:
    pen = penalty(eta, beta, epsilon0)
    assert 0.0 <= pen <= beta * abs(math.log(epsilon0)) + 1e-12
    assert pen >= penalty(min(1.0, eta + 0.1), beta, epsilon0)


@given(rewards)
def test_advantages_are_standardised(values: list[float]) -> None:
    found = group_advantages(values)
    assert math.fsum(found) == pytest.approx(0.0, abs=1e-6)
    squares = math.fsum(a * a for a in found) / len(found)
    assert squares == pytest.approx(0.0 if len(set(values)) == 1 else 1.0)
    assert all(abs(a) <= math.sqrt(len(values) - 1) + 1e-6 for a in found)


@given(rewards, st.data())
def test_advantages_follow_a_permutation(values: list[float], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(values))))
    found = group_advantages(values)
    assert group_advantages([values[i] for i in order]) == pytest.approx([found[i] for i in order])


@given(rewards, st.floats(-1.0, 1.0), st.floats(0.1, 10.0))
def test_advantages_know_no_shift_and_no_scale(
    values: list[float], shift: float, scale: float
) -> None:
    if len(set(values)) == 1:
        return  # a shift can break ties of equal values by rounding
    moved = group_advantages([scale * value + shift for value in values])
    assert moved == pytest.approx(group_advantages(values), abs=1e-6)


@given(st.floats(0.0, 5.0), advantages, epsilons)
def test_objectives_agree_and_are_pessimistic(
    ratio: float, advantage: float, epsilon: float
) -> None:
    objective = grpo_objective(ratio, advantage, epsilon)
    assert objective == pytest.approx(reinforce_objective(ratio, advantage, epsilon))
    assert objective <= ratio * advantage + 1e-9
    if advantage >= 0:
        assert objective <= (1 + epsilon) * advantage + 1e-9
    else:
        assert objective <= (1 - epsilon) * advantage + 1e-9


@given(st.floats(0.0, 1.0), advantages, epsilons, epsilons)
def test_the_upper_clip_never_acts_on_a_similarity(
    eta: float, advantage: float, epsilon: float, other: float
) -> None:
    """π = η ≤ 1: with A ≥ 0, J = π · A whatever ε."""
    if advantage >= 0:
        assert grpo_objective(eta, advantage, epsilon) == eta * advantage
        assert reinforce_objective(eta, advantage, other) == eta * advantage


@given(similarities)
def test_centred_ratios_have_the_mean_one(values: list[float]) -> None:
    found = ratios(values, Ratio.CENTRED)
    assert math.fsum(found) / len(found) == pytest.approx(1.0)
    assert all(ratio >= 0.0 for ratio in found)
