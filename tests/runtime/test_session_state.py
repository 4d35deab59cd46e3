"""Agents with memory and environment, on a scripted model and a real store."""

from __future__ import annotations

import asyncio
import json

from agp.models.types import Completion, ModelRequest
from agp.rspl.entities import EntityType
from agp.runtime.keeping import keep
from tests.conftest import MakeProject
from tests.runtime.sessions import LEAD, MEMORY, Running, agent, call, told


async def test_memory_and_environment_are_tools_on_state_of_the_task(
    make_project: MakeProject,
) -> None:
    offered: set[str] = set()
    steps = [
        call("workspace__list"),
        call("workspace__write", path="b.txt", text="new"),
        call("semantic__remember", text="The sky is blue."),
        call("semantic__recall", query="sky"),
        call("workspace__list"),
        "done",
    ]

    def script(request: ModelRequest) -> Completion | str:
        offered.update(tool["function"]["name"] for tool in request.tools)
        return steps[len(told(request))]

    project = make_project(script)
    front = "environment: workspace\nmemory: semantic\npolicy: {max_steps: 8}"
    agent(project, "lead", front)
    run = Running(project)
    answer, state = await run(LEAD, files={"a.txt": "given"})
    assert answer.text == "done"
    assert {"workspace__read", "workspace__replace", "semantic__forget"} <= offered
    (change,) = state.changes()
    assert [fact["text"] for fact in change.mine.params["items"]] == ["The sky is blue."]
    assert change.base == run.registry.get_info(MEMORY), "nothing is committed by running"
    (world,) = state.changes(EntityType.ENVIRONMENT)
    assert world.mine.params["files"] == {"a.txt": "given", "b.txt": "new"}


async def test_tasks_do_not_see_each_others_state(make_project: MakeProject) -> None:
    def script(request: ModelRequest) -> Completion | str:
        steps = [call("workspace__write", path="x", text="y"), call("workspace__list")]
        seen = told(request)
        return steps[len(seen)] if len(seen) < 2 else seen[1]

    project = make_project(script)
    agent(project, "lead", "environment: workspace")
    run = Running(project)
    answers = await asyncio.gather(*(run(LEAD, files={f"{n}": ""}) for n in range(5)))
    assert [json.loads(a.text) for a, _ in answers] == [{f"{n}": 0, "x": 1} for n in range(5)]


POLICY = """
from agp.runtime import AgentRun, Answer

class Policy:
    async def run(self, run: AgentRun) -> Answer:
        await run.environment.call("write", {"path": "plan.md", "text": "1. ask"})
        seen = await run.tools.call("workspace__read", {"path": "plan.md"})
        found = await run.memory.call("recall", {"query": "moon"})
        try:
            await run.memory.call("recal")
        except ValueError as error:
            return Answer(text=f"{seen.text} | {found} | {error}")
"""


async def test_a_policy_uses_the_same_state_without_the_model(make_project: MakeProject) -> None:
    project = make_project([])
    agent(project, "lead", "environment: workspace\nmemory: semantic", POLICY)
    answer, _ = await Running(project)(LEAD)
    text, found, error = answer.text.split(" | ")
    assert (text, found) == ("1. ask", "[]")
    assert "remember, recall, forget" in error


async def test_tasks_that_remember_side_by_side_lose_nothing(
    make_project: MakeProject, location: str
) -> None:
    def script(request: ModelRequest) -> Completion | str:
        if told(request):
            return "done"
        return call("semantic__remember", text=request.messages[-1]["content"])

    project = make_project(script, store=location)
    agent(project, "lead", "memory: semantic\ntools: []")
    run = Running(project)
    states = [
        state for _, state in await asyncio.gather(*(run(LEAD, f"Fact {n}") for n in range(6)))
    ]
    await asyncio.gather(
        *(
            asyncio.to_thread(keep, run.registry, state.changes(), message="a task")
            for state in states
        )
    )
    facts = {fact["text"] for fact in run.registry.get_state(MEMORY)}
    assert facts == {f"Fact {n}" for n in range(6)}
    answer, state = await run(LEAD, "Fact 0")
    assert answer.text == "done"
    keep(run.registry, state.changes(), message="again")
    assert run.registry.get_state(MEMORY)[-1]["text"] == "Fact 0"


async def test_a_memory_that_was_unregistered_meanwhile_keeps_nothing(
    make_project: MakeProject,
) -> None:
    def script(request: ModelRequest) -> Completion | str:
        return "done" if told(request) else call("semantic__remember", text="x")

    project = make_project(script)
    rid = agent(project, "lead", "memory: semantic\ntools: []")
    run = Running(project)
    _, state = await run(LEAD)
    run.registry.unregister(rid)
    run.registry.unregister(MEMORY)
    assert keep(run.registry, state.changes(), message="late") == []


async def test_a_later_session_recalls_and_a_run_on_a_given_view_keeps_nothing(
    make_project: MakeProject,
) -> None:
    def script(request: ModelRequest) -> Completion | str:
        task = request.messages[1]["content"]
        if seen := told(request):
            return seen[0]
        if task.startswith("Note: "):
            return call("semantic__remember", text=task.removeprefix("Note: "))
        return call("semantic__recall", query=task)

    project = make_project(script)
    agent(project, "lead", "memory: semantic\ntools: []")
    project.registry.init(project.roots)
    old = project.registry.view()
    await project.arun("lead", "Note: The well is dry.")
    await project.arun("lead", "Note: The rope is short.", view=project.registry.view())
    project.close()
    again = make_project(script)
    assert "The well is dry." in (await again.arun("lead", "Which well?")).text
    assert (await again.arun("lead", "Which rope?")).text == "[]"
    assert again.registry.view().refs[MEMORY] != old.refs[MEMORY]
