"""Feedback, selection and holdout: three disjoint parts of a benchmark's samples.

*Feedback* is what reflection may see, *selection* what the search scores, *holdout* what only
promotion and the final report touch. Only how samples are divided belongs here; who may look
at which part, and how often, is the business of the loop and the gate.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from agp.canonical import digest
from agp.errors import DataError, InputError
from agp.evaluation.near_duplicates import Near, independent
from agp.evaluation.types import Sample


@dataclass(frozen=True)
class Splits:
    """Three disjoint lists of samples, none of which holds the same content twice.

    ``duplicates`` counts the samples that were dropped because another one had the same task
    and target; ``near`` names those that were dropped because they are nearly another one
    (`agp.evaluation.near_duplicates`).
    """

    feedback: list[Sample]
    selection: list[Sample]
    holdout: list[Sample]
    duplicates: int = 0
    near: list[Near] = field(default_factory=list[Near])

    @property
    def feedback_digest(self) -> str:
        """What the feedback split contains, whatever its order (64 hex digits)."""
        return split_digest(self.feedback)

    @property
    def selection_digest(self) -> str:
        """What the selection split contains, whatever its order (64 hex digits)."""
        return split_digest(self.selection)

    @property
    def holdout_digest(self) -> str:
        """What the holdout contains, whatever its order (64 hex digits)."""
        return split_digest(self.holdout)


def split_digest(samples: Sequence[Sample]) -> str:
    """Canonical digest of the samples' content digests, in sorted order."""
    return digest(sorted(sample.digest for sample in samples))


def split(
    samples: Sequence[Sample], *, feedback: int, selection: int, holdout: int, seed: int
) -> Splits:
    """Divide samples at random into three disjoint splits of the given sizes.

    Parameters: the sizes are numbers of samples; ``feedback`` and ``selection`` may be 0,
    ``holdout`` is at least 1; ``seed`` alone decides who goes where: the order of ``samples``
    does not matter. Of samples with equal content one copy is kept (the smallest id), and one of
    near-duplicates, so none of them end up in different splits. The holdout is drawn first:
    changing the other sizes leaves it as it is. Samples beyond the three sizes are not used.

    Raises InputError on a wrong size, DataError (an InputError) when the samples are too few.
    """
    _check_sizes(feedback=feedback, selection=selection, holdout=holdout)
    distinct = _distinct(samples)
    dropped = len(samples) - len(distinct)
    pool, near = independent(distinct)
    needed = feedback + selection + holdout
    if len(pool) < needed:
        raise DataError(
            f"There are {len(pool)} distinct samples ({dropped} duplicates and {len(near)} "
            f"near-duplicates were dropped); feedback {feedback} + selection {selection} + "
            f"holdout {holdout} need {needed}.",
            hint="Ask for smaller splits or bring more samples.",
        )
    random.Random(seed).shuffle(pool)
    searched = holdout + selection
    return Splits(
        feedback=pool[searched:needed],
        selection=pool[holdout:searched],
        holdout=pool[:holdout],
        duplicates=dropped,
        near=near,
    )


def distinct_size(samples: Sequence[Sample]) -> int:
    """How many samples are left to divide, without duplicates and near-duplicates."""
    return len(independent(_distinct(samples))[0])


def default_sizes(n: int) -> tuple[int, int, int]:
    """Sizes of (feedback, selection, holdout) for ``n`` distinct samples; they add up to ``n``.

    About 1/5, 3/10 and 1/2: reflection needs few samples, the search more, and the paired test
    that decides a promotion needs the most. Each split gets at least one sample, and what does
    not divide goes to the holdout.

    Raises DataError (an InputError) when n < 3.
    """
    if n < 3:
        raise DataError(
            f"There are {n} samples: three splits need at least 3.",
            hint="Bring more samples, or name the sizes yourself.",
        )
    feedback, selection = max(1, n // 5), max(1, 3 * n // 10)
    return feedback, selection, n - feedback - selection


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        least = 1 if name == "holdout" else 0
        if size < least:
            raise InputError(f"The {name} split has size {size}: it must be at least {least}.")


def _distinct(samples: Sequence[Sample]) -> list[Sample]:
    """One sample for each content, in an order that depends on contents only."""
    kept: dict[str, Sample] = {}
    for sample in samples:
        key = sample.digest
        if key not in kept or sample.id < kept[key].id:
            kept[key] = sample
    return [kept[key] for key in sorted(kept)]
