"""The objective G: what counts as better, fixed and hashed when a run starts."""

from __future__ import annotations

from pydantic import BaseModel

from agp.canonical import digest
from agp.errors import AgpError
from agp.evaluation.splits import Splits
from agp.evaluation.types import Benchmark
from agp.sepl.gate import Policy


class Objective(BaseModel):
    """A benchmark, its data by split, its scorer, and the gate, each by digest."""

    benchmark: str
    scorer: str
    feedback: str
    selection: str
    holdout: str
    gate: Policy

    @classmethod
    def of(cls, benchmark: Benchmark, splits: Splits, gate: Policy) -> Objective:
        """The objective of a run."""
        return cls(
            benchmark=benchmark.name,
            scorer=benchmark.scorer_digest,
            feedback=splits.feedback_digest,
            selection=splits.selection_digest,
            holdout=splits.holdout_digest,
            gate=gate,
        )

    @property
    def digest(self) -> str:
        """The identity that commits are judged by."""
        return digest(self.model_dump(mode="json"))

    def demand(self, now: Objective) -> None:
        """Raises AgpError naming what is no longer as it was when the run started."""
        for name in type(self).model_fields:
            if getattr(self, name) != getattr(now, name):
                raise AgpError(
                    f"The run's objective changed: {name} is not what it was at the start.",
                    hint="Scores from before and after cannot be compared. Start a new run.",
                )
