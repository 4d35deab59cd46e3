"""Memories and environments that no person wrote: read, and run in the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agp.errors import ResourceError
from agp.rspl import trusted
from agp.rspl.confined.stateful import ConfinedState
from agp.rspl.discovery import discover, library_root
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.memory import MemoryKind
from agp.rspl.registry import Registry
from agp.runtime.task_state import TaskState
from tests.support.untrusted import agent, memory, unique

IT = ResourceId(EntityType.MEMORY, "it")
COUNTER = '''
from agp.rspl.kinds.actions import Changed

class Memory:
    content = "count"

    def __init__(self, count=0, bound=5):
        if count > bound:
            raise ValueError(f"more than {bound}")
        self.count, self.bound = count, bound

    def add(self, by: int = 1) -> Changed:
        """Add."""
        return Changed(f"{self.count} + {by}", {"count": self.count + by, "bound": self.bound})

    async def peek(self) -> int:
        """Look."""
        self.count += 100
        return self.count
'''
ACTIONS: dict[str, dict[str, Any]] = {"add": {"by": {"type": "integer"}}, "peek": {}}


def counter(**params: Any) -> Record:
    return memory(COUNTER, {"count": 0, **params}, ACTIONS)


def test_an_action_has_types_and_a_policy_needs_none() -> None:
    untyped = COUNTER.replace("by: int = 1", "by=1")
    with pytest.raises(ResourceError) as raised:
        MemoryKind().validate(memory(untyped, {"count": 0}, ACTIONS))
    assert "memory/it add, line 12: the parameter 'by' has no type" in raised.value.message
    policy = 'class Policy:\n    async def run(self, run):\n        """Answer."""\n'
    KINDS[EntityType.AGENT].validate(agent(policy))


def test_its_changes_are_versions_and_leave_no_other_trace(history: History) -> None:
    registry = Registry(history)
    registry.register(counter(), origin="optimizer")
    added = registry.run(IT, {"action": "add", "arguments": {"by": 3}})
    assert added.result == "0 + 3"
    assert added.commit is not None
    assert registry.run(IT, {"action": "peek"}).result == 103
    assert registry.run(IT, {"action": "peek"}).result == 103
    assert registry.get_state(IT) == 3
    assert isinstance(registry.get(IT), ConfinedState)


async def test_new_parameters_must_make_an_object_and_wrong_input_is_told() -> None:
    record, kind = counter(), MemoryKind()
    for given, told in (
        ({"action": "add", "arguments": {"by": 9}}, "more than 5"),
        ({"action": "add", "arguments": {"by": "1"}}, "'1' is not of type 'integer'"),
        ({"action": "add", "arguments": {"to": 1}}, "there is no argument 'to'"),
        ({"action": "lose"}, "the actions are: add, peek"),
    ):
        with pytest.raises(ValueError, match=told):
            await kind.run(record, None, given, {})


async def test_a_task_sees_its_own_changes() -> None:
    record = counter()
    held = TaskState().held(_View(record), IT)  # type: ignore[arg-type]
    await held.run({"action": "add", "arguments": {"by": 2}}, {})
    assert await held.run({"action": "peek"}, {}) == 102


class _View:
    def __init__(self, record: Record) -> None:
        self._record = record

    def record(self, _: ResourceId) -> Record:
        return self._record


def test_two_changes_are_merged_without_running_it_here() -> None:
    base, kind = counter(), MemoryKind()
    mine, theirs = (Record.model_validate({**base.body(), "params": {"count": n}}) for n in (2, 1))
    merged = kind.merge_state(base, mine, theirs)
    assert merged.params == {"count": 3}
    too_much = Record.model_validate({**base.body(), "params": {"count": 9}})
    with pytest.raises(ResourceError, match="more than 5"):
        kind.merge_state(base, too_much, theirs)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (COUNTER.replace('"""Look."""', "pass"), "differ in the actions peek"),
        (COUNTER.replace("by: int = 1", "to: int = 1"), "differ in the parameters by, to"),
        (COUNTER.replace("count=0, bound=5", "bound=5"), "takes no 'count'"),
        ("def Memory(): pass", "which is no class"),
        ("class Memory", "line 1"),
    ],
)
def test_what_does_not_fit_is_refused_unrun(code: str, told: str) -> None:
    with pytest.raises(ResourceError) as raised:
        MemoryKind().validate(memory(code, {"count": 0}, ACTIONS))
    assert told in raised.value.message


@pytest.mark.parametrize("name", ["episodic", "procedural", "semantic"])
async def test_an_evolved_shipped_memory_works_confined(name: str) -> None:
    shipped = discover([library_root()])[ResourceId(EntityType.MEMORY, name)]
    body = shipped.body()
    body["implementation"]["files"]["memory.py"] = unique(
        body["implementation"]["files"]["memory.py"]
    )
    evolved, kind = Record.model_validate(body), MemoryKind()
    kind.validate(evolved)
    action = next(each for each in kind.actions(evolved) if each.name == "remember")
    words: dict[str, Any] = {"task": "t", "outcome": "o", "text": "t", "name": "n", "when": ""}
    words |= {"steps": ["s"]} | ({"when": "w"} if name == "procedural" else {})
    arguments = {key: words[key] for key in action.parameters["required"]}
    given = {"action": "remember", "arguments": arguments}
    here = await kind.run(shipped, None, given, {})
    there = await kind.run(evolved, None, given, {})
    assert there.record is not None
    assert here.record is not None
    assert (there.result, there.record.params) == (here.result, here.record.params)
    assert kind.state(there.record) == kind.state(here.record)
    again = kind.merge_state(evolved, there.record, evolved)
    assert again.params == here.record.params


def test_a_folder_the_store_distrusts_is_described_from_its_text(
    history: History, tmp_path: Path
) -> None:
    shipped = (library_root() / "memory" / "semantic" / "memory.py").read_text()
    mark = tmp_path / "mark"
    code = unique(f"{shipped}\nopen({str(mark)!r}, 'w').close()\n")
    folder = tmp_path / "memory" / "mine"
    folder.mkdir(parents=True)
    (folder / "memory.py").write_text(code)
    (folder / "MEMORY.md").write_text("---\ndescription: Mine.\n---\n")
    body = discover([library_root()])[ResourceId(EntityType.MEMORY, "semantic")].body()
    body["implementation"]["files"] = {"memory.py": code}
    history.keep([Record.model_validate(body)], origin="model")
    registry = Registry(History(history.database))
    registry.init([tmp_path])
    mine = registry.get_info("memory/mine")
    assert not mark.exists()
    assert {each.name for each in KINDS[mine.type].actions(mine)} == {
        "remember",
        "recall",
        "forget",
    }
    assert mine.input_schema == body["input_schema"]
    assert not trusted.is_trusted(mine.implementation.digest)
