"""What GEPA spends around a trivial task; runs in the peers' environment, see ../overhead.py.

Standard input: a JSON list of {"budget", "persist"}. Standard output: one JSON result a line.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

import gepa
import trivial
from gepa.core.adapter import EvaluationBatch


class Silent:
    """A logger that writes nothing."""

    def log(self, message: str) -> None:
        """Drop the message."""


class Adapter:
    """The trivial task; it counts its executions."""

    calls = 0

    def evaluate(
        self, batch: list[str], candidate: dict[str, str], capture_traces: bool = False
    ) -> EvaluationBatch[str, str]:
        """Run a candidate on samples."""
        self.calls += len(batch)
        scores = [trivial.score(candidate[trivial.PART], sample) for sample in batch]
        return EvaluationBatch(batch, scores, batch if capture_traces else None)

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """Nothing much to say about a sample."""
        told = [{"Feedback": f"score {score}"} for score in eval_batch.scores]
        return dict.fromkeys(components_to_update, told)

    def propose_new_texts(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        """The next text."""
        return {trivial.PART: trivial.improved(candidate[trivial.PART])}


def run(budget: int, run_dir: str | None) -> dict[str, Any]:
    """One run: calls, candidates in the pool, seconds of wall time and of CPU."""
    adapter = Adapter()
    wall, cpu = time.perf_counter(), time.process_time()
    result = gepa.optimize(
        seed_candidate=dict(trivial.START),
        trainset=trivial.TRAIN,
        valset=trivial.VAL,
        adapter=adapter,
        max_metric_calls=budget,
        run_dir=run_dir,
        logger=Silent(),
        seed=0,
    )
    return {
        "calls": adapter.calls,
        "candidates": result.num_candidates,
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
    }


def main() -> None:
    """All jobs."""
    run(60, None)  # imports are not per call
    for job in json.load(sys.stdin):
        with tempfile.TemporaryDirectory() as folder:
            result = run(job["budget"], folder if job["persist"] else None)
        print(json.dumps({**job, **result}), flush=True)


if __name__ == "__main__":
    main()
