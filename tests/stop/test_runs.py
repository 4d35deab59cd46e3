"""Whole runs that are stopped: at every stage nothing commits, and they can be resumed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agp.errors import Interrupted, Stopped
from agp.models.types import Completion, ModelRequest
from agp.project import Project
from agp.runs.journal import Journal, list_runs
from agp.sepl import promotion
from agp.sepl.gate import Policy
from agp.sepl.holdout import Level
from agp.stop import order, watch
from agp.store.database import Database
from tests.conftest import MakeProject
from tests.sepl.test_evolution import GOOD, model
from tests.support.echo import Echo

ROOT = Path(__file__).parents[2]
Script = Callable[[ModelRequest], str]


class Stopping:
    """A model that orders a stop, from another connection, at one of its calls."""

    def __init__(self, location: str, at: int) -> None:
        self.location, self.at, self.calls = location, at, 0
        self.script: Script = model(GOOD, lambda n: n % 3 == 0)

    def __call__(self, request: ModelRequest) -> str:
        self.calls += 1
        if self.calls == self.at:
            order_from_elsewhere(self.location)
        return self.script(request)


def order_from_elsewhere(location: str) -> None:
    """As `agp stop` does in another process."""
    other = Database(location)
    order(other, "ada", "a fault")
    other.close()


@pytest.mark.parametrize("at", [1, 25, 45, 75])
def test_a_run_that_is_stopped_commits_nothing_and_resumes_to_the_same_end(
    make_project: MakeProject, location: str, at: int
) -> None:
    whole = make_project(model(GOOD, lambda n: n % 3 == 0), "whole").evolve(Echo(60))
    script = Stopping(location, at)
    project = make_project(script, store=location)
    head = project.history.head("main")
    with pytest.raises(Stopped, match="Stopped by ada: a fault") as caught:
        project.evolve(Echo(60))
    run = list_runs(project.database)[0]
    assert run.status == "stopped"
    assert f"agp resume {run.id}" in str(caught.value)
    assert project.history.head("main") == head
    report = project.resume(benchmark=Echo(60))
    same = {"vanilla", "evolved", "rounds", "proposals", "decision", "changes", "splits"}
    assert report.model_dump(include=same) == whole.model_dump(include=same)
    assert report.model_dump()["commit"]


def test_an_order_between_assessment_and_commit_is_in_time(
    make_project: MakeProject, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "INTERVAL_S", 3600)  # only the commit itself can notice
    project = make_project(model(GOOD, lambda n: n % 3 == 0), store=location)
    head = project.history.head("main")
    numbers = promotion.level_numbers

    def ordered(level: Level, policy: Policy) -> dict[str, float | int | None]:
        order_from_elsewhere(location)
        return numbers(level, policy)

    with monkeypatch.context() as patch:
        patch.setattr(promotion, "level_numbers", ordered)
        with pytest.raises(Stopped):
            project.evolve(Echo(60))
    assert project.history.head("main") == head
    assert Journal.reopen(project.database).done(promotion.DECISION) is None
    assert project.resume(benchmark=Echo(60)).model_dump()["commit"]


def test_a_rejection_is_not_decided_after_an_order_either(
    make_project: MakeProject, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "INTERVAL_S", 3600)
    project = make_project(model(GOOD, lambda n: n % 3 == 0), store=location)

    def ordered(level: Level, policy: Policy) -> dict[str, float | int | None]:
        order_from_elsewhere(location)
        return {}

    monkeypatch.setattr(promotion, "level_numbers", ordered)
    with pytest.raises(Stopped):
        project.evolve(Echo(60), gate={"alpha": 1e-30})
    assert Journal.reopen(project.database).done(promotion.DECISION) is None


class Hanging:
    """Calls that never end by themselves; counts those that were begun and those cancelled."""

    def __init__(self) -> None:
        self.begun = self.cancelled = 0
        self.busy = asyncio.Event()

    async def complete(self, request: ModelRequest) -> Completion:
        self.begun += 1
        self.busy.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Completion(text="")


async def test_calls_in_flight_are_cancelled_and_none_begins(tmp_path: Path) -> None:
    backend = Hanging()
    with Project(tmp_path, model="test/m", backends={"test": backend}) as project:
        run = asyncio.create_task(project.abench(Echo(40), concurrency=10))
        await backend.busy.wait()
        await asyncio.to_thread(order, project.database, "ada", "")
        with pytest.raises(Stopped):
            await run
        assert 1 <= backend.begun == backend.cancelled <= 10


async def test_one_task_is_stopped_too(tmp_path: Path) -> None:
    backend = Hanging()
    with Project(tmp_path, model="test/m", backends={"test": backend}) as project:
        run = asyncio.create_task(project.arun("solver", "Say the number 1."))
        await backend.busy.wait()
        await asyncio.to_thread(order, project.database, "ada", "")
        with pytest.raises(Stopped):
            await run
        assert backend.cancelled == 1


async def test_a_cancelled_run_takes_the_same_path(tmp_path: Path) -> None:
    backend = Hanging()
    with Project(tmp_path, model="test/m", backends={"test": backend}) as project:
        run = asyncio.create_task(project.abench(Echo(10)))
        await backend.busy.wait()
        run.cancel()
        with pytest.raises(Interrupted, match="agp resume"):
            await run
        assert backend.begun == backend.cancelled
        assert list_runs(project.database)[0].status == "stopped"


CTRL_C = """
import asyncio, sys
from agp.cli.failures import guarded
from agp.project import Project
from tests.stop.test_runs import Hanging
from tests.support.echo import Echo

class Telling(Hanging):
    async def complete(self, request):
        print("busy", flush=True)
        return await super().complete(request)

def main():
    with Project(sys.argv[1], model="test/m", backends={"test": Telling()}) as project:
        project.bench(Echo(10))

guarded(main)
"""


def test_ctrl_c_ends_a_run_cleanly(tmp_path: Path) -> None:
    line = [sys.executable, "-c", CTRL_C, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        line, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "agp resume" in said
    assert "Traceback" not in said
    database = Database(tmp_path / ".agp" / "store.db")
    assert list_runs(database)[0].status == "stopped"
    database.close()
