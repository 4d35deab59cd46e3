"""The report of an evolution, read from its journal."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from agp.runs.journal import Journal
from agp.runs.report import Report, ScoreLine
from agp.sepl.gate import Verdict
from agp.sepl.plan import Plan


class RoundLine(BaseModel):
    """Means on feedback and selection after a round; round 0 is the baseline.

    ``feedback`` is None for what the last round accepted: it was not run there.
    """

    round: int
    feedback: float | None
    selection: float | None


class ProposalLine(BaseModel):
    """One proposal and what came of it."""

    id: str
    strategy: str
    rationale: str
    verdict: Verdict
    digests: dict[str, str]


class EvolveReport(Report):
    """What an evolution found, decided and cost.

    ``vanilla`` and ``evolved`` are on the holdout (in Joint-Evo both with their solutions refined
    alike); both are None where the search found nothing
    to promote, because the holdout is not touched then. ``commit`` is the commit that made the
    change live, if one did. ``variables`` are the values of all that could evolve, by id, in the
    best that the search found, committed or not; ``best`` are the same texts by the names that
    `agp.optimize` was given.
    """

    mode: str
    optimizer: str
    branch: str
    splits: dict[str, int] = Field(default_factory=dict[str, int])
    plan: Plan | None = None
    evolved: ScoreLine | None = None
    rounds: list[RoundLine] = Field(default_factory=list[RoundLine])
    proposals: list[ProposalLine] = Field(default_factory=list[ProposalLine])
    decision: Verdict | None = None
    commit: str | None = None
    variables: dict[str, Any] = Field(default_factory=dict[str, Any])
    best: dict[str, str] = Field(default_factory=dict[str, str])
    changes: str = ""
    conclusion: str = ""


def rounds_of(journal: Journal) -> list[RoundLine]:
    """The rounds in order."""
    lines = [payload for key, payload in journal.steps.items() if key.startswith("round/")]
    return [
        RoundLine(
            round=line["round"],
            feedback=_mean(line["feedback"]),
            selection=_mean(line["selection"]),
        )
        for line in lines
    ]


def proposals_of(journal: Journal) -> list[ProposalLine]:
    """Every assessed proposal in order."""
    lines = [payload for key, payload in journal.steps.items() if key.startswith("assessment/")]
    return [
        ProposalLine(
            id=line["proposal"]["id"],
            strategy=line["proposal"]["strategy"],
            rationale=line["proposal"]["rationale"],
            verdict=Verdict.model_validate(line["verdict"]),
            digests=line["digests"],
        )
        for line in lines
    ]


def _mean(scores: list[Any]) -> float | None:
    given = [float(score) for score in scores if score is not None]
    return sum(given) / len(given) if given else None
