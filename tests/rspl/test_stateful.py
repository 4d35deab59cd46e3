"""What a class with actions on state is as a resource: described, run, changed, merged."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agp.errors import InputError, ResourceError
from agp.rspl.discovery import discover
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.actions import Action
from agp.rspl.kinds.base import Folder
from agp.rspl.kinds.prompt import Prompt
from agp.rspl.kinds.stateful import Held, StatefulKind, with_params
from agp.rspl.registry import Registry
from tests.memory.shipped import Acting, shipped
from tests.rspl.helpers import BINDINGS, trust
from tests.rspl.helpers import record as plain

COUNTER = '''
import asyncio
from agp.rspl.kinds.actions import Changed

class Base:
    def peek(self) -> int:
        """Say the count."""
        return self.count

class Environment(Base):
    content = "count"

    def __init__(self, count: int = 0, files: dict | None = None):
        self.count, self.files = count, files or {}

    async def add(self, by: int = 1) -> Changed:
        """Add to the count.

        Args:
            by: How much.
        """
        await asyncio.sleep(0)
        return Changed(self.count + by, {"count": self.count + by, "files": self.files})

    def helper(self): return "no docstring, no action"
    def _private(self) -> int:
        """Not an action either."""
'''


def counter(tmp_path: Path, code: str = COUNTER, front: str = "") -> Record:
    folder = tmp_path / "environments" / "counter"
    folder.mkdir(parents=True)
    (folder / "environment.py").write_text(code)
    if front:
        (folder / "ENVIRONMENT.md").write_text(f"---\n{front}\n---\n")
    return discover([tmp_path])[ResourceId(EntityType.ENVIRONMENT, "counter")]


def kind_of(record: Record) -> StatefulKind:
    kind = KINDS[record.type]
    assert isinstance(kind, StatefulKind)
    return kind


def test_public_methods_with_a_docstring_are_the_actions(tmp_path: Path) -> None:
    record = counter(tmp_path)
    by = {"default": 1, "description": "How much.", "type": "integer"}
    assert kind_of(record).actions(record) == [
        Action("peek", "Say the count.", {"type": "object", "properties": {}}),
        Action("add", "Add to the count.", {"type": "object", "properties": {"by": by}}),
    ]
    names = [each["function"]["name"] for each in kind_of(record).exports(record)]
    assert names == ["counter__peek", "counter__add"]


async def test_a_change_is_the_next_record_and_the_instance_stays(tmp_path: Path) -> None:
    record = counter(tmp_path, front="params: {count: 3}")
    kind, instance = kind_of(record), kind_of(record).build(record)
    outcome = await kind.run(record, instance, {"action": "add", "arguments": {"by": 4}}, {})
    assert outcome.result == 7
    assert outcome.record is not None
    assert (kind.state(record), kind.state(outcome.record)) == (3, 7)
    assert instance.count == 3
    peeked = await kind.run(record, instance, {"action": "peek"}, {})
    assert (peeked.result, peeked.record) == (3, None)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"action": "ad", "arguments": {}}, "peek, add"),
        ({"action": "helper"}, "peek, add"),
        ({"action": "_private"}, "peek, add"),
        ({}, "peek, add"),
        ({"action": "add", "by": 2}, '"action": name'),
        ({"action": "add", "arguments": [1]}, "arguments: must be"),
        ({"action": "add", "arguments": {"by": "x"}}, "by: Input should be a valid integer"),
    ],
)
async def test_wrong_input_is_told_in_words(
    tmp_path: Path, given: dict[str, Any], told: str
) -> None:
    record = counter(tmp_path)
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the text is checked below
        await kind_of(record).run(record, kind_of(record).build(record), given, {})
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("class Environment:\n    pass\n", "does nothing"),
        ("class Environment:\n    def go(self, x):\n        'Go.'\n", "'x' has no type"),
        ("class Environment:\n    def go(self, *x: int):\n        'Go.'\n", "*x cannot be"),
        ("class Environment:\n    def __init__(self, x): pass\n", "cannot be built"),
    ],
)
def test_a_class_that_cannot_be_described_is_refused(tmp_path: Path, code: str, told: str) -> None:
    with pytest.raises(ResourceError) as raised:
        counter(tmp_path, code)
    assert told in str(raised.value)


def test_code_that_no_longer_does_what_the_record_says_is_refused(tmp_path: Path) -> None:
    body = counter(tmp_path).body()
    body["implementation"]["files"]["environment.py"] = COUNTER.replace("add(self", "plus(self")
    changed = Record.model_validate(body)
    with pytest.raises(ResourceError, match="add, plus"):
        kind_of(changed).validate(changed)


def test_only_a_class_that_takes_files_starts_with_those_of_the_task(tmp_path: Path) -> None:
    record = counter(tmp_path)
    started = kind_of(record).started(record, {"a.txt": "hi"})
    assert kind_of(record).build(started).files == {"a.txt": "hi"}
    judge = shipped("environment/code_judge")
    assert kind_of(judge).started(judge, {"a.txt": "hi"}) is judge


async def test_calls_side_by_side_in_one_task_lose_nothing(tmp_path: Path) -> None:
    record = counter(tmp_path)
    held = Held(kind_of(record), record)
    add = {"action": "add", "arguments": {"by": 1}}
    results = await asyncio.gather(*(held.run(add, {}) for _ in range(20)))
    assert sorted(results) == list(range(1, 21))
    assert kind_of(record).state(held.record) == 20
    assert held.base is record


async def test_merged_memories_have_both_changes_within_the_bounds() -> None:
    base = shipped("memory/semantic", max_items=3)
    kind = kind_of(base)
    mine, theirs = Acting(base), Acting(base)
    await mine("remember", text="one")
    await theirs("remember", text="two")
    merged = kind.merge_state(base, mine.record, theirs.record)
    assert [fact["text"] for fact in kind.state(merged)] == ["two", "one"]
    for text in ("three", "four"):
        await theirs("remember", text=text)
    merged = kind.merge_state(base, mine.record, theirs.record)
    assert [fact["text"] for fact in kind.state(merged)] == ["three", "four", "one"]


async def test_merged_how_tos_count_what_both_sides_saw() -> None:
    start = Acting(shipped("memory/procedural"))
    await start("remember", name="x", when="always", steps=["a"])
    base, kind = start.record, kind_of(start.record)
    mine, theirs = Acting(base), Acting(base)
    for acting, worked in ((mine, True), (mine, True), (theirs, True), (theirs, False)):
        await acting("report", name="x", success=worked)
    (how,) = kind.state(kind.merge_state(base, mine.record, theirs.record))
    assert (how["successes"], how["failures"]) == (3, 1)


async def test_what_is_configured_meanwhile_stays_configured() -> None:
    base = shipped("memory/semantic")
    mine = Acting(base)
    await mine("remember", text="one")
    theirs = with_params(base, {**base.params, "max_items": 7})
    merged = kind_of(base).merge_state(base, mine.record, theirs)
    assert merged.params["max_items"] == 7
    assert len(merged.params["items"]) == 1


MUTATING = """
from agp.rspl.kinds.actions import Changed
class Memory:
    content = "items"
    def __init__(self, items=None):
        self.items = items if items is not None else []
    def remember(self, text: str) -> Changed:
        'Remember.'
        self.items.append(text)
        if text == "bad":
            raise ValueError("refused")
        return Changed("ok", {"items": self.items})
    def forget(self) -> str:
        'Clear, but say nothing of it.'
        self.items.clear()
        return "done"
    def recall(self) -> list[str]:
        'Recall.'
        return self.items
"""


def mutating() -> Record:
    folder = Folder("mm", {"params": {"items": []}}, "", {"memory.py": MUTATING}, "mm")
    (record,) = KINDS[EntityType.MEMORY].from_folder(folder)
    return record


def test_what_a_method_does_to_itself_leaves_no_trace(history: History) -> None:
    registry = Registry(history)
    registry.register(mutating())

    def act(action: str, **arguments: Any) -> Any:
        return registry.run("memory/mm", {"action": action, "arguments": arguments}).result

    act("remember", text="good")
    with pytest.raises(InputError, match="refused"):
        act("remember", text="bad")
    act("forget")
    act("recall").append("into the result")
    registry.get("memory/mm").items.append("into the live instance")
    assert act("recall") == ["good"]
    assert registry.get_state("memory/mm") == ["good"]
    assert Registry(history).get_state("memory/mm") == ["good"]


async def test_nor_within_a_task() -> None:
    record = mutating()
    held = Held(kind_of(record), record)
    await held.run({"action": "remember", "arguments": {"text": "good"}}, {})
    with pytest.raises(ValueError, match="refused"):
        await held.run({"action": "remember", "arguments": {"text": "bad"}}, {})
    await held.run({"action": "forget"}, {})
    assert await held.run({"action": "recall"}, {}) == ["good"]
    assert kind_of(record).state(record) == []


def test_a_live_prompt_cannot_be_changed() -> None:
    shown = [{"input": "a", "output": "b"}]
    instance = Prompt(demonstrations=shown)
    shown[0]["input"] = "changed"
    shown.append({"input": "c", "output": "d"})
    assert instance.messages(input="x")[:-1] == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
    ]
    live: Any = instance
    for change in (
        lambda: live.demonstrations.append({}),
        lambda: live.demonstrations[0].update(input="x"),
        lambda: setattr(live, "system", "x"),
    ):
        with pytest.raises((TypeError, AttributeError)):
            change()


def test_policy_settings_are_the_policys_own() -> None:
    code = "class Policy:\n    def __init__(self, stop):\n        self.stop = stop\n"
    files = {"kind": "source", "entry": "policy.py:Policy", "files": {"policy.py": code}}
    params = {**BINDINGS, "policy": {"stop": ["a"]}}
    agent = trust(
        Record.model_validate(
            {**plain(EntityType.AGENT, "it").body(), "implementation": files, "params": params}
        )
    )
    KINDS[EntityType.AGENT].build(agent).stop.append("b")
    assert KINDS[EntityType.AGENT].build(agent).stop == ["a"]
