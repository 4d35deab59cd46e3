"""A rollout as data: its stage, its limits, and the outcomes that it goes by."""

from __future__ import annotations

import hashlib
import math
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, Field

from agp.errors import InputError
from agp.rspl.entities import ResourceId

Lane = Literal["live", "candidate"]
LANES: tuple[Lane, Lane] = ("live", "candidate")


class Stage(StrEnum):
    """How far a rollout is."""

    SHADOW = "shadow"
    CANARY = "canary"
    ACTIVE = "active"

    @property
    def next(self) -> Stage | None:
        """The stage that follows; None after the last."""
        stages = list(Stage)
        place = stages.index(self) + 1
        return stages[place] if place < len(stages) else None


class Thresholds(BaseModel):
    """What a rollout must show, and what ends it.

    ``least`` outcomes of the candidate in a stage before the next; ``drop`` how far its mean score
    may lie below what is live (of 1); ``errors`` the share of its tasks that may fail; ``share``
    the part of tasks it gets as a canary; ``alpha`` the chance, over the whole stage and however
    often one looks, of returning from a candidate that keeps within ``drop`` or ``errors``.
    """

    least: int = 30
    drop: float = 0.02
    errors: float = 0.05
    share: float = 0.1
    alpha: float = 0.01

    def check(self) -> None:
        """Raises InputError for numbers that make no sense."""
        if self.least < 1:
            raise InputError(f"least must be at least 1, not {self.least}.")
        for name, low_open in (("drop", False), ("errors", True), ("share", True), ("alpha", True)):
            value = getattr(self, name)
            if not (value > 0 if low_open else value >= 0) or not value < 1:
                low = "above 0" if low_open else "at least 0"
                raise InputError(f"{name} must be {low} and below 1, not {value}.")


class Outcome(BaseModel):
    """How a task went on one side: a score in [0, 1], or a failure (which scores 0)."""

    task: str
    lane: Lane
    score: float
    failed: bool = False
    stage: Stage

    def check(self) -> None:
        """Raises InputError for a score that is none."""
        if (
            isinstance(self.score, bool)
            or not math.isfinite(self.score)
            or not 0 <= self.score <= 1
        ):
            raise InputError(f"A score is a number from 0 to 1, not {self.score!r}.")


class Rollout(BaseModel):
    """One rollout as it stands.

    ``changes`` resource → (digest live at the start or None, the candidate's); ``served`` tasks
    that ran through it, with the sides that answered; ``ended`` is empty, ``completed``,
    ``aborted`` or ``returned``, and ``why`` says it in words; ``commit`` made the candidate live.
    """

    id: str
    branch: str
    candidate: str
    changes: dict[str, tuple[str | None, str]]
    thresholds: Thresholds
    stage: Stage
    outcomes: list[Outcome] = Field(default_factory=list[Outcome])
    served: dict[str, list[Lane]] = Field(default_factory=dict[str, list[Lane]])
    commit: str | None = None
    ended: str = ""
    why: str = ""

    @property
    def resources(self) -> dict[ResourceId, str]:
        """The candidate's versions."""
        return {ResourceId.parse(name): after for name, (_, after) in self.changes.items()}

    def lane(self, task: str) -> Lane:
        """Who answers a task, by its text: the same task always gets the same side."""
        if self.stage is not Stage.CANARY:
            return "live"
        hashed = hashlib.sha256(f"{self.id}\n{task}".encode()).digest()
        part = int.from_bytes(hashed[:8]) / 2**64
        return "candidate" if part < self.thresholds.share else "live"

    def of_stage(self) -> list[Outcome]:
        """The outcomes of the present stage."""
        return [outcome for outcome in self.outcomes if outcome.stage is self.stage]

    def settings(self) -> dict[str, Any]:
        """What it began with, as it is stored."""
        return self.model_dump(
            mode="json", include={"branch", "candidate", "changes", "thresholds", "stage"}
        )
