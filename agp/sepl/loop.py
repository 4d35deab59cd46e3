"""The loop of protocol §2.3: apply the optimizer until it converges or the rounds are used up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from agp.rspl.view import View
from agp.sepl.lab import Lab, SearchSpent
from agp.sepl.messages import Message, Outcome
from agp.sepl.optimizer import Optimizer
from agp.sepl.steps.execute import summarise

IDLE = 20
"""So many rounds in a row in which nothing new was run end a search."""


async def search(
    lab: Lab,
    optimizer: Optimizer,
    start: View,
    rounds: int,
    *,
    check: Callable[[], None] = lambda: None,
) -> View:
    """V^(T) from V^(0): the best view the optimizer finds; ``start`` where it finds none better.

    ``check`` is called around every assessment: it raises where the objective is not what it was.

    It also ends where the evaluations that the search may use are spent. What the last round
    accepted is not run on feedback samples any more: nobody would learn from it.
    """
    view, idle, spent = start, 0, 0
    for number in range(1, rounds + 1):
        outcome: Outcome | None = None
        with suppress(SearchSpent):
            view, outcome = await optimizer(view, Message(round=number), check=check)
        if lab.over or outcome is None:
            lab.observer.note(f"the search ends: {lab.spent} evaluations are spent")
            break
        if outcome.converged:
            lab.observer.note("converged: no failure is left to learn from")
            break
        spent, before = lab.spent, spent
        idle = idle + 1 if spent == before else 0
        if idle >= IDLE:
            lab.observer.note(f"the search ends: {IDLE} rounds in a row had nothing new to assess")
            break
        if number == rounds and outcome.traces.selection:
            seen = [] if outcome.accepted is not None else outcome.traces.feedback
            summarise(lab, number, seen, outcome.traces.selection)
    return view
