"""What a run will cost and what it can show, told before it starts."""

from __future__ import annotations

from pydantic import BaseModel

from agp.evaluation.splits import Splits
from agp.sepl.config import EvolveConfig
from agp.sepl.gate import Rule
from agp.sepl.statistics import smallest_detectable_gain, wins_needed


class Plan(BaseModel):
    """The plan of agent runs, at most, and the power of the promotion test.

    ``wins`` is the fewest holdout samples won, with none lost, that can be significant (None:
    the holdout is too small for any gain to be); ``gain`` the smallest gain found with 80 %
    probability, as a fraction, None if there is none; ``envelope`` says what the run may do.
    """

    baseline: int
    rounds: int
    a_round: int
    promotion: int
    wins: int | None = None
    gain: float | None = None
    envelope: str = ""

    @property
    def total(self) -> int:
        """Agent runs in all, at most."""
        return self.baseline + self.rounds * self.a_round + self.promotion


def plan(config: EvolveConfig, splits: Splits) -> Plan:
    """The plan of a run over prompts; refinement rounds multiply each agent run's calls."""
    feedback, selection, holdout = map(len, (splits.feedback, splits.selection, splits.holdout))
    tested = config.gate.rule is Rule.SIGNIFICANT and holdout > 0
    return Plan(
        baseline=feedback + selection,
        rounds=config.most_rounds,
        a_round=config.candidates * min(config.screen, feedback) + selection + feedback,
        promotion=2 * holdout,
        wins=wins_needed(holdout, config.gate.alpha) if tested else None,
        gain=smallest_detectable_gain(holdout, config.gate.alpha) if tested else None,
    )
