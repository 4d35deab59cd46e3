"""Scoring an answer, wherever the benchmark wants that done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agp.evaluation.execution.interface import Executor
from agp.evaluation.execution.reference import Reference
from agp.evaluation.types import Benchmark, Sample, Score


@dataclass(frozen=True)
class Scoring:
    """One answer to score, as a worker process is given it."""

    benchmark: Reference
    sample: Sample
    text: str

    def __call__(self) -> Any:
        """The score, or an awaitable of it."""
        return self.benchmark.load().score(self.sample, self.text)


class Scorer:
    """Scores the answers of one run.

    Parameters: ``here`` carries out scoring that waits, ``pool`` scoring that computes (a
    benchmark says so by ``cpu_bound``); ``seconds`` one answer may take. Raises NotSendable where
    the benchmark cannot be taken to another process.
    """

    def __init__(
        self, benchmark: Benchmark, here: Executor, pool: Executor, seconds: float | None = None
    ) -> None:
        self._benchmark, self._seconds = benchmark, seconds
        self._reference = Reference.of(benchmark) if benchmark.cpu_bound else None
        self._executor = pool if benchmark.cpu_bound else here

    async def score(self, sample: Sample, text: str) -> Score:
        """The score of an answer. Raises TimedOut, WorkerDied, RemoteError, or what it raises."""
        if self._reference is not None:
            work = Scoring(self._reference, sample, text)
            given: Any = await self._executor.run(work, seconds=self._seconds)
        else:
            given = await self._executor.run(
                lambda: self._benchmark.score(sample, text), seconds=self._seconds
            )
        # Checked here, however the scorer made it: a Score need not have been validated.
        return Score.model_validate(vars(given) if isinstance(given, Score) else given)
