"""What is demanded of the sandbox, by policy: asked for wherever code is confined."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from agp.sandbox import Strength


@dataclass(frozen=True)
class Demands:
    """What is demanded of the sandbox, by policy.

    ``least`` the weakest backend that will do; ``packages`` the installed distributions that
    confined code may import.
    """

    least: Strength = Strength.STRONG
    packages: tuple[str, ...] = ()


_demands: ContextVar[Demands] = ContextVar("agp_sandbox_demands", default=Demands())  # noqa: B039


@contextmanager
def demanding(demands: Demands) -> Generator[None]:
    """Have confined code in the block, and in the tasks it starts, run on these terms."""
    token = _demands.set(demands)
    try:
        yield
    finally:
        _demands.reset(token)


def demands() -> Demands:
    """What is demanded here."""
    return _demands.get()
