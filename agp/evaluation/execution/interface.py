"""What carries work out, and how work can fail there.

Contract: `Executor.run` returns what the work gives, or raises what it raised. Where a time limit
passes, the work has ended for certain when `TimedOut` is raised, as far as the executor can end
anything: a process pool kills, an event loop cancels. Failed work never harms other work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from agp.errors import AgpError, InputError

Work = Callable[[], Any]
"""Something to do. It gives a value, or an awaitable of one. Where it leaves the process it is
pickled, and its value comes back as JSON."""


class Executor(Protocol):
    """Carries out work, near or far."""

    async def run(self, work: Work, *, seconds: float | None = None) -> Any:
        """What ``work`` gives.

        Parameters: ``seconds`` it may take, None for the executor's own limit. Raises TimedOut,
        WorkerDied, NotSendable, RemoteError for what the work raised elsewhere, else what it
        raised here.
        """
        ...

    async def aclose(self) -> None:
        """End everything that still goes on; the executor is not used any more."""
        ...


class TimedOut(AgpError):
    """Work passed its time limit and was ended."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no result within {seconds:g} s")
        self.seconds = seconds


class WorkerDied(AgpError):
    """The process that did the work ended in the middle of it.

    Parameters: ``code`` its exit code, negative for a signal; ``words`` the last it wrote on its
    standard error.
    """

    def __init__(self, code: int, words: str = "") -> None:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        last = words.strip().rpartition("\n")[2]
        super().__init__(f"the worker process {how}" + (f": {last}" if last else ""))
        self.code, self.words = code, words


class NotSendable(InputError):
    """Work that cannot be taken to another process, with the reason and what to do."""


class RemoteError(AgpError):
    """What work raised in another process: the ``kind`` of error, its text, its ``traceback``."""

    def __init__(self, kind: str, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.kind, self.traceback = kind, traceback
