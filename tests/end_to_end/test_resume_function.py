"""kill -9 in the middle of `agp.optimize`: a small version of benchmarks/perf/resume.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_killed_search_resumes_to_the_same_end() -> None:
    script = ROOT / "benchmarks" / "perf" / "resume.py"
    done = subprocess.run(
        [sys.executable, str(script), "--kills", "3", "--each", "3", "--seed", "7"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 differences" in done.stdout
