"""Processes killed at random steps of every write: what was acknowledged is there, nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INTERRUPTED = 60


def crash(location: str, how: str, runs: int) -> subprocess.CompletedProcess[str]:
    """benchmarks/perf/crash.py, on the database of a location."""
    script = str(ROOT / "benchmarks" / "perf" / "crash.py")
    store = location if "://" in location else "sqlite"
    line = [sys.executable, script, "--runs", str(runs), "--store", store, "--how", how]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)


def test_a_killed_process_leaves_a_whole_store(location: str) -> None:
    done = crash(location, "kill", INTERRUPTED)
    assert done.returncode == 0, done.stdout + done.stderr
    _, _steps, interrupted, faults = done.stdout.splitlines()[-2].split()
    assert (int(interrupted), int(faults)) == (INTERRUPTED, 0)


@pytest.mark.parametrize("location", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_a_process_whose_connection_is_ended_goes_on(location: str) -> None:
    done = crash(location, "terminate", 20)
    assert done.returncode == 0, done.stdout + done.stderr
    _, _steps, interrupted, faults = done.stdout.splitlines()[-2].split()
    assert (int(interrupted), int(faults)) == (20, 0)
