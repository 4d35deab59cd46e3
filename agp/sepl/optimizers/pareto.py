"""The pareto optimizer: reflective mutation of parents from the Pareto frontier, merges, races.

The frontier over samples keeps what is best at something (Agrawal et al., "GEPA: Reflective Prompt
Evolution Can Outperform Reinforcement Learning", 2025). Unlike there, a candidate is not scored on
every sample at once: it races against its parent, and what is clear early ends early.
"""

from __future__ import annotations

from random import Random

from pydantic import Field

from agp.sepl.lab import Lab
from agp.sepl.operators import Composition
from agp.sepl.optimizer import Optimizer
from agp.sepl.pool import Member, Pool
from agp.sepl.steps.choose import Choose
from agp.sepl.steps.improve import Improve
from agp.sepl.steps.keep import Keep
from agp.sepl.steps.merge import Merge
from agp.sepl.steps.race import Race, Rules
from agp.sepl.steps.reflect import Reflect
from agp.sepl.steps.select import Select


class Parameters(Rules):
    """Beside the race's rules: ``minibatch`` feedback samples are shown to a proposal; ``greed``
    is the probability that the best member is the parent, else the frontier is drawn from."""

    minibatch: int = Field(default=4, ge=1)
    greed: float = Field(default=0.5, ge=0, le=1)


def pareto(lab: Lab) -> Optimizer:
    """keep ∘ race ∘ ι ∘ (merge, or σ ∘ ρ ∘ choose)."""
    given = lab.read(Parameters)

    def draw(pool: Pool, rng: Random) -> Member:
        return pool.best() if rng.random() < given.greed else pool.draw(rng)

    choose = Choose(lab, draw, minibatch=given.minibatch)
    mutate = Composition(choose, Reflect(lab), Select(lab))
    return Optimizer(
        propose=Composition(Merge(lab, mutate), Improve(lab)),
        assess=Race(lab, given),
        commit=Keep(lab),
        more=(lab.candidates - 1) * len(lab.splits.selection),
    )
