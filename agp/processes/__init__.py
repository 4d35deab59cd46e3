"""Other processes: programs run with limits, and making sure that nothing of them stays behind.

Infrastructure under every layer: nothing here knows of resources, agents or models.
"""

from agp.processes.limited import Limits, Outcome, ProcessResult, lay_out, run_files, run_python

__all__ = ["Limits", "Outcome", "ProcessResult", "lay_out", "run_files", "run_python"]
