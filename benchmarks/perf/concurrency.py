"""Many processes commit to one store at once: is every acknowledged commit there, none lost?

    python benchmarks/perf/concurrency.py
    python benchmarks/perf/concurrency.py --store postgresql://postgres@localhost/test

Each process makes ``--commits`` commits, a third of each sort: to a counter that all share, read,
raised by one and written again (`retry_on_conflict`: its end value says whether an update was
lost); to a prompt of its own on ``main``; and to a prompt on a branch of its own. Afterwards every
branch must be one line of commits, fsck and the audit log clean. Exit code 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from _common import SQLITE, faults, figures, folder, place, prompt

import agp.store.migrate  # noqa: F401  Alembic is slow to import: once, before any fork
from agp.errors import ConflictError
from agp.rspl.commits import Commit
from agp.rspl.conflicts import retry_on_conflict
from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.store.database import Database

COUNTER = "prompt/counter"
ATTEMPTS = 1000


class Worker:
    """One process: its registries, what was acknowledged to it, and what that took."""

    def __init__(self, location: str, number: int) -> None:
        self.number = number
        history = History(Database(location))
        self.main = Registry(history, author=f"worker {number}")
        self.branch = Registry(history, branch=f"work-{number}", author=f"worker {number}")
        self.conflicts = 0

    def work(self, commits: int) -> dict[str, Any]:
        """Commit so often; what was acknowledged, by branch, and seconds, by sort."""
        done: dict[str, Any] = {"main": [], self.branch.branch: [], "seconds": {}, "raised": 0}
        for n in range(commits):
            sort = ("shared", "own resource", "own branch")[n % 3]
            start = time.perf_counter()
            if sort == "shared":
                commit = retry_on_conflict(self._raise, attempts=ATTEMPTS)
                done["raised"] += 1
            else:
                there = self.main if sort == "own resource" else self.branch
                commit = self._write(there, f"prompt/own-{self.number}", f"Text {n}.")
            done["seconds"].setdefault(sort, []).append(time.perf_counter() - start)
            done[commit.branch].append(commit.id)
        return {**done, "conflicts": self.conflicts}

    def _raise(self) -> Commit:
        """Read the counter, and write what it must be next."""
        record = self.main.get_info(COUNTER)
        value = int(record.params["system"]) + 1
        try:
            return self._write(self.main, COUNTER, str(value), record.digest)
        except ConflictError:
            self.conflicts += 1
            raise

    def _write(
        self, there: Registry, resource: str, text: str, expected: str | None = None
    ) -> Commit:
        commit = there.set_variables(resource, {"params/system": text}, expected=expected)
        assert commit is not None, f"{text!r} of {resource} was there already"
        return commit


def run_in_processes(location: str, processes: int, commits: int) -> list[dict[str, Any]]:
    """What each process has to say; they begin at once."""
    start, go = os.pipe()
    children: list[tuple[int, int]] = []
    for number in range(processes):
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(go)
            os.read(start, 1)
            with os.fdopen(writing, "w") as out:
                try:
                    json.dump(Worker(location, number).work(commits), out)
                except BaseException:
                    json.dump({"failed": traceback.format_exc()}, out)
            os._exit(0)
        os.close(writing)
        children.append((process, reading))
    os.close(start)
    os.close(go)
    said: list[dict[str, Any]] = []
    for process, reading in children:
        with os.fdopen(reading) as lines:
            said.append(json.load(lines))
        os.waitpid(process, 0)
    return said


def set_up(location: str, processes: int) -> None:
    """The counter, and a prompt and a branch for each process."""
    process = os.fork()
    if process == 0:
        try:
            history = History(Database(location))
            registry = Registry(history)
            registry.register(prompt("counter", "0"))
            for n in range(processes):
                registry.register(prompt(f"own-{n}", "Begin."))
            for n in range(processes):
                history.create_branch(f"work-{n}", at="main")
            history.database.close()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(process, 0)[1]:
        raise SystemExit("The store could not be set up.")


def judge(location: str, said: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the store after all that was acknowledged."""
    database = Database(location)
    history = History(database)
    found = faults(database)
    for name in history.branches():
        log = history.log(name)
        acknowledged = {commit for each in said for commit in each.get(name, ())}
        if lost := acknowledged - {commit.id for commit in log}:
            found.append(f"{len(lost)} of {len(acknowledged)} commits are lost on {name}")
        parents = [commit.parent for commit in log]
        if parents != [*[commit.id for commit in log[1:]], None]:
            found.append(f"the commits of {name} are not one line")
    raised = sum(each["raised"] for each in said)
    value = int(Registry(history).get_info(COUNTER).params["system"])
    if value != raised:
        found.append(f"the counter was raised {raised} times, and is at {value}: updates are lost")
    database.close()
    return found


def report(said: list[dict[str, Any]], took: float) -> None:
    """Print the figures."""
    commits = sum(len(s) for each in said for s in each["seconds"].values())
    conflicts = sum(each["conflicts"] for each in said)
    print(
        f"{commits} commits in {took:.1f} s: {commits / took:.0f}/s; {conflicts} conflicts retried"
    )
    print(f"{'milliseconds a commit':24}{'median':>11}{'p95':>11}{'p99':>11}")
    for sort in ("shared", "own resource", "own branch"):
        print(f"{sort:24}{figures([s for each in said for s in each['seconds'][sort]])}")


def main() -> None:
    """Commit from many processes, judge what came of it, print figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--commits", type=int, default=250, help="of each process")
    parser.add_argument("--store", metavar="URL", default=SQLITE, help="a PostgreSQL server")
    given = parser.parse_args()
    with folder() as inside, place(given.store, Path(inside)) as location:
        set_up(location, given.processes)
        start = time.perf_counter()
        said = run_in_processes(location, given.processes, given.commits)
        took = time.perf_counter() - start
        failed = [each["failed"] for each in said if "failed" in each]
        found = failed or judge(location, said)
        if not failed:
            report(said, took)
    for fault in found:
        print(f"FAULT {fault}")
    print(f"{len(found)} faults")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
