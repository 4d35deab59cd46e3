"""The loop of protocol §2.3: apply the optimizer until it converges or the rounds are used up."""

from __future__ import annotations

from agp.rspl.view import View
from agp.sepl.lab import Lab
from agp.sepl.messages import Outcome, Traces
from agp.sepl.operators import Composition


async def search(lab: Lab, optimizer: Composition, start: View, rounds: int) -> View:
    """V^(T) from V^(0): the best view the optimizer finds; ``start`` where it finds none better.

    Every round's summary is journalled under ``round/N``; round 0 is the baseline. What the last
    round accepted is not run on feedback samples any more: nobody would learn from it.
    """
    feedback = await lab.run(start, lab.splits.feedback, "baseline feedback")
    selection = await lab.run(start, lab.splits.selection, "baseline selection")
    traces = Traces(round=1, feedback=feedback, selection=selection)
    _summarise(lab, 0, traces)
    view = start
    for number in range(1, rounds + 1):
        message = traces.model_copy(update={"round": number})
        outcome: Outcome
        view, outcome = await optimizer(view, message)
        traces = outcome.traces
        if outcome.accepted is not None and number < rounds:  # Z ← execute(A, V), for the next
            feedback = await lab.run(view, lab.splits.feedback, f"round {number} feedback")
            traces = traces.model_copy(update={"feedback": feedback})
        seen = outcome.accepted is None or number < rounds
        _summarise(lab, number, traces, feedback_seen=seen)
        if seen and _converged(traces):
            lab.observer.note("converged: no failure is left on feedback and selection samples")
            break
    return view


def _converged(traces: Traces) -> bool:
    return all(result.score == 1.0 for result in [*traces.feedback, *traces.selection])


def _summarise(lab: Lab, number: int, traces: Traces, *, feedback_seen: bool = True) -> None:
    key = f"round/{number}"
    if lab.journal.done(key) is None:
        feedback = traces.feedback if feedback_seen else []
        payload = {
            "round": number,
            "feedback": [result.score for result in feedback],
            "selection": [result.score for result in traces.selection],
        }
        lab.journal.append(key, "round", payload)
