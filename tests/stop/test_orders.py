"""Orders in the store: who gave them, whom they stop, and that nothing commits after them."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from sqlalchemy.orm import Session

from agp.audit.log import newest as entries
from agp.errors import Stopped
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.runtime.keeping import keep
from agp.runtime.task_state import StateChange
from agp.stop import check, current, noted, order, watch, watching
from agp.store.database import Database
from agp.store.tables import StopRow, now
from tests.memory.shipped import shipped

MEMORY = ResourceId.parse("memory/semantic")


def registered(database: Database) -> Registry:
    """A registry that holds a memory."""
    registry = Registry(History(database))
    registry.register(shipped("memory/semantic"))
    return registry


def remembering(record: Record, text: str) -> Record:
    """The memory with one more fact."""
    body = record.body()
    state = [*record.params["items"], {"key": "", "text": text}]
    return Record.read({**body, "params": {**record.params, "items": state}})


def test_an_order_is_in_the_store_and_in_the_log(database: Database) -> None:
    assert noted(database) == 0
    made = order(database, "ada", "the judge is broken")
    with database.read() as session:
        assert current(session) == made.id == noted(database)
        entry = next(entries(session, kind="stop"))
    assert (entry.actor, entry.payload) == (
        "ada",
        {"stop": made.id, "reason": "the judge is broken"},
    )


async def test_a_run_ends_with_who_stopped_it_and_why(location: str) -> None:
    database, other = Database(location), Database(location)
    with pytest.raises(Stopped, match="Stopped by ada: enough") as caught:
        async with watching(database):
            order(other, "ada", "enough")
            await asyncio.sleep(30)
    assert (caught.value.author, caught.value.reason) == ("ada", "enough")
    database.close()
    other.close()


async def test_earlier_orders_do_not_count(database: Database) -> None:
    order(database, "ada")
    async with watching(database):
        await asyncio.sleep(3 * watch.INTERVAL_S)
        check()
    since = noted(database)
    order(database, "ada")
    with pytest.raises(Stopped):
        async with watching(database, since):
            await asyncio.sleep(30)


async def test_nothing_commits_after_an_order_that_the_run_has_not_heard_of(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "INTERVAL_S", 3600)
    registry = registered(database)
    head = registry.history.head("main")
    base = registry.get_info(MEMORY)
    async with watching(database):
        kept = keep(registry, [StateChange(base, remembering(base, "one"))], message="first")
        assert len(kept) == 1
        order(database, "ada")
        base = registry.get_info(MEMORY)
        with pytest.raises(Stopped):
            keep(registry, [StateChange(base, remembering(base, "two"))], message="second")
        with pytest.raises(Stopped):
            await asyncio.to_thread(registry.unregister, MEMORY)
    assert next(c.id for c in registry.history.log()) == kept[0].id != head
    registry.unregister(MEMORY)  # a person's own commits are not hindered


async def test_an_order_wins_over_a_commit_that_waits_for_its_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "INTERVAL_S", 3600)
    registry = registered(database)
    head = registry.history.head("main")
    ready = threading.Event()

    def slow_order(session: Session) -> None:
        database.one_at_a_time(session)
        session.add(StopRow(author="ada", reason="", created_at=now()))
        session.flush()
        ready.set()
        time.sleep(0.3)  # the commit asks for its turn meanwhile

    def give() -> None:
        with database.write() as session:
            slow_order(session)

    async with watching(database):
        giving = threading.Thread(target=give)
        giving.start()
        ready.wait(10)
        with pytest.raises(Stopped):
            registry.unregister(MEMORY)
        giving.join()
    assert registry.history.head("main") == head


async def test_a_commit_that_would_change_nothing_is_no_commit(database: Database) -> None:
    registry = registered(database)
    async with watching(database):
        assert registry.update(registry.get_info(MEMORY)) is None
