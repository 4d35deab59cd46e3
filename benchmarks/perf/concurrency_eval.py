"""Does a benchmark run, or an evolution, keep its connections busy?

    python benchmarks/perf/concurrency_eval.py
    python benchmarks/perf/concurrency_eval.py --peers-python /work/peers/venv/bin/python

(a) 1,000 samples of 100 ms each over 100 connections, traced and stored by ``Project.bench``; the
least that is possible is 1.0 s. With ``--peers-python`` Inspect runs the same task with that
interpreter, its own scorer, log and limits, on its mock model.

(b) An evolution over 16 connections of 20 ms: the share of their time that they are busy, from the
first to the last of the model's calls.

In both, half as many samples again as connections are under way, in Inspect too, so that no
connection waits for what is done beside it (scoring, journal, spans).

The connections are simulated with ``asyncio.sleep`` in the same process and on the same core.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from _common import folder, table
from sample_overhead import Numbers, say

import agp
from agp.models.manager import RoleConfig
from agp.models.types import Completion, ModelRequest

_FEW, _SHORT_S = 16, 0.02
PEER = Path(__file__).with_name("_inspect_eval.py")


class Slow:
    """A model behind connections: answers after a while, and measures how many are in use."""

    def __init__(self, latency: float, answer: Callable[[ModelRequest], str] = say) -> None:
        self.latency, self.answer = latency, answer
        self.calls = 0
        self.busy = self.first = self.last = 0.0

    async def complete(self, request: ModelRequest) -> Completion:
        """The answer, after the latency."""
        begun = time.perf_counter()
        self.first = self.first or begun
        self.calls += 1
        await asyncio.sleep(self.latency)
        self.last = time.perf_counter()
        self.busy += self.last - begun
        return Completion(text=self.answer(request), model=request.model)

    def share(self, connections: int) -> float:
        """The part of the connections' time that they were busy."""
        return self.busy / (connections * (self.last - self.first))


def bench(samples: int, connections: int, latency: float) -> tuple[float, float]:
    """Seconds of wall time and of CPU that a run takes, from the call to its report."""
    model = Slow(latency)
    with folder() as inside:
        project = agp.Project(inside, model="scripted/x", backends={"scripted": model})
        project.models["solver"] = RoleConfig(model="scripted/x", concurrency=connections)
        project.bench(Numbers(5), seed=1)  # imports and first builds are not per sample
        benchmark = Numbers(samples)
        wall, used = time.perf_counter(), time.process_time()
        report = project.bench(benchmark, concurrency=connections * 3 // 2)
        wall, used = time.perf_counter() - wall, time.process_time() - used
        project.close()
    assert report.vanilla is not None
    assert (report.vanilla.n, report.vanilla.mean) == (samples, 1.0)
    return wall, used


def inspect(python: str, samples: int, connections: int, latency: float) -> tuple[float, float]:
    """The same with Inspect."""
    with tempfile.TemporaryDirectory() as inside:
        settings = [str(samples), str(connections), str(latency)]
        done = subprocess.run(
            [python, str(PEER), *settings], cwd=inside, check=True, capture_output=True, text=True
        )
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["samples"], told["accuracy"]) == (samples, 1.0)
    return told["wall"], told["cpu"]


def chance(request: ModelRequest) -> str:
    """Right or wrong by chance, newly for each prompt; proposals are new prompts."""
    if request.reply_schema is None:
        text = json.dumps(request.messages)
        return say(request) if sha256(text.encode()).digest()[0] < 128 else "no idea"
    offered = request.reply_schema["properties"]
    if "causes" in offered:
        return json.dumps({"causes": ["It guesses."]})
    text = sha256(json.dumps(request.messages).encode()).hexdigest()
    change = offered["change"].get("enum", [offered["change"].get("const")])
    rewrite = next((each for each in change if each.startswith("rewrite")), change[0])
    return json.dumps({"change": rewrite, "text": f"Answer with the number. {text}"})


def evolve(connections: int, latency: float, samples: int) -> tuple[float, Slow]:
    """Wall time of an evolution, and its model."""
    model = Slow(latency, chance)
    with folder() as inside:
        project = agp.Project(inside, model="scripted/x", backends={"scripted": model})
        project.models["solver"] = RoleConfig(model="scripted/x", concurrency=connections)
        project.bench(Numbers(5), seed=1)
        model.busy = model.first = model.calls = 0
        wall = time.perf_counter()
        project.evolve(Numbers(samples), concurrency=connections * 3 // 2)
        wall = time.perf_counter() - wall
        project.close()
    return wall, model


def main() -> None:
    """Print both figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--latency-ms", type=float, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peers-python", metavar="PATH", help="an interpreter that has inspect_ai")
    given = parser.parse_args()
    settings = given.samples, given.connections, given.latency_ms / 1000
    rows = [["", "wall s", "CPU s", "CPU ms a sample"]]
    for _ in range(given.repeat):
        runs = [("agp", bench(*settings))]
        if given.peers_python:
            runs.append(("Inspect", inspect(given.peers_python, *settings)))
        for name, (wall, used) in runs:
            rows.append([name, f"{wall:.2f}", f"{used:.2f}", f"{1000 * used / given.samples:.2f}"])
    least = given.samples * settings[2] / given.connections
    print(f"{given.samples} samples, {given.connections} connections; at least {least:.2f} s")
    table(rows)
    for _ in range(given.repeat):
        wall, model = evolve(_FEW, _SHORT_S, given.samples)
        print(
            f"evolution: {model.calls} calls in {wall:.2f} s; {_FEW} connections of "
            f"{1000 * _SHORT_S:g} ms busy {100 * model.share(_FEW):.0f} %"
        )


if __name__ == "__main__":
    main()
