"""Processes that commit to one store at once lose nothing of each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_concurrent_processes_lose_no_commit_and_no_update(location: str) -> None:
    script = str(ROOT / "benchmarks" / "perf" / "concurrency.py")
    store = location if "://" in location else "sqlite"
    line = [sys.executable, script, "--processes", "4", "--commits", "25", "--store", store]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("100 commits")
    assert done.stdout.splitlines()[-1] == "0 faults"
