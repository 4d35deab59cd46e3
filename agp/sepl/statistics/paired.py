"""Candidate against incumbent on the same samples, looked at once: exact paired tests.

Sources: McNemar (1947) in its exact conditional form; Fisher's sign-flip (randomisation) test
with the +1 correction of Phipson & Smyth (2010).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agp.errors import InputError
from agp.sepl.statistics.intervals import bonett_price, stats, t_bounds
from agp.sepl.statistics.scores import binary, check_open_unit, numbers, reach

TestName = Literal["mcnemar_exact", "sign_flip_exact", "sign_flip_monte_carlo"]

EXACT_DIFFERENCES = 14
"""Up to this many non-zero differences every one of the 2^n sign patterns is enumerated."""
RESAMPLES = 19_999
"""Random sign patterns beyond that: the smallest p-value is then 1 / 20,000."""
_BATCH = 4_000
"""Sign patterns evaluated at a time: bounds memory at ``_BATCH`` × n numbers."""


@dataclass(frozen=True)
class Comparison:
    """Candidate against incumbent on the same samples.

    ``difference`` is the mean of candidate minus incumbent, in units of the score; ``low`` and
    ``high`` bound it at the two-sided confidence ``level``. ``wins``, ``losses`` and ``ties``
    count the samples and add up to ``n``.
    """

    n: int
    difference: float
    low: float
    high: float
    level: float
    wins: int
    losses: int
    ties: int


@dataclass(frozen=True)
class PairedTest(Comparison):
    """A comparison with its test.

    ``p_value`` is one-sided: how often a candidate that is no better would look at least this
    good.
    """

    p_value: float
    test: TestName


def paired_test(
    candidate: Sequence[float],
    incumbent: Sequence[float],
    *,
    level: float = 0.95,
    seed: int = 0,
) -> PairedTest:
    """Test one-sidedly whether the candidate scores higher than the incumbent, sample by sample.

    Parameters: as of `compare`; ``seed`` fixes the random sign patterns, which only more than
    ``EXACT_DIFFERENCES`` non-zero differences need.

    When all scores are 0 or 1 the test is the exact McNemar test (binomial on the discordant
    pairs), otherwise the sign-flip permutation test of the mean difference. Without any non-zero
    difference p is 1.

    Raises InputError as `compare` does.
    """
    compared = compare(candidate, incumbent, level=level)
    differences = [float(a) - float(b) for a, b in zip(candidate, incumbent, strict=True)]
    if binary(candidate) and binary(incumbent):
        test: TestName = "mcnemar_exact"
        p_value = mcnemar(compared.wins, compared.losses)
    else:
        test, p_value = sign_flip(differences, seed)
    return PairedTest(**vars(compared), p_value=p_value, test=test)


def compare(
    candidate: Sequence[float], incumbent: Sequence[float], *, level: float = 0.95
) -> Comparison:
    """The mean difference with its interval, for a number of samples that was fixed before.

    Parameters: ``candidate`` and ``incumbent`` are scores of equal length, in the same order of
    samples, higher is better; ``level`` is the confidence of the interval.

    The interval is Bonett and Price's when all scores are 0 or 1, otherwise Student's t. When n
    is 1, or all differences are equal, t is undefined: the interval then allows for the share of
    other differences that could have gone unseen (see ``constant_bounds``), which reach ±1 for
    scores in [0, 1] and otherwise ± the widest gap between any two scores. Bounds are never NaN,
    never infinite, and always contain ``difference``.

    Raises InputError on unequal lengths, no samples, or a score that is not a finite number
    of at most ±``LARGEST_SCORE`` (a bool is not a number).
    """
    check_open_unit("level", level)
    ours, theirs = numbers("candidate", candidate), numbers("incumbent", incumbent)
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
    if binary(ours) and binary(theirs):
        low, high = bonett_price(wins, losses, n, level)
    else:
        furthest = reach(ours + theirs)
        low, high = t_bounds(differences, level, smallest=-furthest, largest=furthest)
    return Comparison(
        n=n,
        difference=mean,
        low=min(low, mean),  # an adjusted centre may leave the mean out when level is small
        high=max(high, mean),
        level=level,
        wins=wins,
        losses=losses,
        ties=n - wins - losses,
    )


def mcnemar(wins: int, losses: int) -> float:
    if wins + losses == 0:
        return 1.0
    return float(stats().binomtest(wins, wins + losses, 0.5, alternative="greater").pvalue)


def sign_flip(differences: Sequence[float], seed: int) -> tuple[TestName, float]:
    """One-sided sign-flip test of the sum; zeros do not change it and are left out."""
    scale = max(map(abs, differences))
    scaled = [difference / scale for difference in differences if difference]
    if not scaled:
        return "sign_flip_exact", 1.0
    if len(scaled) == 1:
        scaled.append(0.0)  # scipy wants two observations; a zero leaves p as it is
    exact = len(scaled) <= EXACT_DIFFERENCES
    result = stats().permutation_test(
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
