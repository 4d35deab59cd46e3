"""Differences as data and as text: none is overlooked, and schemas are told in sentences."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.rspl.entities import EntityType, Record
from agp.rspl.history import History
from agp.rspl.kinds.actions import Action, Function, schema_of_actions
from agp.rspl.lineage.diff import (
    compare_views,
    counts,
    diff_records,
    diff_views,
    differences,
    leaves,
)
from agp.rspl.lineage.schema_diff import schema_statements
from agp.rspl.lineage.three_way import ABSENT
from agp.rspl.registry import Registry

from .helpers import prompt, record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text("a\n", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2)
    ),
    max_leaves=6,
)
SCHEMA = st.dictionaries(
    st.sampled_from(["properties", "required", "type", "oneOf", "$defs", "description"]), JSON
)


def schema(function: Any) -> dict[str, Any]:
    return Function(function, where="test").schema


def tool(schema: dict[str, Any]) -> Record:
    return Record.model_validate({**record(EntityType.TOOL, "t").body(), "input_schema": schema})


@given(st.dictionaries(st.sampled_from("xy"), JSON), st.dictionaries(st.sampled_from("xy"), JSON))
def test_records_that_differ_have_differences_and_equal_ones_none(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    old, new = prompt(metadata=one), prompt(metadata=other)
    found = differences(old, new)
    assert bool(found) == (old.digest != new.digest)
    assert all(each.text for each in found)
    assert bool(diff_records(old, new)) == bool(found)


@given(SCHEMA, SCHEMA)
def test_no_change_of_a_schema_goes_unsaid(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert bool(schema_statements(one, other)) == (tool(one).digest != tool(other).digest)


def test_a_text_is_a_unified_diff_line_by_line() -> None:
    (found,) = differences(prompt(system="a\nb\nc"), prompt(system="a\nB\nc\n"))
    assert (found.path, found.form) == ("params/system", "text")
    assert (found.before, found.after) == ("a\nb\nc", "a\nB\nc\n")
    assert found.text.split("\n")[2:] == ["@@ -1,3 +1,4 @@", " a", "-b", "+B", " c", "+"]


def test_forms_of_parts_and_absent_sides() -> None:
    old, new = record(EntityType.TOOL, "t"), tool({"type": "object"})
    body = new.body()
    body["implementation"]["files"]["more.py"] = ""
    body["metadata"] = {"tags": ["a"]}
    found = {each.path: each for each in differences(old, Record.model_validate(body))}
    forms = {path: each.form for path, each in found.items()}
    assert forms == {
        "metadata/tags": "json",
        "input_schema": "schema",
        "implementation/files/more.py": "code",
    }
    assert found["metadata/tags"].before is ABSENT
    assert "before" not in found["metadata/tags"].data()
    assert found["implementation/files/more.py"].text.endswith("\n+")


def test_a_whole_resource_that_came_or_went_is_told() -> None:
    text = diff_records(None, prompt(system="Hello."))
    assert "+Hello." in text
    assert diff_records(prompt(system="Hello."), None).count("-Hello.") == 1
    assert diff_records(None, None) == ""
    assert leaves(None) == {}


def test_views_are_compared_resource_by_resource(history: History) -> None:
    registry = Registry(history)
    for name in ("same", "gone", "moved"):
        registry.register(prompt(name))
    before = registry.view()
    registry.unregister(prompt("gone").id)
    registry.update(prompt("moved", system="New."))
    registry.register(prompt("came"))
    found = list(compare_views(before, registry.view()))
    assert [(each.resource.name, each.status) for each in found] == [
        ("came", "added"),
        ("gone", "removed"),
        ("moved", "changed"),
    ]
    assert counts(found) == {"added": 1, "removed": 1, "changed": 1}
    assert [part.path for part in found[2].parts] == ["params/system"]
    assert [rid for rid, _ in diff_views(before, registry.view())] == [f.resource for f in found]
    assert found[0].data()["status"] == "added"


def old(query: str, limit: int = 5, kind: str | None = None, gone: bool = False) -> str:
    """Search.

    Args:
        query: what to look for
        limit: how many
    """
    return ""


def new(text: str, limit: float = 10, *, kind: str, tags: list[str] | None = None) -> str:
    """Search.

    Args:
        text: what to look for
        limit: at most how many
    """
    return ""


def test_a_signature_is_compared_in_sentences() -> None:
    assert schema_statements(schema(old), schema(new)) == [
        "argument query renamed to text",
        "argument gone removed",
        "argument tags added: list of string or null, optional, default null",
        "argument limit: type integer → number",
        "argument limit: default 5 → 10",
        'argument limit: description "how many" → "at most how many"',
        "argument kind: type string or null → string",
        "argument kind: default null removed",
        "argument kind is now required",
    ]


def test_a_rename_that_could_be_two_is_not_guessed() -> None:
    one = {"properties": {"a": {"type": "string"}}}
    two = {"properties": {"b": {"type": "string"}, "c": {"type": "string"}}}
    assert schema_statements(one, two) == [
        "argument a removed",
        "argument b added: string, optional",
        "argument c added: string, optional",
    ]


def test_actions_are_compared_by_name() -> None:
    def actions(*names: str, **parameters: Any) -> dict[str, Any]:
        return schema_of_actions([Action(name, f"does {name}", parameters) for name in names])

    before = actions("read", "list", properties={"path": {"type": "string"}})
    after = actions("read", "write", properties={"path": {"type": "string", "minLength": 1}})
    assert schema_statements(before, after) == [
        "action read: argument path: minLength 1 added",
        "action list removed",
        "action write added",
    ]


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ({"required": ["a", "b"]}, {"required": ["b", "a"]}, "schema"),
        ({"properties": {"a": True}}, {"properties": {"a": {"type": "string"}}}, "schema"),
        ({"oneOf": [{"type": "string"}]}, {"oneOf": []}, "schema"),
        ({"title": "A"}, {"title": "B"}, 'title "A" → "B"'),
        (
            {"properties": {"a": {"type": "object", "maxProperties": 1}}},
            {"properties": {"a": {"type": "object", "maxProperties": 2}}},
            "argument a: maxProperties 1 → 2",
        ),
    ],
)
def test_what_no_sentence_fits_is_said_as_it_stands(
    one: dict[str, Any], other: dict[str, Any], said: str
) -> None:
    (statement,) = schema_statements(one, other)
    assert statement.startswith(said)
