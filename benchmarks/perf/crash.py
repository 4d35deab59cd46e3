"""kill -9 at every step of every write: is what was acknowledged there, and nothing by halves?

    python benchmarks/perf/crash.py --runs 1000
    python benchmarks/perf/crash.py --runs 1000 --store postgresql://postgres@localhost/test
    python benchmarks/perf/crash.py --runs 300 --how strace

Each run is a forked process that opens the store, judges what the one before it left (fsck, the
audit log, all that was ever acknowledged, and that the interrupted operation is there as a whole
or not at all), writes to it, and is interrupted at one step of one operation. ``--how``:
``kill`` is SIGKILL before or after any statement, COMMIT or release of a connection; ``terminate``
lets the server end the connection there instead (PostgreSQL), and the process must go on;
``strace`` is SIGKILL at a system call that writes to the file, checkpoints included (SQLite).
The steps of all operations are visited in random order, none again before all of them were.
Exit code 1 on any fault.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _common import SQLITE, folder, place, table
from _interrupted import CREATE, Life, Say, act, child, finish, set_up
from _operations import OPERATIONS

import agp.store.migrate  # noqa: F401  Alembic is slow to import: once, before any fork

RUNS_A_STORE = 40
SYSTEM_CALLS = "pwrite64,pwritev,fdatasync,fsync,ftruncate,fallocate,unlink"


@dataclass
class Tally:
    """What became of one operation.

    ``steps`` it has; ``left`` how many audit entries interrupted runs have left behind, and
    ``whole`` how many complete ones make.
    """

    interrupted: int = 0
    steps: int = 0
    left: set[int] = field(default_factory=set[int])
    whole: set[int] = field(default_factory=set[int])
    faults: int = 0


class Crash:
    """Runs on one kind of store, interrupted in one way."""

    def __init__(self, store: str, how: str, seed: int, inside: Path) -> None:
        self.store, self.how, self.inside = store, how, inside
        self.random = random.Random(seed)
        self.tallies = {n: Tally() for n in OPERATIONS if n != CREATE or how != "terminate"}
        self.life: Life | None = None
        self.number = 0

    def carry_out(self, runs: int) -> None:
        """So many interrupted runs, after one of each operation to learn how many steps it has."""
        for name in list(self.tallies):
            self.run(name, 0)
        steps: list[tuple[str, int]] = []
        while sum(tally.interrupted for tally in self.tallies.values()) < runs:
            if not steps:
                steps = [(n, k + 1) for n, t in self.tallies.items() for k in range(t.steps)]
                self.random.shuffle(steps)
            self.run(*steps.pop())
        self.end_life()
        for name, tally in self.tallies.items():
            if halves := tally.left - tally.whole - {0}:
                self.fault(name, f"done by halves: {halves} of {tally.whole} audit entries")

    def run(self, name: str, deadly: int) -> None:
        """One run of an operation, interrupted at a step (0: at none)."""
        if self.life is not None and (self.life.broken or self.life.runs >= RUNS_A_STORE):
            self.end_life()
        life = self.life = self.life or self.begin_life()
        if name == CREATE:
            life.fresh = life.stack.enter_context(place(self.store, self.inside))
        life.runs += 1
        self.number += 1
        number = self.number

        def work(say: Say, go: int) -> None:
            act(life, self.inside, self.how, (name, number, deadly), say, go)

        self.fork(name, life, work, deadly)
        life.last = name

    def begin_life(self) -> Life:
        """A new store with some content."""
        stack = ExitStack()
        life = Life(stack.enter_context(place(self.store, self.inside)), stack)
        self.fork(life.last, life, lambda say, _: set_up(life, self.inside, say))
        return life

    def end_life(self) -> None:
        """Judge what the last run has left, and take the store away."""
        if self.life is not None:
            life, self.life = self.life, None
            number = self.number + 1
            if not life.broken:
                self.fork(life.last, life, lambda say, _: finish(life, self.inside, number, say))
            life.stack.close()
            for path in self.inside.iterdir():
                if path.is_dir() and path.name != "keys":
                    shutil.rmtree(path)
                elif path.is_file():
                    path.unlink()

    def fork(
        self, name: str, life: Life, work: Callable[[Say, int], None], deadly: int = 0
    ) -> None:
        """Do some work in a process of its own, and note what it says until it ends."""
        reading, writing = os.pipe()
        waiting, go = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(reading)
            os.close(go)
            child(work, writing, waiting)
        os.close(writing)
        os.close(waiting)
        tracer = None
        with os.fdopen(reading, encoding="utf-8") as lines:
            for line in lines:
                said = json.loads(line)
                if "ready" in said:
                    tracer = Tracer(process, deadly, go, self.inside / "calls")
                else:
                    self.note(name, life, said)
        os.close(go)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        if status == -signal.SIGKILL:
            self.note(name, life, {"interrupted": True})
        elif status != 0:
            self.fault(name, f"the process ended with {status}")
        if tracer is not None:
            calls = tracer.finish()
            if not deadly:
                self.tallies[name].steps = calls

    def note(self, name: str, life: Life, said: dict[str, Any]) -> None:
        """Take down one thing that a process says."""
        tally = self.tallies[name]
        match said:
            case {"fault": fault}:
                life.broken = True
                self.fault(said.get("of", name), fault)
            case {"promise": promise}:
                life.promises.append(promise)
            case {"left": [operation, entries]}:
                self.tallies[operation].left.add(entries)
            case {"before": before}:
                life.before = before
            case {"interrupted": _}:
                tally.interrupted += 1
            case {"whole": entries, "steps": steps}:
                tally.whole.add(entries)
                tally.steps = max(tally.steps, steps)
                life.before = None
                if not entries and name != CREATE:
                    self.fault(name, "it wrote nothing")
            case _:
                raise AssertionError(said)

    def fault(self, name: str, text: str) -> None:
        """Something that must not be."""
        self.tallies[name].faults += 1
        print(f"FAULT {shown(self.store)} {self.how} run {self.number} {name}: {text}", flush=True)


class Tracer:
    """strace on a process: counts its system calls, or kills it at one of them."""

    def __init__(self, process: int, deadly: int, go: int, log: Path) -> None:
        self.log = log
        inject = f"inject={SYSTEM_CALLS}:signal=SIGKILL:when={deadly}"
        command = ["strace", "-f", "-q", "-o", str(log), "-e", f"trace={SYSTEM_CALLS}"]
        command += ["-e", inject] if deadly else []
        self.strace = subprocess.Popen([*command, "-p", str(process)])
        while self.strace.poll() is None and not attached(process):
            time.sleep(0.001)
        if self.strace.poll() is not None:
            raise SystemExit("strace cannot attach to a process here.")
        os.write(go, b".")

    def finish(self) -> int:
        """How many calls were made."""
        self.strace.wait()
        return sum("(" in line for line in self.log.read_text().splitlines())


def attached(process: int) -> bool:
    """Whether a process is traced by now."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("TracerPid")).split()[1] != "0"


# -- the command ---------------------------------------------------------------------------


def shown(store: str) -> str:
    """Which database."""
    return "SQLite" if store == SQLITE else "PostgreSQL"


def main() -> None:
    """Interrupt, judge, and print what became of each operation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=200, help="how many are interrupted")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", metavar="URL", default=SQLITE, help="a PostgreSQL server")
    parser.add_argument("--how", choices=["kill", "terminate", "strace"], default="kill")
    given = parser.parse_args()
    if given.how == ("terminate" if given.store == SQLITE else "strace"):
        parser.error(f"--how {given.how} is for the other database.")
    if given.how == "strace" and not shutil.which("strace"):
        parser.error("strace is not installed.")
    start = time.perf_counter()
    with folder() as inside:
        crash = Crash(given.store, given.how, given.seed, inside)
        crash.carry_out(given.runs)
    rows: list[list[Any]] = [["operation", "steps", "interrupted", "faults"]]
    tallies = crash.tallies.values()
    rows += [[name, t.steps, t.interrupted, t.faults] for name, t in crash.tallies.items()]
    sums = [sum(getattr(t, key) for t in tallies) for key in ("steps", "interrupted", "faults")]
    table([*rows, ["all", *sums]])
    took = time.perf_counter() - start
    print(f"{shown(given.store)}, {given.how}, seed {given.seed}: {took:.0f} s")
    sys.exit(1 if sums[-1] else 0)


if __name__ == "__main__":
    main()
