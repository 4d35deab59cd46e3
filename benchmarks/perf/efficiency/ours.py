"""agp's optimizers on the task of keywords.py, through `agp.optimize` as anybody would call it.

No holdout is given, as the peers have none: all of the budget is the search's, and whom it
prefers at the end counts. The store is a temporary file; everything is journalled as always.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from keywords import Keywords, Meter, Proposer, Sample

import agp


def search(
    optimizer: str, task: Keywords, seed: int, budget: int, parameters: Mapping[str, Any]
) -> tuple[Meter, dict[str, str]]:
    """One run: what was executed, and the texts that the search prefers."""
    meter, proposer = Meter(task), Proposer(task, seed)

    def metric(texts: dict[str, str], sample: Sample) -> tuple[float, str]:
        outcome = meter.run(texts, sample)
        return outcome.score, outcome.feedback

    def propose(
        texts: dict[str, str], feedback: list[dict[str, Any]], rng: random.Random
    ) -> dict[str, str]:
        return proposer.propose(texts, [each["feedback"] for each in feedback], list(texts))

    report = agp.optimize(
        dict(task.start),
        metric,
        train=task.train,
        val=task.val,
        proposer=propose,
        optimizer=optimizer,
        budget=budget,
        random_seed=seed,
        parameters=parameters,
    )
    return meter, report.best
