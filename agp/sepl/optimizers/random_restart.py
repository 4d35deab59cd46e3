"""Baseline random_restart: hill climbing from the best, begun anew at the start now and then."""

from __future__ import annotations

from random import Random

from agp.sepl.lab import Lab
from agp.sepl.optimizer import Optimizer
from agp.sepl.optimizers.best_of_n import independent
from agp.sepl.pool import Member, Pool

_RESTARTS = 0.2


def random_restart(lab: Lab) -> Optimizer:
    """keep ∘ full ∘ ι ∘ σ ∘ ρ ∘ choose the best, or in one round of five the start."""

    def draw(pool: Pool, rng: Random) -> Member:
        return pool.members[0] if rng.random() < _RESTARTS else pool.best()

    return independent(lab, draw)
