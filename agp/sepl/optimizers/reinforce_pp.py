"""The Reinforce++ optimizer (Algorithm 3): Sample, Reward, Diagnose, Improve, Evaluate, Commit."""

from __future__ import annotations

from functools import partial

from pydantic import BaseModel, ConfigDict, Field

from agp.sepl.formulas import Ratio
from agp.sepl.lab import Lab
from agp.sepl.operators import Composition
from agp.sepl.optimizer import Optimizer
from agp.sepl.steps.commit import Commit
from agp.sepl.steps.diagnose import Diagnose
from agp.sepl.steps.execute import Execute
from agp.sepl.steps.improve import Improve
from agp.sepl.steps.reward import Reward, reinforce_metrics
from agp.sepl.steps.rollouts import SampleRollouts
from agp.sepl.steps.screen import Screen
from agp.sepl.steps.select import Select


class ReinforceParams(BaseModel):
    """The paper's symbols: β ``beta``, ε ``epsilon``, ε0 ``epsilon0``; see docs/optimizers.md.

    ``batch`` feedback samples a step; ``ratio`` what stands for π; ``satisfied`` the mean feedback
    score that ends the search.
    """

    model_config = ConfigDict(extra="forbid")

    batch: int = Field(default=3, ge=1)
    beta: float = Field(default=0.01, ge=0.0, allow_inf_nan=False)
    epsilon: float = Field(default=0.2, ge=0.0, lt=1.0)
    epsilon0: float = Field(default=1e-8, gt=0.0, le=1.0)
    ratio: Ratio = Ratio.PAPER
    satisfied: float = Field(default=1.0, ge=0.0, le=1.0)


def reinforce_pp(lab: Lab) -> Optimizer:
    """κ ∘ ε ∘ ι ∘ σ ∘ Diagnose ∘ Reward ∘ Sample ∘ χ."""
    p = lab.read(ReinforceParams)
    formulas = {"beta": p.beta, "epsilon": p.epsilon, "epsilon0": p.epsilon0}
    return Optimizer(
        propose=Composition(
            Execute(lab),
            SampleRollouts(lab, batch=p.batch, satisfied=p.satisfied),
            Reward(lab, partial(reinforce_metrics, **formulas, ratio=p.ratio)),
            Diagnose(lab),
            Select(lab),
            Improve(lab),
        ),
        assess=Screen(lab),
        commit=Commit(lab),
    )
