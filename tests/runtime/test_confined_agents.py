"""Agents whose policy no person wrote: it runs in the sandbox, its calls are the host's."""

from __future__ import annotations

from typing import Any

import pytest

from agp.errors import BudgetExhausted, ModelError
from agp.models.types import Completion, ModelRequest
from agp.project import Project
from agp.rspl.confined.policies import ConfinedPolicy
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.registry import Registry
from agp.runtime.types import Answer
from agp.tracing import names
from agp.tracing.reader import list_traces, read_trace
from tests.conftest import MakeProject
from tests.runtime.sessions import Running, call, told
from tests.support.untrusted import unique

SOLVER = ResourceId(EntityType.AGENT, "solver")


def evolved(registry: Registry, name: str, code: str = "", **params: Any) -> ResourceId:
    """The agent with other code by an optimizer; by default the code that it has, and a comment."""
    record = registry.get_info(ResourceId(EntityType.AGENT, name))
    body = record.body()
    files = body["implementation"]["files"]
    files["policy.py"] = unique(code or files["policy.py"])
    body["params"] |= params
    registry.update(Record.model_validate(body), origin="optimizer")
    assert isinstance(registry.get(record.id), ConfinedPolicy)
    return record.id


async def test_the_shipped_solver_answers_the_same_confined(make_project: MakeProject) -> None:
    seen: list[ModelRequest] = []

    def script(request: ModelRequest) -> str:
        seen.append(request)
        return "42"

    project = make_project(script)
    running = Running(project)
    before, _ = await running(SOLVER, "6 * 7?")
    evolved(project.registry, "solver")
    after, _ = await running(SOLVER, "6 * 7?")
    assert (after.text, after.ended, after.steps) == (before.text, before.ended, before.steps)
    assert seen[0].messages == seen[-1].messages
    assert seen[0].max_tokens == seen[-1].max_tokens


async def test_tools_are_the_hosts_and_traced_there(make_project: MakeProject) -> None:
    def script(request: ModelRequest) -> str | Completion:
        return told(request)[-1] if told(request) else call("read_file", path="a.txt")

    project = make_project(script)
    agent = evolved(project.registry, "tool_calling")
    answer, _ = await Running(project)(agent, "What is in it?", {"a.txt": "42"})
    assert answer.text == "42"
    project.tracer_provider.force_flush()
    spans = [
        span
        for trace in list_traces(project.database, limit=10)
        for span in read_trace(project.database, trace.trace_id)
    ]
    held = {s.name: s.attributes for s in spans if names.AGP_SANDBOX_BACKEND in s.attributes}
    assert held["invoke_agent tool_calling"][names.AGP_SANDBOX_STRENGTH] == "strong"
    assert "execute_tool read_file" in {span.name for span in spans}
    assert "execute_tool read_file" not in held  # shipped code, in this process


async def test_the_program_agent_runs_programs_through_its_tool(
    make_project: MakeProject,
) -> None:
    project = make_project(lambda _: "```python\nprint(6 * 7)\n```")
    agent = evolved(project.registry, "program")
    answer, _ = await Running(project)(agent, "6 * 7?")
    assert answer.text == "42"


POLICY = """
from agp.runtime import AgentRun, Answer

class Policy:
    def __init__(self, temperature: float = 0.0, max_tokens: int = 512) -> None:
        pass

    async def run(self, run: AgentRun) -> Answer:
        BODY
"""


async def ran(project: Project, body: str, **params: Any) -> Answer:
    code = POLICY.replace("BODY", body.replace("\n", "\n        "))
    agent = evolved(project.registry, "solver", code, **params)
    answer, _ = await Running(project)(agent, "the task", {"a.txt": "text"})
    return answer


async def test_memory_and_files_are_at_hand(make_project: MakeProject) -> None:
    body = (
        "await run.memory.call('remember', {'text': 'a fact'})\n"
        "found = await run.memory.call('recall', {'query': 'fact'})\n"
        "return Answer(text=f\"{run.task.files['a.txt']} {found[0]['text']} {run.environment}\")"
    )
    answer = await ran(make_project(lambda _: ""), body, memory="semantic")
    assert answer.text == "text a fact None"


async def test_several_calls_at_once_in_a_loop_of_its_own(make_project: MakeProject) -> None:
    body = (
        "import asyncio\n"
        "await asyncio.sleep(0.01)\n"
        "calls = [run.complete(run.messages(), draw=n) for n in range(3)]\n"
        "return Answer(text=' '.join(r.text for r in await asyncio.gather(*calls)))"
    )
    assert (await ran(make_project(lambda _: "yes"), body)).text == "yes yes yes"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("return 'no answer'", "not an Answer"),
        ("return Answer(text=5)", "text"),
        ("raise KeyError('x')", "KeyError"),
        ("return Answer(text=open('/etc/passwd').read())", "Error"),
        ("await run.complete([], model='other')", "cannot set 'model'"),
        ("await run.complete([], seed=1)", "cannot set 'seed'"),
        ("await run.complete([], draw=-1)", "draw must be from 0"),
        ("await run.complete('x')", "messages"),
        ("await run.complete([], max_tokens=-100_000)", "greater than or equal to 1"),
        ("await run.complete([], max_tokens=0)", "greater than or equal to 1"),
        ("await run.complete([], temperature=-1.0)", "greater than or equal to 0"),
        ("await run.complete([{'content': [{'type': 'image_url'}]}])", "text only"),
        ("await run.complete([{'content': [{'type': 'text', 'image_url': 1}]}])", "text only"),
        ("await run.complete([], tools=[{'type': 'web_fetch'}])", "functions only"),
        ("await run.complete([], tools=[{'type': 'function', 'server': 1}])", "functions only"),
        ("import agp_guest\nagp_guest.ask('shell', command='id')", "shell"),
        ("import agp_guest\nagp_guest.ask('memory', action='recall')", "memory"),
        ("import os\nos._exit(0)", "without a result"),
    ],
)
async def test_what_a_policy_may_not_do_fails_its_answer_only(
    make_project: MakeProject, body: str, detail: str
) -> None:
    answer = await ran(make_project(lambda _: "yes"), body)
    assert answer.ended == "failed"
    assert detail in answer.detail


async def test_an_outage_is_the_hosts_error_not_the_policys(make_project: MakeProject) -> None:
    def script(_: ModelRequest) -> str:
        raise ModelError("the provider is down")

    body = "try:\n    await run.complete(run.messages())\nexcept BaseException:\n    pass\n"
    with pytest.raises(ModelError, match="down"):
        await ran(make_project(script), body + "return Answer(text='caught')")


async def test_its_calls_are_charged(make_project: MakeProject) -> None:
    project = make_project(lambda _: "yes")
    code = POLICY.replace(
        "BODY", "while True:\n            await run.complete(run.messages(), max_tokens=8)"
    )
    agent = evolved(project.registry, "solver", code)
    with pytest.raises(BudgetExhausted):
        await project.arun(agent.name, "go on", budget={"calls": 3})
