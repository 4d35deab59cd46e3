"""Every operator of the protocol on every entity type, and the page that says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agp.errors import InputError, NotFoundError
from agp.rspl.discovery import library_root
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.history import History
from agp.rspl.kinds.agent import AgentRunner
from agp.rspl.operators import OPERATORS, page, support
from agp.rspl.registry import Registry
from agp.store.database import Database

SHIPPED = {
    EntityType.PROMPT: "solver",
    EntityType.AGENT: "solver",
    EntityType.TOOL: "calculator",
    EntityType.ENVIRONMENT: "workspace",
    EntityType.MEMORY: "semantic",
}
INPUT: dict[EntityType, dict[str, Any]] = {
    EntityType.PROMPT: {"input": "What is 2 + 2?"},
    EntityType.AGENT: {"input": "What is 2 + 2?"},
    EntityType.TOOL: {"expression": "2 + 2"},
    EntityType.ENVIRONMENT: {"action": "write", "arguments": {"path": "a.txt", "text": "four"}},
    EntityType.MEMORY: {"action": "recall", "arguments": {"query": "four"}},
}
PER_TYPE = pytest.mark.parametrize("type_", list(EntityType))


class EchoRunner(AgentRunner):
    """Answers with the task."""

    async def run(self, agent: ResourceId, task: str, files: Mapping[str, str] | None) -> str:
        return f"{agent}: {task}"


def test_the_page_is_written_from_this_code() -> None:
    written = Path(__file__).parents[2] / "docs" / "operators.md"
    assert written.read_text(encoding="utf-8") == page(), "run: python -m agp.rspl.operators"


def test_every_operator_is_a_method_and_every_cell_is_filled() -> None:
    for operators in OPERATORS.values():
        for operator in operators:
            assert callable(getattr(Registry, operator))
            assert all(support(operator, type_) for type_ in EntityType)


@PER_TYPE
def test_the_whole_life_of_a_resource(
    registry: Registry, type_: EntityType, tmp_path: Path
) -> None:
    shipped = ResourceId(type_, SHIPPED[type_])
    # init registered it; copy it, so that this life is its own
    assert registry.copy(shipped, "mine") is not None
    rid = ResourceId(type_, "mine")
    first = registry.get_info(rid)

    assert type(registry.build(first)) is type(registry.get(rid))
    assert rid in registry.list()
    assert rid in registry.list(type_)
    assert rid in [hit.resource for hit in registry.retrieve("mine", types=[type_])]

    variables = registry.get_variables(rid)
    assert "params/system" in variables or "description" in variables
    changed = "description" if "description" in variables else "params/system"
    assert registry.set_variables(rid, {changed: "Something else."}) is not None
    second = registry.get_info(rid)
    assert second.digest != first.digest
    assert registry.history.versions(rid) == [("1.0.0", first.digest), ("1.0.1", second.digest)]

    assert registry.restore(rid, "1.0.0") is not None
    assert registry.get_info(rid) == first
    assert registry.update(second) is not None
    assert registry.get_info(rid) == second
    with pytest.raises(InputError, match="exists already"):
        registry.register(first)

    registry.context[AgentRunner] = EchoRunner()
    outcome = registry.run(rid, INPUT[type_])
    assert outcome.result is not None
    assert (outcome.commit is not None) == (type_ is EntityType.ENVIRONMENT)
    assert (registry.get_state(rid) is None) == (support("get_state", type_) == "stateless")

    contract = registry.save_contract(tmp_path / "contract.md", [rid])
    assert "mine" in contract.text
    assert registry.load_contract(tmp_path / "contract.md").text == contract.text

    live = registry.get_info(rid)
    registry.save_to_json(tmp_path / "mine.jsonl", [rid])
    assert registry.unregister(rid) is not None
    with pytest.raises(NotFoundError):
        registry.get(rid)
    assert registry.version(rid, "1.0.0") == first  # history stays readable
    registry.load_from_json(tmp_path / "mine.jsonl")
    assert registry.get_info(rid) == live


@PER_TYPE
def test_a_life_survives_a_restart_and_moves_to_another_store(
    history: History, type_: EntityType, tmp_path: Path
) -> None:
    registry = Registry(history)
    registry.init([library_root()])
    rid = ResourceId(type_, SHIPPED[type_])
    path = next(path for path in registry.get_variables(rid) if path in ("description", TEXT))
    registry.set_variables(rid, {path: "Second."})
    registry.restore(rid, "1.0.0")
    registry.save_to_json(tmp_path / "all.jsonl")

    again = Registry(History(history.database))
    assert again.get_info(rid) == registry.get_info(rid)
    other = Registry(History(Database(tmp_path / "other.db")))
    other.load_from_json(tmp_path / "all.jsonl")
    assert other.history.versions(rid) == history.versions(rid)
    assert other.get_info(rid) == registry.get_info(rid)
    other.history.database.close()


TEXT = "params/system"


@PER_TYPE
@pytest.mark.parametrize(
    "given",
    [{}, {"nonsense": 1}, {"action": "fly", "arguments": {}}, {"action": "write"}],
    ids=["empty", "unknown field", "unknown action", "no arguments"],
)
def test_wrong_input_is_refused_in_words(
    registry: Registry, type_: EntityType, given: dict[str, Any]
) -> None:
    registry.context[AgentRunner] = EchoRunner()
    rid = ResourceId(type_, SHIPPED[type_])
    before = registry.history.log()
    with pytest.raises(InputError) as caught:
        registry.run(rid, given)
    assert str(rid) in caught.value.message
    assert registry.history.log() == before


def test_an_agent_needs_a_model(registry: Registry) -> None:
    with pytest.raises(InputError, match="model"):
        registry.run("agent/solver", {"input": "2 + 2?"})


@PER_TYPE
def test_a_missing_resource_is_named_with_what_is_near(
    registry: Registry, type_: EntityType
) -> None:
    address = f"{type_.value}/{SHIPPED[type_]}x"
    for operator in (registry.get, registry.get_info, registry.get_variables, registry.unregister):
        with pytest.raises(NotFoundError, match=SHIPPED[type_]):
            operator(address)
