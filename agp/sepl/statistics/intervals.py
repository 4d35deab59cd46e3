"""Intervals of means and of paired differences, for one fixed number of samples.

Sources: Wilson (1927); Bonett & Price (2012), adjusted Wald interval for paired proportions;
Clopper & Pearson (1934) for samples that do not vary.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agp.errors import InputError
from agp.sepl.statistics.scores import binary, check_open_unit, numbers


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


def mean_interval(scores: Sequence[float], level: float = 0.95) -> Interval:
    """Mean of scores in [0, 1] with confidence bounds.

    Wilson's interval for 0/1 scores, otherwise Student's t clipped to [0, 1]. Where t is
    undefined (one score, or all equal) the bounds allow for the share of other scores that
    could have gone unseen, up to 0 and 1 (see ``constant_bounds``).

    Raises InputError on no scores, a score outside [0, 1], or one that is not a finite number.
    """
    check_open_unit("level", level)
    values = numbers("scores", scores)
    for position, value in enumerate(values):
        if not 0 <= value <= 1:
            raise InputError(f"scores[{position}] is {value!r}: a score is in [0, 1].")
    mean = statistics.fmean(values)
    if binary(values):
        result = stats().binomtest(int(sum(values)), len(values))
        bounds = result.proportion_ci(confidence_level=level, method="wilson")
        low, high = float(bounds.low), float(bounds.high)
    else:
        low, high = t_bounds(values, level, smallest=0.0, largest=1.0)
    return Interval(
        mean=mean,
        low=max(0.0, min(low, mean)),
        high=min(1.0, max(high, mean)),
        n=len(values),
        level=level,
    )


def bonett_price(wins: int, losses: int, n: int, level: float) -> tuple[float, float]:
    """Add one win, one loss (and so two pairs), then Wald; clipped to [-1, 1]."""
    won, lost = (wins + 1) / (n + 2), (losses + 1) / (n + 2)
    centre = won - lost
    deviation = math.sqrt((won + lost - centre**2) / (n + 2))
    half = statistics.NormalDist().inv_cdf((1 + level) / 2) * deviation
    return max(-1.0, centre - half), min(1.0, centre + half)


def t_bounds(
    values: Sequence[float], level: float, *, smallest: float, largest: float
) -> tuple[float, float]:
    """Student's t bounds of the mean; values are known to lie in [smallest, largest]."""
    n, mean = len(values), statistics.fmean(values)
    scale = max(map(abs, values))
    deviation = statistics.stdev(values, mean) if n > 1 else 0.0
    if deviation <= 1e-12 * scale:  # also what rounding leaves of equal values
        return constant_bounds(mean, n, level, smallest=smallest, largest=largest)
    half = float(stats().t.ppf((1 + level) / 2, n - 1)) * deviation / math.sqrt(n)
    return max(smallest, mean - half), min(largest, mean + half)


def constant_bounds(
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


def stats() -> Any:
    """scipy.stats, imported on the first call."""
    from scipy import stats

    return stats
