"""Where the code of tools and benchmarks gets confined processes from.

The name stays: versions of tools in people's stores import it.
"""

from agp.processes import Limits, Outcome, ProcessResult
from agp.sandbox import run_files, run_python

__all__ = ["Limits", "Outcome", "ProcessResult", "run_files", "run_python"]
