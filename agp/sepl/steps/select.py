"""Select σ : V × ℘(H) → ℘(D). Which variables are implicated, and concrete edits to them."""

from __future__ import annotations

from agp.rspl.view import View
from agp.sepl.lab import Lab
from agp.sepl.messages import Hypotheses, Modifications, Proposal
from agp.sepl.proposers import Brief
from agp.sepl.provenance import influences, origins


class Select:
    """Asks the proposer for up to ``lab.candidates`` different proposals.

    Parameters: ``prompt`` the prompt resource that asks a model; ``strategies`` whether named
    strategies are offered beside a rewrite.
    """

    name = "select"

    def __init__(self, lab: Lab, *, prompt: str = "select", strategies: bool = True) -> None:
        self.lab = lab
        self.prompt = prompt
        self.strategies = strategies

    async def __call__(self, view: View, message: Hypotheses, /) -> tuple[View, Modifications]:
        items: list[Proposal] = []
        for number in range(1, 1 + self.lab.candidates if message.items else 1):
            proposal = await self._propose(view, message, number)
            if proposal is not None:
                items.append(proposal)
        return view, Modifications(round=message.round, traces=message.traces, items=items)

    async def _propose(self, view: View, message: Hypotheses, number: int) -> Proposal | None:
        draft = await self.lab.proposer.propose(
            view,
            Brief(
                step=f"{message.round}/select/{number}",
                round=message.round,
                number=number,
                variables=list(self.lab.theta(view).values()),
                seen=message.seen,
                causes=[hypothesis.cause for hypothesis in message.items],
                prompt=self.prompt,
                strategies=self.strategies,
            ),
        )
        if draft is None:
            return None
        return Proposal(
            id=f"r{message.round}c{number}",
            strategy=draft.strategy,
            rationale=draft.rationale,
            edits=list(draft.edits),
            taint=origins(message.seen),
            influences=influences(message.seen, self.lab.journal.run),
        )
