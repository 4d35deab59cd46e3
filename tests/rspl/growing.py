"""Histories that grow at random: commits on branches, candidates, names, lock files, journals."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import event

from agp.errors import AgpError
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import MAIN, History
from agp.rspl.lock import write_lock
from agp.rspl.registry import Registry
from agp.runs.journal import Journal
from agp.store.database import Database

from .helpers import prompt, record

Step = tuple[str, EntityType, str]

OPERATIONS = (
    *("update", "update", "update", "restore", "rollback", "unregister", "branch"),
    *("candidate", "mentioned", "alias", "tag", "lock"),
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
STEPS = st.lists(
    st.tuples(st.sampled_from(OPERATIONS), st.sampled_from(list(EntityType)), TEXTS), max_size=14
)


@contextmanager
def fresh() -> Iterator[History]:
    """An empty store in a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.db"
        store.write_bytes(_empty_store())
        database = Database(store)
        event.listen(database.engine, "connect", _do_not_wait_for_the_disk)
        database.engine.dispose()
        yield History(database)
        database.close()


def _do_not_wait_for_the_disk(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


@lru_cache
def _empty_store() -> bytes:
    """A store without anything in it: making one takes longer than most of what is done to it."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "store.db")
        database.close()
        return (Path(folder) / "store.db").read_bytes()


def grow(history: History, steps: Sequence[Step]) -> set[str]:
    """Carry out steps, as far as they are allowed; the digests of candidates nobody mentions."""
    registry, loose = Registry(history), set[str]()
    registry.register(prompt())
    for number, (operation, type_, text) in enumerate(steps):
        with suppress(AgpError):  # a step that is refused changes nothing
            loose |= _step(history, registry, number, operation, record(type_, text))
    with history.database.read():
        named = {found for rid in _known(history) for _, found in history.versions(rid)}
    return loose - named - _pinned(history)


def _step(
    history: History, registry: Registry, number: int, operation: str, new: Record
) -> set[str]:
    rid = new.id
    if operation == "update":
        registry.update(new) if rid in registry.view() else registry.register(new)
    elif operation == "restore":
        registry.restore(rid, "1.0.0")
    elif operation == "rollback":
        registry.rollback(history.log(registry.branch)[0].id)
    elif operation == "unregister":
        registry.unregister(rid)
    elif operation == "branch":
        history.create_branch(f"branch-{number}", at=str(history.view(registry.branch).commit))
        registry.branch = f"branch-{number}"
    elif operation == "candidate":
        history.keep([new])
        return {new.digest}
    elif operation == "mentioned":
        history.keep([new])
        journal = Journal.start(history.database, "evolve", {"start": new.digest})
        journal.append("one", "note", {"changes": {str(rid): [None, new.digest]}})
    elif operation == "alias":
        newest = history.resolve(rid, "1.0.0")
        history.names.move_alias(rid, f"a{number}", newest, author="me")
    elif operation == "tag":
        head = str(history.view(MAIN).commit)
        history.names.create_tag(f"t{number}", head, author="me")
    elif operation == "lock":
        with tempfile.TemporaryDirectory() as folder:
            candidate = history.view(MAIN).with_overlay([new])
            write_lock(candidate, Path(folder) / "lock.json", history)
    return set()


def _known(history: History) -> set[ResourceId]:
    commits = [c for branch in history.branches() for c in history.log(branch)]
    return {change.resource for commit in commits for change in commit.changes}


def _pinned(history: History) -> set[str]:
    from sqlalchemy import select

    from agp.store.tables import PinRow, RunRow

    with history.database.read() as session:
        mentioned = {config["start"] for config in session.scalars(select(RunRow.config))}
        return mentioned | set(session.scalars(select(PinRow.digest)))
