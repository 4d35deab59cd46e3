"""Checking and describing scores: what every test and interval here starts from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

from agp.errors import InputError

LARGEST_SCORE = 1e100
"""Beyond this the squares of differences would overflow."""


def numbers(name: str, scores: Sequence[float]) -> list[float]:
    """The scores as floats. Raises InputError naming the first that is no finite number."""
    values = [number(f"{name}[{position}]", score) for position, score in enumerate(scores)]
    if not values:
        raise InputError(f"{name} is empty: there is nothing to measure.")
    return values


def number(where: str, score: object) -> float:
    """One score as a float. Raises InputError; a bool is not a number."""
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


def check_open_unit(name: str, value: float) -> None:
    """Raises InputError unless 0 < ``value`` < 1."""
    if not 0 < value < 1:
        raise InputError(f"{name} is {value!r}: it lies between 0 and 1, both excluded.")


def binary(values: Sequence[float]) -> bool:
    """Whether all are 0 or 1."""
    return all(value in (0.0, 1.0) for value in values)


def reach(scores: Sequence[float]) -> float:
    """How far a difference could go: 1 for scores in [0, 1], else the widest gap seen."""
    smallest, largest = min(scores), max(scores)
    return 1.0 if smallest >= 0 and largest <= 1 else largest - smallest
