"""Choose: a parent from the pool, and the feedback that its children are proposed from."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from agp.evaluation.results import SampleResult
from agp.evaluation.types import Sample
from agp.rspl.view import View
from agp.sepl.lab import Lab
from agp.sepl.messages import Message, Traces
from agp.sepl.pool import Member, Pool
from agp.sepl.steps.execute import SEED, summarise

Draw = Callable[[Pool, Random], Member]


class Choose:
    """Draws a parent, and shows what it does on a minibatch of feedback samples.

    Half of the minibatch are samples that the parent was run on before, where there are such; the
    others are met in epochs, each sample once before one is met again.

    Parameters: ``draw`` takes a parent from the pool; ``minibatch`` how many samples are shown.
    """

    name = "choose"

    def __init__(self, lab: Lab, draw: Draw, *, minibatch: int) -> None:
        self.lab = lab
        self.draw = draw
        self.minibatch = minibatch
        self._known: dict[str, dict[str, SampleResult]] = {}
        self._met = 0

    async def __call__(self, view: View, message: Message, /) -> tuple[View, Traces]:
        await begin(self.lab, view)
        parent = self.draw(self.lab.pool, self.lab.rng(message.round, "parent"))
        known = self._known.setdefault(parent.id, {})
        shown = self._again(known, message.round)
        new = self._next(self.minibatch - len(shown), known)
        results = await self.lab.run(parent.view, new, f"round {message.round} feedback")
        known |= {result.sample_digest: result for result in results}
        feedback = [*results, *shown]
        return parent.view, Traces(round=message.round, feedback=feedback, selection=[])

    def _again(self, known: dict[str, SampleResult], round_: int) -> list[SampleResult]:
        rng = self.lab.rng(round_, "again")
        failed = [r for r in known.values() if r.score is not None and r.score < 1.0]
        return rng.sample(failed, min(self.minibatch // 2, len(failed)))

    def _next(self, count: int, known: dict[str, SampleResult]) -> list[Sample]:
        samples = self.lab.splits.feedback
        drawn: list[Sample] = []
        for _ in range(min(count, len(samples))):
            epoch, index = divmod(self._met, len(samples))
            order = self.lab.rng("epoch", epoch).sample(range(len(samples)), len(samples))
            drawn.append(samples[order[index]])
            self._met += 1
        return [sample for sample in drawn if sample.digest not in known]


async def begin(lab: Lab, view: View) -> None:
    """Score the start on selection samples, once: the pool's first member."""
    if not len(lab.pool):
        selection = await lab.run(view, lab.splits.selection, "baseline selection")
        lab.pool.add(SEED, view, selection)
        summarise(lab, 0, [], selection)
