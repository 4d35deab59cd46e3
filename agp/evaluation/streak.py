"""Ending a run in which nothing can be scored any more: the cause is not the agent's."""

from __future__ import annotations

from agp.errors import ModelError
from agp.evaluation.results import SampleResult

FAILURES_IN_A_ROW = 5


class Streak:
    """Counts unscored results in a row. Parameters: ``hint`` how to go on when it was mended."""

    def __init__(self, hint: str) -> None:
        self._hint = hint
        self._failures = 0

    def watch(self, result: SampleResult) -> None:
        """Take note of a result. Raises ModelError at the fifth in a row that has no score."""
        self._failures = self._failures + 1 if result.score is None else 0
        if self._failures >= FAILURES_IN_A_ROW:
            raise ModelError(
                f"{self._failures} samples in a row could not be scored; the last one: "
                f"{result.unscored}",
                hint=self._hint,
            )
