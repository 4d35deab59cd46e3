"""Why something failed, as it is kept with a result: what was raised, and where in whose code."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel

from agp.errors import AgpError
from agp.evaluation.execution.interface import RemoteError, TimedOut, WorkerDied
from agp.secrets import redact
from agp.tracebacks import user_frames

_LONGEST = 2000
_SAYS_IT_ALL = (TimedOut.__name__, WorkerDied.__name__)


class Failure(BaseModel):
    """What went wrong with a sample.

    ``where`` is ``agent`` (its policy raised), ``scorer``, ``model``, or ``sample`` (it passed its
    time limit); ``kind`` the type of the exception; ``traceback`` its last frames in code that is
    not agp's nor a library's, with their source and without any values.
    """

    where: str = ""
    kind: str
    message: str
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException, where: str = "") -> Self:
        """The record of an exception, without secrets."""
        remote = isinstance(error, RemoteError)
        message = error.message if isinstance(error, AgpError) else str(error)
        return cls(
            where=where,
            kind=error.kind if remote else type(error).__name__,
            message=redact(message[:_LONGEST]),
            traceback=redact(error.traceback if remote else user_frames(error)),
        )

    @property
    def timed_out(self) -> bool:
        """Whether a time limit passed: that counts 0, where other failures of a scorer do not."""
        return self.kind == TimedOut.__name__

    @property
    def reason(self) -> str:
        """The same in one line."""
        plain = self.where == "model" or self.kind in _SAYS_IT_ALL
        return f"{self.where}: " + (self.message if plain else f"{self.kind}: {self.message}")
