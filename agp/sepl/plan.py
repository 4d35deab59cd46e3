"""What a run will cost and what it can show, told before it starts."""

from __future__ import annotations

from pydantic import BaseModel

from agp.errors import InputError
from agp.evaluation.splits import Splits
from agp.sepl.config import EvolveConfig
from agp.sepl.gate import Rule
from agp.sepl.holdout import Level
from agp.sepl.statistics import power, smallest_detectable_gain, wins_needed

GAINS = (0.1, 0.2)
"""True gains whose power is told: 10 and 20 points."""


class Plan(BaseModel):
    """The plan of agent runs, at most, and the power of the promotion test.

    A round runs ``screen`` samples of all its candidates together, ``selection`` and ``feedback``,
    and ``more`` that the optimizer asks for beside these. ``alpha`` is the level of the decision,
    the ``look``-th on this holdout;
    ``wins`` the fewest holdout samples won, with none lost, that are significant (None: the
    holdout is too small for any gain to be); ``gain`` the smallest gain found with 80 %
    probability, as a fraction, None if there is none; ``power`` the chance to find a gain
    (points → probability). They are those of one look at every sample, and None, or empty, where
    the rule makes no test. ``envelope`` says what the run may do.
    """

    baseline: int
    rounds: int
    screen: int = 0
    selection: int = 0
    feedback: int = 0
    more: int = 0
    a_round: int
    promotion: int
    budget: int | None = None
    alpha: float | None = None
    look: int = 1
    wins: int | None = None
    gain: float | None = None
    power: dict[int, float] = {}
    envelope: str = ""

    @property
    def total(self) -> int:
        """Agent runs in all, at most; a budget of evaluations bounds them."""
        planned = self.baseline + self.rounds * self.a_round + self.promotion
        return planned if self.budget is None else min(planned, self.budget)

    @property
    def bounded(self) -> bool:
        """Whether the rounds end before the budget does."""
        return self.budget is None or self.total < self.budget

    @property
    def calls(self) -> str:
        """The sum in words."""
        more = f" + rollouts {self.more}" if self.more else ""
        parts = f"screen {self.screen} + selection {self.selection} + feedback {self.feedback}"
        a_round = f"({parts}{more})"
        rounds = f"{self.rounds} rounds ×" if self.bounded else "rounds of"
        end = "=" if self.bounded else "within the budget:"
        return (
            f"baseline {self.baseline} + {rounds} {a_round} + promotion "
            f"{self.promotion} {end} at most {self.total} agent runs"
        )


def plan(config: EvolveConfig, splits: Splits, level: Level | None = None, more: int = 0) -> Plan:
    """The plan of a run; refinement rounds multiply each agent run's calls.

    ``level`` is that of the decision; without it α is whole. ``more`` are agent runs of each round
    beside those of every optimizer.
    """
    feedback, selection, holdout = map(len, (splits.feedback, splits.selection, splits.holdout))
    screen = config.candidates * min(config.screen, feedback)
    made = Plan(
        baseline=feedback + selection,
        rounds=config.most_rounds,
        screen=screen,
        selection=selection,
        feedback=feedback,
        more=more,
        a_round=screen + selection + feedback + more,
        promotion=promotion_runs(config, splits),
        budget=config.budget.evaluations,
    )
    if config.gate.rule is Rule.NON_DEGRADING or not holdout:
        return made
    alpha = config.gate.alpha if level is None else level.alpha
    made.alpha, made.look = alpha, 1 if level is None else level.look
    made.wins = wins_needed(holdout, alpha)
    made.gain = smallest_detectable_gain(holdout, alpha)
    made.power = {round(100 * gain): power(holdout, gain, alpha) for gain in GAINS}
    return made


def promotion_runs(config: EvolveConfig, splits: Splits) -> int:
    """Agent runs that the decision takes, at most: incumbent and candidate on the holdout."""
    epochs = config.gate.epochs if config.gate.rule is Rule.SEQUENTIAL else 1
    return 2 * len(splits.holdout) * epochs


def check_budget(config: EvolveConfig, splits: Splits) -> None:
    """Raises InputError for a budget of evaluations with which nothing can be decided.

    Whatever the optimizer does, it takes the incumbent and one candidate on the selection
    samples, and both on the holdout.
    """
    limit, selection = config.budget.evaluations, len(splits.selection)
    promotion = promotion_runs(config, splits)
    needed = 2 * selection + promotion
    if limit is not None and limit < needed:
        raise InputError(
            f"A budget of {limit} evaluations cannot decide anything: the incumbent and one "
            f"candidate need {selection} evaluations each to be scored on the selection samples, "
            f"and their meeting on the holdout {promotion}: {needed} in all.",
            hint=f"Allow at least {needed} evaluations (--budget-evaluations), better "
            f"{needed + len(splits.feedback) + config.screen * config.candidates} or more; or use "
            "fewer samples (--limit).",
        )
