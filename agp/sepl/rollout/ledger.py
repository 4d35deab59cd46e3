"""Rollouts in the store: a run of kind ``rollout``, and events that only append.

Several processes may serve and record at once: numbers are given under the store's one-writer
lock, and what a rollout is follows from its events alone.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from agp.audit import log as audit
from agp.errors import NotFoundError
from agp.runs.journal import FINISHED, RUNNING
from agp.sepl.rollout.types import Outcome, Rollout, Stage
from agp.store.database import Database
from agp.store.tables import EventRow, RunRow, now

KIND = "rollout"


def begin(session: Session, rollout: Rollout, author: str) -> None:
    """Write a new rollout."""
    row = RunRow(
        id=rollout.id,
        kind=KIND,
        config=rollout.settings(),
        status=RUNNING,
        created_at=now(),
        finished_at=None,
    )
    session.add(row)
    session.flush()
    audit.append(session, KIND, author, {"run": rollout.id, "step": "start", **rollout.settings()})


def new_id() -> str:
    """An id like that of any run."""
    return f"{KIND}-{datetime.now(UTC).strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def append(session: Session, run: str, type_: str, payloads: list[dict[str, Any]]) -> None:
    """Append events, in the caller's transaction that holds the one-writer lock."""
    last = session.scalar(select(func.max(EventRow.seq)).where(EventRow.run == run)) or 0
    rows = [
        {
            "run": run,
            "seq": seq,
            "key": f"{type_}/{seq}",
            "type": type_,
            "payload": payload,
            "created_at": now(),
        }
        for seq, payload in enumerate(payloads, start=last + 1)
    ]
    if rows:
        session.execute(insert(EventRow), rows)


def step(session: Session, run: str, author: str, payload: dict[str, Any]) -> None:
    """A move to another stage, or the end: an event, and an entry in the audit log."""
    append(session, run, "step", [payload])
    if payload.get("ended"):
        row = session.get_one(RunRow, run)
        row.status, row.finished_at = FINISHED, now()
    audit.append(session, KIND, author, {"run": run, **payload})


def read(session: Session, run: str) -> Rollout:
    """A rollout as its events make it. Raises NotFoundError."""
    row = session.get(RunRow, run)
    if row is None or row.kind != KIND:
        known = session.scalars(select(RunRow.id).where(RunRow.kind == KIND)).all()
        raise NotFoundError("rollout", run, known)
    rollout = Rollout.model_validate({"id": run, **row.config})
    events = select(EventRow.type, EventRow.payload).where(EventRow.run == run)
    for type_, payload in session.execute(events.order_by(EventRow.seq)):
        if type_ == "outcome":
            rollout.outcomes.append(Outcome.model_validate(payload))
        elif type_ == "served":
            rollout.served[payload["task"]] = payload["lanes"]
        elif type_ == "step":
            rollout.stage = Stage(payload.get("stage", rollout.stage))
            rollout.commit = payload.get("commit", rollout.commit)
            rollout.ended, rollout.why = payload.get("ended", ""), payload.get("why", "")
    return rollout


def runs(database: Database, *, running: bool = False) -> list[str]:
    """The ids of rollouts, newest first; only those that go on."""
    query = select(RunRow.id).where(RunRow.kind == KIND).order_by(RunRow.created_at.desc())
    if running:
        query = query.where(RunRow.status == RUNNING)
    with database.read() as session:
        return list(session.scalars(query))
