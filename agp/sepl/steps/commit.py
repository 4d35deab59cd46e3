"""Commit κ : V' × S → V. The search goes on from the candidate, or from where it was."""

from __future__ import annotations

from agp.rspl.view import View
from agp.sepl.gate import Policy, Rule, judge
from agp.sepl.lab import Lab
from agp.sepl.messages import Assessment, Candidate, Evaluations, Outcome

_SEARCH = Policy(rule=Rule.NON_DEGRADING)


class Commit:
    """Accepts the candidate that improved on the screen if selection does not degrade.

    Every assessment goes to the journal with its numbers, rejected ones too.
    """

    name = "commit"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def __call__(self, view: View, message: Evaluations, /) -> tuple[View, Outcome]:
        accepted: Candidate | None = None
        traces = message.traces
        for item in message.items:
            if item.selection:
                item.verdict = judge(item.selection, traces.selection, _SEARCH)
                if item.verdict.accepted:
                    accepted = item.candidate
            self._record(message.round, item)
        if accepted is not None:
            view = view.with_overlay(accepted.records)
            selection = next(i.selection for i in message.items if i.candidate is accepted)
            traces = traces.model_copy(update={"selection": selection})
        return view, Outcome(
            round=message.round, traces=traces, accepted=accepted, assessments=message.items
        )

    def _record(self, round_: int, item: Assessment) -> None:
        proposal = item.candidate.proposal
        verdict = item.verdict
        word = "kept" if verdict.accepted else "dropped"
        self.lab.observer.note(f"{proposal.id} ({proposal.strategy}) {word}: {verdict.reason}")
        key = f"assessment/{proposal.id}"
        if self.lab.journal.done(key) is None:
            payload = {
                "round": round_,
                "proposal": proposal.model_dump(mode="json"),
                "digests": item.candidate.digests,
                "verdict": verdict.model_dump(mode="json"),
            }
            self.lab.journal.append(key, "assessment", payload)
