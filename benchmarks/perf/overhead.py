"""Framework overhead: what a search costs around metric calls that cost nothing.

    python benchmarks/perf/overhead.py --peers-python PYTHON

A scripted proposer and metric (efficiency/trivial.py), 5,000 metric calls, microseconds a call of
wall time and CPU: agp with its store in a file (every result journalled, every proposal kept, the
audit log signed), agp with its store in memory (a file in /dev/shm, so all but the disk; Linux
only), GEPA with and without ``run_dir``. The time of
the metric itself, under one microsecond, is not taken off. In turns, the best of ``--turns``:
whatever else runs on the machine only adds.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _common import folder, table

import agp

HERE = Path(__file__).resolve().parent / "efficiency"
sys.path.insert(0, str(HERE))

import peers  # noqa: E402
import trivial  # noqa: E402

MEMORY = Path("/dev/shm")


def run(budget: int, store: str, optimizer: str) -> dict[str, Any]:
    """One run of agp: calls, proposals, seconds of wall time and of CPU."""
    calls = 0

    def metric(texts: dict[str, str], sample: str) -> float:
        nonlocal calls
        calls += 1
        return trivial.score(texts[trivial.PART], sample)

    def propose(
        texts: dict[str, str], feedback: list[dict[str, Any]], rng: random.Random
    ) -> dict[str, str]:
        return {trivial.PART: trivial.improved(texts[trivial.PART])}

    wall, cpu = time.perf_counter(), time.process_time()
    report = agp.optimize(
        trivial.START,
        metric,
        train=trivial.TRAIN,
        val=trivial.VAL,
        proposer=propose,
        optimizer=optimizer,
        budget=budget,
        store=store,
    )
    return {
        "calls": calls,
        "candidates": len(report.proposals),
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
    }


def ours(budget: int, optimizer: str, persist: bool) -> dict[str, Any]:
    """One run with its store in a file or in memory."""
    with (
        folder() as inside,
        tempfile.TemporaryDirectory(dir=inside if persist else MEMORY) as there,
    ):
        return run(budget, str(Path(there) / "store.db"), optimizer)


def theirs(python: str, budget: int, persist: bool) -> dict[str, Any]:
    """One run of GEPA."""
    job = {"budget": budget, "persist": persist}
    return next(peers.run(python, "gepa_overhead.py", [job]))


def row(name: str, results: list[dict[str, Any]]) -> list[str]:
    """Microseconds a call; proposals are those of the first turn."""
    wall, cpu = (
        min(1e6 * each[key] / each["calls"] for each in results) for key in ("wall", "cpu")
    )
    first = results[0]
    return [name, str(first["calls"]), str(first["candidates"]), f"{wall:.0f}", f"{cpu:.0f}"]


def main() -> None:
    """Print the table, and the ratio that the goal is about."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--optimizer", default="pareto")
    parser.add_argument("--peers-python", default=sys.executable)
    options = parser.parse_args()
    gepa = peers.versions(options.peers_python).get("gepa")
    ours(100, options.optimizer, True)  # imports are not per call
    results: dict[str, list[dict[str, Any]]] = {}
    for _ in range(options.turns):
        for persist, where in ((True, "store in a file"), (False, "store in memory")):
            if not persist and not MEMORY.is_dir():
                continue
            done = ours(options.calls, options.optimizer, persist)
            results.setdefault(f"agp {options.optimizer}, {where}", []).append(done)
        for persist, where in ((True, "with run_dir"), (False, "without")) if gepa else ():
            done = theirs(options.peers_python, options.calls, persist)
            results.setdefault(f"GEPA {gepa}, {where}", []).append(done)
    header = ["", "calls", "candidates", "µs wall", "µs CPU"]
    table([header, *(row(name, each) for name, each in results.items())])
    if gepa is None:
        print(f"GEPA: not installed: {peers.INSTALL} (then --peers-python)")


if __name__ == "__main__":
    main()
