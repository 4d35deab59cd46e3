"""Power before a run: what a holdout of n samples can show, by the exact McNemar test."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from agp.errors import InputError
from agp.sepl.statistics.intervals import stats
from agp.sepl.statistics.scores import check_open_unit


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
    check_open_unit("power", power)
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


def _check_plan(n: int, alpha: float) -> None:
    if n < 1:
        raise InputError(f"n is {n!r}: at least one sample is needed.")
    check_open_unit("alpha", alpha)


@lru_cache(maxsize=64)
def critical_wins(n: int, alpha: float) -> Any:
    """For 0…n discordant pairs, the fewest wins that are significant (pairs + 1: none is).

    isf gives the smallest k with P(wins > k) ≤ alpha, so k + 1 wins are significant.
    """
    import numpy

    return stats().binom.isf(alpha, numpy.arange(n + 1), 0.5) + 1


def _power(n: int, gain: float, alpha: float, loss: float) -> float:
    import numpy

    discordant = min(1.0, gain + 2 * loss)
    if discordant < 1e-15:  # power is below n * 1e-15, and scipy's pmf overflows near 1e-307
        return 0.0
    binom, pairs = stats().binom, numpy.arange(n + 1)
    weights = binom.pmf(pairs, n, discordant)
    significant = binom.sf(critical_wins(n, alpha) - 1, pairs, (gain + loss) / discordant)
    return min(1.0, float(weights @ significant))
