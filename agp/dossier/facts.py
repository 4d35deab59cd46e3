"""What a dossier is made of, read from the store; nothing is judged or worded here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from agp.audit import log as audit
from agp.audit.entries import Entry
from agp.audit.keys import vouched_for
from agp.audit.verdict import Verdict
from agp.audit.verify import verify
from agp.rspl.approved import REJECTED
from agp.rspl.commits import Commit
from agp.rspl.dependencies import closure
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.origins import code_of
from agp.rspl.view import View
from agp.store.tables import ApprovalRow, EventRow, OriginRow, RunRow

JsonObject = dict[str, Any]

OVERSIGHT = ("approval", "permission", "denial", "stop", "policy", "budget", "redaction")
"""Kinds of audit entries that say what people decided, or were asked."""


@dataclass(frozen=True)
class Component:
    """One resource of the agent's closure, as it is live."""

    record: Record
    version: str
    origins: list[str]
    """Who wrote its code: person, optimizer, model, import; empty where it has none."""
    approvals: list[ApprovalRow]


@dataclass(frozen=True)
class RunFacts:
    """One run on the agent: how it was set up and what its journal says came of it."""

    row: RunRow
    report: JsonObject
    objective: JsonObject | None
    decision: JsonObject | None
    assessed: int
    kept: int

    @property
    def numbers(self) -> JsonObject:
        """The numbers of its decision; empty where it made none."""
        return self.decision["verdict"]["numbers"] if self.decision else {}


@dataclass(frozen=True)
class Facts:
    """All of it. ``commits`` are those that moved a component, newest first."""

    agent: ResourceId
    view: View
    branch: str
    components: list[Component]
    commits: list[Commit]
    runs: list[RunFacts]
    oversight: list[Entry]
    kinds: Counter[str]
    verdict: Verdict
    at: str


def gather(history: History, agent: str, branch: str) -> Facts:
    """Read what the store knows of an agent. Raises NotFoundError."""
    view = history.view(branch)
    rid = view.find(agent, EntityType.AGENT)
    parts = closure(rid, view.record)
    moved = [c for c in history.log(branch) if any(each.resource in parts for each in c.changes)]
    with history.database.read() as session:
        verdict = verify(audit.rows(session), vouched=vouched_for())
        entries = list(audit.newest(session))
        return Facts(
            agent=rid,
            view=view,
            branch=branch,
            components=[_component(session, history, view.record(each)) for each in parts],
            commits=moved,
            runs=_runs(session, rid),
            oversight=[entry for entry in entries if entry.kind in OVERSIGHT],
            kinds=Counter(entry.kind for entry in entries),
            verdict=verdict,
            at=next((entry.at for entry in entries), ""),
        )


def _component(session: Session, history: History, record: Record) -> Component:
    code = code_of(record)
    written = select(OriginRow.origin).where(OriginRow.code == code).order_by(OriginRow.origin)
    here = or_(ApprovalRow.resource == str(record.id), ApprovalRow.decision == REJECTED)
    given = select(ApprovalRow).where(ApprovalRow.code == code, here).order_by(ApprovalRow.id)
    approvals = list(session.scalars(given))
    session.expunge_all()
    return Component(
        record=record,
        version=history.version_of(record.digest) or "",
        origins=list(session.scalars(written)),
        approvals=approvals,
    )


def _runs(session: Session, agent: ResourceId) -> list[RunFacts]:
    reports = select(RunRow, EventRow.payload).join(EventRow, EventRow.run == RunRow.id)
    found = session.execute(reports.where(EventRow.key == "report").order_by(RunRow.created_at))
    mine = [(row, report) for row, report in found if report.get("agent") == str(agent)]
    facts = [_run(session, row, report) for row, report in mine]
    session.expunge_all()
    return facts


def _run(session: Session, row: RunRow, report: JsonObject) -> RunFacts:
    kinds = ("objective", "decision", "assessment")
    query = select(EventRow.type, EventRow.payload).where(EventRow.run == row.id)
    events: dict[str, list[JsonObject]] = {kind: [] for kind in kinds}
    for kind, payload in session.execute(query.where(EventRow.type.in_(kinds))):
        events[kind].append(payload)
    assessed = events["assessment"]
    return RunFacts(
        row=row,
        report=report,
        objective=next(iter(events["objective"]), None),
        decision=next(iter(events["decision"]), None),
        assessed=len(assessed),
        kept=sum(each["verdict"]["accepted"] for each in assessed),
    )
