"""Metrics: what scores texts on examples, one by one or in batches, and what they may return."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Protocol, cast

from agp.errors import AgpError, BudgetExhausted, Interrupted
from agp.evaluation.types import Score

Texts = dict[str, str]
Metric = Callable[[Texts, Any], Any]
"""``(texts, example) -> score``: a number in [0, 1], a `Score`, ``(score, feedback)``, or a mapping
with ``score`` and, if wanted, ``output`` and ``feedback``; awaitable or not."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One example's outcome; ``score`` None where it could not be scored, and ``why``."""

    score: float | None
    output: str = ""
    feedback: str = ""
    why: str = ""


class Scores(Protocol):
    """Scores texts on a batch of examples."""

    async def __call__(self, texts: Texts, examples: Sequence[Any]) -> list[Scored]:
        """One outcome an example, in order. What an example raises is its own outcome."""
        ...


class OneByOne:
    """A metric, called for one example at a time.

    Parameters: ``concurrency`` calls in flight; with more than one, a metric that is no coroutine
    function runs in threads.
    """

    def __init__(self, metric: Metric, concurrency: int = 1) -> None:
        self.metric = metric
        self.concurrency = concurrency
        self._threads: ThreadPoolExecutor | None = None
        if concurrency > 1 and not inspect.iscoroutinefunction(metric):
            self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="metric")

    async def __call__(self, texts: Texts, examples: Sequence[Any]) -> list[Scored]:
        if self.concurrency == 1:
            return [await self._one(texts, example) for example in examples]
        slots = asyncio.Semaphore(self.concurrency)

        async def one(example: Any) -> Scored:
            async with slots:
                return await self._one(texts, example)

        return list(await asyncio.gather(*map(one, examples)))

    async def _one(self, texts: Texts, example: Any) -> Scored:
        try:
            if self._threads is not None:
                run, loop = copy_context().run, asyncio.get_running_loop()
                given = await loop.run_in_executor(
                    self._threads, lambda: run(self.metric, dict(texts), example)
                )
            else:
                given = self.metric(dict(texts), example)
            if inspect.isawaitable(given):
                given = await given
            return read_score(given)
        except (BudgetExhausted, Interrupted):
            raise
        except Exception as error:  # the user's code: it is told, and the run goes on
            return failed(error)


def failed(error: Exception) -> Scored:
    """What an example is whose scoring raised."""
    text = error.message if isinstance(error, AgpError) else str(error)
    return Scored(score=None, why=f"scorer: {type(error).__name__}: {text}")


def read_score(given: Any) -> Scored:
    """What a metric returned. Raises ValueError for what is no score."""
    if isinstance(given, Score):
        return Scored(given.value, given.answer or "", given.feedback)
    if isinstance(given, tuple):
        score, feedback = cast("tuple[Any, Any]", given)
        return Scored(_number(score), feedback=str(feedback))
    if isinstance(given, Mapping):
        fields = cast("Mapping[str, Any]", given)
        output, feedback = (str(fields.get(name, "")) for name in ("output", "feedback"))
        return Scored(_number(fields.get("score")), output, feedback)
    return Scored(_number(given))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise ValueError(f"a score is a number in [0, 1], not {value!r}")
    number = float(value)
    if not (math.isfinite(number) and 0.0 <= number <= 1.0):
        raise ValueError(f"a score is a finite number in [0, 1], not {value!r}")
    return number
