"""The reflection optimizer (Algorithm 1): Reflect, Select, Improve, Evaluate, Commit.

Here Commit moves the search, not the live branch: what is live changes once, at promotion, on
samples the search never saw (`agp.sepl.promotion`).
"""

from __future__ import annotations

from agp.sepl.lab import Lab
from agp.sepl.operators import Composition
from agp.sepl.optimizer import Optimizer
from agp.sepl.steps.commit import Commit
from agp.sepl.steps.execute import Execute
from agp.sepl.steps.improve import Improve
from agp.sepl.steps.reflect import Reflect
from agp.sepl.steps.screen import Screen
from agp.sepl.steps.select import Select


def reflection(lab: Lab) -> Optimizer:
    """κ ∘ ε ∘ ι ∘ σ ∘ ρ ∘ χ."""
    return Optimizer(
        propose=Composition(Execute(lab), Reflect(lab), Select(lab), Improve(lab)),
        assess=Screen(lab),
        commit=Commit(lab),
    )
