"""Execute χ : V → Z. Runs the agent of a view, so that there is something to learn from."""

from __future__ import annotations

from collections.abc import Sequence

from agp.evaluation.results import SampleResult
from agp.rspl.view import View
from agp.sepl.lab import Lab
from agp.sepl.messages import Message, Traces
from agp.sepl.noted import a_sample, tell_round

SEED = "seed"
"""The id of the pool member that the search began with."""


class Execute:
    """Runs the view on all feedback and selection samples.

    The round's summary goes to the journal under ``round/N``, N being the rounds that led here:
    round 0 is the baseline.
    """

    name = "execute"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def __call__(self, view: View, message: Message, /) -> tuple[View, Traces]:
        done = message.round - 1
        title = f"round {done}" if done else "baseline"
        feedback = await self.lab.run(view, self.lab.splits.feedback, f"{title} feedback")
        selection = await self.lab.run(view, self.lab.splits.selection, f"{title} selection")
        if not len(self.lab.pool):
            self.lab.pool.add(SEED, view, selection)
        summarise(self.lab, done, feedback, selection)
        return view, Traces(round=message.round, feedback=feedback, selection=selection)


def summarise(
    lab: Lab, round_: int, feedback: Sequence[SampleResult], selection: Sequence[SampleResult]
) -> None:
    """Tell that a round is over, and journal its scores, once."""
    tell_round(lab, round_, feedback, selection)
    key = f"round/{round_}"
    if lab.journal.done(key) is None:
        payload = {
            "round": round_,
            "feedback": [result.score for result in feedback],
            "selection": [result.score for result in selection],
            "evaluations": lab.spent,
            "a_sample": a_sample([*feedback, *selection]),
        }
        lab.journal.append(key, "round", payload)
