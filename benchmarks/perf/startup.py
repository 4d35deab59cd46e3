"""What starting costs: CPU seconds of `import agp` and `agp --help`; and whether LiteLLM is loaded.

python benchmarks/perf/startup.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path

REPEATS = 7
AGP = str(Path(sysconfig.get_path("scripts")) / "agp")


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one run of a command."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def main() -> None:
    """Print the median of each, beside an empty interpreter."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import agp": [sys.executable, "-c", "import agp"],
        "import agp; agp.Project": [sys.executable, "-c", "import agp; agp.Project"],
        "agp --help": [AGP, "--help"],
    }
    for name, command in commands.items():
        cpu_seconds(command)  # compiles what is not compiled yet
        times = [cpu_seconds(command) for _ in range(REPEATS)]
        print(f"{name:26} {statistics.median(times):.3f} s CPU (median of {REPEATS})")
    check = "import agp, sys; agp.Project; sys.exit('litellm' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", check], check=False).returncode
    print(f"LiteLLM is {'loaded' if loaded else 'not loaded'} by import agp and agp.Project")


if __name__ == "__main__":
    main()
