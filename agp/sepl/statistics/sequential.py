"""An exact paired test that may look several times: group-sequential sign flips.

The null hypothesis is that each sample's differences, of all repetitions together, are as likely
as their mirror image: candidate and incumbent are exchangeable on every sample, or better on some
as they are worse on others. Flipping the signs of whole samples then gives data that were as
likely as those seen. At every look the flipped data are treated as the real ones are: those that
would have been accepted by now may be at most a share α(t) of all, α(t) being what the spending
function allows. So the chance of ever accepting is at most α, whatever the distribution of the
magnitudes and however repetitions of one sample depend on each other.

Not all 2^n patterns of signs are used but a subgroup of them, which is exact too, for every n
(Hemerik & Goeman 2018); up to ``BITS`` samples it is all patterns. The sums over a subgroup are a
Walsh-Hadamard transform, so a look costs a millisecond.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from agp.errors import InputError
from agp.sepl.statistics.scores import check_open_unit, numbers
from agp.sepl.statistics.spending import Spending, conditional_power, spent

BITS = 14
"""The subgroup has 2^BITS patterns: the smallest p-value is then 1 / 16,384."""
_TINY = 1e-9
"""The smallest sum above 0 after rounding: what is not better is never accepted."""


@dataclass(frozen=True)
class LookResult:
    """What one look showed.

    ``p_value`` is the stage-wise one: the share of sign patterns that had been accepted at an
    earlier look or reach at least this statistic now. ``spent`` is α(t) at this look, ``accepted``
    whether p ≤ that; ``chance`` the conditional power under the current trend.
    """

    information: float
    statistic: float
    p_value: float
    spent: float
    chance: float
    accepted: bool


class GroupSequential:
    """One sequential test.

    Parameters: ``samples`` is how many there are in all; ``alpha`` the level over all looks;
    ``seed`` chooses the subgroup of sign patterns where there are more than ``BITS`` samples.

    Raises InputError for a level or a number out of range.
    """

    def __init__(
        self, samples: int, alpha: float, spending: Spending = Spending.POCOCK, *, seed: int = 0
    ) -> None:
        check_open_unit("alpha", alpha)
        if samples < 1:
            raise InputError(f"samples is {samples!r}: at least one is needed.")
        self.alpha = alpha
        self.spending = spending
        self.samples = samples
        self._seed = seed
        self._bits = min(samples, BITS)
        self._share = 0.0
        self._accepted = _none_of(1 << self._bits)
        """Which sign patterns were accepted at a look so far."""

    def look(self, effects: Sequence[float], information: float) -> LookResult:
        """Look at the mean difference of every sample seen so far, in the order of samples.

        ``information`` is the share of all planned data that is in; it grows from look to look
        and is 1 at the last. It may depend on the data by what no flip of signs changes.

        Raises InputError for effects that are no finite numbers, or a share that did not grow.
        """
        import numpy

        values = numbers("effects", effects)
        if len(values) > self.samples:
            raise InputError(f"There are {len(values)} effects for {self.samples} samples.")
        if not information > self._share:
            raise InputError(f"information was {self._share!r} and must grow, not {information!r}.")
        self._share = information
        sums: Any = self._sums(values)
        allowed = spent(self.spending, self.alpha, information)
        earlier: Any = self._accepted
        before = int(earlier.sum())
        alive: Any = numpy.sort(sums[~earlier])
        room = math.floor(allowed * len(sums) * (1 + 1e-12)) - before
        now = ~earlier & (sums >= max(_threshold(alive, room), _TINY))
        reached = before + int((alive >= sums[0]).sum())
        result = LookResult(
            information=information,
            statistic=float(sums[0]),
            p_value=min(1.0, reached / len(sums)),
            spent=allowed,
            chance=conditional_power(_standardised(values), information, self.alpha),
            accepted=bool(now[0]),
        )
        self._accepted = earlier | now
        return result

    def _sums(self, values: Sequence[float]) -> Any:
        """The sum of effects under every sign pattern, the observed one first.

        Rounded, because sums that are equal but for rounding must count as equal.
        """
        import numpy

        scale = max(map(abs, values)) or 1.0
        placed = numpy.zeros(1 << self._bits)
        codes = _codes(self.samples, self._bits, self._seed)
        numpy.add.at(placed, codes[: len(values)], values)
        return _walsh_hadamard(placed / scale).round(9)


def _none_of(size: int) -> Any:
    import numpy

    return numpy.zeros(size, bool)


def _threshold(ascending: Any, room: int) -> float:
    """The smallest value that at most ``room`` of the values reach."""
    if room <= 0 or not len(ascending):
        return math.inf
    if room >= len(ascending):
        return float(ascending[0])
    above = int(ascending.searchsorted(ascending[-room - 1], side="right"))
    return float(ascending[above]) if above < len(ascending) else math.inf


def _walsh_hadamard(values: Any) -> Any:
    """Σ over i of values[i] · (−1)^popcount(i & j), for every j; the length is a power of 2.

    First over the high bits of i, then over the low ones, so that inner loops are long. A matrix
    product would wake the threads of the linear algebra library for nothing.
    """
    bits = len(values).bit_length() - 1
    square = values.reshape(1 << bits // 2, -1)
    return _butterflies(_butterflies(square).T).T.reshape(-1)


def _butterflies(rows: Any) -> Any:
    """The transform down the first axis."""
    import numpy

    rows, half = numpy.array(rows, order="C"), 1
    while half < len(rows):
        pairs = rows.reshape(-1, 2, half, rows.shape[1])
        upper = pairs[:, 0].copy()
        pairs[:, 0] += pairs[:, 1]
        pairs[:, 1] = upper - pairs[:, 1]
        half *= 2
    return rows


@lru_cache(maxsize=64)
def _codes(samples: int, bits: int, seed: int) -> Any:
    """Which generators flip each sample, as a bit mask that is never 0: every sample flips.

    The first masks are the generators themselves; then all differ, as long as there are enough,
    which makes the signs of any two samples independent.
    """
    import numpy

    own, size = [1 << bit for bit in range(bits)], 1 << bits
    wanted = min(samples + bits, size - 1)
    drawn = random.Random(seed).sample(range(1, size), wanted)
    others = [code for code in drawn if code.bit_count() > 1]
    rest = samples - len(own)
    repeats = math.ceil(rest / len(others)) if rest > 0 else 0
    return numpy.asarray((own + others * repeats)[:samples])


def _standardised(values: Sequence[float]) -> float:
    """The statistic over its standard deviation when signs are flipped at random."""
    scale = max(map(abs, values))
    if not scale:
        return 0.0
    scaled = [value / scale for value in values]
    return sum(scaled) / math.sqrt(sum(value * value for value in scaled))
