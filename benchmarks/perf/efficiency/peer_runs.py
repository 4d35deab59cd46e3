"""Runs peers on the task, one after another; started by peers.py in the peers' environment.

Standard input: a JSON list of jobs. Standard output: one JSON result a line.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
from typing import Any

from keywords import Keywords, Meter, Settings

SIDES = {"gepa": "gepa_side", "mipro": "dspy_side", "bootstrap": "dspy_side"}


def record(
    job: dict[str, Any], meter: Meter, returned: dict[str, str], seconds: float
) -> dict[str, Any]:
    """One result, seconds of CPU among it.

    A run that went beyond its budget counts with whom it preferred at the budget.
    """
    task, budget = meter.task, job["budget"]
    steps = [(calls, task.value(texts)) for calls, texts in meter.choices() if calls <= budget]
    final = task.value(returned)
    if meter.calls <= budget:
        steps.append((meter.calls, final))
    return {
        **{name: job[name] for name in ("optimizer", "seed", "budget", "settings")},
        "value": steps[-1][1],
        "calls": meter.calls,
        "overshoot": max(0, meter.calls - budget),
        "returned": final,
        "steps": steps,
        "seconds": round(seconds, 3),
    }


def run(job: dict[str, Any]) -> dict[str, Any]:
    """One job."""
    side = importlib.import_module(SIDES[job["optimizer"].split("_")[0]])
    task = Keywords(Settings(**job["settings"]), job["seed"])
    start = time.process_time()
    meter, returned = side.search(job["optimizer"], task, job["seed"], job["budget"])
    return record(job, meter, returned, time.process_time() - start)


def main() -> None:
    """All jobs; whatever the peers print is dropped."""
    results = os.fdopen(os.dup(1), "w")
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        for job in json.load(sys.stdin):
            try:
                result = run(job)
            except ImportError as error:
                result = {**job, "missing": str(error)}
            print(json.dumps(result), file=results, flush=True)


if __name__ == "__main__":
    main()
