"""Which samples of a benchmark a run uses."""

from __future__ import annotations

import random
from pathlib import Path

from agp.errors import DataError, InputError
from agp.evaluation.types import Benchmark, DataRequest, Sample

GENERATED = 100
"""How many samples are generated where the user names no number."""
_SEED_STRIDE = 100_000


def choose_samples(
    benchmark: Benchmark,
    *,
    path: Path | None = None,
    limit: int | None = None,
    seed: int = 0,
    allow_hub: bool = True,
) -> list[Sample]:
    """The samples of a run: all, or ``limit`` of them drawn by ``seed``; none twice.

    Of samples with equal content the first counts: a duplicate is no further evidence.

    Generators that number their samples from their seed get seeds far apart, so that the data of
    different seeds do not overlap. Raises DataError, InputError for a path that is not there.
    """
    if path is not None and not path.expanduser().exists():
        raise InputError(f"There is no data at {path}.", hint="Check the path given with --data.")
    wanted = (limit or GENERATED) if benchmark.generated else None
    seed_of_data = seed * _SEED_STRIDE if benchmark.generated else seed
    samples = benchmark.load(
        DataRequest(path=path, seed=seed_of_data, limit=wanted, allow_hub=allow_hub)
    )
    samples = list({sample.digest: sample for sample in reversed(samples)}.values())[::-1]
    if not samples:
        raise DataError(f"{benchmark.name} has no samples there.")
    if limit is not None and limit < len(samples):
        ordered = sorted(samples, key=lambda sample: sample.digest)
        samples = random.Random(seed).sample(ordered, limit)
    return samples
