"""The demos optimizer: demonstrations bootstrapped from the agent's own passing rollouts.

It needs no model that proposes, so it works with the smallest ones (Khattab et al., "DSPy", 2023:
BootstrapFewShot with random search). Demonstrations come from feedback samples only.
"""

from __future__ import annotations

from pydantic import Field

from agp.sepl.lab import Lab
from agp.sepl.operators import Composition
from agp.sepl.optimizer import Optimizer
from agp.sepl.steps.bootstrap import Bootstrap
from agp.sepl.steps.execute import Execute
from agp.sepl.steps.improve import Improve
from agp.sepl.steps.keep import Keep
from agp.sepl.steps.race import Race, Rules


class Parameters(Rules):
    """Beside the race's rules: up to ``most`` demonstrations make a set."""

    most: int = Field(default=4, ge=1)


def demos(lab: Lab) -> Optimizer:
    """keep ∘ race ∘ ι ∘ bootstrap ∘ χ."""
    given = lab.read(Parameters)
    return Optimizer(
        propose=Composition(Execute(lab), Bootstrap(lab, most=given.most), Improve(lab)),
        assess=Race(lab, given),
        commit=Keep(lab),
        more=(lab.candidates - 1) * len(lab.splits.selection),
    )
