"""Promotion: the one door from a search to the live branch.

The candidate and the incumbent meet on holdout samples that the search never saw. The decision,
its entry in the audit log and, if it is yes, the commit are written in one transaction: a commit
without its evidence, or a decision that was not carried out, cannot exist.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session as DatabaseSession

from agp import stop
from agp.audit import log as audit
from agp.budget import charged_to
from agp.errors import ConflictError
from agp.evaluation.results import SampleResult
from agp.rspl.commits import Reason
from agp.rspl.dependencies import closure
from agp.rspl.entities import ResourceId
from agp.rspl.history import History
from agp.rspl.origins import OPTIMIZER
from agp.rspl.view import View
from agp.secrets import redact_json
from agp.sepl.gate import Policy, Verdict
from agp.sepl.holdout import DECISION, level_numbers, opened
from agp.sepl.lab import Lab
from agp.sepl.looks import Looks
from agp.sepl.objective import Objective
from agp.sepl.provenance import provenance
from agp.sepl.twins import recognised
from agp.sepl.verify import verify


@dataclass(frozen=True)
class Promotion:
    """The decision, and the holdout results it rests on: one a sample, the mean of its epochs."""

    verdict: Verdict
    before: list[SampleResult]
    after: list[SampleResult]


async def promote(
    lab: Lab, start: View, found: View, objective: Objective, policy: Policy, branch: str
) -> Promotion:
    """Decide whether the records ``found`` changed go live on ``branch``, and do it.

    When the agent itself was changed on the branch meanwhile, or the policy or the person it asks
    does not permit the change, the answer is no.
    """
    if lab.journal.done(DECISION) is None:
        verify(objective, lab.evaluator.benchmark, lab.splits, policy)
    level = opened(lab.journal, lab.splits.holdout, policy)
    looks = await _looked(lab, start, found, policy.model_copy(update={"alpha": level.alpha}))
    before, after = looks.results
    if (done := lab.journal.done(DECISION)) is not None:
        return Promotion(Verdict.model_validate(done["verdict"]), before, after)
    verify(objective, lab.evaluator.benchmark, lab.splits, policy)
    verdict = looks.verdict
    verdict.numbers |= level_numbers(level, policy)
    if verdict.accepted:
        operator = f"run {lab.journal.run}"
        refusal = await recognised(lab, start, found, before, after)
        refusal = refusal or await lab.envelope.refusal(operator, start, found)
        if refusal:
            verdict.accepted, verdict.reason = False, f"{refusal} ({verdict.reason})"
    while True:
        try:
            verdict = _decide(lab, start, found, objective, verdict, branch)
            return Promotion(verdict, before, after)
        except ConflictError:  # the branch moved at this very moment: look anew
            continue


def _decide(
    lab: Lab, start: View, found: View, objective: Objective, verdict: Verdict, branch: str
) -> Verdict:
    """Write the decision, and the commit if it is yes. Raises ConflictError, nothing written."""
    verdict = verdict.model_copy()
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
    return verdict


def _moved(agent: ResourceId, start: View, found: View, live: View) -> ResourceId | None:
    """The agent, or what a candidate makes or is newly bound to, if it is not as it was."""
    if live.closure_digest(agent) != start.closure_digest(agent):
        return agent
    used = {*closure(agent, found.record), *found.overlay}
    return next((rid for rid in sorted(used) if live.refs.get(rid) != start.refs.get(rid)), None)


async def _looked(lab: Lab, start: View, found: View, policy: Policy) -> Looks:
    """Run incumbent and candidate on the holdout until it is decided."""
    holdout = lab.splits.holdout
    looks = Looks(policy, len(holdout), seed=lab.seed)
    while (look := looks.next()) is not None:
        samples = holdout[look.start : look.stop]
        which = "" if look.number == 1 and len(samples) == len(holdout) else f", look {look.number}"
        before = await lab.run(start, samples, f"holdout, vanilla{which}", repetition=look.epoch)
        after = await lab.run(found, samples, f"holdout, evolved{which}", repetition=look.epoch)
        looks.see(after, before)
    return looks


def commit_of(history: History, branch: str, run: str) -> str | None:
    """The commit that a run made, if it made one."""
    return next((c.id for c in history.log(branch) if c.evidence.get("run") == run), None)
