"""Schemas down and up again: what is derived comes back as it was."""

from __future__ import annotations

from sqlalchemy import insert, select, text

from agp.rspl.entities import EntityType, Record
from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.rspl.upkeep.fsck import check
from agp.store.database import Database
from agp.store.migrate import downgrade
from agp.store.tables import ObjectRow, UseRow
from tests.rspl.helpers import BINDINGS, prompt, record


def _agent(name: str, **params: object) -> Record:
    made = record(EntityType.AGENT, "an agent", name=name)
    return made.model_copy(update={"params": {**BINDINGS, **params}})


def _uses(database: Database) -> set[tuple[str, str, str]]:
    with database.read() as session:
        rows = session.execute(select(UseRow.digest, UseRow.type, UseRow.name))
        return {(digest, type_, name) for digest, type_, name in rows}


def test_the_dependency_graph_comes_back(database: Database, location: str) -> None:
    registry = Registry(History(database))
    registry.register(prompt())
    registry.register(record(EntityType.TOOL, "a tool"))
    registry.register(_agent("under", tools=["it"]))
    registry.register(_agent("over", agents=["under"]))
    before = _uses(database)
    assert len(before) == 4
    downgrade(database.engine, "0001")
    database.close()
    again = Database(location)
    assert _uses(again) == before
    assert check(again) == []
    again.close()


def test_bodies_that_are_no_agents_do_not_stop_a_migration(
    database: Database, location: str
) -> None:
    """They are left for `agp fsck` to name."""
    downgrade(database.engine, "0001")
    row = {"type": "agent", "name": "odd", "created_at": "now"}
    odd = ['{"params": {}}', '{"params": {"tools": null, "memory": [1]}}']
    odd += ["{}", "[]", '{"params": []}', '{"params": {"tools": 5}}']
    with database.engine.begin() as connection:
        connection.execution_options(agp_write=True)
        for number, body in enumerate(odd):
            connection.execute(insert(ObjectRow), {**row, "digest": str(number), "body": body})
    database.close()
    again = Database(location)
    with again.read() as session:
        assert session.execute(text("SELECT count(*) FROM objects")).scalar_one() == len(odd)
    assert {each.part for each in check(again)} == {"objects"}
    again.close()
