"""Improve ι : V × ℘(D) → V'. Edits become candidate records; faults are refused unrun.

What no person wrote is tried confined (a tool by its own tests) before any sample is spent on it.
"""

from __future__ import annotations

from collections.abc import Collection

from agp.errors import EditError, SecretError
from agp.rspl.confined.demands import demanding
from agp.rspl.entities import JsonObject, Record
from agp.rspl.view import View
from agp.runtime.confinement import demands_of
from agp.runtime.session import Session
from agp.secrets import is_redacted, refuse
from agp.sepl.creation.trials import failure, untried
from agp.sepl.edits import apply_edits
from agp.sepl.invariants import broken_invariant
from agp.sepl.lab import Lab
from agp.sepl.messages import Candidate, Candidates, Modifications, Proposal
from agp.sepl.noted import tell_proposed
from agp.sepl.variables import Variable


class Improve:
    """Applies each proposal to the view by itself. The view is not changed."""

    name = "improve"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def __call__(self, view: View, message: Modifications, /) -> tuple[View, Candidates]:
        theta, parent = self.lab.theta(view), self.lab.pool.of(view)
        parents = [parent.id] if parent else []
        items: list[Candidate] = []
        for proposal in message.items:
            candidate = await self._candidate(view, theta, proposal)
            items.append(candidate.model_copy(update={"parents": parents}))
            tell_proposed(self.lab, message.round, items[-1])
        return view, Candidates(round=message.round, traces=message.traces, items=items)

    async def _candidate(
        self, view: View, theta: dict[str, Variable], proposal: Proposal
    ) -> Candidate:
        try:
            records = apply_edits(
                view,
                theta,
                proposal.edits,
                self.lab.envelope,
                roles=_roles(self.lab.evaluator),
            )
            for record in records:
                refuse(record.body(), str(record.id))
        except (EditError, SecretError) as error:
            return Candidate(proposal=proposal, fault=error.message)
        if is_redacted([edit.model_dump(mode="json") for edit in proposal.edits]):
            return Candidate(proposal=proposal, fault="The edit held a secret.")
        judged_by = self.lab.evaluator.benchmark
        fault = broken_invariant(view, records, self.lab.splits, judged_by)
        fault = fault or self._known(view, records)
        fault = fault or await self._tried(proposal, untried(view, records))
        return Candidate(proposal=proposal, records=[] if fault else records, fault=fault)

    def _known(self, view: View, records: list[Record]) -> str:
        """A candidate that was assessed before is not paid for again, nor kept twice."""
        closure = view.with_overlay(records).closure_digest(self.lab.agent)
        if closure in self.lab.assessed:
            return "it is what was proposed before"
        self.lab.assessed.add(closure)
        return ""

    async def _tried(self, proposal: Proposal, records: list[Record]) -> str:
        """What goes wrong when records are tried; once a run, whatever becomes of it later."""
        if not records:
            return ""

        async def compute() -> JsonObject:
            with demanding(demands_of(self.lab.envelope.permissions.policy.sandbox)):
                return {"fault": await failure(records)}

        return (await self.lab.journal.step(f"trial/{proposal.id}", "trial", compute))["fault"]


def _roles(evaluator: object) -> Collection[str] | None:
    """The roles that models play in a run; None where nothing in it asks a model."""
    session: Session | None = getattr(evaluator, "session", None)
    return None if session is None else session.models.roles
