"""Improve ι : V × ℘(D) → V'. Edits become candidate records; faults are refused unrun."""

from __future__ import annotations

from agp.errors import EditError, SecretError
from agp.rspl.view import View
from agp.secrets import is_redacted, refuse
from agp.sepl.edits import apply_edits
from agp.sepl.invariants import broken_invariant
from agp.sepl.lab import Lab
from agp.sepl.messages import Candidate, Candidates, Modifications, Proposal
from agp.sepl.variables import lift, trainable


class Improve:
    """Applies each proposal to the view by itself. The view is not changed."""

    name = "improve"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def __call__(self, view: View, message: Modifications, /) -> tuple[View, Candidates]:
        items = [self._candidate(view, proposal) for proposal in message.items]
        self.lab.history.keep(record for item in items for record in item.records)
        return view, Candidates(round=message.round, traces=message.traces, items=items)

    def _candidate(self, view: View, proposal: Proposal) -> Candidate:
        theta = trainable(lift(view, self.lab.agent, self.lab.mode, self.lab.envelope))
        try:
            records = apply_edits(view, theta, proposal.edits, self.lab.envelope)
            for record in records:
                refuse(record.body(), str(record.id))
        except (EditError, SecretError) as error:
            return Candidate(proposal=proposal, fault=error.message)
        if is_redacted([edit.model_dump(mode="json") for edit in proposal.edits]):
            return Candidate(proposal=proposal, fault="The edit held a secret.")
        fault = broken_invariant(view, records, self.lab.splits)
        return Candidate(proposal=proposal, records=[] if fault else records, fault=fault)
