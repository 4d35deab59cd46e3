"""Taking the candidate believed to be best, comparing children with it, and believing anew."""

from __future__ import annotations

from collections.abc import Sequence

from agp.evaluation.results import SampleResult
from agp.evaluation.types import Sample
from agp.rspl.view import View
from agp.sepl.beliefs import Beliefs
from agp.sepl.gate import Verdict
from agp.sepl.lab import Lab
from agp.sepl.messages import (
    Assessment,
    Candidate,
    Candidates,
    Evaluations,
    Message,
    Outcome,
    Traces,
)
from agp.sepl.pool import Member
from agp.sepl.steps.commit import record
from agp.sepl.steps.execute import SEED
from agp.sepl.steps.screen import refused


class TakeBest:
    """Takes the member that is believed to be best, and runs it on fresh feedback samples.

    Every member meets all feedback samples, in an order of its own, before it meets one again.
    """

    name = "take"

    def __init__(self, lab: Lab, held: Beliefs, *, minibatch: int) -> None:
        self.lab = lab
        self.held = held
        self.minibatch = minibatch
        self._met: dict[str, int] = {}

    async def __call__(self, view: View, message: Message, /) -> tuple[View, Traces]:
        if not len(self.lab.pool):
            self.lab.pool.add(SEED, view, [])
            self.held.add(SEED)
        parent = believed_best(self.lab, self.held)
        samples = self._fresh(parent)
        results = await self.lab.run(parent.view, samples, f"round {message.round} feedback")
        see(self.held, parent.id, results)
        return parent.view, Traces(round=message.round, feedback=results, selection=[])

    def _fresh(self, parent: Member) -> list[Sample]:
        samples = self.lab.splits.feedback
        met = self._met.get(parent.id, 0)
        count = min(self.minibatch, len(samples))
        self._met[parent.id] = met + count
        order = self.lab.rng("order", parent.id).sample(range(len(samples)), len(samples))
        return [samples[order[place % len(samples)]] for place in range(met, met + count)]


class Compare:
    """An Evaluate ε: children on their parent's samples; better ones also on selection samples.

    Parameters: ``selection`` samples that parent and child are run on, where the child is believed
    to be better: what reflection never saw.
    """

    name = "compare"

    def __init__(self, lab: Lab, held: Beliefs, *, selection: int) -> None:
        self.lab = lab
        self.held = held
        self.selection = selection

    async def __call__(self, view: View, message: Candidates, /) -> tuple[View, Evaluations]:
        items = [await self._assess(c, message) for c in message.items]
        return view, Evaluations(round=message.round, traces=message.traces, items=items)

    async def _assess(self, candidate: Candidate, message: Candidates) -> Assessment:
        if candidate.fault:
            return refused(candidate)
        id_, parent = candidate.proposal.id, self.lab.pool[candidate.parents[0]]
        view = parent.view.with_overlay(candidate.records)
        samples = [self.lab.sample(result) for result in message.traces.feedback]
        screen = await self.lab.run(view, samples, f"{id_} feedback")
        self.held.add(id_, parent.id)
        see(self.held, id_, screen)
        selection: list[SampleResult] = []
        means = self.held.means()
        if self.selection and means[id_] > means[parent.id]:
            chosen = self._chosen(id_)
            for each, its_view in ((parent.id, parent.view), (id_, view)):
                selection = await self.lab.run(its_view, chosen, f"{id_} selection of {each}")
                see(self.held, each, selection)
            means = self.held.means()
        return Assessment(
            candidate=candidate,
            screen=screen,
            selection=selection,
            verdict=_verdict(means[id_], means[parent.id], len(screen) + len(selection)),
        )

    def _chosen(self, id_: str) -> list[Sample]:
        samples = self.lab.splits.selection
        count = min(self.selection, len(samples))
        return self.lab.rng("selection", id_).sample(list(samples), count)


class Believe:
    """A Commit κ: every child is kept, and the view is that of whom is believed in most."""

    name = "believe"

    def __init__(self, lab: Lab, held: Beliefs) -> None:
        self.lab = lab
        self.held = held

    async def __call__(self, view: View, message: Evaluations, /) -> tuple[View, Outcome]:
        accepted: Candidate | None = None
        for item in message.items:
            candidate = item.candidate
            if not candidate.fault:
                base = self.lab.pool[candidate.parents[0]].view
                self.lab.pool.add(
                    candidate.proposal.id,
                    base.with_overlay(candidate.records),
                    [*item.screen, *item.selection],
                    candidate.parents,
                )
            if item.verdict.accepted:
                accepted = candidate
            record(self.lab, message.round, item)
        return believed_best(self.lab, self.held).view, Outcome(
            round=message.round,
            traces=message.traces,
            accepted=accepted,
            assessments=message.items,
        )


def believed_best(lab: Lab, held: Beliefs) -> Member:
    """The member with the highest posterior mean; of equal ones the first."""
    means = held.means()
    return max(lab.pool.members, key=lambda member: means[member.id])


def see(held: Beliefs, id_: str, results: Sequence[SampleResult]) -> None:
    """Take results as evidence; what could not be scored says nothing."""
    for result in results:
        if result.score is not None:
            held.see(id_, result.sample_digest, result.score)


def _verdict(child: float, parent: float, runs: int) -> Verdict:
    return Verdict(
        accepted=child > parent,
        rule="belief",
        reason=f"believed worth {child:.3f}, its parent {parent:.3f}, after {runs} runs",
        numbers={"n": runs, "candidate": child, "incumbent": parent},
    )
