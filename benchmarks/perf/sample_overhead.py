"""What agp itself costs per sample: CPU of one traced, scored, journalled sample of a one-call
agent on a scripted model with no latency, everything included.

    python benchmarks/perf/sample_overhead.py --samples 1000

A plain loop that calls the same script and scorer with nothing around them is timed beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time

import agp
from agp.evaluation.types import DataRequest
from agp.models.scripted import ScriptedBackend
from agp.models.types import ModelRequest


class Numbers(agp.Benchmark):
    """``size`` trivial samples."""

    name = "numbers"
    description = "Say a number"

    def __init__(self, size: int) -> None:
        self.size = size

    def load(self, request: DataRequest) -> list[agp.Sample]:
        return [
            agp.Sample(id=f"numbers/{n}", task=agp.Task(input=f"Say {n}."), target=str(n))
            for n in range(self.size)
        ]

    async def score(self, sample: agp.Sample, text: str) -> agp.Score:
        return agp.Score(value=float(text == sample.target), answer=text)


def say(request: ModelRequest) -> str:
    """The script: the right number."""
    return request.messages[-1]["content"].removeprefix("Say ").removesuffix(".")


async def bare(benchmark: Numbers) -> None:
    """The same calls and scores with nothing around them."""
    backend = ScriptedBackend(say)
    for sample in benchmark.load(DataRequest()):
        messages = [{"role": "user", "content": sample.task.input}]
        reply = await backend.complete(ModelRequest(model="scripted/x", messages=messages))
        await benchmark.score(sample, reply.text)


def main() -> None:
    """Print milliseconds of CPU per sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1000)
    size = parser.parse_args().samples
    benchmark = Numbers(size)
    start = time.process_time()
    asyncio.run(bare(benchmark))
    alone = time.process_time() - start
    with tempfile.TemporaryDirectory() as folder:
        backends = {"scripted": ScriptedBackend(say)}
        project = agp.Project(folder, model="scripted/x", backends=backends)
        project.bench(Numbers(5), seed=1)  # imports and first builds are not per sample
        wall, start = time.perf_counter(), time.process_time()
        report = project.bench(benchmark)
        project.close()  # the last batch of spans is written here
        used, wall = time.process_time() - start, time.perf_counter() - wall
    assert report.vanilla is not None
    assert (report.vanilla.n, report.vanilla.mean) == (size, 1.0)
    print(f"agp:  {1000 * used / size:.3f} ms CPU a sample, {1000 * wall / size:.3f} ms wall")
    print(f"bare: {1000 * alone / size:.3f} ms CPU a sample")


if __name__ == "__main__":
    main()
