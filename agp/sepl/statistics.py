"""The numbers behind the acceptance gate: paired tests, intervals and power.

Pure functions of numbers. Nothing here knows of candidates, views, stores or budgets; what
decides belongs to the gate. scipy is imported on the first call, so importing this is cheap.

Sources: McNemar (1947) in its exact conditional form; Fisher's sign-flip (randomisation) test
with the +1 correction of Phipson & Smyth (2010); Wilson (1927); Bonett & Price (2012), adjusted
Wald interval for paired proportions; Clopper & Pearson (1934) for samples that do not vary.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from typing import Any, Literal

from agp.errors import InputError

TestName = Literal["mcnemar_exact", "sign_flip_exact", "sign_flip_monte_carlo"]

EXACT_DIFFERENCES = 14
"""Up to this many non-zero differences every one of the 2^n sign patterns is enumerated."""
RESAMPLES = 19_999
"""Random sign patterns beyond that: the smallest p-value is then 1 / 20,000."""
LARGEST_SCORE = 1e100
"""Beyond this the squares of differences would overflow."""
_BATCH = 4_000
"""Sign patterns evaluated at a time: bounds memory at ``_BATCH`` × n numbers."""


@dataclass(frozen=True)
class Interval:
    """A mean score with its confidence bounds, ``low <= mean <= high``, all in [0, 1].

    ``n`` is the number of scores, ``level`` the two-sided confidence level.
    """

    mean: float
    low: float
    high: float
    n: int
    level: float


@dataclass(frozen=True)
class PairedTest:
    """Candidate against incumbent on the same samples.

    ``difference`` is the mean of candidate minus incumbent, in units of the score; ``low`` and
    ``high`` bound it at the two-sided confidence ``level``. ``p_value`` is one-sided: how often
    a candidate that is no better would look at least this good. ``wins``, ``losses`` and
    ``ties`` count the samples and add up to ``n``.
    """

    n: int
    difference: float
    low: float
    high: float
    level: float
    p_value: float
    wins: int
    losses: int
    ties: int
    test: TestName


def paired_test(
    candidate: Sequence[float],
    incumbent: Sequence[float],
    *,
    level: float = 0.95,
    seed: int = 0,
) -> PairedTest:
    """Test one-sidedly whether the candidate scores higher than the incumbent, sample by sample.

    Parameters: ``candidate`` and ``incumbent`` are scores of equal length, in the same order of
    samples, higher is better; ``level`` is the confidence of the interval; ``seed`` fixes the
    random sign patterns, which only more than ``EXACT_DIFFERENCES`` non-zero differences need.

    When all scores are 0 or 1 the test is the exact McNemar test (binomial on the discordant
    pairs) and the interval Bonett and Price's; otherwise the test is the sign-flip permutation
    test of the mean difference and the interval Student's t. Without any non-zero difference
    p is 1. When n is 1, or all differences are equal, t is undefined: the interval then allows
    for the share of other differences that could have gone unseen (see ``_constant_bounds``),
    which reach ±1 for scores in [0, 1] and otherwise ± the widest gap between any two scores.
    Bounds are never NaN, never infinite, and always contain ``difference``.

    Raises InputError on unequal lengths, no samples, or a score that is not a finite number
    of at most ±``LARGEST_SCORE`` (a bool is not a number).
    """
    _check_open_unit("level", level)
    ours, theirs = _numbers("candidate", candidate), _numbers("incumbent", incumbent)
    if len(ours) != len(theirs):
        raise InputError(
            f"A paired test needs the same samples on both sides: the candidate has {len(ours)} "
            f"scores, the incumbent {len(theirs)}.",
            hint="Pair the scores by sample first and leave out samples unscored on either side.",
        )
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    n, wins = len(differences), sum(d > 0 for d in differences)
    losses = sum(d < 0 for d in differences)
    mean = statistics.fmean(differences)
    if _binary(ours) and _binary(theirs):
        test: TestName = "mcnemar_exact"
        p_value = _mcnemar(wins, losses)
        low, high = _bonett_price(wins, losses, n, level)
    else:
        test, p_value = _sign_flip(differences, seed)
        reach = _reach(ours + theirs)
        low, high = _t_bounds(differences, level, smallest=-reach, largest=reach)
    return PairedTest(
        n=n,
        difference=mean,
        low=min(low, mean),  # an adjusted centre may leave the mean out when level is small
        high=max(high, mean),
        level=level,
        p_value=p_value,
        wins=wins,
        losses=losses,
        ties=n - wins - losses,
        test=test,
    )


def mean_interval(scores: Sequence[float], level: float = 0.95) -> Interval:
    """Mean of scores in [0, 1] with confidence bounds.

    Wilson's interval for 0/1 scores, otherwise Student's t clipped to [0, 1]. Where t is
    undefined (one score, or all equal) the bounds allow for the share of other scores that
    could have gone unseen, up to 0 and 1 (see ``_constant_bounds``).

    Raises InputError on no scores, a score outside [0, 1], or one that is not a finite number.
    """
    _check_open_unit("level", level)
    values = _numbers("scores", scores)
    for position, value in enumerate(values):
        if not 0 <= value <= 1:
            raise InputError(f"scores[{position}] is {value!r}: a score is in [0, 1].")
    mean = statistics.fmean(values)
    if _binary(values):
        result = _stats().binomtest(int(sum(values)), len(values))
        bounds = result.proportion_ci(confidence_level=level, method="wilson")
        low, high = float(bounds.low), float(bounds.high)
    else:
        low, high = _t_bounds(values, level, smallest=0.0, largest=1.0)
    return Interval(
        mean=mean,
        low=max(0.0, min(low, mean)),
        high=min(1.0, max(high, mean)),
        n=len(values),
        level=level,
    )


def power(n: int, gain: float, alpha: float, *, loss: float = 0.05) -> float:
    """Chance that the exact McNemar test on ``n`` 0/1 pairs accepts a better candidate.

    The model: samples are independent; on each the candidate loses with probability ``loss``
    (the incumbent is right, the candidate wrong) and wins with probability ``gain + loss``, so
    ``gain`` is its true advantage (0.1 = ten points). More ``loss`` at equal gain is more noise
    and less power. The result is exact: summed over the number of discordant pairs, then over
    the wins among them.

    Raises InputError unless n ≥ 1, 0 < alpha < 1, loss ≥ 0, gain ≥ 0 and gain + 2·loss ≤ 1.
    """
    _check_plan(n, alpha)
    if not (loss >= 0 and gain >= 0 and gain + 2 * loss <= 1 + 1e-12):
        raise InputError(
            f"gain {gain!r} and loss {loss!r} give no probabilities of wins and losses.",
            hint="Both are at least 0 and gain + 2 × loss is at most 1.",
        )
    return _power(n, gain, alpha, loss)


def smallest_detectable_gain(
    n: int, alpha: float, power: float = 0.8, *, loss: float = 0.05
) -> float | None:
    """Smallest true gain that the exact McNemar test on ``n`` pairs finds with chance ``power``.

    The model is that of ``power()``. The result is a gain in score units, to 0.0001 and never
    too small; None when even a candidate that wins wherever it does not lose is found less
    often than that.

    Raises InputError unless n ≥ 1, 0 < alpha < 1, 0 < power < 1 and 0 ≤ loss < 0.5.
    """
    _check_plan(n, alpha)
    _check_open_unit("power", power)
    if not 0 <= loss < 0.5:
        raise InputError(f"loss is {loss!r}: it is at least 0 and below 0.5.")
    missed, found = 0.0, 1 - 2 * loss
    if _power(n, found, alpha, loss) < power:
        return None
    while found - missed > 1e-4:  # power never falls as gain grows
        middle = (missed + found) / 2
        if _power(n, middle, alpha, loss) < power:
            missed = middle
        else:
            found = middle
    return found


def wins_needed(n: int, alpha: float) -> int | None:
    """Fewest wins, with no loss at all, that reach ``alpha`` in the exact McNemar test.

    None when ``n`` samples are too few for any result to be significant: such a holdout cannot
    accept anything, so say so before the run.

    Raises InputError unless n ≥ 1 and 0 < alpha < 1.
    """
    _check_plan(n, alpha)
    wins = math.ceil(-math.log2(alpha) - 1e-9)
    wins += 0.5**wins > alpha  # the tolerance above may have been generous by one
    return wins if wins <= n else None


def _stats() -> Any:
    from scipy import stats

    return stats


def _numbers(name: str, scores: Sequence[float]) -> list[float]:
    values = [_number(f"{name}[{position}]", score) for position, score in enumerate(scores)]
    if not values:
        raise InputError(f"{name} is empty: there is nothing to measure.")
    return values


def _number(where: str, score: object) -> float:
    if isinstance(score, bool) or not isinstance(score, Real):
        raise InputError(f"{where} is {score!r}: a score is a number.")
    try:
        value = float(score)
    except OverflowError:
        value = math.inf
    if not abs(value) <= LARGEST_SCORE:  # also false for NaN
        raise InputError(
            f"{where} is {score!r}: a score is a finite number of at most ±{LARGEST_SCORE:g}.",
            hint="Leave unscored samples out and report them apart.",
        )
    return value


def _check_open_unit(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise InputError(f"{name} is {value!r}: it lies between 0 and 1, both excluded.")


def _check_plan(n: int, alpha: float) -> None:
    if n < 1:
        raise InputError(f"n is {n!r}: at least one sample is needed.")
    _check_open_unit("alpha", alpha)


def _binary(values: Sequence[float]) -> bool:
    return all(value in (0.0, 1.0) for value in values)


def _reach(scores: Sequence[float]) -> float:
    """How far a difference could go: 1 for scores in [0, 1], else the widest gap seen."""
    smallest, largest = min(scores), max(scores)
    return 1.0 if smallest >= 0 and largest <= 1 else largest - smallest


def _mcnemar(wins: int, losses: int) -> float:
    if wins + losses == 0:
        return 1.0
    return float(_stats().binomtest(wins, wins + losses, 0.5, alternative="greater").pvalue)


def _bonett_price(wins: int, losses: int, n: int, level: float) -> tuple[float, float]:
    """Add one win, one loss (and so two pairs), then Wald; clipped to [-1, 1]."""
    won, lost = (wins + 1) / (n + 2), (losses + 1) / (n + 2)
    centre = won - lost
    deviation = math.sqrt((won + lost - centre**2) / (n + 2))
    half = statistics.NormalDist().inv_cdf((1 + level) / 2) * deviation
    return max(-1.0, centre - half), min(1.0, centre + half)


def _t_bounds(
    values: Sequence[float], level: float, *, smallest: float, largest: float
) -> tuple[float, float]:
    """Student's t bounds of the mean; values are known to lie in [smallest, largest]."""
    n, mean = len(values), statistics.fmean(values)
    scale = max(map(abs, values))
    deviation = statistics.stdev(values, mean) if n > 1 else 0.0
    if deviation <= 1e-12 * scale:  # also what rounding leaves of equal values
        return _constant_bounds(mean, n, level, smallest=smallest, largest=largest)
    half = float(_stats().t.ppf((1 + level) / 2, n - 1)) * deviation / math.sqrt(n)
    return max(smallest, mean - half), min(largest, mean + half)


def _constant_bounds(
    value: float, n: int, level: float, *, smallest: float, largest: float
) -> tuple[float, float]:
    """Bounds of the mean when all ``n`` observations equal ``value``.

    Had a share q of the population another value, n equal draws would have had probability
    (1 - q)^n; that stays above 1 - level up to q = 1 - (1 - level)^(1/n) (Clopper-Pearson).
    The unseen share may lie anywhere in [smallest, largest].
    """
    unseen = 1 - (1 - level) ** (1 / n)
    return (
        value + unseen * (smallest - value),
        value + unseen * (largest - value),
    )


def _sign_flip(differences: Sequence[float], seed: int) -> tuple[TestName, float]:
    """One-sided sign-flip test of the sum; zeros do not change it and are left out."""
    scale = max(map(abs, differences))
    scaled = [difference / scale for difference in differences if difference]
    if not scaled:
        return "sign_flip_exact", 1.0
    if len(scaled) == 1:
        scaled.append(0.0)  # scipy wants two observations; a zero leaves p as it is
    exact = len(scaled) <= EXACT_DIFFERENCES
    result = _stats().permutation_test(
        (scaled,),
        _rounded_sum,
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
        n_resamples=math.inf if exact else RESAMPLES,
        batch=_BATCH,
        random_state=seed,
    )
    name: TestName = "sign_flip_exact" if exact else "sign_flip_monte_carlo"
    return name, min(1.0, float(result.pvalue))


def _rounded_sum(values: Any, axis: int = -1) -> Any:
    """Sums that are equal but for rounding must count as equal: 0.1 + 0.2 against 0.3."""
    return values.sum(axis=axis).round(9)


@lru_cache(maxsize=64)
def _critical_wins(n: int, alpha: float) -> Any:
    """For 0…n discordant pairs, the fewest wins that are significant (pairs + 1: none is).

    isf gives the smallest k with P(wins > k) ≤ alpha, so k + 1 wins are significant.
    """
    import numpy

    return _stats().binom.isf(alpha, numpy.arange(n + 1), 0.5) + 1


def _power(n: int, gain: float, alpha: float, loss: float) -> float:
    import numpy

    discordant = min(1.0, gain + 2 * loss)
    if discordant < 1e-15:  # power is below n * 1e-15, and scipy's pmf overflows near 1e-307
        return 0.0
    binom, pairs = _stats().binom, numpy.arange(n + 1)
    weights = binom.pmf(pairs, n, discordant)
    significant = binom.sf(_critical_wins(n, alpha) - 1, pairs, (gain + loss) / discordant)
    return min(1.0, float(weights @ significant))
