"""kill -9 at random moments of `agp.optimize`: is the resumed run the one that was never killed?

    python benchmarks/perf/resume.py --kills 100

Each run is a process that is killed at a random moment and started again with ``resume=True``
until it is done; every other one has a second run beside it on the same store. Compared with the
uninterrupted run of the same seed: the final texts, every assessment, the decision. The metric
logs its calls to a file: what was called more often than in the uninterrupted run must not be
more than what was in flight, at most one batch a kill. Exit code 1 on any difference.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

from sqlalchemy import select

import agp
import agp.store.migrate  # Alembic is slow to import: once, before any fork
from agp.audit.keys import VARIABLE
from agp.store.database import Database
from agp.store.tables import EventRow

BATCH = 10
"""Samples that are scored between two writes."""
OPTIMIZERS = ("pareto", "best_of_n", "random_restart", "reflection")
WORDS = ("think", "check", "number", "unit", "short")


# -- the run that is killed ----------------------------------------------------------------


def child(folder: Path, name: str, optimizer: str, seed: int, sleep: float) -> None:
    """One run of the objective, resumed where there is one; its outcome goes to a file."""
    calls = os.open(folder / f"{name}.calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def metric(texts: dict[str, str], example: int) -> float:
        os.write(calls, b".")
        time.sleep(sleep)
        draw = random.Random(f"{example}/{texts['text']}").random()
        share = sum(word in texts["text"] for word in WORDS) / len(WORDS)
        return float(draw < 0.2 + 0.7 * share)

    def propose(texts: dict[str, str], _: object, rng: random.Random) -> dict[str, str]:
        return {"text": f"{texts['text']} {rng.choice([*WORDS, 'please', 'now'])}"}

    report = agp.optimize(
        "Answer.",
        metric,
        train=range(100) if name == "one" else range(100, 200),
        proposer=propose,
        optimizer=optimizer,
        budget=400,
        rounds=12,
        candidates=2,
        name=name,
        store=folder / "store.db",
        random_seed=seed,
        resume=True,
    )
    same = report.model_dump(mode="json", include={"best", "decision", "vanilla", "evolved"})
    (folder / f"{name}.json").write_text(json.dumps({"run": report.run, **same}))


# -- killing it ----------------------------------------------------------------------------


@dataclass
class Run:
    """One run in its processes."""

    folder: Path
    name: str
    optimizer: str
    seed: int
    sleep: float
    kills: int = 0
    process: ForkProcess | None = None
    outcome: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def store(self) -> Path:
        """The file that keeps history and journal."""
        return self.folder / "store.db"

    @property
    def calls(self) -> int:
        """How often the metric was called."""
        log = self.folder / f"{self.name}.calls"
        return log.stat().st_size if log.exists() else 0

    def start(self) -> None:
        """Begin it, or carry it on, in a process of its own."""
        given = (self.folder, self.name, self.optimizer, self.seed, self.sleep)
        self.process = get_context("fork").Process(target=child, args=given)
        self.process.start()

    def finish(self) -> None:
        """Wait for its end. Raises SystemExit where it fails."""
        assert self.process is not None
        self.process.join()
        if self.process.exitcode:
            raise SystemExit(f"A run ended with {self.process.exitcode}.")
        self.outcome = json.loads((self.folder / f"{self.name}.json").read_text())

    def kill(self, after: int) -> bool:
        """Kill it once the metric was called ``after`` times; False if it ended before."""
        assert self.process is not None
        while self.process.is_alive() and self.calls < after:
            time.sleep(0.0005)
        self.process.kill()
        self.process.join()
        if self.process.exitcode != -signal.SIGKILL:
            return False
        self.kills += 1
        return True

    def facts(self) -> dict[str, Any]:
        """What must be the same: the outcome, and every assessment and round of the journal."""
        kept = {key: value for key, value in self.outcome.items() if key != "run"}
        database = Database(self.store)
        with database.read() as session:
            query = select(EventRow.key, EventRow.payload).where(
                EventRow.run == self.outcome["run"], EventRow.type.in_(["assessment", "round"])
            )
            steps = {key: _timeless(payload) for key, payload in session.execute(query)}
        database.close()
        return {**kept, "steps": json.loads(json.dumps(steps).replace(self.outcome["run"], "run"))}


def _timeless(payload: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key != "a_sample"}


@dataclass
class Tally:
    """What came of it."""

    runs: int = 0
    kills: int = 0
    extra: int = 0
    allowed: int = 0
    faults: list[str] = field(default_factory=list[str])

    def judge(self, run: Run, whole: Run) -> None:
        """Compare a run that was killed with one that was not."""
        self.runs += 1
        self.kills += run.kills
        extra, allowed = run.calls - whole.calls, BATCH * run.kills
        self.extra += extra
        self.allowed += allowed
        told = f"{run.optimizer} seed {run.seed}, {run.kills} kills"
        if not 0 <= extra <= allowed:
            self.faults.append(f"{told}: {extra} extra calls, at most {allowed} were in flight")
        one, other = run.facts(), whole.facts()
        self.faults += [f"{told}: another {name}" for name in other if one[name] != other[name]]


def uninterrupted(inside: Path, name: str, optimizer: str, seed: int) -> Run:
    """The run to compare with; it need not be slow."""
    run = Run(_folder(inside, f"whole-{name}-{optimizer}-{seed}"), name, optimizer, seed, 0.0)
    run.start()
    run.finish()
    return run


def interrupted(
    inside: Path, number: int, wholes: list[Run], kills: int, rng: random.Random, sleep: float
) -> list[Run]:
    """Runs on one store at once, the first of them killed so many times at most."""
    folder = _folder(inside, f"killed-{number}")
    runs = [Run(folder, whole.name, whole.optimizer, whole.seed, sleep) for whole in wholes]
    for run in runs:
        run.start()
    victim = runs[0]
    for moment in sorted(rng.sample(range(1, wholes[0].calls + 1), kills)):
        if not victim.kill(moment):
            break
        time.sleep(rng.random() * 0.01)
        victim.start()
    for run in runs:
        run.finish()
    return runs


def _folder(inside: Path, name: str) -> Path:
    path = inside / name
    path.mkdir()
    return path


def carry_out(kills: int, seed: int, each: int, sleep: float) -> Tally:
    """Runs, killed up to ``each`` times, until there were so many kills."""
    rng, tally = random.Random(seed), Tally()
    with tempfile.TemporaryDirectory(prefix="agp-resume-") as path:
        os.environ[VARIABLE] = str(Path(path) / "keys")
        known: dict[tuple[str, str, int], Run] = {}
        number = 0
        while tally.kills < kills and not tally.faults:
            optimizer = OPTIMIZERS[number % len(OPTIMIZERS)]
            names = ("one", "two") if number % 2 else ("one",)
            keys = [(name, optimizer, seed + number // 16) for name in names]
            known |= {k: uninterrupted(Path(path), *k) for k in keys if k not in known}
            wholes = [known[key] for key in keys]
            most = min(each, kills - tally.kills)
            runs = interrupted(Path(path), number, wholes, most, rng, sleep)
            for run, whole in zip(runs, wholes, strict=True):
                tally.judge(run, whole)
            number += 1
    return tally


def main() -> None:
    """Kill, resume, compare, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--each", type=int, default=5, help="kills of one run, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sleep", type=float, default=0.002, help="seconds a metric call takes")
    given = parser.parse_args()
    start = time.perf_counter()
    tally = carry_out(given.kills, given.seed, given.each, given.sleep)
    for fault in tally.faults:
        print(f"FAULT {fault}")
    print(
        f"{tally.kills} kills in {tally.runs} runs: {len(tally.faults)} differences; "
        f"{tally.extra} extra metric calls, at most {tally.allowed} in flight; "
        f"{time.perf_counter() - start:.0f} s"
    )
    sys.exit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()
