"""The tool-call parser on what models write, and on what nobody should."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.models.embedded.toolcalls import parse_tool_calls

TOOLS = ("python", "calculator")


def names(text: str) -> list[str]:
    return [call.name for call in parse_tool_calls(text, TOOLS)[1]]


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>\n{"name": "python", "arguments": {"code": "print(1)"}}\n</tool_call>',
        '<tool_call>{"name": "python", "arguments": {"code": "print(1)"}}',
        '<tool_call>```json\n{"name": "python", "args": {"code": "print(1)"}}\n```</tool_call>',
        '```json\n{\n  "name": "python",\n  "arguments": {\n    "code": "print(1)"\n  }\n}\n```',
        '```\n{"name": "python", "parameters": {"code": "print(1)"}}\n```',
        '{"name": "python", "arguments": {"code": "print(1)"}}',
        '  {"name": "python", "arguments": "{\\"code\\": \\"print(1)\\"}"}',
        '[{"name": "python", "arguments": {"code": "print(1)"}}]',
        '{"type": "function", "function": {"name": "python", "arguments": {"code": "print(1)"}}}',
        '{{"name": "python", "arguments": {"code": "print(1)"}}}',
        '<tool_call>\n{{"name": "python", "arguments": {"code": "print(1)"}}}\n</tool_call>',
        '<tools>\n{"name": "python", "arguments": {"code": "print(1)"}}\n</tools>',
    ],
)
def test_every_dress_of_a_call_is_understood(text: str) -> None:
    rest, (call,) = parse_tool_calls(text, TOOLS)
    assert (call.name, call.arguments) == ("python", {"code": "print(1)"})
    assert rest == ""


def test_prose_around_a_call_is_kept() -> None:
    text = 'I will compute it.\n```json\n{"name": "python", "arguments": {"code": "x"}}\n```\nDone.'
    rest, calls = parse_tool_calls(text, TOOLS)
    assert len(calls) == 1
    assert rest.split() == ["I", "will", "compute", "it.", "Done."]


def test_several_calls_keep_their_order_and_have_different_ids() -> None:
    one = '<tool_call>{"name": "python", "arguments": {"code": "1"}}</tool_call>'
    two = '<tool_call>{"name": "calculator", "arguments": {"expression": "2"}}</tool_call>'
    _, calls = parse_tool_calls(one + "\n" + two, TOOLS)
    assert [call.name for call in calls] == ["python", "calculator"]
    assert len({call.id for call in calls}) == 2
    assert parse_tool_calls(one + "\n" + two, TOOLS)[1] == calls


def test_real_line_breaks_in_a_json_string_are_accepted() -> None:
    _, (call,) = parse_tool_calls(
        '{"name": "python", "arguments": {"code": "a = 1\nprint(a)"}}', TOOLS
    )
    assert call.arguments == {"code": "a = 1\nprint(a)"}


def test_a_tagged_call_that_is_broken_comes_back_to_be_shown_to_the_model() -> None:
    text = '<tool_call>{"name": "python", "arguments": {"code": "print("1")"}}</tool_call>'
    _, (call,) = parse_tool_calls(text, TOOLS)
    assert (call.name, call.arguments) == ("python", None)
    assert 'print("1")' in call.raw


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{\n  "name": "python",\n  "arguments": {"code": "print(1)}\n}\n```',
        '{"name": "python", "arguments": {"code": """print(1)"""}}',
        '{{"name": "python", "arguments": {"code": "print(',
    ],
)
def test_an_untagged_call_that_is_broken_is_shown_too(text: str) -> None:
    _, (call,) = parse_tool_calls(text, TOOLS)
    assert (call.name, call.arguments) == ("python", None)
    assert "print" in call.raw


def test_a_tagged_call_of_an_unknown_tool_is_a_call() -> None:
    assert names('<tool_call>{"name": "shell", "arguments": {}}</tool_call>') == ["shell"]


@pytest.mark.parametrize(
    "text",
    [
        "The answer is 42.",
        '{"answer": 42}',
        '{"name": "shell", "arguments": {"command": "ls"}}',
        '{"name": "python"}',
        '{"name": ["python"], "arguments": {}}',
        '```json\n{"name": "Alice", "arguments": "none"}\n```',
        "```python\nprint(1)\n```",
        'Write {"name": "python", "arguments": {}} to call it.',
        "<tool_call></tool_call>",
        "{" * 5000,
        '{"a":' * 5000,
        "[" * 100_000,
        "<tool_call>" * 2000,
    ],
)
def test_what_is_no_call_is_left_alone(text: str) -> None:
    assert names(text) == []


def test_arguments_that_are_no_object_are_none() -> None:
    for value in ("[1, 2]", '"1+1"', "3", "null"):
        _, (call,) = parse_tool_calls(f'{{"name": "python", "arguments": {value}}}', TOOLS)
        assert call.arguments is None


def test_without_tools_nothing_is_a_call() -> None:
    text = '<tool_call>{"name": "python", "arguments": {}}</tool_call>'
    assert parse_tool_calls(text, []) == (text, [])


@pytest.mark.parametrize(
    "unit", ['{"name":\n', "```json\n{\n", "<tool_call>{", "</tool_call>", "```\n[\n", "{ \n"]
)
def test_hostile_length_costs_little(unit: str) -> None:
    start = time.process_time()
    parse_tool_calls(unit * (200_000 // len(unit)), TOOLS)
    assert time.process_time() - start < 1.0


@given(st.text(alphabet='{}[]":,<>/`\n\\ tool_calnmepyhrgus1', max_size=300))
def test_it_never_raises(text: str) -> None:
    parse_tool_calls(text, TOOLS)
