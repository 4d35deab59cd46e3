"""How a level α is spent: over the looks of one test, and over the decisions on one holdout.

Sources: Lan & DeMets (1983) for spending functions of the O'Brien-Fleming and the Pocock kind;
Lan & Wittes (1988) for conditional power under the current trend.
"""

from __future__ import annotations

import math
from enum import StrEnum
from statistics import NormalDist

from agp.errors import InputError
from agp.sepl.statistics.scores import check_open_unit

_NORMAL = NormalDist()


class Spending(StrEnum):
    """How a sequential test divides α between its looks.

    ``pocock`` spends nearly evenly: it stops early more often. ``obrien_fleming`` keeps almost
    everything for the last look: its power is close to that of one look at all the data.
    """

    POCOCK = "pocock"
    OBRIEN_FLEMING = "obrien_fleming"


def spent(spending: Spending, alpha: float, information: float) -> float:
    """The part of ``alpha`` that may be used up by the time a share of the data is in.

    Parameters: ``information`` is that share, in (0, 1]. With t for it, ``pocock`` is
    α·ln(1 + (e − 1)·t) and ``obrien_fleming`` 2·(1 − Φ(z(1 − α/2) / √t)); both are α at t = 1.

    Raises InputError for an ``alpha`` or a share out of range.
    """
    check_open_unit("alpha", alpha)
    if not 0 < information <= 1:
        raise InputError(f"information is {information!r}: it is above 0 and at most 1.")
    if information == 1:
        return alpha
    if spending is Spending.POCOCK:
        return alpha * math.log1p((math.e - 1) * information)
    quantile = _NORMAL.inv_cdf(1 - alpha / 2)
    return 2 * _NORMAL.cdf(-quantile / math.sqrt(information))


def conditional_power(z: float, information: float, alpha: float) -> float:
    """Chance that a test ends significant if what was seen so far goes on (Brownian motion).

    Parameters: ``z`` is the standardised statistic at a share ``information`` of the data; the
    end is z(1 − α), as if the last look were the only one.
    """
    if information >= 1:
        return float(z >= _NORMAL.inv_cdf(1 - alpha))
    end = z / math.sqrt(information)
    return _NORMAL.cdf((end - _NORMAL.inv_cdf(1 - alpha)) / math.sqrt(1 - information))


def level_of_look(alpha: float, look: int) -> float:
    """The level of the ``look``-th decision on one holdout: α · 6 / (π² · look²).

    The levels of all looks, however many there will be, add up to ``alpha``. Raises InputError.
    """
    check_open_unit("alpha", alpha)
    if look < 1:
        raise InputError(f"look is {look!r}: looks are counted from 1.")
    return alpha * 6 / (math.pi * look) ** 2


def left_after(alpha: float, look: int) -> float:
    """What `level_of_look` leaves of ``alpha`` for all looks after the ``look``-th together."""
    return alpha - sum(level_of_look(alpha, number) for number in range(1, look + 1))
