"""Agents and prompts that are called: as tools of other agents, and like any resource."""

from __future__ import annotations

from typing import Any

import pytest

from agp.errors import InputError, ModelError, ResourceError
from agp.models.types import Completion, ModelRequest
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.registry import Registry
from tests.conftest import MakeProject
from tests.runtime.sessions import LEAD, Running, agent, call, speaker, told


async def test_a_sub_agent_answers_its_caller_and_shares_the_tasks_state(
    make_project: MakeProject,
) -> None:
    asked: list[Any] = []

    def script(request: ModelRequest) -> Completion | str:
        seen = told(request)
        if speaker(request) == "helper":
            asked.append(request.messages[-1]["content"] if not seen else None)
            steps = [
                call("workspace__read", path="a.txt"),
                call("workspace__write", path="b.txt", text="from the helper"),
                call("semantic__remember", text="Helpers help."),
            ]
            return steps[len(seen)] if len(seen) < 3 else f"I read: {seen[0]}"
        asks = [call("helper", input="Read a.txt."), call("workspace__read", path="b.txt")]
        return asks[len(seen)] if len(seen) < 2 else " / ".join(seen)

    project = make_project(script)
    agent(project, "helper", "environment: workspace\nmemory: semantic")
    agent(project, "lead", "environment: workspace\nagents: [helper]\ntools: []")
    answer, state = await Running(project)(LEAD, files={"a.txt": "given"})
    assert answer.text == "I read: given / from the helper"
    assert asked[0] == "Read a.txt."
    assert [change.mine.name for change in state.changes()] == ["semantic"]


async def test_traces_of_a_sub_agent_nest_in_the_call_to_it(make_project: MakeProject) -> None:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    def script(request: ModelRequest) -> Completion | str:
        if speaker(request) == "helper" or told(request):
            return "fine"
        return call("helper", input="Help.")

    project = make_project(script)
    agent(project, "helper", "tools: []")
    agent(project, "lead", "tools: []\nagents: [helper]")
    run = Running(project)
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    run.session.tracer = provider.get_tracer("test")
    await run(LEAD)
    spans = {span.name: span for span in exporter.get_finished_spans()}

    def parent(name: str) -> ReadableSpan:
        context = spans[name].parent
        assert context is not None
        return next(s for s in spans.values() if s.context.span_id == context.span_id)  # pyright: ignore[reportOptionalMemberAccess]

    assert parent("invoke_agent helper").name == "execute_tool helper"
    assert parent("execute_tool helper").name == "invoke_agent lead"


@pytest.mark.parametrize(
    ("policy", "told_to_lead"),
    [("return 1 / 0", "agent/helper failed: ZeroDivisionError"), ("", "input: Field required")],
)
async def test_a_failing_sub_agent_is_told_in_words(
    make_project: MakeProject, policy: str, told_to_lead: str
) -> None:
    def script(request: ModelRequest) -> Completion | str:
        return told(request)[0] if told(request) else call("helper", **asked)

    asked = {"input": "Help."} if policy else {}
    code = f"class Policy:\n    async def run(self, run):\n        {policy or 'return None'}\n"
    project = make_project(script)
    agent(project, "helper", "tools: []", code)
    agent(project, "lead", "tools: []\nagents: [helper]")
    answer, _ = await Running(project)(LEAD)
    assert told_to_lead in answer.text


async def test_an_outage_in_a_sub_agent_is_an_outage_of_the_task(make_project: MakeProject) -> None:
    def script(request: ModelRequest) -> Completion | ModelError:
        if speaker(request) == "helper":
            return ModelError("The provider is down.")
        return call("helper", input="Help.")

    project = make_project(script)
    agent(project, "helper", "tools: []")
    agent(project, "lead", "tools: []\nagents: [helper]")
    with pytest.raises(ModelError, match="down"):
        await Running(project)(LEAD)


def test_agents_that_call_each_other_in_a_circle_are_refused(make_project: MakeProject) -> None:
    project = make_project([])
    agent(project, "one", "agents: [two]")
    agent(project, "two", "agents: [one]")
    with pytest.raises(ResourceError, match="circle"):
        project.registry.init(project.roots)


def test_a_sub_agent_that_does_not_exist_is_named(make_project: MakeProject) -> None:
    project = make_project([])
    agent(project, "lead", "agents: [solvr]")
    with pytest.raises(ResourceError, match="agent/solvr") as raised:
        project.registry.init(project.roots)
    assert "solver" in str(raised.value.hint)


async def test_agents_call_each_other_only_so_deep(make_project: MakeProject) -> None:
    depth: list[str] = []

    def script(request: ModelRequest) -> Completion | str:
        if answers := told(request):
            return answers[0]
        depth.append(speaker(request))
        below = f"a{len(depth)}"
        return call(below, input="Go on.")

    project = make_project(script)
    for n in range(12):
        agent(project, f"a{n}", f"tools: []\nagents: [{f'a{n + 1}' if n < 11 else ''}]")
    answer, _ = await Running(project)(ResourceId(EntityType.AGENT, "a0"))
    assert "8 levels deep" in answer.text
    assert len(depth) == 9


async def test_an_agent_is_run_like_any_resource_where_there_is_a_model(
    make_project: MakeProject,
) -> None:
    registry = make_project(lambda r: f"You said: {r.messages[-1]['content']}").registry
    assert registry.get_info("agent/solver").input_schema["required"] == ["input"]
    ran = await registry.arun("agent/solver", {"input": "Hi", "files": {"a": "b"}})
    assert ran.result == "You said: Hi"
    for wrong in ({}, {"input": ""}, {"input": 1}, {"input": "x", "more": 1}, {"files": {}}):
        with pytest.raises(InputError, match=r"input|more|files"):
            await registry.arun("agent/solver", wrong)
    with pytest.raises(ResourceError, match="needs a model"):
        await Registry(registry.history).arun("agent/solver", {"input": "Hi"})


@pytest.mark.parametrize("given", [{}, {"inputs": "x"}, {"input": 3}, {"input": "x", "y": "z"}])
async def test_a_prompt_takes_exactly_its_placeholders(
    make_project: MakeProject, given: dict[str, Any]
) -> None:
    registry = make_project([]).registry
    rid, kind = ResourceId(EntityType.PROMPT, "solver"), KINDS[EntityType.PROMPT]
    record, prompt = registry.get_info(rid), registry.get(rid)
    assert kind.actions(record)[0].parameters["required"] == ["input"]
    with pytest.raises(ValueError, match="input|y"):
        await kind.run(record, prompt, given, {})
    messages = (await kind.run(record, prompt, {"input": "x"}, {})).result
    assert messages[-1] == {"role": "user", "content": "x"}
