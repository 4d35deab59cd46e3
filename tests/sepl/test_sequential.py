"""Looking more than once: sign patterns, spending, bets, and that errors stay below α."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import hadamard

from agp.errors import InputError
from agp.sepl.statistics import (
    BITS,
    Betting,
    GroupSequential,
    Spending,
    anytime_test,
    conditional_power,
    left_after,
    level_of_look,
    paired_test,
    spent,
)
from agp.sepl.statistics.betting import STAKES
from agp.sepl.statistics.sequential import (
    _codes,  # pyright: ignore[reportPrivateUsage]
    _walsh_hadamard,  # pyright: ignore[reportPrivateUsage]
)

differences = st.lists(st.floats(-1, 1).map(lambda value: round(value, 3)), min_size=1, max_size=25)
kinds = st.sampled_from(list(Spending))

# ---------------------------------------------------------------- spending


@given(kinds, st.floats(0.001, 0.3), st.floats(0.01, 0.99))
def test_spending_grows_to_alpha(kind: Spending, alpha: float, share: float) -> None:
    assert spent(kind, alpha, 1.0) == alpha
    assert 0 <= spent(kind, alpha, share / 2) <= spent(kind, alpha, share) <= alpha


def test_spending_by_hand() -> None:
    assert spent(Spending.POCOCK, 0.05, 0.5) == pytest.approx(0.05 * math.log(1.859141), abs=1e-7)
    # z(0.975) = 1.959964; 2 (1 - Φ(1.959964 / √0.5)) = 2 (1 - Φ(2.771808))
    assert spent(Spending.OBRIEN_FLEMING, 0.05, 0.5) == pytest.approx(0.005575, abs=1e-6)


@given(st.floats(0.001, 0.5), st.integers(1, 40))
def test_levels_of_all_looks_add_up_to_alpha(alpha: float, looks: int) -> None:
    used = math.fsum(level_of_look(alpha, look) for look in range(1, looks + 1))
    assert left_after(alpha, looks) == pytest.approx(alpha - used)
    assert used < alpha
    assert left_after(alpha, 2000) == pytest.approx(0, abs=alpha * 6 / math.pi**2 / 1999)


def test_conditional_power_by_hand() -> None:
    # half the data, z = 1.645: the trend ends at 1.645 √2 = 2.3262; (2.3262 - 1.6449) / √0.5
    assert conditional_power(1.644854, 0.5, 0.05) == pytest.approx(0.8323, abs=1e-3)
    assert conditional_power(-1.0, 0.5, 0.05) < 0.001
    assert (conditional_power(1.7, 1.0, 0.05), conditional_power(1.6, 1.0, 0.05)) == (1.0, 0.0)


# ---------------------------------------------------------------- sign patterns


@pytest.mark.parametrize("bits", [0, 1, 2, 5, 8])
def test_sums_over_sign_patterns_are_a_walsh_hadamard_transform(bits: int) -> None:
    values = np.random.default_rng(bits).random(1 << bits)
    assert _walsh_hadamard(values) == pytest.approx(hadamard(1 << bits) @ values)


@pytest.mark.parametrize("samples", [1, BITS, BITS + 1, 60, 500, 20_000])
def test_every_sample_is_flipped_in_half_of_the_patterns(samples: int) -> None:
    codes = _codes(samples, min(samples, BITS), 3)
    assert len(codes) == samples
    assert codes.min() > 0
    if samples < 1 << BITS:
        assert len(set(codes.tolist())) == samples  # so the signs of two samples are independent


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=1, max_size=9))
def test_one_look_is_the_sign_flip_test(effects: list[float]) -> None:
    result = GroupSequential(len(effects), 0.2).look(effects, 1.0)
    patterns = itertools.product([1, -1], repeat=len(effects))
    sums = [sum(s * e for s, e in zip(p, effects, strict=True)) for p in patterns]
    share = sum(total >= sum(effects) - 1e-9 for total in sums) / len(sums)
    assert result.p_value == pytest.approx(share)
    assert result.accepted == (share <= 0.2 and sum(effects) > 0)


def test_many_samples_agree_with_mcnemar() -> None:
    ours, theirs = [1.0] * 24 + [0.0] * 12 + [1.0] * 24, [0.0] * 24 + [1.0] * 36
    effects = [a - b for a, b in zip(ours, theirs, strict=True)]
    exact = paired_test(ours, theirs).p_value
    for seed in range(5):
        p = GroupSequential(60, 0.05, seed=seed).look(effects, 1.0).p_value
        assert p == pytest.approx(exact, abs=5 * math.sqrt(exact / 2**BITS))


def accepted_by(
    effects: list[list[float]], shares: list[float], alpha: float, kind: Spending
) -> int | None:
    """The look at which a test accepts, looking at ``effects`` in turn."""
    test = GroupSequential(max(map(len, effects)), alpha, kind)
    for number, (seen, share) in enumerate(zip(effects, shares, strict=True)):
        if test.look(seen, share).accepted:
            return number
    return None


@pytest.mark.parametrize("kind", list(Spending))
@pytest.mark.parametrize("alpha", [0.05, 0.2])
@pytest.mark.parametrize("magnitudes", ["ones", "mixed", "lopsided"])
def test_at_most_alpha_of_all_sign_patterns_is_ever_accepted(
    kind: Spending, alpha: float, magnitudes: str
) -> None:
    """The null enumerated: 7 samples, three looks (a block, an epoch, two epochs), 2^7 signs."""
    source = random.Random(magnitudes)
    drawn = {
        "ones": [(1.0, 1.0)] * 7,
        "mixed": [(source.random(), source.uniform(-1, 1)) for _ in range(7)],
        "lopsided": [(1.0, -0.8)] + [(0.1 * k, 0.05 * k) for k in range(1, 7)],
    }[magnitudes]
    shares, stopped = [1 / 4, 1 / 2, 1.0], [0, 0, 0]
    for signs in itertools.product([1, -1], repeat=7):
        first = [s * a for s, (a, _) in zip(signs, drawn, strict=True)]
        both = [s * (a + b) / 2 for s, (a, b) in zip(signs, drawn, strict=True)]
        look = accepted_by([first[:4], first, both], shares, alpha, kind)
        if look is not None:
            stopped[look] += 1
    for number, share in enumerate(shares):
        ever = sum(stopped[: number + 1]) / 2**7
        assert ever <= spent(kind, alpha, share) + 1e-12
    assert sum(stopped) > 0 or alpha == 0.05


def test_a_later_look_may_use_what_an_earlier_one_left() -> None:
    # α = 1/4 over looks at 2 and 4 samples: 2 wins have p = 1/4 > α(½), 4 wins 1/16 + 0
    test = GroupSequential(4, 0.25)
    first, second = test.look([1, 1], 0.5), test.look([1, 1, 1, 1], 1.0)
    assert (first.p_value, first.accepted) == (1 / 4, False)
    assert first.spent == pytest.approx(0.25 * math.log(1.859141), abs=1e-6)
    assert (second.p_value, second.accepted) == (1 / 16, True)


def test_what_was_accepted_before_counts_in_the_next_p() -> None:
    # look 1 accepts the pattern with 3 wins (1/8 ≤ α(½) = 0.31); at look 2 its two patterns
    # count beside those that reach 2 or more: ++-+ +-++ -+++ and what was accepted
    test = GroupSequential(4, 0.5)
    first = test.look([1, 1, -1], 0.5)
    second = test.look([1, 1, -1, 1], 1.0)
    assert not first.accepted
    assert (first.p_value, second.p_value) == (4 / 8, 5 / 16)


@given(differences, st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_more_for_the_candidate_never_raises_p(effects: list[float], seed: int) -> None:
    better = [min(1.0, abs(effect)) for effect in effects]
    one, two = (
        GroupSequential(len(each), 0.05, seed=seed).look(each, 1.0) for each in (effects, better)
    )
    assert 0 < two.p_value <= one.p_value <= 1
    assert not (one.accepted and sum(effects) <= 0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: GroupSequential(0, 0.05), "samples"),
        (lambda: GroupSequential(5, 1.0), "alpha"),
        (lambda: GroupSequential(2, 0.05).look([1, 1, 1], 1.0), "3 effects for 2"),
        (lambda: GroupSequential(2, 0.05).look([1, math.nan], 1.0), r"effects\[1\]"),
        (lambda: GroupSequential(2, 0.05).look([1, True], 1.0), r"effects\[1\] is True"),
        (lambda: GroupSequential(2, 0.05).look([1, 1], 0.0), "must grow"),
        (lambda: GroupSequential(2, 0.05).look([1, 1], 1.5), "at most 1"),
        (lambda: level_of_look(0.05, 0), "from 1"),
    ],
)
def test_wrong_looks_are_refused(make, says: str) -> None:
    with pytest.raises(InputError, match=says):
        make()


# ---------------------------------------------------------------- bets


def test_capital_by_hand() -> None:
    stakes = [(2 * j - 1) / (2 * STAKES) for j in range(1, STAKES + 1)]
    capital = [
        sum((1 + c) for c in stakes) / STAKES,
        sum((1 + c) * (1 - c / 2) for c in stakes) / STAKES,
    ]
    betting = Betting()
    betting.add(1.0)
    assert betting.e_value == pytest.approx(capital[0]) == pytest.approx(1.5)
    betting.add(-0.5)
    assert capital[1] < capital[0]
    assert betting.e_value == pytest.approx(capital[0])  # the highest so far
    assert betting.p_value == pytest.approx(1 / 1.5)


@given(differences, st.sampled_from([0.8, 0.95, 0.99]))
@settings(max_examples=30, deadline=None)
def test_bounds_hold_the_mean_and_mirror(values: list[float], level: float) -> None:
    test = anytime_test(values, level=level)
    mirrored = anytime_test([-value for value in values], level=level)
    assert -1 <= test.low <= test.difference <= test.high <= 1
    assert test.low == pytest.approx(-mirrored.high, abs=1e-9)
    assert test.p_value == pytest.approx(min(1.0, 1 / test.e_value))
    assert 0 < test.p_value <= 1
    if test.low > 1e-6:  # what refutes 0 from below has a small p
        assert test.p_value <= (1 - level) / 2 + 1e-9


@given(differences)
@settings(max_examples=30, deadline=None)
def test_p_never_rises_and_wider_levels_hold_narrower(values: list[float]) -> None:
    betting, p_values = Betting(), []
    for value in values:
        betting.add(value)
        p_values.append(betting.p_value)
    assert p_values == sorted(p_values, reverse=True)
    narrow, wide = betting.test(0.8), betting.test(0.99)
    assert wide.low <= narrow.low + 1e-9
    assert narrow.high <= wide.high + 1e-9


@pytest.mark.parametrize("alpha", [0.05, 0.2])
@pytest.mark.parametrize("values", [(-1.0, 1.0), (-0.5, 0.0, 0.5), (-1.0, 0.25, 0.25, 0.25, 0.25)])
def test_bets_on_worthless_candidates_reach_alpha_at_most_at_alpha(
    values: tuple[float, ...], alpha: float
) -> None:
    """All sequences of differences with mean 0 that are as likely, looked at after every one."""
    length = 11 if len(values) == 2 else 4
    sequences = list(itertools.product(values, repeat=length))
    reached = 0
    for sequence in sequences:
        betting = Betting()
        for value in sequence:
            betting.add(value)
        reached += betting.p_value <= alpha
    assert reached / len(sequences) <= alpha


def test_the_true_mean_is_held_at_every_n() -> None:
    """100 sequences with mean 0.2, bounds after every 20th difference: all hold it in 95 %."""
    source, missed = random.Random(4), 0
    for _ in range(100):
        betting, held = Betting(), True
        for n in range(1, 81):
            betting.add(source.choices([1.0, 0.0, -1.0], [0.4, 0.4, 0.2])[0])
            if n % 20 == 0:
                test = betting.test()
                held = held and test.low <= 0.2 <= test.high
        missed += not held
    assert missed / 100 <= 0.05


def test_a_clear_gain_is_found_early_and_bounds_close_in() -> None:
    test = anytime_test([1.0, 0.0] * 30)
    assert test.p_value < 0.001
    assert 0.2 < test.low < 0.5 < test.high < 0.8
    assert anytime_test([1.0, 0.0] * 120).low > test.low


@pytest.mark.parametrize("value", [1.5, math.nan, True, "1"])
def test_bets_need_bounded_numbers(value: object) -> None:
    with pytest.raises(InputError):
        Betting().add(value)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no differences"):
        Betting().test()
