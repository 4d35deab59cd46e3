"""Work in this event loop: right for everything that waits (models, judged subprocesses)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import Any

from agp.evaluation.execution.interface import TimedOut, Work

GRACE_S = 2.0
"""How long work that was cancelled may take to end; then nobody waits for it any more."""


class Inline:
    """Awaits work here. What waits is cancelled at its limit; what computes cannot be ended here:
    that is what the process pool is for.
    """

    async def run(self, work: Work, *, seconds: float | None = None) -> Any:
        """See `Executor`."""
        value = work()
        if not inspect.isawaitable(value):
            return value
        return await (value if seconds is None else within(value, seconds))

    async def aclose(self) -> None:
        """There is nothing to end."""


async def within(awaitable: Awaitable[Any], seconds: float) -> Any:
    """What ``awaitable`` gives. Raises TimedOut when it takes longer; it was cancelled then."""
    task = asyncio.ensure_future(awaitable)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
    finally:
        if not task.done():  # too late, or we are cancelled ourselves
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE_S)
    if task.done() and not task.cancelled():
        task.exception()  # what it raised on its way out is nobody's business now
    raise TimedOut(seconds)
