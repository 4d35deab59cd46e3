"""What no person wrote is tried confined: a tool by its own tests, everything else by building."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agp.rspl.confined.demands import Demands, demanding
from agp.rspl.entities import Record, ResourceId
from agp.rspl.kinds.examples import ToolTest, same
from agp.rspl.view import View
from agp.sandbox import SandboxRefused, Strength
from agp.sandbox.used import used
from agp.sepl.creation.trials import failure, untried
from tests.rspl.helpers import prompt
from tests.support.untrusted import agent, memory, tool

EMPTY = View({}, lambda digest: prompt())


def tried(record: Record) -> str:
    return asyncio.run(failure([record]))


def with_tests(code: str, *tests: dict[str, Any], takes: str = "integer") -> Record:
    record = tool(code, {"x": {"type": takes}})
    return record.model_copy(update={"metadata": {"tests": list(tests)}})


DOUBLE = "def it(x: int) -> int:\n    return 2 * x\n"


def test_a_tool_that_does_what_its_tests_say_passes_and_was_confined() -> None:
    record = with_tests(
        DOUBLE + "import os\n",
        {"arguments": {"x": 2}, "expected": 4},
        {"arguments": {"x": 3}, "expected": "integer", "check": "type"},
        {"arguments": {"x": "three"}, "check": "fails"},
    )
    with used() as held:
        assert tried(record) == ""
    assert held
    assert min(held.values()) >= Strength.STRONG


@pytest.mark.parametrize(
    ("code", "test", "message"),
    [
        (
            DOUBLE,
            {"arguments": {"x": 2}, "expected": 5},
            'tool/it: the call it({"x": 2}) gave 4; its test expects 5.',
        ),
        (
            "def it(x: int) -> int:\n    return 1 // x\n",
            {"arguments": {"x": 0}, "expected": 0},
            "ZeroDivisionError",
        ),
        (
            "def it(x: int) -> int:\n    raise ValueError('no such number')\n",
            {"arguments": {"x": 1}, "expected": 0},
            "failed (no such number)",
        ),
        (DOUBLE, {"arguments": {"y": 1}, "expected": 0}, "there is no argument 'y'"),
        (DOUBLE, {"arguments": {"x": 1}, "check": "fails"}, "gave 2; its test expects it to fail"),
        (
            "def it(x: int):\n    open('/etc/passwd').read()\n    return 1\n",
            {"arguments": {"x": 1}, "expected": 1},
            "failed (",
        ),
        (
            DOUBLE + "raise SystemExit(0)\n",
            {"arguments": {"x": 1}, "expected": 2},
            "failed (",
        ),
    ],
)
def test_the_call_that_fails_is_named(code: str, test: dict[str, Any], message: str) -> None:
    assert message in tried(with_tests(code, test))


def test_a_trial_has_no_weaker_hold_than_the_policy_demands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(*_: object, **__: object) -> None:
        raise SandboxRefused(Strength.STRONG, [])

    monkeypatch.setattr("agp.rspl.confined.calls.call", nothing)
    with demanding(Demands(Strength.STRONG)), pytest.raises(SandboxRefused):
        tried(with_tests(DOUBLE, {"arguments": {"x": 1}, "expected": 2}))


BROKEN = "class Memory:\n    def __init__(self, items=None):\n        raise KeyError('lost')\n"


def test_everything_else_must_be_built() -> None:
    broken = memory(BROKEN, {"items": []}, {})
    assert "memory/it cannot be built: memory.py, line 3: KeyError: 'lost'" in tried(broken)
    assert tried(memory(BROKEN.replace("raise KeyError('lost')", "pass"), {"items": []}, {})) == ""
    policy = "class Policy:\n    def __init__(self, words='a'):\n        self.n = int(words)\n"
    assert "agent/it cannot be built: invalid literal" in tried(agent(policy))
    assert tried(agent(policy, policy={"words": "3"})) == ""


def test_only_what_is_new_and_not_a_persons_is_tried() -> None:
    tested = with_tests(DOUBLE, {"arguments": {"x": 1}, "expected": 2})
    assert untried(EMPTY, [tested]) == [tested]
    assert untried(EMPTY, [tool(DOUBLE)]) == []  # it has no tests of its own
    assert untried(EMPTY, [prompt()]) == []
    there = EMPTY.with_overlay([tested])
    described = tested.model_copy(update={"description": "Doubles."})
    assert untried(there, [described]) == []
    policy = agent("class Policy:\n    def __init__(self, words=''): pass\n")
    assert untried(EMPTY, [policy]) == [policy]
    other = policy.model_copy(update={"params": {**policy.params, "policy": {"words": "b"}}})
    assert untried(EMPTY.with_overlay([policy]), [other]) == [other]
    assert ResourceId.parse("agent/it") == other.id


@pytest.mark.parametrize(
    ("expected", "result", "alike"),
    [
        (3, 3.0, True),
        (0.1 + 0.2, 0.3, True),
        (3, 4, False),
        (1, True, False),
        (True, True, True),
        ("a", " a\n", True),
        ("3", 3, False),
        ([1, {"a": 2.0}], [1.0, {"a": 2}], True),
        ([1], [1, 2], False),
        ({"a": 1}, {"b": 1}, False),
        (None, None, True),
        (None, 0, False),
    ],
)
def test_results_are_compared_but_for_rounding_and_space(
    expected: Any, result: Any, alike: bool
) -> None:
    assert same(expected, result) == alike
    assert ToolTest(arguments={}, expected=expected).holds(result) == alike


@pytest.mark.parametrize(
    ("expected", "result", "holds"),
    [("b", "abc", True), ("d", "abc", False), (2, [1, 2], True), (3, [1], False), ("a", 1, False)],
)
def test_a_result_may_only_have_to_contain_something(
    expected: Any, result: Any, holds: bool
) -> None:
    assert ToolTest(arguments={}, expected=expected, check="contains").holds(result) == holds
