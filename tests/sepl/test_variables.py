"""What is variable, for each entity type: lifted, opened by a run, closed by a resource itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agp.errors import EditError, ResourceError
from agp.permissions import Mode, Permissions
from agp.rspl.discovery import library_root, read_folder
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.rspl.view import View
from agp.sepl.edits import Patch, Replace, apply_edits
from agp.sepl.envelope import Envelope
from agp.sepl.variables import Mode as Evolves
from agp.sepl.variables import Variable, lift, trainable
from agp.store.database import Database
from tests.rspl.helpers import prompt

AGENT = ResourceId.parse("agent/whole")
TOOL = "tool/calculator"
SOURCE = f"{TOOL}:implementation/files/tool.py"


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    """The library, with an agent that is bound to something of every type."""
    registry = Registry(History(Database(tmp_path_factory.mktemp("store") / "store.db")))
    registry.init([library_root()])
    registry.register(skill(tmp_path_factory.mktemp("skill")))
    agent = registry.get_info("agent/tool_calling").body()
    bound = {
        "tools": ["calculator", "greet"],
        "memory": "procedural",
        "environment": "workspace",
        "prompt": "tool_calling",
    }
    registry.register(
        Record.read({**agent, "name": "whole", "params": {**agent["params"], **bound}})
    )
    return registry.view()


def skill(folder: Path) -> Record:
    place = folder / "greet"
    place.mkdir()
    (place / "SKILL.md").write_text("---\nname: greet\ndescription: Greets.\n---\nSay hello.\n")
    (place / "hello.py").write_text("print('hello')\n")
    return read_folder(place)[0]


def theta(view: View, *opened: str, policy: Permissions | None = None) -> dict[str, Variable]:
    envelope = Envelope(policy or Permissions(override=Mode.AUTO), opened)
    return trainable(lift(view, AGENT, Evolves.PROMPT, envelope))


def changed(view: View, variable: str, value: Any, *opened: str) -> Record:
    """The record after one replacement, of what is opened."""
    envelope = Envelope(Permissions(override=Mode.AUTO), opened or (variable,))
    (record,) = apply_edits(
        view,
        theta(view, *(opened or (variable,))),
        [Replace(variable=variable, value=value)],
        envelope,
    )
    return record


def test_every_type_is_lifted_part_by_part(view: View) -> None:
    known = {v.id: v for v in lift(view, AGENT, Evolves.PROMPT)}
    assert {
        "agent/whole:description",
        "agent/whole:implementation/files/policy.py",
        "agent/whole:params/policy",
        "agent/whole:params/model",
        "agent/whole:params/prompt",
        "agent/whole:params/tools",
        "agent/whole:params/agents",
        "agent/whole:params/memory",
        "agent/whole:params/environment",
        "prompt/tool_calling:params/system",
        "prompt/tool_calling:params/template",
        "prompt/tool_calling:params/demonstrations",
        "tool/calculator:description",
        "tool/calculator:implementation/files/tool.py",
        "tool/calculator:input_schema",
        "tool/greet:description",
        "tool/greet:params/instructions",
        "tool/greet:implementation/files/hello.py",
        "memory/procedural:params/items",
        "memory/procedural:implementation/files/memory.py",
        "environment/workspace:params/files",
        "environment/workspace:implementation/files/environment.py",
    } <= set(known)
    assert known["prompt/tool_calling:params/system"].form == "text"
    assert known[SOURCE].form == "code"
    assert known["memory/procedural:params/items"].value == []
    # limits, metadata and the marker are no variables, whatever is opened
    for name in known:
        assert not any(word in name for word in ("max_", "timeout", "metadata", "evolvable"))
    assert set(theta(view, "*")) == set(known)
    assert {v.resource.type.value for v in theta(view).values()} == {"prompt"}


@pytest.mark.parametrize(
    ("variable", "value", "field"),
    [
        ("agent/whole:params/policy", {"max_steps": 4, "temperature": 0.7}, "params"),
        ("agent/whole:params/tools", ["greet"], "params"),
        ("agent/whole:params/memory", "", "params"),
        ("tool/calculator:description", "Computes.", "description"),
        ("tool/greet:params/instructions", "Say hi.", "params"),
        ("tool/greet:implementation/files/hello.py", "print('hi')\n", "implementation"),
        ("memory/procedural:params/items", "ITEMS", "params"),
        ("environment/workspace:params/files", {"a.md": "A"}, "params"),
    ],
)
def test_each_variable_changes_its_field_and_nothing_else(
    view: View, variable: str, value: Any, field: str
) -> None:
    if value == "ITEMS":
        value = [{"name": "add", "when": "ever", "steps": ["a"], "successes": 0, "failures": 0}]
    record = changed(view, variable, value)
    before = view.record(record.id).body()
    after = record.body()
    assert {name for name in after if after[name] != before[name]} == {field}


def test_memory_and_environment_sources_evolve_confined(view: View) -> None:
    old = view.record(ResourceId.parse("memory/procedural")).implementation.files["memory.py"]
    name = "memory/procedural:implementation/files/memory.py"
    record = changed(view, name, old.replace("How many at most, 1 to 50.", "How many."))
    recall = record.body()["input_schema"]["oneOf"][1]["properties"]["arguments"]
    assert recall["properties"]["limit"]["description"] == "How many."
    with pytest.raises(EditError, match="changes its signature"):
        changed(view, name, old.replace("limit: int = 3", "most: int = 3"))


CODE = '''def calculator(expression: str) -> str:
    """Compute.

    Args:
        expression: What to compute.
    """
    return "4"
'''


def test_a_tools_schema_follows_from_its_source(view: View) -> None:
    (record,) = [changed(view, SOURCE, CODE)]
    schema = record.body()["input_schema"]
    assert schema["properties"]["expression"] == {
        "type": "string",
        "description": "What to compute.",
    }
    assert record.description == view.record(record.id).description
    wider = CODE.replace("expression: str", "expression: str, digits: int = 3")
    with pytest.raises(EditError, match="changes its signature") as refused:
        changed(view, SOURCE, wider)
    assert f"--evolve '{TOOL}:input_schema'" in (refused.value.hint or "")
    record = changed(view, SOURCE, wider, SOURCE, f"{TOOL}:input_schema")
    assert record.body()["input_schema"]["properties"]["digits"] == {
        "type": "integer",
        "default": 3,
    }
    with pytest.raises(EditError, match="follows from the code"):
        changed(view, f"{TOOL}:input_schema", {"type": "object", "properties": {}})


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (SOURCE, "def calculator(", "line 1"),
        (SOURCE, "x = 1\n", "defines no 'calculator'"),
        (SOURCE, "def calculator(expression):\n    return 1\n", "has no type"),
        (SOURCE, "raise SystemExit(__import__('os').getpid())\n", "defines no 'calculator'"),
        ("tool/greet:implementation/files/hello.py", "print(", "line 1"),
        ("tool/calculator:description", " ", "must not be empty"),
        ("agent/whole:params/policy", {"max_steps": 40}, "is a limit"),
        ("agent/whole:params/policy", {"max_steps": 4, "max_money": 3}, "is a limit"),
        ("agent/whole:params/policy", [], "not of type 'object'"),
        ("agent/whole:params/tools", ["nothing"], "tool/nothing, which does not exist"),
        ("agent/whole:params/tools", ["calculator", "calculator"], "non-unique"),
        ("agent/whole:params/agents", ["whole"], "would use itself"),
        ("agent/whole:params/model", "", "params/model"),
        ("environment/workspace:params/files", {"../a": "x"}, "path"),
        ("environment/workspace:params/files", {"a": "${env:API_KEY}"}, "refer to the variable"),
        ("prompt/tool_calling:params/demonstrations", [{"input": "a"}], "'output' is a required"),
    ],
)
def test_values_of_every_type_are_checked_before_anything_runs(
    view: View, variable: str, value: Any, message: str
) -> None:
    with pytest.raises(EditError, match=message):
        changed(view, variable, value)


def test_limits_that_a_proposal_does_not_speak_of_are_kept(view: View) -> None:
    record = changed(view, "agent/whole:params/policy", {"temperature": 0.5})
    assert record.params["policy"] == {"temperature": 0.5, "max_steps": 4, "max_tokens": 512}
    content = {"max_plan.md": "a name, and no limit"}
    assert changed(view, "environment/workspace:params/files", content).params["files"] == content


def test_a_role_that_no_model_plays_is_refused(view: View) -> None:
    variable = "agent/whole:params/model"
    envelope = Envelope(Permissions(override=Mode.AUTO), [variable])
    edits = [Replace(variable=variable, value="oracle")]
    with pytest.raises(EditError, match="no role 'oracle'; roles are: solver"):
        apply_edits(view, theta(view, variable), edits, envelope, roles=["solver"])
    (record,) = apply_edits(view, theta(view, variable), edits, envelope, roles=["oracle"])
    assert record.params["model"] == "oracle"


def test_a_resource_can_close_its_fields_and_open_none(view: View) -> None:
    def mask(learnable: dict[str, bool]) -> set[str]:
        closed = prompt("tool_calling", metadata={"learnable": learnable})
        return set(theta(view.with_overlay([closed])))

    everything = mask({})
    assert everything == {
        f"prompt/tool_calling:params/{name}" for name in ("system", "template", "demonstrations")
    }
    assert mask({"params/system": False}) == everything - {"prompt/tool_calling:params/system"}
    assert mask({"params/*": False}) == set()
    assert mask({"params/system": True, "description": True, "metadata": True}) == everything
    record = view.record(ResourceId.parse(TOOL)).model_copy(
        update={"metadata": {"learnable": {"implementation/*": False}}}
    )
    opened = set(theta(view.with_overlay([record]), "tool/*"))
    assert SOURCE not in opened
    assert f"{TOOL}:description" in opened


def test_files_declare_what_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "double"
    folder.mkdir()
    (folder / "tool.py").write_text(
        'def double(x: int) -> int:\n    """Double."""\n    return 2 * x\n'
    )
    (folder / "TOOL.md").write_text(
        "---\nlearnable: {description: false}\ntests: [{arguments: {x: 2}, expected: 4}]\n---\n"
    )
    (record,) = read_folder(folder)
    assert record.metadata["learnable"] == {"description": False}
    assert record.body()["metadata"]["tests"] == [
        {"arguments": {"x": 2}, "expected": 4, "check": "equals"}
    ]
    (folder / "TOOL.md").write_text("---\nlearnable: {description: maybe}\n---\n")
    with pytest.raises(ResourceError, match=r"learnable\.description"):
        read_folder(folder)
    (folder / "TOOL.md").write_text("---\ntests: [{expected: 4}]\n---\n")
    with pytest.raises(ResourceError, match=r"tests\.0\.arguments"):
        read_folder(folder)


def test_the_policy_judges_the_whole_change(view: View) -> None:
    """A rule for code alone lets the words of its docstring through, and no other field."""
    rule = '[[evolve]]\nresource = "tool/*"\nfield = "implementation/*"\nverdict = "allow"\n'
    from tests.permissions.support import policy

    permissions = Permissions(policy(rule))
    envelope = Envelope(permissions, ["tool/*"])
    open_ = trainable(lift(view, AGENT, Evolves.PROMPT, envelope))
    assert set(open_) == {SOURCE, "tool/greet:implementation/files/hello.py"}
    old = open_[SOURCE].value
    first = old.split('"""')[1].splitlines()[0]
    edit = Patch(variable=SOURCE, old=first, new=f"{first} Exactly.")
    assert (
        apply_edits(view, open_, [edit], envelope)[0].description
        == view.record(ResourceId.parse(TOOL)).description
    )
