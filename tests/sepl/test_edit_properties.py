"""Whatever is edited, in whatever order: valid records, or EditError, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agp.errors import EditError
from agp.permissions import Mode, Permissions
from agp.rspl.dependencies import closure
from agp.rspl.discovery import library_root
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import History
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.limits import limits_in
from agp.rspl.registry import Registry
from agp.rspl.view import View
from agp.sepl.creation.records import NewAgent, NewPrompt, NewSkill, NewTool
from agp.sepl.edits import Bind, Create, Delete, Edit, Insert, Patch, Replace, Unbind, apply_edits
from agp.sepl.envelope import Envelope
from agp.sepl.variables import Mode as Evolves
from agp.sepl.variables import lift, trainable
from agp.store.database import Database

AGENT = ResourceId.parse("agent/whole")
ENVELOPE = ["*", "tool/+", "agent/+", "prompt/+"]


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    registry = Registry(History(Database(tmp_path_factory.mktemp("store") / "store.db")))
    registry.init([library_root()])
    agent = registry.get_info("agent/tool_calling").body()
    bound = {"tools": ["calculator"], "memory": "semantic", "environment": "workspace"}
    params = {**agent["params"], **bound}
    registry.register(Record.read({**agent, "name": "whole", "params": params}))
    return registry.view()


NAMES = ["calculator", "python", "semantic", "workspace", "solver", "whole", "gen", "no such", ""]
VARIABLES = [
    *("agent/whole:description", "agent/whole:implementation/files/policy.py"),
    *(f"agent/whole:params/{name}" for name in ("policy", "model", "prompt", "tools", "agents")),
    *("agent/whole:params/memory", "agent/whole:params/environment"),
    *(f"prompt/tool_calling:params/{name}" for name in ("system", "template", "demonstrations")),
    *("tool/calculator:implementation/files/tool.py", "tool/calculator:input_schema"),
    *("memory/semantic:params/items", "environment/workspace:params/files"),
    *("memory/semantic:params/max_items", "tool/calculator:metadata", "agp.policy.toml:mode", ""),
]
SOURCE = 'def gen(a: int) -> int:\n    """Do."""\n    return a\n'
TEXTS = st.sampled_from(["", "Be brief.", "{{input}}", SOURCE, "def x(", "a", "\ud800", "x" * 5000])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.sampled_from(NAMES),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["input", "output", "max_steps", "temperature", "key", "text", "a.md"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
NAME, VARIABLE = st.sampled_from(NAMES), st.sampled_from(VARIABLES)
TESTS: list[Any] = [{"arguments": {"a": 1}, "expected": 1}]
NEW = (
    st.builds(NewTool, name=NAME, source=TEXTS, tests=st.just(TESTS))
    | st.builds(NewSkill, name=NAME, description=TEXTS, instructions=TEXTS)
    | st.builds(NewPrompt, name=NAME, system=TEXTS, template=TEXTS)
    | st.builds(
        NewAgent,
        name=NAME,
        system=TEXTS,
        tools=st.lists(NAME, max_size=2),
        like=st.sampled_from(["", "agent/whole", "tool/x", "rubbish"]),
        source=TEXTS,
    )
)
EDIT: st.SearchStrategy[Edit] = st.one_of(
    st.builds(Replace, variable=VARIABLE, value=JSON),
    st.builds(Patch, variable=VARIABLE, old=TEXTS, new=TEXTS),
    st.builds(Insert, variable=VARIABLE, text=TEXTS),
    st.builds(Bind, variable=VARIABLE, name=NAME),
    st.builds(Unbind, variable=VARIABLE, name=NAME),
    st.builds(Create, new=NEW),
    st.builds(Delete, resource=st.sampled_from(["tool/calculator", "memory/semantic", "x", "a/b"])),
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=st.lists(EDIT, min_size=1, max_size=4))
def test_edits_give_valid_records_or_an_edit_error(view: View, edits: list[Edit]) -> None:
    envelope = Envelope(Permissions(override=Mode.AUTO), ENVELOPE)
    theta = trainable(lift(view, AGENT, Evolves.PROMPT, envelope))
    before = {rid: view.record(rid).canonical for rid in view}
    try:
        records = apply_edits(view, theta, edits, envelope)
    except EditError:
        records = []
    assert {rid: view.record(rid).canonical for rid in view} == before
    after = view.with_overlay(records)
    closure(AGENT, after.record)
    for record in records:
        KINDS[record.type].validate(record)
        assert len(record.digest) == 64
        if record.id not in view:
            continue
        old = view.record(record.id)
        assert (record.evolvable, record.metadata) == (old.evolvable, old.metadata)
        assert limits_in(record.params.get("policy")) == limits_in(old.params.get("policy"))
        assert {k: v for k, v in record.params.items() if k.startswith("max_")} == {
            k: v for k, v in old.params.items() if k.startswith("max_")
        }
        changed = {part.path for part in KINDS[old.type].parts(old)}
        assert {f"{record.id}:{path}" for path in changed} & set(theta)


@settings(max_examples=60, deadline=None)
@given(edits=st.lists(EDIT, min_size=1, max_size=3))
def test_what_a_run_does_not_open_never_changes(view: View, edits: list[Edit]) -> None:
    theta = trainable(lift(view, AGENT, Evolves.PROMPT))
    try:
        records = apply_edits(view, theta, edits)
    except EditError:
        return
    for record in records:
        old = view.record(record.id).body()
        new = record.body()
        assert str(record.id) == "prompt/tool_calling"
        assert {name for name in new if new[name] != old[name]} == {"params"}
