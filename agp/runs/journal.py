"""The journal of a run: every finished step once, in order; resuming replays it.

Contract: `step` returns what a step gave the first time it finished, and does nothing else then;
so a run that is deterministic between its steps comes out the same however often it was
interrupted. Appending costs O(1). A step may write to the store in the same transaction. What was
appended survives kill -9; a power failure may take the newest steps that can be done again, never
one that came with a commit.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from agp.audit import log as audit
from agp.errors import InputError, NotFoundError
from agp.secrets import redact_json, refuse
from agp.stop import current, noted
from agp.store.database import Database
from agp.store.tables import EventRow, RunRow, now, table

JsonObject = dict[str, Any]
Write = Callable[[Session], None]
Together = Callable[[Session, Sequence[JsonObject]], None]
"""Writes more about steps of one type, given their payloads."""

RUNNING, STOPPED = "running", "stopped"
FINISHED, REFUSED, FAILED = "finished", "refused", "failed"
PLAN = "plan"
_FREE = ("start", "objective", PLAN, "session/")
_APPEND = insert(table(EventRow))


class _Step(NamedTuple):
    key: str
    type: str
    payload: JsonObject
    also: Write | None


class Journal:
    """One run's journal; create it with `start` or `reopen`."""

    def __init__(self, database: Database, run: str, kind: str, config: JsonObject) -> None:
        self.database = database
        self.run = run
        self.kind = kind
        self.config = config
        self.stops = 0
        """The newest order to stop when the run began, or was opened again."""
        self._done: dict[str, JsonObject] = {}
        self._seq = 0
        self._riders: list[Write] = []
        self._for_each: dict[str, Together] = {}
        self._waiting: list[_Step] = []
        self._flushing: asyncio.Task[None] | None = None

    def along(self, write: Write) -> None:
        """Have ``write`` called inside the transaction of every step that is appended."""
        self._riders.append(write)

    def with_each(self, type_: str, write: Together) -> None:
        """Have ``write`` called with the steps of a type, in the transaction that appends them."""
        self._for_each[type_] = write

    @classmethod
    def start(cls, database: Database, kind: str, config: JsonObject) -> Journal:
        """Begin a new run. Raises SecretError where its configuration holds a secret."""
        refuse(config, "The configuration of the run")  # a resumed run needs it as it is
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        run = f"{kind}-{stamp}-{secrets.token_hex(2)}"
        row = RunRow(
            id=run, kind=kind, config=config, status=RUNNING, created_at=now(), finished_at=None
        )
        journal = cls(database, run, kind, config)
        with database.write() as session:
            session.add(row)
            journal.stops = current(session)
            journal._audit(session, "run_started", {"kind": kind, "config": config})
        return journal

    @classmethod
    def reopen(cls, database: Database, run: str | None = None) -> Journal:
        """Open a run again: by id, or the newest that was not refused.

        Raises NotFoundError, InputError where there is none.
        """
        stops = noted(database)
        with database.read() as session:
            accepted = select(RunRow.id).where(RunRow.status != REFUSED, RunRow.kind != "rollout")
            ids = list(session.scalars(accepted.order_by(RunRow.created_at.desc())))
            if run is None and not ids:
                raise InputError("There is no run to resume.", hint="Start one: agp evolve")
            wanted = run or ids[0]
            row = session.get(RunRow, wanted)
            if row is None:
                raise NotFoundError("run", wanted, ids)
            journal = cls(database, row.id, row.kind, row.config)
            journal.stops = stops
            events = select(EventRow).where(EventRow.run == row.id).order_by(EventRow.seq)
            for event in session.scalars(events):
                journal._done[event.key] = event.payload
                journal._seq = event.seq
        return journal

    def done(self, key: str) -> JsonObject | None:
        """What a step gave, None if it has not finished."""
        return self._done.get(key)

    @property
    def steps(self) -> dict[str, JsonObject]:
        """All finished steps in order: key → payload."""
        return dict(self._done)

    async def step(
        self, key: str, type_: str, compute: Callable[[], Awaitable[JsonObject]]
    ) -> JsonObject:
        """The payload of step ``key``: from the journal, or computed now and appended."""
        found = self._done.get(key)
        return found if found is not None else self.append(key, type_, await compute())

    def append(
        self,
        key: str,
        type_: str,
        payload: JsonObject,
        also: Write | None = None,
        *,
        again: bool = False,
    ) -> JsonObject:
        """Append a finished step; ``also`` writes more in the same transaction.

        Parameters: ``again`` says that what ``also`` writes can be done again: like a step without
        it, it then outlives this process but is not waited for until it is on the disk. Returns the
        payload as a resumed run will see it: without secrets.
        """
        payload = redact_json(payload)
        self._write([_Step(key, type_, payload, also)], relaxed=also is None or again)
        return payload

    async def finish(self, key: str, type_: str, payload: JsonObject) -> JsonObject:
        """Append a finished step together with others that finish at the same time.

        Returns the payload as a resumed run will see it, when it outlives this process: steps of
        concurrent tasks share one transaction.
        """
        payload = redact_json(payload)
        self._waiting.append(_Step(key, type_, payload, None))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        await asyncio.shield(self._flushing)
        return payload

    async def _flush(self) -> None:
        await asyncio.sleep(0)  # the tasks that are ready now may join
        waiting, self._waiting, self._flushing = self._waiting, [], None
        self._write(waiting, relaxed=True)

    def _write(self, steps: list[_Step], *, relaxed: bool) -> None:
        moment = now()
        rows = [
            {
                "run": self.run,
                "seq": self._seq + number,
                "key": step.key,
                "type": step.type,
                "payload": step.payload,
                "created_at": moment,
            }
            for number, step in enumerate(steps, start=1)
        ]
        with self.database.write(relaxed=relaxed) as session:
            # Not by the ORM: it would look at every row.
            session.connection().execute(_APPEND, rows)
            for write in (*self._riders, *(step.also for step in steps if step.also)):
                write(session)
            for type_, together in self._for_each.items():
                if payloads := [step.payload for step in steps if step.type == type_]:
                    together(session, payloads)
        self._seq += len(steps)
        self._done.update((step.key, step.payload) for step in steps)

    @property
    def begun(self) -> bool:
        """Whether anything was done that costs: not only preparations."""
        return any(not key.startswith(_FREE) for key in self._done)

    def close(self, status: str) -> None:
        """Note how the run ended.

        ``stopped`` (it can be resumed), ``failed`` (resuming would not help), or ``refused`` (its
        input was wrong and nothing was done).
        """
        with self.database.write() as session:
            self._set_status(session, status)

    def finished(self, session: Session) -> None:
        """Note that the run finished, in the transaction that appends its report."""
        self._set_status(session, FINISHED)

    def amend(self, **changes: Any) -> None:
        """Change settings of the run for good (its budget)."""
        refuse(changes, "The configuration of the run")
        self.config = {**self.config, **changes}
        with self.database.write() as session:
            session.get_one(RunRow, self.run).config = self.config
            self._audit(session, "run_amended", changes)

    def _set_status(self, session: Session, status: str) -> None:
        row = session.get_one(RunRow, self.run)
        row.status = status
        row.finished_at = now()
        session.flush()
        self._audit(session, "run_ended", {"status": status})

    def _audit(self, session: Session, kind: str, facts: JsonObject) -> None:
        self.database.one_at_a_time(session)
        audit.append(session, kind, f"run {self.run}", {"run": self.run, **facts})


def list_runs(database: Database, limit: int = 50) -> list[RunRow]:
    """The newest runs, newest first."""
    with database.read() as session:
        query = select(RunRow).order_by(RunRow.created_at.desc()).limit(limit)
        rows = session.scalars(query).all()
        session.expunge_all()
        return list(rows)
