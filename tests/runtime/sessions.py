"""Agents of a test's project, and running them with their task's state in hand."""

from __future__ import annotations

import json

from agp.models.manager import ModelManager
from agp.models.types import Completion, ModelRequest, ToolCall
from agp.project import Project
from agp.rspl.entities import EntityType, ResourceId
from agp.runtime.session import Session
from agp.runtime.task_state import TaskState
from agp.runtime.types import Answer, Task

MEMORY = ResourceId(EntityType.MEMORY, "semantic")
LEAD = ResourceId(EntityType.AGENT, "lead")


def call(name: str, **arguments: object) -> Completion:
    call = ToolCall(id="1", name=name, arguments=arguments, raw=json.dumps(arguments))
    return Completion(text="", tool_calls=[call], finish_reason="tool_calls")


def agent(project: Project, name: str, front: str, policy: str = "") -> ResourceId:
    """An agent in the project's folder; without a policy of its own it calls tools."""
    folder = project.folder / "agents" / name
    folder.mkdir(parents=True)
    (folder / "AGENT.md").write_text(f"---\nextends: tool_calling\n{front}\n---\nI am {name}.\n")
    if policy:
        (folder / "policy.py").write_text(policy)
    return ResourceId(EntityType.AGENT, name)


class Running:
    """Runs agents of a project as `Project.run` does, the state of the task in hand."""

    def __init__(self, project: Project) -> None:
        project.registry.init(project.roots)
        self.registry = project.registry
        tracer = project.tracer_provider.get_tracer("test")
        models = ModelManager(project.models, tracer=tracer, backends=project._backends)
        self.session = Session(models, tracer, project.registry.builder)

    async def __call__(
        self, agent: ResourceId, task: str = "Go.", files: dict[str, str] | None = None
    ) -> tuple[Answer, TaskState]:
        given = Task(input=task, files=files or {})
        state = TaskState(given.files)
        view = self.registry.view()
        return await self.session.run_agent(view, agent, given, state=state), state


def told(request: ModelRequest) -> list[str]:
    return [m["content"] for m in request.messages if m["role"] == "tool"]


def speaker(request: ModelRequest) -> str:
    return request.messages[0]["content"].removeprefix("I am ").removesuffix(".")
