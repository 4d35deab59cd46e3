"""How work is carried out: here in the event loop, or in processes that can be killed.

Everything behind one interface (`interface.py`), which an engine on many machines can fill too.
Nothing here knows of views, journals or budgets.
"""

from agp.evaluation.execution.inline import Inline
from agp.evaluation.execution.interface import (
    Executor,
    NotSendable,
    RemoteError,
    TimedOut,
    Work,
    WorkerDied,
)
from agp.evaluation.execution.pool import ProcessPool
from agp.evaluation.execution.reference import Reference

__all__ = [
    "Executor",
    "Inline",
    "NotSendable",
    "ProcessPool",
    "Reference",
    "RemoteError",
    "TimedOut",
    "Work",
    "WorkerDied",
]
