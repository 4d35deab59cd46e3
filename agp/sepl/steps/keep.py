"""Keep, a Commit κ : V' × S → V for searches with a pool: it grows, nothing leaves it."""

from __future__ import annotations

from agp.rspl.view import View
from agp.sepl.lab import Lab
from agp.sepl.messages import Candidate, Evaluations, Outcome
from agp.sepl.steps.commit import record


class Keep:
    """Takes accepted candidates into the pool; the search's view is the best member's."""

    name = "keep"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def __call__(self, view: View, message: Evaluations, /) -> tuple[View, Outcome]:
        accepted: Candidate | None = None
        for item in message.items:
            candidate = item.candidate
            if item.verdict.accepted:
                accepted = candidate
                base = self.lab.pool[candidate.parents[0]].view
                self.lab.pool.add(
                    candidate.proposal.id,
                    base.with_overlay(candidate.records),
                    item.selection,
                    candidate.parents,
                )
            record(self.lab, message.round, item)
        return self.lab.pool.best().view, Outcome(
            round=message.round,
            traces=message.traces,
            accepted=accepted,
            assessments=message.items,
        )
