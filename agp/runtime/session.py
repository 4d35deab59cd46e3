"""Running an agent of a view on a task, traced."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from opentelemetry.trace import Span, Status, StatusCode, Tracer

from agp.errors import AgpError, ResourceError
from agp.models.manager import ModelManager
from agp.models.types import Completion, JsonObject
from agp.rspl.builder import Builder
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.view import View
from agp.runtime.agent_run import AgentRun, Attempt, Complete
from agp.runtime.toolbox import ToolBox
from agp.runtime.types import Answer, Task
from agp.tracing import names

REFINE = ResourceId(EntityType.PROMPT, "refine")
"""The prompt that asks an agent to improve on its own earlier answer."""
_MOST_DRAWS = 1000


class Session:
    """Runs agents: the models they call, where instances are built, where traces go."""

    def __init__(
        self, models: ModelManager, tracer: Tracer, builder: Builder | None = None
    ) -> None:
        self.models = models
        self.tracer = tracer
        self.builder = builder or Builder()

    async def run_agent(
        self,
        view: View,
        agent: ResourceId,
        task: Task,
        *,
        seed: int = 0,
        repetition: int = 0,
        earlier: Sequence[Attempt] = (),
    ) -> Answer:
        """Run one agent on one task.

        Parameters: ``repetition`` tells independent samples of one task apart; ``earlier`` are
        attempts to refine. A policy that raises gives an answer that ``failed``, with the
        cause; errors of agp itself (models, budget, resources) pass through.
        """
        record = view.record(agent)
        with self.tracer.start_as_current_span(f"invoke_agent {agent.name}") as span:
            self._describe(span, view, record)
            run = self._prepare(view, record, task, seed, repetition, earlier)
            try:
                answer = await self.builder.get(view, agent).run(run)
            except (AgpError, asyncio.CancelledError):
                raise
            except Exception as error:  # a person's policy code: its fault is a wrong answer
                if self.models.capture_content:
                    span.record_exception(error)
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                detail = f"{type(error).__name__}: {error}"
                return Answer(text="", ended="failed", detail=detail)
            if not isinstance(answer, Answer):
                raise ResourceError(
                    f"{agent}: its policy returned {type(answer).__name__}, not an Answer.",
                    hint="Return agp.Answer(text=...).",
                )
            span.set_attribute(names.AGP_ENDED, answer.ended)
            return answer

    def _prepare(
        self,
        view: View,
        record: Record,
        task: Task,
        seed: int,
        repetition: int,
        earlier: Sequence[Attempt],
    ) -> AgentRun:
        bound = record.params
        get = partial(self.builder.get, view)
        optional = {
            type_: get(ResourceId(type_, bound[type_.value])) if bound[type_.value] else None
            for type_ in (EntityType.MEMORY, EntityType.ENVIRONMENT)
        }
        ids = [ResourceId(EntityType.TOOL, name) for name in bound["tools"]]
        tools = {rid.name: (view.record(rid), get(rid)) for rid in ids}
        return AgentRun(
            task=task,
            prompt=get(ResourceId(EntityType.PROMPT, bound["prompt"])),
            tools=ToolBox(tools, {Task: task}, self.tracer, capture=self.models.capture_content),
            complete=self._bound(bound["model"], seed, repetition),
            memory=optional[EntityType.MEMORY],
            environment=optional[EntityType.ENVIRONMENT],
            earlier=earlier,
            refine=get(REFINE) if earlier else None,
        )

    def _bound(self, role: str, seed: int, repetition: int) -> Complete:
        async def complete(
            messages: list[JsonObject], *, draw: int = 0, **settings: Any
        ) -> Completion:
            settings |= {"seed": seed, "repetition": repetition * _MOST_DRAWS + draw}
            return await self.models.complete_role(role, messages, **settings)

        return complete

    def _describe(self, span: Span, view: View, record: Record) -> None:
        prompt = ResourceId(EntityType.PROMPT, record.params["prompt"])
        span.set_attributes(
            {
                names.GEN_AI_OPERATION_NAME: "invoke_agent",
                names.GEN_AI_AGENT_NAME: record.name,
                names.GEN_AI_PROMPT_NAME: prompt.name,
                names.GEN_AI_PROMPT_VERSION: view.refs[prompt],
                names.AGP_RESOURCE_DIGEST: view.refs[record.id],
                names.AGP_VIEW: view.digest,
                names.AGP_COMMIT: view.commit or "",
            }
        )
