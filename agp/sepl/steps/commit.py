"""Commit κ : V' × S → V. The search goes on from the candidate, or from where it was."""

from __future__ import annotations

from sqlalchemy.orm import Session as DatabaseSession

from agp.rspl.objects import keep
from agp.rspl.origins import OPTIMIZER
from agp.rspl.view import View
from agp.sepl.gate import Policy, Rule, judge
from agp.sepl.lab import Lab
from agp.sepl.messages import Assessment, Candidate, Evaluations, Outcome
from agp.sepl.noted import a_sample, scores_of, tell_assessed
from agp.sepl.steps.reflect import failures

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
            record(self.lab, message.round, item)
        if accepted is not None:
            view = view.with_overlay(accepted.records)
            selection = next(i.selection for i in message.items if i.candidate is accepted)
            traces = traces.model_copy(update={"selection": selection})
            self.lab.pool.add(accepted.proposal.id, view, selection, accepted.parents)
        return view, Outcome(
            round=message.round,
            traces=traces,
            accepted=accepted,
            assessments=message.items,
            converged=traces.settled or not failures(message.traces),
        )


def record(lab: Lab, round_: int, item: Assessment) -> None:
    """Journal an assessment, once, and keep the candidate's records for the record."""
    candidate, verdict = item.candidate, item.verdict
    proposal = candidate.proposal
    word = "kept" if verdict.accepted else "dropped"
    lab.observer.note(f"{proposal.id} ({proposal.strategy}) {word}: {verdict.reason}")
    tell_assessed(lab, round_, item)
    key = f"assessment/{proposal.id}"
    if lab.journal.done(key) is not None:
        return

    def keep_records(session: DatabaseSession) -> None:
        keep(session, candidate.records, anew=True)
        lab.history.origins.note(session, candidate.records, OPTIMIZER, "user")

    payload = {
        "round": round_,
        "proposal": proposal.model_dump(mode="json"),
        "digests": candidate.digests,
        "parents": candidate.parents,
        "verdict": verdict.model_dump(mode="json"),
        "scores": scores_of(item.selection),
        "evaluations": lab.spent,
        "a_sample": a_sample([*item.screen, *item.selection]),
    }
    lab.journal.append(key, "assessment", payload, also=keep_records, again=True)
