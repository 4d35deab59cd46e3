"""Where the code of tools and benchmarks gets `agp.processes` from.

The name stays: versions of tools in people's stores import it.
"""

from agp.processes import Limits, Outcome, ProcessResult, run_files, run_python

__all__ = ["Limits", "Outcome", "ProcessResult", "run_files", "run_python"]
