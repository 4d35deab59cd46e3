"""The GRPO optimizer (Algorithm 4): Reinforce++ on groups of K rollouts."""

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
from agp.sepl.steps.reward import Reward, grpo_metrics
from agp.sepl.steps.rollouts import SampleRollouts
from agp.sepl.steps.screen import Screen
from agp.sepl.steps.select import Select


class GrpoParams(BaseModel):
    """The paper's symbols: ``K`` rollouts a group, ε ``epsilon``; see docs/optimizers.md.

    ``batch`` feedback samples a step, one group each; ``temperature`` the rollouts are drawn at;
    ``ratio`` what stands for π; ``satisfied`` the mean feedback score that ends the search.
    """

    model_config = ConfigDict(extra="forbid")

    K: int = Field(default=4, ge=2, le=100)
    batch: int = Field(default=2, ge=1)
    epsilon: float = Field(default=0.2, ge=0.0, lt=1.0)
    temperature: float = Field(default=0.8, gt=0.0, allow_inf_nan=False)
    ratio: Ratio = Ratio.PAPER
    satisfied: float = Field(default=1.0, ge=0.0, le=1.0)


def grpo(lab: Lab) -> Optimizer:
    """κ ∘ ε ∘ ι ∘ σ ∘ Diagnose ∘ Reward ∘ Sample(K) ∘ χ."""
    p = lab.read(GrpoParams)
    return Optimizer(
        propose=Composition(
            Execute(lab),
            SampleRollouts(
                lab, batch=p.batch, size=p.K, temperature=p.temperature, satisfied=p.satisfied
            ),
            Reward(lab, partial(grpo_metrics, epsilon=p.epsilon, ratio=p.ratio)),
            Diagnose(lab, prompt="diagnose.group"),
            Select(lab),
            Improve(lab),
        ),
        assess=Screen(lab),
        commit=Commit(lab),
        more=p.K * p.batch,
    )
