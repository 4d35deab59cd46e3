"""GEPA itself as an optimizer (``pip install gepa``), gated like the rest."""

from __future__ import annotations

from agp.sepl.gepa.search import GepaSearch
from agp.sepl.lab import Lab
from agp.sepl.operators import Composition
from agp.sepl.optimizer import Optimizer
from agp.sepl.steps.full import Full
from agp.sepl.steps.improve import Improve
from agp.sepl.steps.keep import Keep


def gepa(lab: Lab) -> Optimizer:
    """keep ∘ full ∘ ι ∘ gepa. Its parameters are those of ``gepa.optimize``."""
    return Optimizer(
        propose=Composition(GepaSearch(lab, lab.parameters), Improve(lab)),
        assess=Full(lab),
        commit=Keep(lab),
    )
