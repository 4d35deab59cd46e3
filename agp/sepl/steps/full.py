"""Full, an Evaluate ε : V' × G → S. Every candidate on every selection sample."""

from __future__ import annotations

from agp.evaluation.results import mean_score
from agp.rspl.view import View
from agp.sepl.gate import Verdict
from agp.sepl.lab import Lab
from agp.sepl.messages import Assessment, Candidate, Candidates, Evaluations
from agp.sepl.steps.screen import each, refused


class Full:
    """Scores candidates on selection; accepted are those above the best so far."""

    name = "full"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def __call__(self, view: View, message: Candidates, /) -> tuple[View, Evaluations]:
        items = await each(message.items, self._assess)
        return view, Evaluations(round=message.round, traces=message.traces, items=items)

    async def _assess(self, candidate: Candidate) -> Assessment:
        if candidate.fault:
            return refused(candidate)
        id_, parent = candidate.proposal.id, self.lab.pool[candidate.parents[0]]
        view = parent.view.with_overlay(candidate.records)
        results = await self.lab.run(view, self.lab.splits.selection, f"{id_} selection")
        best, mean = self.lab.pool.best(), mean_score(results)
        verdict = Verdict(
            accepted=mean > best.mean,
            rule="full",
            reason=f"{mean:.3f} on {len(results)} selection samples, best so far {best.mean:.3f}",
            numbers={"n": len(results), "candidate": mean, "incumbent": best.mean},
        )
        return Assessment(candidate=candidate, selection=results, verdict=verdict)
