"""Which backends held code, noted for traces and assessments while it runs."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from agp.sandbox.interface import Confined, Strength

_noting: ContextVar[tuple[dict[str, Strength], ...]] = ContextVar("agp_sandbox_used", default=())


@contextmanager
def used() -> Generator[dict[str, Strength]]:
    """The backends that hold code within the block, in this task and the tasks it starts.

    Backend → strength; empty where nothing was confined.
    """
    found: dict[str, Strength] = {}
    token = _noting.set((*_noting.get(), found))
    try:
        yield found
    finally:
        _noting.reset(token)


def note(confined: Confined) -> Confined:
    """Note what held a run."""
    for found in _noting.get():
        found[confined.backend] = confined.strength
    return confined


def in_words(found: Mapping[str, Strength]) -> dict[str, str]:
    """The same as plain data: backend → ``strong``, ``partial`` or ``none``."""
    return {name: strength.name.lower() for name, strength in sorted(found.items())}
