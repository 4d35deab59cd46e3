"""The TextGrad optimizer (Algorithm 2): Execute, Loss, Backward, Improve, Evaluate, Commit."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from agp.sepl.lab import Lab
from agp.sepl.operators import Composition
from agp.sepl.optimizer import Optimizer
from agp.sepl.steps.commit import Commit
from agp.sepl.steps.descend import Descend
from agp.sepl.steps.execute import Execute
from agp.sepl.steps.improve import Improve
from agp.sepl.steps.loss import Backward, Loss
from agp.sepl.steps.screen import Screen


class TextGradParams(BaseModel):
    """``batch`` failed samples criticised a step; ``buffer`` gradients kept for each variable."""

    model_config = ConfigDict(extra="forbid")

    batch: int = Field(default=3, ge=1)
    buffer: int = Field(default=6, ge=1)


def textgrad(lab: Lab) -> Optimizer:
    """κ ∘ ε ∘ ι ∘ β ∘ λ ∘ χ."""
    p = lab.read(TextGradParams)
    return Optimizer(
        propose=Composition(
            Execute(lab),
            Loss(lab, batch=p.batch),
            Backward(lab, size=p.buffer),
            Descend(lab),
            Improve(lab),
        ),
        assess=Screen(lab),
        commit=Commit(lab),
    )
