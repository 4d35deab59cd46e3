"""Optimizers: each one file, readable as a composition of operators.

An optimizer is a function ``(lab) -> Composition`` of operators that take `Traces` and give an
`Outcome`. Third parties add theirs by an entry point in the group ``agp.optimizers``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from agp.errors import NotFoundError
from agp.sepl.lab import Lab
from agp.sepl.operators import Composition
from agp.sepl.optimizers.reflection import reflection

Optimizer = Callable[[Lab], Composition]

OPTIMIZERS: dict[str, Optimizer] = {"reflection": reflection}


def find_optimizer(name: str) -> Optimizer:
    """The optimizer called ``name``. Raises NotFoundError with near names."""
    if name in OPTIMIZERS:
        return OPTIMIZERS[name]
    external = {point.name: point for point in entry_points(group="agp.optimizers")}
    if name in external:
        return external[name].load()
    raise NotFoundError("optimizer", name, [*OPTIMIZERS, *external])
