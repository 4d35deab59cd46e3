"""Where the peers live, and running them there: GEPA and DSPy in an interpreter of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
INSTALL = 'pip install gepa "dspy[optuna]"'
_NAMES = """
import importlib.metadata, json
found = {}
for name in ("gepa", "dspy", "optuna"):
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


class PeerFailedError(RuntimeError):
    """The peers' interpreter ended with an error; the message is the end of what it wrote."""


def versions(python: str = sys.executable) -> dict[str, str]:
    """Which peers an interpreter has, with their versions; {} where it cannot be started."""
    try:
        done = subprocess.run([python, "-c", _NAMES], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return json.loads(done.stdout)


def run(python: str, script: str, jobs: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The results of jobs, each as it comes.

    Parameters: ``script``, a file of this folder that reads a JSON list from standard input and
    writes a JSON object a line. Raises PeerFailedError.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            ["nice", python, str(HERE / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process:
            process.stdin.write(json.dumps(jobs))
            process.stdin.close()
            yield from map(json.loads, process.stdout)
        if process.returncode:
            said.seek(0)
            raise PeerFailedError(f"{script} in {python} failed: {said.read()[-2000:]}")
