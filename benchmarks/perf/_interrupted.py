"""What happens in the processes that crash.py forks: judging a store, writing to it, dying.

A process says what happens to whoever forked it, one JSON object a line, at once: what it has
said before it was killed is what counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _common import faults
from _operations import OPERATIONS, Work, check_promises, prepare
from sqlalchemy import Engine, event, func, select
from sqlalchemy.pool import Pool

from agp.errors import StoreError
from agp.rspl.history import History
from agp.store.database import Database
from agp.store.tables import AuditRow, Base

CREATE = "create a store"
Say = Callable[[dict[str, Any]], None]


@dataclass
class Life:
    """One store, what was promised of it, and how it was before it was last written to."""

    location: str
    stack: ExitStack
    fresh: str = ""
    runs: int = 0
    last: str = "register"
    broken: bool = False
    promises: list[list[Any]] = field(default_factory=list[list[Any]])
    before: dict[str, Any] | None = None


def child(work: Callable[[Say, int], None], writing: int, waiting: int) -> None:
    """The life of a forked process; it does not return."""

    def say(said: dict[str, Any]) -> None:
        os.write(writing, (json.dumps(said) + "\n").encode())

    try:
        work(say, waiting)
    except BaseException:
        say({"fault": traceback.format_exc()[-2500:]})
    os._exit(0)


def open_store(life: Life, inside: Path, number: int, say: Say) -> Work:
    """The store, ready to work on; all that is done there is promised."""
    return Work(life.location, number, life.fresh, inside, lambda *fact: say({"promise": fact}))


def set_up(life: Life, inside: Path, say: Say) -> None:
    """What a new store holds before anything is interrupted."""
    work = open_store(life, inside, 0, say)
    prepare(work)
    work.database.close()


def act(life: Life, inside: Path, how: str, run: tuple[str, int, int], say: Say, go: int) -> None:
    """Judge the store, then do an operation and be interrupted.

    Parameters: ``how`` as in crash.py; ``run`` the operation, the number of this process, and the
    step it is interrupted at (0: none); ``go`` is readable once the process is traced.
    """
    name, number, deadly = run
    work = open_store(life, inside, number, say)
    judge(work, life, say)
    operation = OPERATIONS[name](work)
    next(operation)
    before = state(work.database)
    say({"before": {"operation": name, **before}})
    interrupt = kill if how == "kill" else end_connection
    steps = Steps(0 if how == "strace" else deadly, interrupt)
    if how == "strace":
        say({"ready": True})
        os.read(go, 1)
    steps.armed = True
    try:
        next(operation, None)
    except StoreError as error:
        steps.armed = False
        if not steps.interrupted:
            raise
        say({"interrupted": str(error)})
        compare(work, {"operation": name, **before}, say)
        say({"before": None})
        work.change()  # the very process goes on
        return
    if how == "strace":
        work.database.close()  # copies the write-ahead log into the database, and removes it
    steps.armed = False
    if steps.interrupted:
        say({"interrupted": "after all was done"})
    say({"whole": state(work.database)["entries"] - before["entries"], "steps": steps.count})


def finish(life: Life, inside: Path, number: int, say: Say) -> None:
    """Judge the store for the last time, and write once more."""
    work = open_store(life, inside, number, say)
    judge(work, life, say)
    work.change()


def judge(work: Work, life: Life, say: Say) -> None:
    """Say what is wrong with the store as it was found."""
    with work.database.write() as session:
        work.database.one_at_a_time(session)  # PostgreSQL may still be rolling back
    for fault in [*faults(work.database), *check_promises(work, life.promises)]:
        say({"fault": fault, "of": life.last})
    if life.before is not None:
        compare(work, life.before, say)
        if life.before["operation"] == CREATE:
            judge_new(life, say)


def compare(work: Work, before: dict[str, Any], say: Say) -> None:
    """The interrupted operation is there as a whole, or not at all."""
    now = state(work.database)
    entries = now["entries"] - before["entries"]
    if not entries and now["digest"] != before["digest"]:
        of = before["operation"]
        say({"fault": "it was interrupted, and has left something behind", "of": of})
    say({"left": [before["operation"], entries]})


def judge_new(life: Life, say: Say) -> None:
    """A store whose making was interrupted can be made again."""
    database = Database(life.fresh)
    History(database).keep([])
    for fault in faults(database):
        say({"fault": f"the new store: {fault}", "of": CREATE})
    database.close()


def state(database: Database) -> dict[str, Any]:
    """All rows of all tables as one digest, and the number of audit entries."""
    content = hashlib.sha256()
    with database.read() as session:
        for each in Base.metadata.sorted_tables:
            rows = session.execute(select(each).order_by(*each.primary_key.columns))
            content.update(f"{each.name}{rows.all()}".encode())
        entries = session.scalar(select(func.count()).select_from(AuditRow))
    return {"digest": content.hexdigest(), "entries": entries}


class Steps:
    """Counts steps while ``armed``, and interrupts at one of them (0: at none)."""

    def __init__(self, deadly: int, interrupt: Callable[[Any], None]) -> None:
        self.armed = self.interrupted = False
        self.count = 0
        self.deadly, self.interrupt = deadly, interrupt
        for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(Engine, name, self.step)
        event.listen(Pool, "checkin", self.step)

    def step(self, at: Any, *_: object) -> None:
        """One more step."""
        self.count += self.armed
        if self.armed and self.count == self.deadly:
            self.interrupted = True
            self.interrupt(at)


def kill(_: Any) -> None:
    """Nothing tidies up after this."""
    os.kill(os.getpid(), signal.SIGKILL)


def end_connection(at: Any) -> None:
    """Let the server end a connection, as an administrator or a restart does."""
    import psycopg

    connection = getattr(at, "connection", at)  # a checked-in one comes as it is
    driver = getattr(connection, "dbapi_connection", connection)
    victim = driver.info
    with psycopg.connect(victim.dsn, password=victim.password, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [victim.backend_pid])
