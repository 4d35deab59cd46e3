"""A model that says what it is told, for unit tests only: never a stand-in for a real model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agp.errors import ModelError
from agp.models.types import Completion, ModelRequest

Scripted = str | Completion | Exception
Script = Callable[[ModelRequest], Scripted] | Sequence[Scripted]


class ScriptedBackend:
    """Answers from a script; unit tests only.

    Parameters: ``script`` is a function of the request, or the replies in order. An exception in
    it is raised. Raises ModelError when a list is used up. ``calls`` counts the calls, ``requests``
    keeps them.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self.requests: list[ModelRequest] = []

    @property
    def calls(self) -> int:
        """How often it was asked."""
        return len(self.requests)

    async def complete(self, request: ModelRequest) -> Completion:
        """The scripted reply to ``request``."""
        self.requests.append(request)
        reply = self._script(request) if callable(self._script) else self._next()
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, str):
            return Completion(text=reply, model=request.model)
        return reply.model_copy(update={"model": reply.model or request.model})

    def _next(self) -> Scripted:
        replies = self._script
        if callable(replies) or self.calls > len(replies):
            raise ModelError(f"The script has no reply number {self.calls}.")
        return replies[self.calls - 1]
