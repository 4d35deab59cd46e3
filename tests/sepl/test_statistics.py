"""The gate's numbers against hand computation, brute force and simulation."""

from __future__ import annotations

import itertools
import math
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from agp.errors import InputError
from agp.sepl import statistics as gate
from agp.sepl.statistics import (
    mean_interval,
    paired_test,
    power,
    smallest_detectable_gain,
    wins_needed,
)
from agp.sepl.statistics.paired import sign_flip
from agp.sepl.statistics.planning import critical_wins

bits = st.sampled_from([0.0, 1.0])
scores = st.floats(0, 1).map(lambda value: round(value, 3))
levels = st.sampled_from([0.5, 0.8, 0.95, 0.99])


def pairs(values: st.SearchStrategy[float], most: int = 10) -> st.SearchStrategy:
    return st.lists(st.tuples(values, values), min_size=1, max_size=most).map(
        lambda rows: ([a for a, _ in rows], [b for _, b in rows])
    )


def brute_sign_flip(differences: list[float]) -> float:
    observed = round(sum(differences), 9)
    patterns = list(itertools.product([1, -1], repeat=len(differences)))
    sums = [sum(s * d for s, d in zip(p, differences, strict=True)) for p in patterns]
    return sum(round(total, 9) >= observed for total in sums) / len(patterns)


# ---------------------------------------------------------------- paired test: hand values


def test_mcnemar_by_hand():
    # 8 wins, 2 losses, 5 ties: P(Bin(10, 1/2) >= 8) = (45 + 10 + 1) / 1024
    result = paired_test([1] * 8 + [0] * 2 + [1] * 5, [0] * 8 + [1] * 2 + [1] * 5)
    assert result.test == "mcnemar_exact"
    assert (result.n, result.wins, result.losses, result.ties) == (15, 8, 2, 5)
    assert result.difference == pytest.approx(6 / 15)
    assert result.p_value == pytest.approx(56 / 1024)


def test_bonett_price_by_hand():
    # n = 98, 8 wins, 4 losses: (9 - 5) / 100 ± 1.96 sqrt((0.14 - 0.04^2) / 100)
    ours, theirs = [1] * 8 + [0] * 4 + [0] * 86, [0] * 8 + [1] * 4 + [0] * 86
    result = paired_test(ours, theirs)
    half = 1.959964 * math.sqrt((0.14 - 0.0016) / 100)
    assert (result.low, result.high) == pytest.approx((0.04 - half, 0.04 + half), abs=1e-6)


def test_sign_flip_and_t_by_hand():
    # differences 0.1 0.2 0.3: of 8 sign patterns only the observed one reaches the sum
    result = paired_test([0.6, 0.7, 0.8], [0.5, 0.5, 0.5])
    assert result.test == "sign_flip_exact"
    assert result.p_value == pytest.approx(1 / 8)
    half = 4.302653 * 0.1 / math.sqrt(3)  # t(0.975, 2 degrees of freedom)
    assert (result.low, result.high) == pytest.approx((0.2 - half, 0.2 + half), abs=1e-6)


def test_sums_equal_but_for_rounding_count_as_equal():
    # 0.1 + 0.2 - 0.3: 5 of the 8 sign patterns sum to at least 0
    result = paired_test([0.1, 0.2, 0.0], [0.0, 0.0, 0.3])
    assert result.p_value == pytest.approx(5 / 8)


def test_nothing_differs():
    for value in (0.0, 0.4, 1.0):
        result = paired_test([value] * 6, [value] * 6)
        assert result.p_value == 1.0
        assert (result.difference, result.ties) == (0.0, 6)
        assert result.low < 0 < result.high


def test_one_sample_says_almost_nothing():
    result = paired_test([0.75], [0.5])
    assert result.p_value == pytest.approx(0.5)
    # 95 % of the population may differ, anywhere in [-1, 1]
    assert (result.low, result.high) == pytest.approx((0.0125 - 0.95, 0.0125 + 0.95))
    assert paired_test([0.25], [0.5]).p_value == 1.0


def test_equal_differences_keep_room_for_the_unseen():
    few = paired_test([0.75] * 4, [0.5] * 4)
    unseen = 1 - 0.05**0.25
    assert few.low == pytest.approx(0.25 - unseen * 1.25)
    assert few.high == pytest.approx(0.25 + unseen * 0.75)
    many = paired_test([0.75] * 400, [0.5] * 400)
    assert few.low < many.low < 0.25 < many.high < few.high
    assert many.p_value == pytest.approx(1 / (gate.RESAMPLES + 1))  # the +1 correction


def test_any_unit_works_for_guard_metrics():
    # latencies in ms, negated so that higher is better
    result = paired_test([-900.0, -950.0, -870.0, -990.0], [-1000.0, -1100.0, -990.0, -1020.0])
    assert result.difference == pytest.approx(100.0)
    assert result.p_value == pytest.approx(1 / 16)
    assert math.isfinite(result.low)
    huge = paired_test([1e100, -1e100, 3e99], [-1e100, 1e100, 5.0])
    assert math.isfinite(huge.low)
    assert math.isfinite(huge.high)
    constant = paired_test([3e9, 3e9], [1e9, 1e9])
    assert constant.high == pytest.approx(2e9)
    assert math.isfinite(constant.low)


# ---------------------------------------------------------------- paired test: properties


@given(pairs(bits))
@settings(deadline=None)
def test_mcnemar_agrees_with_sign_flip_on_bits(rows):
    ours, theirs = rows
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    _, flipped = sign_flip([*differences, 0.0, 0.0], 0) if any(differences) else ("", 1.0)
    assert paired_test(ours, theirs).p_value == pytest.approx(flipped)


@given(pairs(scores, most=8))
@settings(deadline=None)
def test_sign_flip_is_the_enumeration(rows):
    ours, theirs = rows
    result = paired_test(ours, theirs)
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    if result.test == "sign_flip_exact":
        assert result.p_value == pytest.approx(brute_sign_flip(differences))


@given(st.one_of(pairs(bits, 30), pairs(scores, 12)), levels)
@settings(deadline=None)
def test_interval_contains_the_difference_and_counts_add_up(rows, level):
    result = paired_test(*rows, level=level)
    assert -1 <= result.low <= result.difference <= result.high <= 1
    assert result.wins + result.losses + result.ties == result.n
    assert 0 < result.p_value <= 1
    assert result.level == level


@given(st.one_of(pairs(bits, 30), pairs(scores, 12)))
@settings(deadline=None)
def test_swapping_sides_mirrors_everything(rows):
    ours, theirs = rows
    forward, backward = paired_test(ours, theirs), paired_test(theirs, ours)
    assert forward.difference == pytest.approx(-backward.difference)
    assert (forward.wins, forward.losses) == (backward.losses, backward.wins)
    assert forward.low == pytest.approx(-backward.high, abs=1e-12)
    # two one-sided tests share the probability of the observed value
    assert forward.p_value + backward.p_value >= 1 - 1e-12


@given(pairs(scores, 12), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_samples_does_not_matter(rows, shuffler):
    ours, theirs = rows
    order = list(range(len(ours)))
    shuffler.shuffle(order)
    again = paired_test([ours[i] for i in order], [theirs[i] for i in order])
    first = paired_test(ours, theirs)
    assert again.p_value == pytest.approx(first.p_value)
    assert (again.low, again.high) == pytest.approx((first.low, first.high))


def test_monte_carlo_is_seeded_and_close_to_exact():
    source = random.Random(3)
    ours = [source.random() for _ in range(gate.EXACT_DIFFERENCES + 1)]
    theirs = [source.random() - 0.2 for _ in ours]
    result = paired_test(ours, theirs, seed=5)
    assert result.test == "sign_flip_monte_carlo"
    assert result == paired_test(ours, theirs, seed=5)
    exact = brute_sign_flip([a - b for a, b in zip(ours, theirs, strict=True)])
    assert result.p_value == pytest.approx(exact, abs=5 * math.sqrt(exact / gate.RESAMPLES))


def rejections(p_values: list[float], alpha: float) -> float:
    return sum(p <= alpha for p in p_values) / len(p_values)


@pytest.mark.parametrize("kind", ["bits", "fractions"])
def test_type_one_error_stays_below_alpha(kind):
    """2,000 experiments under the null, fixed seed: rejections stay at or below alpha."""
    source, runs, p_values = random.Random(11), 2000, []
    for _ in range(runs):
        if kind == "bits":  # 40 samples of varying difficulty, both sides equally good
            chances = [source.random() for _ in range(40)]
            sides = [[float(source.random() < c) for c in chances] for _ in range(2)]
        else:  # 8 samples scored in quarters
            sides = [[source.randrange(5) / 4 for _ in range(8)] for _ in range(2)]
        p_values.append(paired_test(*sides).p_value)
    for alpha in (0.05, 0.1, 0.25):
        noise = 2 * math.sqrt(alpha * (1 - alpha) / runs)
        assert rejections(p_values, alpha) <= alpha + noise
    assert rejections(p_values, 0.25) > 0.08  # not by never rejecting


# ---------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        ([1, 0], [1], "2 scores, the incumbent 1"),
        ([], [], "candidate is empty"),
        ([1.0, math.nan], [1, 1], r"candidate\[1\]"),
        ([1.0], [math.inf], r"incumbent\[0\]"),
        ([True], [0], r"candidate\[0\] is True"),
        ([np.True_], [0], r"candidate\[0\]"),
        (["1"], [0], r"candidate\[0\] is '1'"),
        ([None], [0], r"candidate\[0\] is None"),
        ([10**400], [0], r"candidate\[0\]"),
        ([0.0], [-1e308], r"incumbent\[0\] is -1e\+308"),
    ],
)
def test_wrong_scores_are_named(ours, theirs, says):
    with pytest.raises(InputError, match=says):
        paired_test(ours, theirs)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, math.nan])
def test_wrong_levels(level):
    with pytest.raises(InputError, match="level"):
        paired_test([1], [0], level=level)
    with pytest.raises(InputError, match="level"):
        mean_interval([1], level)


def test_numpy_numbers_are_numbers():
    assert paired_test(np.array([1, 1, 0]), np.array([0.0, 0, 0])).wins == 2


# ---------------------------------------------------------------- mean_interval


def test_wilson_by_hand():
    # 8 of 10 at 95 %: (0.8 + z²/20 ± z sqrt(0.016 + z²/400)) / (1 + z²/10)
    result = mean_interval([1] * 8 + [0] * 2)
    assert (result.mean, result.n) == (0.8, 10)
    assert (result.low, result.high) == pytest.approx((0.490162, 0.943318), abs=1e-6)


def test_extremes_are_not_certain():
    assert mean_interval([0] * 10).high == pytest.approx(0.277533, abs=1e-6)
    assert mean_interval([0.5] * 10).low == pytest.approx(0.5 * 0.05**0.1)
    one = mean_interval([0.3])
    assert (one.low, one.high) == pytest.approx((0.015, 0.965))


@given(st.one_of(st.lists(bits, min_size=1), st.lists(st.floats(0, 1), min_size=1)), levels)
@settings(deadline=None)
def test_mean_interval_contains_the_mean(values, level):
    result = mean_interval(values, level)
    assert 0 <= result.low <= result.mean <= result.high <= 1
    assert result.n == len(values)


@pytest.mark.parametrize("n", [10, 30, 100])
def test_wilson_covers(n):
    """Exact coverage over true rates 0.1 … 0.9: 95 % on average, never far below."""
    bounds = [mean_interval([1] * k + [0] * (n - k)) for k in range(n + 1)]
    rates = np.arange(20, 181) / 200
    inside = np.array([[b.low <= rate <= b.high for b in bounds] for rate in rates])
    coverage = (binom.pmf(np.arange(n + 1), n, rates[:, None]) * inside).sum(axis=1)
    assert coverage.mean() == pytest.approx(0.95, abs=0.01)
    assert coverage.min() > 0.92


@pytest.mark.parametrize("values", [[], [1.5], [-0.1, 1], [math.nan], [True]])
def test_mean_interval_refuses(values):
    with pytest.raises(InputError):
        mean_interval(values)


# ---------------------------------------------------------------- planning


def brute_power(n: int, gain: float, alpha: float, loss: float) -> float:
    """Sum the trinomial over every (wins, losses) that binomtest calls significant."""
    total = 0.0
    for wins in range(n + 1):
        for losses in range(n - wins + 1):
            if wins + losses == 0:
                continue
            p = binomtest(wins, wins + losses, 0.5, alternative="greater").pvalue
            if p <= alpha:
                ties = n - wins - losses
                ways = math.comb(n, wins) * math.comb(n - wins, losses)
                chances = (gain + loss) ** wins * loss**losses * (1 - gain - 2 * loss) ** ties
                total += ways * chances
    return total


@pytest.mark.parametrize(
    ("n", "gain", "alpha", "loss"),
    [(12, 0.3, 0.05, 0.05), (20, 0.2, 0.05, 0.1), (10, 0.6, 0.01, 0.0), (15, 0.5, 0.5**5, 0.2)],
)
def test_power_is_the_enumeration(n, gain, alpha, loss):
    assert power(n, gain, alpha, loss=loss) == pytest.approx(brute_power(n, gain, alpha, loss))


def test_power_by_hand():
    # no losses: 5 wins are needed for p <= 0.05, so power is P(Bin(10, 0.5) >= 5)
    assert power(10, 0.5, 0.05, loss=0.0) == pytest.approx(638 / 1024)
    assert power(10, 0.0, 0.05, loss=0.0) == 0.0
    assert power(4, 0.9, 0.05) == 0.0


@pytest.mark.parametrize("gain", [5e-324, 4.3e-308, 1e-200, 1e-16, 1e-14, 1e-9, 1.0])
def test_power_at_the_edges_of_floats(gain):
    for n in (1, 6, 500):
        assert power(n, gain, 0.25, loss=0.0) == pytest.approx(float(gain == 1 and n > 1))


@given(
    st.integers(1, 300), st.floats(0, 0.8), st.floats(0.001, 0.3), st.sampled_from([0, 0.05, 0.1])
)
@settings(max_examples=50, deadline=None)
def test_power_grows_with_gain_and_alpha(n, gain, alpha, loss):
    base = power(n, gain, alpha, loss=loss)
    assert 0 <= base <= 1
    assert power(n, min(1 - 2 * loss, gain + 0.05), alpha, loss=loss) >= base - 1e-9
    assert power(n, gain, alpha + 0.05, loss=loss) >= base - 1e-9
    assert power(n, 0.0, alpha, loss=loss) <= alpha


@pytest.mark.parametrize(("gain", "alpha"), [(0.05, 0.05), (0.1, 0.0025), (0.3, 0.01)])
def test_power_grows_with_samples(gain, alpha):
    grown = [power(n, gain, alpha) for n in (10, 25, 50, 100, 200, 400)]
    assert grown == sorted(grown)
    assert grown[-1] > grown[0]


def test_power_agrees_with_simulation():
    source, accepted, runs = random.Random(5), 0, 600
    for _ in range(runs):
        draws = [source.random() for _ in range(60)]
        ours = [1.0 if d < 0.25 else 0.0 for d in draws]  # win 0.25
        theirs = [1.0 if 0.25 <= d < 0.3 else 0.0 for d in draws]  # loss 0.05
        accepted += paired_test(ours, theirs).p_value <= 0.05
    assert accepted / runs == pytest.approx(power(60, 0.2, 0.05), abs=0.05)


@pytest.mark.parametrize(("n", "alpha"), [(20, 0.05), (50, 0.05), (200, 0.0025), (500, 0.0025)])
def test_smallest_detectable_gain_reaches_its_power_and_no_less(n, alpha):
    gain = smallest_detectable_gain(n, alpha)
    assert gain is not None
    assert power(n, gain, alpha) >= 0.8
    assert power(n, gain - 2e-4, alpha) < 0.8


def test_a_tiny_holdout_detects_nothing():
    assert smallest_detectable_gain(4, 0.05) is None
    assert wins_needed(4, 0.05) is None


def test_two_hundred_samples_for_ten_points_at_a_twentieth_of_alpha():
    """About 80 % when the candidate seldom loses; more losses cost power."""
    alpha = 0.05 / 20
    assert power(200, 0.1, alpha, loss=0.02) == pytest.approx(0.856, abs=0.001)
    assert power(200, 0.1, alpha, loss=0.03) == pytest.approx(0.763, abs=0.001)
    assert power(200, 0.1, alpha, loss=0.05) == pytest.approx(0.606, abs=0.001)


@given(st.integers(1, 60), st.floats(1e-6, 0.999))
@settings(deadline=None)
def test_wins_needed_is_the_fewest(n, alpha):
    fewest = next((w for w in range(1, n + 1) if 0.5**w <= alpha), None)
    assert wins_needed(n, alpha) == fewest
    if fewest is not None:
        ours = [1] * fewest + [0] * (n - fewest)
        assert paired_test(ours, [0] * n).p_value == pytest.approx(0.5**fewest)


@pytest.mark.parametrize("exponent", range(1, 30))
def test_wins_needed_at_exact_powers_of_two(exponent):
    assert wins_needed(100, 0.5**exponent) == exponent
    assert wins_needed(100, math.nextafter(0.5**exponent, 0)) == exponent + 1


@pytest.mark.parametrize("alpha", [0.05, 0.0025, 0.5**5, 0.5**9, 0.01])
def test_critical_wins_are_the_smallest_significant(alpha):
    critical = critical_wins(300, alpha)
    pairs_ = np.arange(301)
    assert (binom.sf(critical - 1, pairs_, 0.5) <= alpha).all()
    assert (binom.sf(critical - 2, pairs_, 0.5) > alpha).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: power(0, 0.1, 0.05),
        lambda: power(10, -0.1, 0.05),
        lambda: power(10, 0.95, 0.05, loss=0.05),
        lambda: power(10, math.nan, 0.05),
        lambda: power(10, 0.1, 0.0),
        lambda: smallest_detectable_gain(10, 1.0),
        lambda: smallest_detectable_gain(10, 0.05, 1.0),
        lambda: smallest_detectable_gain(10, 0.05, loss=0.5),
        lambda: wins_needed(0, 0.05),
        lambda: wins_needed(10, 2.0),
    ],
)
def test_planning_refuses(call):
    with pytest.raises(InputError):
        call()


def test_planning_is_fast():
    power(2, 0.1, 0.05)  # scipy's import is not what is measured
    start = time.perf_counter()
    smallest_detectable_gain(500, 0.00123)
    power(499, 0.1, 0.00123)
    assert time.perf_counter() - start < 0.3


def test_importing_the_module_leaves_scipy_alone():
    code = "import sys, agp.sepl.statistics; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
