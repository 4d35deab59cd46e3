"""Efficiency (a): the true score an optimizer reaches, against the executions it may pay for.

    python benchmarks/perf/efficiency --peers-python PYTHON --json results.json

Everybody works on the task of keywords.py with the same proposer and the same seeds: one
execution of a candidate on a sample is one call, and whom an optimizer prefers when its budget is
spent is judged on hidden samples, exactly. ``--peers-python`` is an interpreter that has the
peers (``pip install gepa "dspy[optuna]"``). README.md in this folder says who is set up how.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import peers  # noqa: E402
import tables  # noqa: E402
from _common import folder, table  # noqa: E402
from keywords import Keywords, Settings  # noqa: E402
from peer_runs import record  # noqa: E402

GEPA = ("gepa", "gepa_merge", "gepa_all")
DSPY = ("mipro_v2", "mipro_v2_zero_shot", "bootstrap_few_shot")
OURS = ("pareto", "beliefs", "best_of_n", "random_restart")


def arguments() -> argparse.Namespace:
    """What to run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--budgets", type=int, nargs="+", default=[150, 500, 1000])
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.3, 1.0])
    parser.add_argument("--interaction", type=float, nargs="+", default=[0.0, 0.5])
    parser.add_argument("--optimizers", nargs="+", default=[*OURS, *GEPA, *DSPY])
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="for pareto")
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument(
        "--json",
        type=Path,
        help="a file of results: what it has is not run again, the rest is added",
    )
    return parser.parse_args()


def jobs_of(options: argparse.Namespace, settings: dict[str, float]) -> list[dict[str, Any]]:
    """Every optimizer at every budget with every seed."""
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    return [
        {"optimizer": name, "budget": budget, "seed": seed, "settings": settings}
        for name in options.optimizers
        for budget in options.budgets
        for seed in seeds
    ]


def play_peers(python: str, jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results of the peers' jobs; a peer that is not there is named once."""
    results: list[dict[str, Any]] = []
    missing: set[str] = set()
    for result in peers.run(python, "peer_runs.py", jobs) if jobs else ():
        if "missing" in result:
            missing.add(result["optimizer"])
        else:
            results.append(result)
    for name in sorted(missing):
        print(f"{name}: not installed: {peers.INSTALL} (then --peers-python)")
    return results


def play_ours(jobs: Sequence[dict[str, Any]], given: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of our own jobs; ``given`` are the parameters of pareto."""
    import ours

    results: list[dict[str, Any]] = []
    for job in jobs:
        task = Keywords(Settings(**job["settings"]), job["seed"])
        parameters = given if job["optimizer"] == "pareto" else {}
        start = time.process_time()
        meter, returned = ours.search(
            job["optimizer"], task, job["seed"], job["budget"], parameters
        )
        result = record(job, meter, returned, time.process_time() - start)
        results.append({**result, "steps": []})  # a race leaves no means on all samples to go by
    return results


class Kept:
    """A file of results; they belong to one version of the task and of the peers."""

    def __init__(self, path: Path | None, versions: dict[str, str]) -> None:
        self.path = path
        task = hashlib.sha256((HERE / "keywords.py").read_bytes()).hexdigest()
        self.content: dict[str, Any] = {"task": task, "peers": versions, "results": []}
        if path is not None and path.exists():
            kept = json.loads(path.read_text())
            if (kept["task"], kept["peers"]) != (task, versions):
                sys.exit(f"{path} holds results of another task or of other peers: name another")
            self.content = kept

    def find(self, jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The results of these jobs that are there."""
        known = {_key(each): each for each in self.content["results"]}
        return [known[_key(job)] for job in jobs if _key(job) in known]

    def add(self, results: Sequence[dict[str, Any]]) -> None:
        """Keep more results."""
        self.content["results"] += results
        if self.path is not None:
            self.path.write_text(json.dumps(self.content))


def _key(of: dict[str, Any]) -> tuple[Any, ...]:
    return of["optimizer"], of["budget"], of["seed"], *sorted(of["settings"].items())


def report(
    options: argparse.Namespace, settings: dict[str, float], results: Sequence[dict[str, Any]]
) -> None:
    """Print the tables of one kind of task."""
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    tasks = [Keywords(Settings(**settings), seed) for seed in seeds]  # type: ignore[arg-type]
    first = tables.shown([task.value(task.start) for task in tasks])
    best = tables.shown([task.value(task.best) for task in tasks])
    print(f"\nnoise {settings['noise']}, interaction {settings['interaction']}:", end=" ")
    print(f"the first texts are worth {first}, the best {best}")
    if results:
        table(tables.summary(results, options.optimizers, options.budgets, "gepa"))
    ours = [name for name in options.optimizers if name not in (*GEPA, *DSPY)]
    differences = tables.differences(results, ours[:1], [*GEPA, *DSPY], options.budgets)
    if len(differences) > 1:
        table(differences)


def main() -> None:
    """Run what is not there yet, print tables."""
    options = arguments()
    found = peers.versions(options.peers_python)
    print("peers:", ", ".join(f"{name} {each}" for name, each in found.items()) or "none")
    print(f"seeds {options.first_seed} to {options.first_seed + options.seeds - 1}")
    kept = Kept(options.json, found)
    given = {name: json.loads(value) for name, _, value in (s.partition("=") for s in options.set)}
    for noise, interaction in itertools.product(options.noise, options.interaction):
        settings = {"noise": noise, "interaction": interaction}
        jobs = jobs_of(options, settings)
        mine = [job for job in jobs if job["optimizer"] not in (*GEPA, *DSPY)]
        theirs = [job for job in jobs if job["optimizer"] in (*GEPA, *DSPY)]
        there = kept.find(theirs)
        known = set(map(_key, there))
        new = play_peers(options.peers_python, [job for job in theirs if _key(job) not in known])
        kept.add(new)
        with folder():
            own = play_ours(mine, given)
        report(options, settings, [*own, *there, *new])
        if options.json is not None and own:
            options.json.with_suffix(".ours.json").write_text(json.dumps(own))


if __name__ == "__main__":
    main()
