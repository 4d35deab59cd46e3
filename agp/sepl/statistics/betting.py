"""Always-valid inference for paired differences in [-1, 1]: an e-process and its intervals.

A gambler starts with 1 and bets at every sample that the mean difference exceeds m, with a stake
that was fixed before the sample was seen. If the true mean is at most m the capital is a
non-negative supermartingale: it ever reaches 1/α with probability at most α (Ville 1939). So the
data may be looked at after every sample, and collecting may stop whenever one likes.

The capital here is the mean over a fixed grid of stakes c in (0, 1),

    K_n(m) = mean over c of ∏_i (1 + c · (d_i − m) / (1 + m)),

the mixture form of Waudby-Smith & Ramdas, "Estimating means of bounded random variables by
betting" (2024). Every factor falls as m grows, so the means that are not refuted form an interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agp.errors import InputError
from agp.sepl.statistics.scores import check_open_unit, number

STAKES = 24
"""Stakes in the grid: (j − ½) / STAKES for j = 1 … STAKES."""
_GRID = tuple((j - 0.5) / STAKES for j in range(1, STAKES + 1))
_HALVINGS = 40


@dataclass(frozen=True)
class AnytimeTest:
    """What the differences seen so far show, whatever made us stop here.

    ``difference`` is their mean, ``low`` and ``high`` bound the true one at the two-sided
    confidence ``level``, simultaneously for all n. ``e_value`` is the highest capital so far of
    betting on a mean above 0 and ``p_value`` = min(1, 1 / ``e_value``) the one-sided p-value that
    holds at any time: it never rises as samples come in.
    """

    n: int
    difference: float
    low: float
    high: float
    level: float
    e_value: float
    p_value: float


class Betting:
    """The e-process against "the mean difference is at most 0", one difference at a time."""

    def __init__(self) -> None:
        self.differences: list[float] = []
        self._logs = [0.0] * STAKES
        self._highest = 0.0

    def add(self, difference: float) -> None:
        """Bet on one more difference. Raises InputError unless it is a number in [-1, 1]."""
        value = number(f"differences[{len(self.differences)}]", difference)
        if not -1 <= value <= 1:
            raise InputError(
                f"The difference {value!r} is outside [-1, 1].",
                hint="Bets need bounded differences: scale the scores to [0, 1].",
            )
        self.differences.append(value)
        self._logs = [
            log + math.log1p(stake * value) for log, stake in zip(self._logs, _GRID, strict=True)
        ]
        self._highest = max(self._highest, _log_mean(self._logs))

    @property
    def e_value(self) -> float:
        """The highest capital so far; at least 1, what the gambler started with."""
        return math.exp(min(self._highest, 700.0))  # beyond, a float overflows

    @property
    def p_value(self) -> float:
        """One-sided, valid whenever one looks."""
        return math.exp(-self._highest)

    def test(self, level: float = 0.95) -> AnytimeTest:
        """The state as numbers. Raises InputError before the first difference."""
        check_open_unit("level", level)
        if not self.differences:
            raise InputError("There are no differences yet: there is nothing to measure.")
        mirrored = [-value for value in self.differences]
        mean = math.fsum(self.differences) / len(self.differences)
        return AnytimeTest(
            n=len(self.differences),
            difference=mean,
            low=min(mean, _lower_bound(self.differences, mean, level)),
            high=max(mean, -_lower_bound(mirrored, -mean, level)),
            level=level,
            e_value=self.e_value,
            p_value=self.p_value,
        )


def anytime_test(differences: Sequence[float], *, level: float = 0.95) -> AnytimeTest:
    """Test paired differences that may have been looked at after every one of them.

    Parameters: ``differences`` are candidate minus incumbent in [-1, 1], in the order in which
    they came; ``level`` is the confidence of the interval. Raises InputError.
    """
    betting = Betting()
    for difference in differences:
        betting.add(difference)
    return betting.test(level)


def _log_mean(logs: Sequence[float]) -> float:
    highest = max(logs)
    return highest + math.log(math.fsum(math.exp(log - highest) for log in logs) / len(logs))


def _lower_bound(differences: Sequence[float], mean: float, level: float) -> float:
    """The smallest m that betting above it has not refuted at (1 − level) / 2."""
    import numpy

    values, counts = numpy.unique(numpy.asarray(differences), return_counts=True)
    stakes: Any = numpy.asarray(_GRID)[:, None]
    needed = math.log(2 / (1 - level))

    def refuted(m: float) -> bool:
        logs = numpy.log1p(stakes * (values - m) / (1 + m)) @ counts
        return _log_mean(logs.tolist()) >= needed

    low, high = -1.0, mean  # at the mean itself no capital exceeds 1
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle <= -1.0:
            return -1.0
        if refuted(middle):
            low = middle
        else:
            high = middle
    return low
