"""The task of `concurrency_eval.py` in Inspect, for an interpreter that has it; prints JSON.

Its mock model is not limited by connections, so the latency is waited for within a generate that
is: a model of its own, with the wanted ``max_connections``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from inspect_ai import Task  # type: ignore[import-not-found]
from inspect_ai import eval as run  # type: ignore[import-not-found]
from inspect_ai.dataset import Sample  # type: ignore[import-not-found]
from inspect_ai.model import (  # type: ignore[import-not-found]
    ModelAPI,
    ModelOutput,
    modelapi,
)
from inspect_ai.scorer import exact  # type: ignore[import-not-found]
from inspect_ai.solver import generate  # type: ignore[import-not-found]


@modelapi(name="slow")
class Slow(ModelAPI):  # type: ignore[misc]
    """Says the right number after a while."""

    async def generate(self, input, tools, tool_choice, config):  # type: ignore[no-untyped-def]  # noqa: A002
        """The number in the last message."""
        await asyncio.sleep(LATENCY)
        text = input[-1].text.removeprefix("Say ").removesuffix(".")
        return ModelOutput.from_content(self.model_name, text)

    def max_connections(self) -> int:
        """As asked for."""
        return CONNECTIONS

    def connection_key(self) -> str:
        """One pool of connections."""
        return "slow"


SAMPLES, CONNECTIONS, LATENCY = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])


def task(size: int) -> Task:
    """So many numbers to say."""
    dataset = [Sample(input=f"Say {n}.", target=str(n)) for n in range(size)]
    return Task(dataset=dataset, solver=generate(), scorer=exact())


def main() -> None:
    """Evaluate once to warm up, once to measure."""
    settings = {
        "model": "slow/x",
        "max_connections": CONNECTIONS,
        "max_samples": CONNECTIONS * 3 // 2,
        "display": "none",
        "log_dir": "logs",
    }
    run(task(5), **settings)
    wall, used = time.perf_counter(), time.process_time()
    (log,) = run(task(SAMPLES), **settings)
    wall, used = time.perf_counter() - wall, time.process_time() - used
    accuracy = next(iter(log.results.scores[0].metrics.values())).value
    told = {"wall": wall, "cpu": used, "samples": len(log.samples), "accuracy": accuracy}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
