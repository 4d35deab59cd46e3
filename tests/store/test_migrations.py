"""Schemas down and up again: what is derived comes back as it was."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert, select, text

from agp.rspl.bundle import import_bundle
from agp.rspl.entities import EntityType, Implementation, Record
from agp.rspl.history import History
from agp.rspl.origins import code_of
from agp.rspl.registry import Registry
from agp.rspl.upkeep.fsck import check
from agp.store.database import Database
from agp.store.migrate import downgrade
from agp.store.tables import ObjectRow, OriginRow, UseRow
from tests.rspl.helpers import BINDINGS, prompt, record
from tests.support.untrusted import tool


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


def test_who_wrote_code_is_noted_from_the_history(
    database: Database, location: str, tmp_path: Path
) -> None:
    """A person, but for what an import brought first: live, as a branch, or only by name."""
    mine, theirs, old, taken = (tool("def it(x: str):\n    return x\n") for _ in range(4))
    command = Implementation(kind="mcp", entry="stdio")
    server = Record(
        type=EntityType.TOOL,
        name="server",
        implementation=command,
        input_schema={"oneOf": []},
        params={"command": "x", "timeout_s": 1.5, "env": {"ä": "ü"}},
    )
    other = Registry(History(Database(tmp_path / "other.db")))
    other.register(old.model_copy(update={"name": "theirs"}))
    other.update(theirs.model_copy(update={"name": "theirs"}))
    other.save_to_json(tmp_path / "bundle")
    branch = Registry(History(Database(tmp_path / "branch.db")))
    branch.register(taken.model_copy(update={"name": "taken"}))
    branch.save_to_json(tmp_path / "taken")
    registry = Registry(History(database))
    registry.register(mine)
    registry.register(mine.model_copy(update={"name": "twin"}))
    registry.register(server)
    registry.load_from_json(tmp_path / "bundle")
    import_bundle(registry.history, tmp_path / "taken", as_branch="taken")
    before = _noted(database)
    assert before == {
        **{code_of(each): "person" for each in (mine, server)},
        **{code_of(each): "import" for each in (theirs, old, taken)},
    }
    downgrade(database.engine, "0002")
    database.close()
    again = Database(location)
    assert _noted(again) == before
    assert check(again) == []
    again.close()


def _noted(database: Database) -> dict[str | None, str]:
    with database.read() as session:
        return {row.code: row.origin for row in session.scalars(select(OriginRow))}
