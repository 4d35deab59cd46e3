"""Baseline best_of_n: independent proposals from the start, each on all selection samples."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from agp.sepl.lab import Lab
from agp.sepl.operators import Composition
from agp.sepl.optimizer import Optimizer
from agp.sepl.steps.choose import Choose, Draw
from agp.sepl.steps.full import Full
from agp.sepl.steps.improve import Improve
from agp.sepl.steps.keep import Keep
from agp.sepl.steps.reflect import Reflect
from agp.sepl.steps.select import Select


class Parameters(BaseModel):
    """``minibatch`` feedback samples are shown to a proposal."""

    model_config = ConfigDict(extra="forbid")

    minibatch: int = Field(default=4, ge=1)


def best_of_n(lab: Lab) -> Optimizer:
    """keep ∘ full ∘ ι ∘ σ ∘ ρ ∘ choose the start."""
    return independent(lab, lambda pool, _: pool.members[0])


def independent(lab: Lab, draw: Draw) -> Optimizer:
    """Proposals from a parent that ``draw`` takes, without races."""
    given = lab.read(Parameters)
    choose = Choose(lab, draw, minibatch=given.minibatch)
    return Optimizer(
        propose=Composition(choose, Reflect(lab), Select(lab), Improve(lab)),
        assess=Full(lab),
        commit=Keep(lab),
        more=(lab.candidates - 1) * len(lab.splits.selection),
    )
