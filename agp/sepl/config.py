"""What determines an evolution, beside what determines any run."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from agp.errors import InputError
from agp.runs.config import RunConfig, at_least
from agp.sepl.gate import Policy
from agp.sepl.variables import Mode

_ROUNDS = 3
"""The paper's reflection budget."""


class EvolveConfig(RunConfig):
    """An evolution: the mode, the optimizer and its size, the splits, the gate.

    ``rounds`` is T; None is 3, or as many as the budget's evaluations last; ``candidates``
    proposals a round; ``screen`` samples a candidate meets first; ``parameters`` are the
    optimizer's own, by name (``agp evolve --set K=4``); ``evolve`` opens more than the mode does,
    as globs (``tool/*``, ``agent/x:params/policy``, ``tool/+`` for new ones), as far as the policy
    lets it. Split sizes that are None follow from the number of samples.
    """

    mode: Mode = Mode.PROMPT
    optimizer: str = "reflection"
    rounds: int | None = None
    candidates: int = 2
    screen: int = 4
    parameters: dict[str, Any] = Field(default_factory=dict[str, Any])
    feedback: int | None = None
    selection: int | None = None
    holdout: int | None = None
    gate: Policy = Field(default_factory=Policy)
    evolve: list[str] = Field(default_factory=list[str])

    @property
    def most_rounds(self) -> int:
        """T, at most."""
        if self.rounds is not None:
            return self.rounds
        return _ROUNDS if self.budget.evaluations is None else self.budget.evaluations

    def check(self) -> None:
        """Raises InputError for numbers that make no sense."""
        super().check()
        at_least(1, rounds=self.rounds, candidates=self.candidates, screen=self.screen)
        at_least(1, feedback=self.feedback, selection=self.selection, holdout=self.holdout)
        given = [self.feedback, self.selection, self.holdout]
        if any(given) and not all(given):
            raise InputError("Give all three split sizes (feedback, selection, holdout) or none.")
        self.gate.check()
