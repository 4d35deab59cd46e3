"""The beliefs optimizer: what every candidate is worth is believed from all evidence together.

Nothing is scored on all samples before the search may go on: each round takes the candidate that is
believed to be best, runs it and its children on a few fresh samples, and believes anew. Evidence
travels along the lineage, so the search goes back by itself where it was mistaken. It is meant for
budgets too small for full evaluations, and for noisy scores.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from agp.sepl.beliefs import Beliefs
from agp.sepl.lab import Lab
from agp.sepl.operators import Composition
from agp.sepl.optimizer import Optimizer
from agp.sepl.steps.believe import Believe, Compare, TakeBest
from agp.sepl.steps.improve import Improve
from agp.sepl.steps.reflect import Reflect
from agp.sepl.steps.select import Select


class Parameters(BaseModel):
    """``minibatch`` feedback samples a round, run by parent and children alike; ``selection``
    samples more, for parent and child, where the child is believed to be better; ``drift`` and
    ``step`` are mean and standard deviation of what a proposal is expected to change, ``ease`` the
    standard deviation of how easy samples are, in units of the score."""

    model_config = ConfigDict(extra="forbid")

    minibatch: int = Field(default=3, ge=1)
    selection: int = Field(default=2, ge=0)
    drift: float = -0.01
    step: float = Field(default=0.06, gt=0)
    ease: float = Field(default=0.1, gt=0)


def beliefs(lab: Lab) -> Optimizer:
    """believe ∘ compare ∘ ι ∘ σ ∘ ρ ∘ take the best."""
    p = lab.read(Parameters)
    held = Beliefs(drift=p.drift, step=p.step, ease=p.ease)
    take = TakeBest(lab, held, minibatch=p.minibatch)
    return Optimizer(
        propose=Composition(take, Reflect(lab), Select(lab), Improve(lab)),
        assess=Compare(lab, held, selection=p.selection),
        commit=Believe(lab, held),
    )
