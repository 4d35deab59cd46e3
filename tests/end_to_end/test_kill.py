"""kill -9 in the middle of an evolution: the process is gone at once, nothing tidies up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agp.rspl.history import History
from agp.store.database import Database

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, os, sys
from agp.models.scripted import ScriptedBackend
from agp.project import Project
from tests.sepl.test_evolution import GOOD, model
from tests.support.echo import Echo

folder, deadly, command = sys.argv[1], int(sys.argv[2]), sys.argv[3]
script, calls = model(GOOD, lambda n: n % 3 == 0), 0

def dying(request):
    global calls
    calls += 1
    if calls == deadly:
        os.kill(os.getpid(), 9)
    return script(request)

with Project(folder, model="scripted/x", backends={"scripted": ScriptedBackend(dying)}) as project:
    if command == "evolve":
        report = project.evolve(Echo(60))
    else:
        report = project.resume(benchmark=Echo(60))
    same = {"vanilla", "evolved", "rounds", "proposals", "decision", "changes", "splits"}
    print(report.model_dump_json(include=same))
"""


def run(folder: Path, deadly: int, command: str) -> subprocess.CompletedProcess[str]:
    """One process that kills itself at its ``deadly``-th model call (0: never)."""
    line = [sys.executable, "-c", SCRIPT, str(folder), str(deadly), command]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("deadly", [1, 20, 33, 70])
def test_a_killed_run_resumes_to_the_same_end(tmp_path: Path, deadly: int) -> None:
    whole = run(tmp_path / "whole", 0, "evolve")
    assert whole.returncode == 0, whole.stderr
    killed = run(tmp_path / "killed", deadly, "evolve")
    assert killed.returncode == -9
    resumed = run(tmp_path / "killed", 0, "resume")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout) == json.loads(whole.stdout)
    history = History(Database(tmp_path / "killed" / ".agp" / "store.db"))
    assert [commit.operator for commit in history.log()] == ["evolve", "init"]
