"""Other processes: programs run with limits, and making sure that nothing of them stays behind.

Infrastructure under every layer: nothing here knows of resources, agents or models.
"""

from agp.processes.folder import lay_out
from agp.processes.limited import run_files, run_python
from agp.processes.watch import Limits, Outcome, ProcessResult

__all__ = ["Limits", "Outcome", "ProcessResult", "lay_out", "run_files", "run_python"]
