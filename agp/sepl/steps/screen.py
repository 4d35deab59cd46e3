"""Screen, an Evaluate ε : V' × G → S. A few discriminating samples first, the best meets all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from agp.evaluation.results import SampleResult, held_by, mean_score
from agp.evaluation.types import Sample
from agp.rspl.view import View
from agp.sepl.gate import Verdict
from agp.sepl.lab import Lab, SearchSpent
from agp.sepl.messages import Assessment, Candidate, Candidates, Evaluations, Traces


class Screen:
    """Screens candidates on feedback samples, failed ones first; scores the best on selection."""

    name = "screen"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def __call__(self, view: View, message: Candidates, /) -> tuple[View, Evaluations]:
        samples, incumbent = self._screen(message.traces)
        items = [await self._assess(view, c, samples, incumbent) for c in message.items]
        contenders = [item for item in items if item.verdict.accepted]
        if contenders:
            best = max(contenders, key=lambda item: mean_score(item.screen))
            for item in contenders:
                if item is not best:
                    item.verdict = Verdict(
                        accepted=False,
                        rule="screen",
                        reason=f"{best.candidate.proposal.id} did at least as well",
                        numbers=item.verdict.numbers,
                    )
            overlay = view.with_overlay(best.candidate.records)
            phase = f"{best.candidate.proposal.id} selection"
            best.selection = await self.lab.run(overlay, self.lab.splits.selection, phase)
        return view, Evaluations(round=message.round, traces=message.traces, items=items)

    def _screen(self, traces: Traces) -> tuple[list[Sample], list[SampleResult]]:
        results = sorted(traces.feedback, key=lambda r: 1.0 if r.score is None else r.score)
        chosen = results[: self.lab.screen]
        return [self.lab.sample(result) for result in chosen], chosen

    async def _assess(
        self,
        view: View,
        candidate: Candidate,
        samples: list[Sample],
        incumbent: list[SampleResult],
    ) -> Assessment:
        if candidate.fault:
            return refused(candidate)
        overlay = view.with_overlay(candidate.records)
        screen = await self.lab.run(overlay, samples, f"{candidate.proposal.id} screen")
        return Assessment(candidate=candidate, screen=screen, verdict=screened(screen, incumbent))


async def each(
    candidates: Sequence[Candidate], assess: Callable[[Candidate], Awaitable[Assessment]]
) -> list[Assessment]:
    """The assessments of candidates in order, up to where the search has no evaluations left.

    So what was paid for counts. Raises SearchSpent where it did not suffice for the first.
    """
    items: list[Assessment] = []
    for candidate in candidates:
        try:
            items.append(await assess(candidate))
        except SearchSpent:
            if not items:
                raise
            break
    return items


def refused(candidate: Candidate) -> Assessment:
    """The assessment of a candidate that may not run."""
    verdict = Verdict(accepted=False, rule="edit", reason=candidate.fault)
    return Assessment(candidate=candidate, verdict=verdict)


def screened(candidate: list[SampleResult], incumbent: list[SampleResult]) -> Verdict:
    """Whether a candidate did better than the incumbent on the same few samples."""
    before, after = mean_score(incumbent), mean_score(candidate)
    return Verdict(
        accepted=after > before,
        rule="screen",
        reason=f"{after:.2f} against {before:.2f} on {len(candidate)} screening samples",
        numbers={"n": len(candidate), "candidate": after, "incumbent": before}
        | {"sandbox": held_by(candidate)},
    )
