"""Promotion: the one door from a search to the live branch.

The candidate and the incumbent meet on holdout samples that the search never saw. The decision,
its entry in the audit log and, if it is yes, the commit are written in one transaction: a commit
without its evidence, or a decision that was not carried out, cannot exist.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as DatabaseSession

from agp import stop
from agp.audit import log as audit
from agp.budget import charged_to
from agp.evaluation.results import SampleResult
from agp.rspl.commits import Reason
from agp.rspl.dependencies import closure
from agp.rspl.entities import ResourceId
from agp.rspl.history import History
from agp.rspl.origins import OPTIMIZER
from agp.rspl.view import View
from agp.runs.journal import Journal
from agp.secrets import redact_json
from agp.sepl.gate import Policy, Verdict, judge
from agp.sepl.lab import Lab
from agp.sepl.objective import Objective
from agp.sepl.provenance import provenance
from agp.sepl.twins import recognised
from agp.store.tables import EventRow

DECISION = "decision"


@dataclass(frozen=True)
class Promotion:
    """The decision, and the holdout results it rests on."""

    verdict: Verdict
    before: list[SampleResult]
    after: list[SampleResult]


async def promote(
    lab: Lab, start: View, found: View, objective: Objective, policy: Policy, branch: str
) -> Promotion:
    """Decide whether the records ``found`` changed go live on ``branch``, and do it.

    When the agent itself was changed on the branch meanwhile, or the policy or the person it asks
    does not permit the change, the answer is no. Raises
    ConflictError when the branch moves at the very moment of the commit: nothing is written.
    """
    before = await lab.run(start, lab.splits.holdout, "holdout, vanilla")
    after = await lab.run(found, lab.splits.holdout, "holdout, evolved")
    if (done := lab.journal.done(DECISION)) is not None:
        return Promotion(Verdict.model_validate(done["verdict"]), before, after)
    objective.demand(Objective.of(lab.evaluator.benchmark, lab.splits, policy))
    verdict = judge(after, before, policy)
    looks = holdout_looks(lab.journal, objective.holdout)
    verdict.numbers["holdout_looks"] = looks + 1
    if verdict.accepted:
        operator = f"run {lab.journal.run}"
        refusal = await recognised(lab, start, found, before, after)
        refusal = refusal or await lab.envelope.refusal(operator, start, found)
        if refusal:
            verdict.accepted, verdict.reason = False, f"{refusal} ({verdict.reason})"
    live = lab.history.view(branch)
    if verdict.accepted and (moved := _moved(lab.agent, start, found, live)):
        verdict.accepted = False
        verdict.reason = f"{moved} was changed on {branch} during the run ({verdict.reason})"
    payload = {
        "verdict": verdict.model_dump(mode="json"),
        "holdout": objective.holdout,
        "changes": {str(rid): [start.refs.get(rid), r.digest] for rid, r in found.overlay.items()},
    }

    def go_live(session: DatabaseSession) -> None:
        reason = Reason(
            author=f"run {lab.journal.run}",
            operator="evolve",
            message=f"evolve {lab.agent} on {objective.benchmark}: {verdict.reason}",
            evidence=redact_json(
                {
                    "run": lab.journal.run,
                    **verdict.model_dump(mode="json"),
                    **provenance(lab, start),
                }
            ),
            objective=objective.digest,
        )
        changes = dict(found.overlay)
        lab.history.commit(
            branch, changes, reason, expected=live.commit, session=session, origin=OPTIMIZER
        )

    def note_rejection(session: DatabaseSession) -> None:
        lab.history.database.one_at_a_time(session)
        stop.deciding(session)
        rejected = {"run": lab.journal.run, "branch": branch, "objective": objective.digest}
        audit.append(session, "rejection", f"run {lab.journal.run}", {**rejected, **payload})

    also = go_live if verdict.accepted else note_rejection
    with charged_to(lab.agent.name):
        lab.journal.append(DECISION, DECISION, payload, also=also)
    return Promotion(verdict, before, after)


def _moved(agent: ResourceId, start: View, found: View, live: View) -> ResourceId | None:
    """The agent, or what a candidate makes or is newly bound to, if it is not as it was."""
    if live.closure_digest(agent) != start.closure_digest(agent):
        return agent
    used = {*closure(agent, found.record), *found.overlay}
    return next((rid for rid in sorted(used) if live.refs.get(rid) != start.refs.get(rid)), None)


def holdout_looks(journal: Journal, holdout: str) -> int:
    """How many decisions of this store have used this very holdout before."""
    query = select(EventRow.payload).where(EventRow.type == DECISION)
    with journal.database.read() as session:
        return sum(payload.get("holdout") == holdout for payload in session.scalars(query))


def commit_of(history: History, branch: str, run: str) -> str | None:
    """The commit that a run made, if it made one."""
    return next((c.id for c in history.log(branch) if c.evidence.get("run") == run), None)
