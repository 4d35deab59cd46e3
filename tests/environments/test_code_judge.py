"""Every verdict of the code judge, on real programs, and what it keeps to itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agp.errors import ResourceError
from agp.rspl.kinds import KINDS
from tests.memory.shipped import Acting, shipped

DOUBLE = [{"stdin": "2\n", "expected": "4\n"}, {"stdin": "31\n", "expected": "62"}]
ADD = ["assert add(1, 2) == 3", "assert add(20, 30) == 50"]


def judge(**params: Any) -> Acting:
    return Acting(shipped("environment/code_judge", **{"seconds": 3, "memory_mb": 200, **params}))


@pytest.mark.parametrize(
    ("code", "verdicts"),
    [
        ("print(int(input()) * 2)", ["pass", "pass"]),
        ("print(int(input()) + 2)", ["pass", "wrong answer"]),
        ("print(1 / (int(input()) - 2))", ["runtime error", "wrong answer"]),
        ("import sys; print(int(input()) * 2); sys.exit(1)", ["runtime error"] * 2),
        ("x = [0] * 10**9", ["memory limit", "memory limit"]),
        ("raise SyntaxError('not when compiled')", ["runtime error"] * 2),
    ],
)
async def test_verdicts_on_input_and_output(code: str, verdicts: list[str]) -> None:
    result = await judge()("judge", code=code, cases=DOUBLE)
    assert [case["verdict"] for case in result["cases"]] == verdicts
    first = next((verdict for verdict in verdicts if verdict != "pass"), "pass")
    assert (result["verdict"], result["of"]) == (first, 2)
    assert result["passed"] == verdicts.count("pass")


@pytest.mark.parametrize(
    ("code", "verdicts"),
    [
        ("def add(a, b): return a + b", ["pass", "pass"]),
        ("def add(a, b): return 3", ["pass", "wrong answer"]),
        ("def add(a, b): raise OSError", ["runtime error", "runtime error"]),
        ("def ad(a, b): return 3", ["runtime error", "runtime error"]),
        ("def add(a, b): return [0] * 10**9", ["memory limit", "memory limit"]),
        ("import os; os._exit(0)", ["runtime error", "runtime error"]),
    ],
)
async def test_verdicts_on_tests(code: str, verdicts: list[str]) -> None:
    result = await judge()("judge", code=code, tests=ADD)
    assert [case["verdict"] for case in result["cases"]] == verdicts


@pytest.mark.parametrize("given", [{"cases": DOUBLE[:1]}, {"tests": ADD[:1]}])
async def test_a_program_that_does_not_end_is_stopped(given: dict[str, Any]) -> None:
    result = await judge(seconds=0.5)("judge", code="while True: pass", **given)
    assert (result["verdict"], result["passed"]) == ("time limit", 0)


@pytest.mark.parametrize("code", ["def add(a, b)", "x = '\x00'", "(" * 5000])
async def test_a_program_that_does_not_compile_is_not_run(code: str) -> None:
    result = await judge()("judge", code=code, tests=ADD)
    assert (result["verdict"], result["passed"], result["of"]) == ("compile error", 0, 2)
    assert result["cases"] == []
    assert result["detail"]


HIDDEN = {"double": {"cases": DOUBLE}, "add": {"tests": ["assert add(1, 2) == 3 + 70707"]}}


@pytest.mark.parametrize("reveal", [False, True])
async def test_hidden_answers_are_shown_only_where_that_is_configured(reveal: bool) -> None:
    hidden = {"double": {"cases": [{"stdin": "2", "expected": "70707"}]}, "add": HIDDEN["add"]}
    acting = judge(problems=hidden, reveal=reveal)
    assert await acting("list") == {"add": "1 tests", "double": "1 cases"}
    for problem, code in (("double", "print(0)"), ("add", "def add(a, b): return 0")):
        result = await acting("judge", code=code, problem=problem)
        assert result["verdict"] == "wrong answer"
        assert ("70707" in json.dumps(result)) == reveal


async def test_the_last_line_break_and_spaces_at_line_ends_do_not_matter() -> None:
    case = {"stdin": "", "expected": "1 \n\n2"}
    result = await judge()("judge", code="print('1\\n\\n2  \\n')", cases=[case])
    assert result["verdict"] == "pass"
    result = await judge()("judge", code="print('1\\n2')", cases=[case])
    assert result["verdict"] == "wrong answer"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "exactly one of problem, tests and cases"),
        ({"tests": ADD, "cases": DOUBLE}, "exactly one"),
        ({"problem": "nothing"}, "there is no problem 'nothing'; there are: add, double"),
        ({"tests": ["a"] * 51}, "1 to 50 tests or cases, not 51"),
        ({"cases": [{"stdin": "1"}]}, "exactly stdin and expected"),
        ({"cases": [{"stdin": "1", "expected": 2}]}, "expected: Input should be a valid string"),
        ({"tests": "assert True"}, "tests: Input should be a valid list"),
    ],
)
async def test_wrong_input_is_told_in_words(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the text is checked below
        await judge(problems=HIDDEN)("judge", code="", **arguments)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    "params",
    [
        {"problems": {"a": {}}},
        {"problems": {"a": {"tests": []}}},
        {"problems": {"a": {"tests": ["x"], "cases": DOUBLE}}},
        {"problems": {"a": {"cases": [{"in": ""}]}}},
        {"seconds": 0},
        {"memory_mb": 1},
    ],
)
def test_a_malformed_judge_cannot_be_built(params: dict[str, Any]) -> None:
    record = shipped("environment/code_judge", **params)
    with pytest.raises(ResourceError):
        KINDS[record.type].build(record)
