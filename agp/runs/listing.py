"""Reading runs back: which there are, one by what a person calls it, and all of its steps.

Only reading: every function is one read transaction, so a run that goes on is never held up, and
sees a run as it was at one moment. What follows from the steps is in `agp.runs.facts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from agp.budget import Spend
from agp.errors import InputError, NotFoundError
from agp.runs.journal import FAILED, FINISHED, REFUSED, RUNNING, STOPPED
from agp.runs.report import ScoreLine, spend_in, wall_in
from agp.store.database import Database
from agp.store.tables import EventRow, RunRow

JsonObject = dict[str, Any]

LATEST = "latest"
"""The newest run that was not refused."""
STATUSES = (RUNNING, STOPPED, FINISHED, FAILED, REFUSED)
_REPORT = "report"
_SHOWN = 6


@dataclass(frozen=True)
class Step:
    """One step of a run, as the journal holds it; ``at`` is ISO 8601 in UTC."""

    key: str
    type: str
    payload: JsonObject
    at: str


@dataclass(frozen=True)
class StoredRun:
    """One run with all its steps in order; ``ended`` is None for one that never said it ended."""

    id: str
    kind: str
    status: str
    config: JsonObject
    begun: str
    ended: str | None
    steps: Sequence[Step] = field(default_factory=tuple[Step, ...])

    def of_type(self, type_: str) -> Iterator[JsonObject]:
        """The payloads of one type of steps, in order."""
        return (step.payload for step in self.steps if step.type == type_)

    def noted(self, type_: str) -> JsonObject:
        """The payload of the first step of a type; empty where there is none."""
        return next(self.of_type(type_), JsonObject())

    @property
    def report(self) -> JsonObject | None:
        """The report of a finished run."""
        return next(self.of_type(_REPORT), None)

    @property
    def benchmark(self) -> str:
        """What the run is scored on."""
        return (self.report or {}).get("benchmark") or str(self.config.get("benchmark", ""))

    @property
    def spend(self) -> Spend:
        """What it spent so far."""
        return _spend(self.report, [step.payload for step in self.steps])


class RunSummary(BaseModel):
    """One run in a line.

    ``before`` and ``after`` are the scores of the agent as it was and of what came out of the
    run: on the holdout for an evolution that got that far, None otherwise.
    """

    id: str
    kind: str
    status: str
    agent: str
    benchmark: str
    optimizer: str
    before: ScoreLine | None
    after: ScoreLine | None
    spend: Spend
    wall_seconds: float
    begun: str
    ended: str | None


def list_summaries(
    database: Database, *, kind: str | None = None, status: str | None = None, limit: int = 20
) -> list[RunSummary]:
    """The newest runs, newest first, as far as they are of a kind and have a status.

    Raises InputError for a status that does not exist.
    """
    if status is not None and status not in STATUSES:
        raise InputError(
            f"No run has the status {status!r}.", hint=f"One of: {', '.join(STATUSES)}"
        )
    query = select(RunRow).order_by(RunRow.created_at.desc()).limit(limit)
    if kind is not None:
        query = query.where(RunRow.kind == kind)
    if status is not None:
        query = query.where(RunRow.status == status)
    with database.read() as session:
        return [_summary(session, row) for row in session.scalars(query)]


def find_run(database: Database, name: str = LATEST) -> str:
    """The id of the run that ``name`` means: an id, a unique beginning of one, or ``latest``.

    Raises InputError where there is no run at all or several begin so, NotFoundError for an
    unknown one.
    """
    query = select(RunRow.id, RunRow.status).order_by(RunRow.created_at.desc())
    with database.read() as session:
        rows = session.execute(query).all()
    if not rows:
        raise InputError("There is no run in this store yet.", hint="Start one: agp evolve")
    ids = [row.id for row in rows]
    if name == LATEST:
        return next((row.id for row in rows if row.status != REFUSED), ids[0])
    if name in ids:
        return name
    fitting = [each for each in ids if name and each.startswith(name)]
    if len(fitting) > 1:
        shown = ", ".join(fitting[:_SHOWN]) + (" …" if len(fitting) > _SHOWN else "")
        raise InputError(f"{len(fitting)} runs begin with {name!r}.", hint=f"Which: {shown}")
    if not fitting:
        raise NotFoundError("run", name, ids)
    return fitting[0]


def read_run(database: Database, name: str = LATEST) -> StoredRun:
    """A run with all its steps; ``name`` is as in `find_run`, which also says what is raised."""
    wanted = find_run(database, name)
    events = select(EventRow).where(EventRow.run == wanted).order_by(EventRow.seq)
    with database.read() as session:
        row = session.get_one(RunRow, wanted)
        steps = [Step(e.key, e.type, e.payload, e.created_at) for e in session.scalars(events)]
        return StoredRun(
            row.id, row.kind, row.status, row.config, row.created_at, row.finished_at, steps
        )


def _summary(session: Session, row: RunRow) -> RunSummary:
    found = select(EventRow.payload).where(EventRow.run == row.id, EventRow.key == _REPORT)
    report = session.scalars(found).first()
    steps: dict[str, JsonObject] = {}
    if report is None:
        events = select(EventRow.key, EventRow.payload).where(EventRow.run == row.id)
        steps = {event.key: event.payload for event in session.execute(events)}
    told = report or {}
    return RunSummary.model_validate(
        {
            "id": row.id,
            "kind": row.kind,
            "status": row.status,
            "agent": told.get("agent") or row.config.get("agent") or "",
            "benchmark": told.get("benchmark") or row.config.get("benchmark", ""),
            "optimizer": row.config.get("optimizer", ""),
            "before": told.get("vanilla"),
            "after": told.get("evolved") or told.get("refined"),
            "spend": _spend(report, list(steps.values())),
            "wall_seconds": told["wall_seconds"] if report else wall_in(steps),
            "begun": row.created_at,
            "ended": row.finished_at,
        }
    )


def _spend(report: JsonObject | None, payloads: Sequence[JsonObject]) -> Spend:
    """By the report where there is one, otherwise by the steps."""
    return Spend.model_validate(report["spend"]) if report else spend_in(payloads)
