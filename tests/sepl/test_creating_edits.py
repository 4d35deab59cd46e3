"""Edits that make, bind and take out resources: what they become, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agp.errors import EditError
from agp.permissions import Mode, Permissions
from agp.rspl import trusted
from agp.rspl.confined.functions import ConfinedFunction
from agp.rspl.confined.policies import ConfinedPolicy
from agp.rspl.discovery import library_root
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.kinds import KINDS
from agp.rspl.registry import Registry
from agp.rspl.view import View
from agp.sepl.creation.records import NewAgent, NewPrompt, NewSkill, NewTool
from agp.sepl.edits import EDITS, Bind, Create, Delete, Edit, Insert, Replace, Unbind, apply_edits
from agp.sepl.envelope import Envelope
from agp.sepl.variables import Mode as Evolves
from agp.sepl.variables import lift, trainable
from agp.store.database import Database
from tests.support.untrusted import unique

AGENT = ResourceId.parse("agent/tool_calling")
TOOLS = "agent/tool_calling:params/tools"
AGENTS = "agent/tool_calling:params/agents"
TESTS: list[Any] = [{"arguments": {"a": 1, "b": 2}, "expected": 3}]
ADD = '''def add(a: int, b: int = 0) -> int:
    """Add two numbers.

    Args:
        a: The first.
    """
    return a + b
'''
POLICY = '''from agp.runtime import AgentRun, Answer


class Policy:
    """Calls the model once."""

    def __init__(self, words: str = "") -> None:
        self.words = words

    async def run(self, run: AgentRun) -> Answer:
        return Answer.from_reply(await run.complete(run.messages()))
'''


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    registry = Registry(History(Database(tmp_path_factory.mktemp("store") / "store.db")))
    registry.init([library_root()])
    return registry.view()


def apply(view: View, edits: list[Edit], *opened: str, text: str = "") -> dict[str, Record]:
    """The records that edits give, by id, in mode auto."""
    from tests.permissions.support import policy

    envelope = Envelope(Permissions(policy(text), override=Mode.AUTO), opened)
    theta = trainable(lift(view, AGENT, Evolves.PROMPT, envelope))
    return {str(record.id): record for record in apply_edits(view, theta, edits, envelope)}


def new_tool(name: str = "add", source: str = ADD, **more: Any) -> Create:
    return Create(new=NewTool(name=name, source=unique(source), tests=TESTS, **more))


def new_agent(**more: Any) -> Create:
    fields = {"name": "helper", "system": "Help.", "description": "Helps.", **more}
    return Create(new=NewAgent(**fields))


def test_a_new_tool_and_its_binding_are_one_change(view: View) -> None:
    found = apply(view, [new_tool(), Bind(variable=TOOLS, name="add")], "tool/+")
    assert list(found) == ["tool/add", "agent/tool_calling"]
    tool = found["tool/add"]
    assert tool.description == "Add two numbers."
    assert tool.body()["input_schema"] == {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "description": "The first."},
            "b": {"type": "integer", "default": 0},
        },
        "required": ["a"],
    }
    assert tool.body()["metadata"]["tests"] == [
        {"arguments": {"a": 1, "b": 2}, "expected": 3, "check": "equals"}
    ]
    assert found["agent/tool_calling"].params["tools"] == ["python", "read_file", "add"]
    assert not trusted.is_trusted(tool.implementation.digest)
    assert isinstance(KINDS[EntityType.TOOL].build(tool), ConfinedFunction)


def test_a_new_agent_has_its_prompt_and_the_policy_of_another(view: View) -> None:
    edits: list[Edit] = [
        new_agent(like="agent/tool_calling", tools=["python"], settings={"temperature": 0.5}),
        Bind(variable=AGENTS, name="helper"),
    ]
    found = apply(view, edits, "agent/+")
    assert list(found) == ["prompt/helper", "agent/helper", "agent/tool_calling"]
    helper, parent = found["agent/helper"], view.record(AGENT)
    assert helper.implementation == parent.implementation
    assert helper.params["policy"] == {**parent.params["policy"], "temperature": 0.5}
    assert helper.params["prompt"] == "helper"
    assert found["prompt/helper"].params["system"] == "Help."
    assert found["agent/tool_calling"].params["agents"] == ["helper"]


def test_a_new_agent_may_bring_a_policy_which_is_confined(view: View) -> None:
    edits: list[Edit] = [
        new_agent(source=unique(POLICY), settings={"words": "x"}),
        Bind(variable=AGENTS, name="helper"),
    ]
    agent = apply(view, edits, "agent/+")["agent/helper"]
    assert isinstance(KINDS[EntityType.AGENT].build(agent), ConfinedPolicy)


def test_a_new_skill_and_a_new_prompt_take_their_places(view: View) -> None:
    skill = NewSkill(
        name="greet", description="Greets.", instructions="Say hi.", files={"hi.py": "print(1)"}
    )
    found = apply(view, [Create(new=skill), Bind(variable=TOOLS, name="greet")], "tool/+")
    assert [a.name for a in KINDS[EntityType.TOOL].actions(found["tool/greet"])] == [
        "read",
        "list_files",
        "run",
    ]
    prompt = NewPrompt(name="terse", system="Be terse.")
    binding = Bind(variable="agent/tool_calling:params/prompt", name="terse")
    found = apply(view, [Create(new=prompt), binding], "prompt/+")
    assert found["agent/tool_calling"].params["prompt"] == "terse"


def test_bindings_and_deletion_where_they_are_open(view: View) -> None:
    opened = ("agent/tool_calling:params/*",)
    found = apply(view, [Bind(variable=TOOLS, name="calculator")], *opened)
    assert found["agent/tool_calling"].params["tools"] == ["python", "read_file", "calculator"]
    found = apply(view, [Unbind(variable=TOOLS, name="python")], *opened)
    assert found["agent/tool_calling"].params["tools"] == ["read_file"]
    found = apply(view, [Delete(resource="tool/python")], *opened)
    assert found["agent/tool_calling"].params["tools"] == ["read_file"]
    memory = "agent/tool_calling:params/memory"
    found = apply(view, [Bind(variable=memory, name="semantic")], *opened)
    assert found["agent/tool_calling"].params["memory"] == "semantic"
    both: list[Edit] = [
        Unbind(variable=TOOLS, name="python"),
        Insert(variable="prompt/tool_calling:params/system", text="Read only."),
    ]
    assert set(apply(view, both, *opened)) == {"agent/tool_calling", "prompt/tool_calling"}


BIND = Bind(variable=TOOLS, name="add")
OPEN = ("tool/+",)


@pytest.mark.parametrize(
    ("edits", "opened", "message"),
    [
        ([new_tool(), BIND], (), "envelope: agent/tool_calling:params/tools may not be changed"),
        ([new_tool(), BIND], ("agent/*",), "envelope: tool/add may not be made"),
        ([new_tool(), BIND], ("tool/*", "agent/*"), "envelope: tool/add may not be made"),
        ([new_tool(), BIND], ("tool/gen_+",), "envelope: tool/add may not be made"),
        ([new_tool()], OPEN, "tool/add is new, and no agent is bound to it"),
        ([BIND], OPEN, "envelope: .* may not be changed"),
        ([Bind(variable=TOOLS, name="calculator")], OPEN, "envelope: .* may not be changed"),
        ([new_tool(), BIND, Unbind(variable=TOOLS, name="python")], OPEN, "envelope"),
        ([new_tool(), Replace(variable=TOOLS, value=["add"])], OPEN, "envelope"),
        ([Delete(resource="tool/python")], OPEN, "envelope"),
        ([Delete(resource="tool/nothing")], ("agent/*",), "may not be taken out"),
        ([new_tool(), BIND, new_tool()], OPEN, "tool/add exists already"),
        ([new_tool(), BIND, BIND], OPEN, "has 'add' already"),
        ([new_tool("python"), Bind(variable=TOOLS, name="python")], OPEN, "defines no 'python'"),
        ([new_tool(source=ADD.replace("int, b", "thing, b")), BIND], OPEN, "cannot be told"),
        ([new_tool(source="def add(a: int): return a\n"), BIND], OPEN, "no docstring"),
        ([new_tool(source="def add(\n"), BIND], OPEN, "line 1"),
        ([new_tool(source=ADD.replace("Add", "${env:KEY}")), BIND], OPEN, "the variable KEY"),
        ([new_tool("Add"), BIND], OPEN, "is not a resource name"),
        ([Bind(variable="tool/python:params/tools", name="x")], ("*",), "is no binding"),
        ([Bind(variable="agent/solver:params/tools", name="python")], ("*",), "envelope"),
        ([Unbind(variable=TOOLS, name="calculator")], ("agent/*",), "has no 'calculator'"),
        (
            [Unbind(variable="agent/tool_calling:params/prompt", name="tool_calling")],
            ("agent/*",),
            "params/prompt",
        ),
        (
            [
                Create(
                    new=NewTool(name="python_2", source=ADD.replace("add", "python_2"), tests=TESTS)
                ),
                Create(
                    new=NewTool(name="python.2", source=ADD.replace("add", "python_2"), tests=TESTS)
                ),
                Bind(variable=TOOLS, name="python_2"),
                Bind(variable=TOOLS, name="python.2"),
            ],
            OPEN,
            "both have a function 'python_2'",
        ),
    ],
)
def test_what_may_not_be_made_bound_or_taken_out(
    view: View, edits: list[Edit], opened: tuple[str, ...], message: str
) -> None:
    with pytest.raises(EditError, match=message):
        apply(view, edits, *opened)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "either 'like' or 'source'"),
        ({"like": "agent/solver", "source": POLICY}, "either 'like' or 'source'"),
        ({"like": "agent/nobody"}, "no agent called 'nobody'"),
        ({"like": "tool/python"}, "is no agent"),
        ({"like": "agent/tool_calling", "settings": {"max_steps": 9}}, "limits must be those"),
        ({"like": "agent/tool_calling", "tools": ["calculator"]}, "does not use"),
        ({"like": "agent/tool_calling", "memory": "semantic"}, "does not use"),
        ({"like": "agent/tool_calling", "model": "judge"}, "asks 'judge'; it may ask: solver"),
        ({"like": "agent/tool_calling", "agents": ["tool_calling"]}, "would use itself"),
        ({"like": "agent/tool_calling", "agents": ["helper"]}, "would use itself"),
        (
            {"source": "class Policy:\n    def __init__(self): pass\n", "settings": {"a": 1}},
            "takes",
        ),
        ({"like": "agent/tool_calling", "template": "no words"}, ""),
    ],
)
def test_a_new_agent_reaches_no_further_than_the_one_it_is_made_for(
    view: View, fields: dict[str, Any], message: str
) -> None:
    edits: list[Edit] = [new_agent(**fields), Bind(variable=AGENTS, name="helper")]
    if not message:
        assert "agent/helper" in apply(view, edits, "agent/+")
        return
    with pytest.raises(EditError, match=message):
        apply(view, edits, "agent/+")


def test_making_needs_the_policy_too(view: View) -> None:
    edits: list[Edit] = [new_tool(), BIND]
    closed = '[[evolve]]\nresource = ["tool/*", "agent/*"]\nverdict = "ask"\n'
    with pytest.raises(EditError, match="envelope"):
        apply(view, edits, "tool/+", text=closed)
    rule = '[[evolve]]\nresource = "tool/*"\nchanges = ["create"]\ngrowth = 50\nverdict = "ask"\n'
    small = f"{closed}{rule}"
    with pytest.raises(EditError, match="grow by more than 50"):
        apply(view, edits, "tool/+", text=small)
    assert apply(view, edits, "tool/+", text=small.replace("50", "5000"))
    named = small.replace("50", "5000").replace('"tool/*"\nchanges', '"tool/a*"\nchanges')
    assert apply(view, edits, "tool/a+", text=named)


def test_tests_are_part_of_a_new_tool_and_edits_are_plain_data() -> None:
    with pytest.raises(ValidationError):
        NewTool(name="add", source=ADD, tests=[])
    edits: list[Edit] = [
        new_tool(),
        BIND,
        Delete(resource="tool/python"),
        new_agent(like="agent/a"),
    ]
    assert EDITS.validate_json(EDITS.dump_json(edits)) == edits
    assert [edit.variable for edit in edits] == ["tool/+", TOOLS, "tool/python", "agent/+"]
