"""The shipped agents on scripted models: what they send, when they end."""

from __future__ import annotations

import json

import pytest

from agp.models.types import Completion, ModelRequest, ToolCall
from agp.runtime.types import Task
from tests.conftest import MakeProject


def _call(name: str = "python", **arguments: object) -> Completion:
    call = ToolCall(id="1", name=name, arguments=arguments, raw=json.dumps(arguments))
    return Completion(text="", tool_calls=[call], finish_reason="tool_calls")


def test_the_solver_makes_one_call_with_its_prompt(make_project: MakeProject) -> None:
    seen: list[ModelRequest] = []

    def script(request: ModelRequest) -> str:
        seen.append(request)
        return "42"

    answer = make_project(script).run("solver", "What?")
    assert (answer.text, answer.ended) == ("42", "answered")
    assert [m["role"] for m in seen[0].messages] == ["system", "user"]
    assert len(seen) == 1


def test_tool_results_come_back_to_the_model(make_project: MakeProject) -> None:
    seen: list[ModelRequest] = []

    def script(request: ModelRequest) -> Completion | str:
        seen.append(request)
        return _call(code="6*7") if len(seen) == 1 else "It is 42."

    answer = make_project(script).run("tool_calling", "What is 6*7?")
    assert (answer.text, answer.steps) == ("It is 42.", 2)
    assert {t["function"]["name"] for t in seen[0].tools} == {"python", "read_file"}
    assert [m["role"] for m in seen[1].messages[2:]] == ["assistant", "tool", "user"]
    assert seen[1].messages[3]["content"] == "42"


def test_answering_on_the_last_step_is_a_success(make_project: MakeProject) -> None:
    def script(request: ModelRequest) -> Completion | str:
        return _call(code=f"1+{len(request.messages)}") if request.tools else "done"

    answer = make_project(script).run("tool_calling", "Go on.")
    assert (answer.text, answer.ended, answer.steps) == ("done", "answered", 4)


def test_a_model_that_repeats_itself_is_made_to_answer(make_project: MakeProject) -> None:
    def script(request: ModelRequest) -> Completion | str:
        return _call(code="1+1") if request.tools else "2"

    answer = make_project(script).run("tool_calling", "Go on.")
    assert (answer.text, answer.steps) == ("2", 3)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (_call("nothing", x=1), "there is no tool 'nothing'"),
        (_call(cod="1"), "there is no argument 'cod'; there are: code"),
        (_call(), "code: Field required"),
        (_call(code="1/0"), "ZeroDivisionError"),
        (_call("read_file", path="../secret"), "Error:"),
    ],
)
def test_a_failing_tool_is_told_to_the_model_in_words(
    make_project: MakeProject, call: Completion, told: str
) -> None:
    seen: list[ModelRequest] = []

    def script(request: ModelRequest) -> Completion | str:
        seen.append(request)
        return call if len(seen) == 1 else "so be it"

    assert make_project(script).run("tool_calling", "Try.").text == "so be it"
    assert told in seen[1].messages[3]["content"]


def test_a_tool_reads_the_files_of_its_own_task(make_project: MakeProject) -> None:
    def script(request: ModelRequest) -> Completion | str:
        told = [m["content"] for m in request.messages if m["role"] == "tool"]
        return told[0] if told else _call("read_file", path="a.txt")

    task = Task(input="What is in a.txt?", files={"a.txt": "secret of the task"})
    assert "secret of the task" in make_project(script).run("tool_calling", task).text


@pytest.mark.parametrize(
    ("reply", "ended"),
    [("", "empty"), ("  \n", "empty"), (Completion(text="x", finish_reason="length"), "cut_off")],
)
def test_empty_and_cut_off_replies_are_told_apart(
    make_project: MakeProject, reply: str | Completion, ended: str
) -> None:
    assert make_project(lambda _: reply).run("solver", "x").ended == ended


def test_a_policy_that_raises_is_a_failed_answer(make_project: MakeProject) -> None:
    project = make_project(lambda _: "fine")
    folder = project.folder / "agents" / "broken"
    folder.mkdir(parents=True)
    (folder / "AGENT.md").write_text("Be broken.")
    (folder / "policy.py").write_text(
        "class Policy:\n    async def run(self, run):\n        return 1 / 0\n"
    )
    project.registry.init(project.roots)
    answer = project.run("broken", "x")
    assert (answer.ended, answer.detail) == ("failed", "ZeroDivisionError: division by zero")


def test_a_reply_that_is_a_program_is_run_and_its_output_is_the_answer(
    make_project: MakeProject,
) -> None:
    answer = make_project(lambda _: "Like so:\n```python\nprint(6 * 7)\n```").run("program", "?")
    assert (answer.text, answer.steps) == ("42", 1)
    assert make_project(lambda _: "It is 7.", "other").run("program", "?").text == "It is 7."


def test_a_program_that_fails_is_shown_its_error_once(make_project: MakeProject) -> None:
    seen: list[ModelRequest] = []

    def script(request: ModelRequest) -> str:
        seen.append(request)
        return "```python\nprint(1 / 0)\n```"

    answer = make_project(script).run("program", "?")
    assert (answer.text, answer.ended, len(seen)) == ("", "failed", 2)
    assert "ZeroDivisionError" in seen[1].messages[-1]["content"]
    assert "ZeroDivisionError" in answer.detail
