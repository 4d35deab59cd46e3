"""Looks at holdouts: how often samples have decided before, and what level is left for the next.

Every decision is noted *before* it sees a result, so two runs that decide at once both know of
each other. A decision counts for the share of this holdout's samples that it used: another seed
draws another holdout of the same benchmark, which may overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select

from agp.evaluation.splits import split_digest
from agp.evaluation.types import Sample
from agp.runs.journal import Journal
from agp.sepl.gate import Policy, Rule, Spend
from agp.sepl.statistics import left_after, level_of_look
from agp.store.database import Database
from agp.store.tables import EventRow

DECISION = "decision"
LOOK = "look"
LEVEL = "level"
_PREFIX = 16
"""Hex digits of a sample's digest that are kept: 64 bits tell any two samples apart."""


class Level(BaseModel):
    """The level of one decision.

    ``look`` counts decisions on this holdout, this one included; ``earlier`` is how often, on
    average, its samples took part in one before; ``alpha`` is what this decision may use and
    ``alpha_left`` what remains for all later ones together, None where nothing is divided.
    """

    look: int
    earlier: float
    alpha: float
    alpha_left: float | None


def opened(journal: Journal, holdout: Sequence[Sample], policy: Policy) -> Level:
    """Note that a run is about to look at a holdout, and give the level of its decision.

    A resumed run gets the level it had.
    """
    if (done := journal.done(LEVEL)) is not None:
        return Level.model_validate(done)
    if journal.done(LOOK) is None:
        samples = sorted(sample.digest[:_PREFIX] for sample in holdout)
        journal.append(LOOK, LOOK, {"holdout": split_digest(holdout), "samples": samples})
    level = level_now(journal.database, holdout, policy, besides=journal.run)
    journal.append(LEVEL, LEVEL, level.model_dump())
    return level


def level_now(
    database: Database, holdout: Sequence[Sample], policy: Policy, *, besides: str = ""
) -> Level:
    """The level of a decision on a holdout, were it made now; run ``besides`` does not count."""
    earlier = _earlier(database, holdout, besides)
    look = 1 + int(earlier + 0.5)  # half of the samples seen is a look
    if policy.spend is Spend.NEVER:
        return Level(look=look, earlier=earlier, alpha=policy.alpha, alpha_left=None)
    whole = look == 1 and policy.spend is Spend.LATER
    return Level(
        look=look,
        earlier=earlier,
        alpha=policy.alpha if whole else level_of_look(policy.alpha, look),
        alpha_left=left_after(policy.alpha, look),
    )


def level_numbers(level: Level, policy: Policy) -> dict[str, float | int | None]:
    """What a decision keeps of its level; a rule that tests nothing spends no α."""
    looks: dict[str, float | int | None] = {
        "holdout_looks": level.look,
        "holdout_seen": level.earlier,
    }
    if policy.rule is Rule.NON_DEGRADING:
        return looks
    return {**looks, "alpha": level.alpha, "alpha_left": level.alpha_left}


def _earlier(database: Database, holdout: Sequence[Sample], besides: str) -> float:
    digest, own = split_digest(holdout), {sample.digest[:_PREFIX] for sample in holdout}
    by_run: dict[str, float] = {}
    query = select(EventRow.run, EventRow.payload).where(
        EventRow.key.in_((LOOK, DECISION)), EventRow.run != besides
    )
    with database.read() as session:
        for run, payload in session.execute(query):
            by_run[run] = max(by_run.get(run, 0.0), _overlap(payload, digest, own))
    return sum(by_run.values())


def _overlap(payload: dict[str, Any], digest: str, own: set[str]) -> float:
    """The share of the samples ``own`` that another decision used."""
    if payload.get("holdout") == digest:
        return 1.0
    return len(own.intersection(payload.get("samples", ()))) / len(own)
