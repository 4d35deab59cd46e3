"""Optimizers: each one file, readable as compositions of operators.

A file defines a function ``(lab) -> Optimizer``. Third parties add theirs by an entry point in the
group ``agp.optimizers``, or while a program runs with `register`.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from agp.errors import InputError, NotFoundError
from agp.sepl.optimizer import MakeOptimizer
from agp.sepl.optimizers.beliefs import beliefs
from agp.sepl.optimizers.best_of_n import best_of_n
from agp.sepl.optimizers.demos import demos
from agp.sepl.optimizers.gepa import gepa
from agp.sepl.optimizers.grpo import grpo
from agp.sepl.optimizers.pareto import pareto
from agp.sepl.optimizers.random_restart import random_restart
from agp.sepl.optimizers.reflection import reflection
from agp.sepl.optimizers.reinforce_pp import reinforce_pp
from agp.sepl.optimizers.textgrad import textgrad

OPTIMIZERS: dict[str, MakeOptimizer] = {
    "reflection": reflection,
    "textgrad": textgrad,
    "reinforce_pp": reinforce_pp,
    "grpo": grpo,
    "pareto": pareto,
    "beliefs": beliefs,
    "demos": demos,
    "gepa": gepa,
    "best_of_n": best_of_n,
    "random_restart": random_restart,
}


def register(name: str, make: MakeOptimizer) -> None:
    """Make an optimizer known by a name in this process. Raises InputError for one in use."""
    if OPTIMIZERS.get(name, make) is not make:
        raise InputError(f"There is already an optimizer {name!r}.", hint="Choose another name.")
    OPTIMIZERS[name] = make


def find_optimizer(name: str) -> MakeOptimizer:
    """The optimizer called ``name``. Raises NotFoundError with near names."""
    if name in OPTIMIZERS:
        return OPTIMIZERS[name]
    external = {point.name: point for point in entry_points(group="agp.optimizers")}
    if name in external:
        return external[name].load()
    raise NotFoundError("optimizer", name, [*OPTIMIZERS, *external])
