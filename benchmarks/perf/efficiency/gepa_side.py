"""GEPA on the task of keywords.py; runs in the peers' environment, see peers.py.

GEPA is used as documented: its defaults (minibatches of three, Pareto selection, one component
in turn, strict improvement, every accepted candidate scored on all validation samples), the
scripted proposer through ``custom_candidate_proposer``. ``gepa_merge`` switches merging on,
``gepa_all`` changes all components at once (``module_selector="all"``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gepa
from gepa.core.adapter import EvaluationBatch
from keywords import Keywords, Meter, Outcome, Proposer, Sample

OPTIONS: dict[str, dict[str, Any]] = {
    "gepa": {},
    "gepa_merge": {"use_merge": True},
    "gepa_all": {"module_selector": "all"},
}


class Silent:
    """A logger that writes nothing."""

    def log(self, message: str) -> None:
        """Drop the message."""


class Adapter:
    """The task as GEPA's adapters are."""

    propose_new_texts = None

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def evaluate(
        self, batch: list[Sample], candidate: dict[str, str], capture_traces: bool = False
    ) -> EvaluationBatch[Outcome, Outcome]:
        """Run a candidate on samples."""
        outcomes = [self.meter.run(candidate, sample) for sample in batch]
        return EvaluationBatch(
            outputs=outcomes,
            scores=[outcome.score for outcome in outcomes],
            trajectories=outcomes if capture_traces else None,
        )

    def make_reflective_dataset(
        self,
        candidate: dict[str, str],
        eval_batch: EvaluationBatch[Outcome, Outcome],
        components_to_update: list[str],
    ) -> dict[str, list[dict[str, Any]]]:
        """The feedback of every sample, for each component that is to change."""
        told = [{"Feedback": outcome.feedback} for outcome in eval_batch.trajectories or []]
        return dict.fromkeys(components_to_update, told)


def search(optimizer: str, task: Keywords, seed: int, budget: int) -> tuple[Meter, dict[str, str]]:
    """One run: what was executed, and whom GEPA returns."""
    meter = Meter(task)
    proposer = Proposer(task, seed)

    def propose(
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        told = [each["Feedback"] for each in reflective_dataset[components_to_update[0]]]
        return proposer.propose(candidate, told, components_to_update)

    result = gepa.optimize(
        seed_candidate=dict(task.start),
        trainset=task.train,
        valset=task.val,
        adapter=Adapter(meter),
        custom_candidate_proposer=propose,
        max_metric_calls=budget,
        logger=Silent(),
        seed=seed,
        **OPTIONS[optimizer],
    )
    best = result.best_candidate
    assert isinstance(best, dict)
    return meter, best
