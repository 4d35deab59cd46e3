"""Trying again after a lost race: for whoever reads, changes and writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity

from agp.errors import ConflictError

T = TypeVar("T")

_ATTEMPTS = 100
_LOST = tenacity.retry_if_exception_type(ConflictError)
_WAIT = tenacity.wait_random_exponential(multiplier=0.005, max=0.5)


def retry_on_conflict(change: Callable[[], T], *, attempts: int = _ATTEMPTS) -> T:
    """Call ``change`` again, from its own reading on, as long as others are faster.

    For read-modify-write: ``change`` must read what it changes each time it is called. Raises
    the last ConflictError after ``attempts`` calls.
    """
    stop = tenacity.stop_after_attempt(attempts)
    return tenacity.Retrying(retry=_LOST, wait=_WAIT, stop=stop, reraise=True)(change)


def attempts_async() -> tenacity.AsyncRetrying:
    """The same for coroutines: ``async for attempt in …: with attempt: …``."""
    stop = tenacity.stop_after_attempt(_ATTEMPTS)
    return tenacity.AsyncRetrying(retry=_LOST, wait=_WAIT, stop=stop, reraise=True)
