"""Running an agent of a view on a task, traced."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from opentelemetry.trace import Span, Status, StatusCode, Tracer, format_trace_id

from agp.budget import charged_to
from agp.errors import AgpError, ResourceError
from agp.models.manager import ModelManager
from agp.models.types import Completion, JsonObject
from agp.permissions import Permissions
from agp.rspl.builder import Builder
from agp.rspl.contract import Scope, contract_of
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.kinds.agent import AgentRunner, Bindings
from agp.rspl.kinds.prompt import Prompt
from agp.rspl.view import View
from agp.runtime.agent_run import AgentRun, Attempt, Complete, Handle
from agp.runtime.confinement import confined_by
from agp.runtime.task_state import TaskState
from agp.runtime.toolbox import ToolBox
from agp.runtime.types import Answer, Task
from agp.taint import Carried
from agp.tracebacks import user_frames
from agp.tracing import names

REFINE = ResourceId(EntityType.PROMPT, "refine")
"""The prompt that asks an agent to improve on its own earlier answer."""
_MOST_DRAWS = 1000
_DEEPEST = 8


class Session:
    """Runs agents: the models they call, where instances are built, where traces go.

    ``permissions`` (by default those of the default policy) say what agents may do.
    """

    def __init__(
        self,
        models: ModelManager,
        tracer: Tracer,
        builder: Builder | None = None,
        permissions: Permissions | None = None,
    ) -> None:
        self.models = models
        self.permissions = permissions or Permissions()
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
        state: TaskState | None = None,
        above: tuple[str, ...] = (),
    ) -> Answer:
        """Run one agent on one task.

        Parameters: ``repetition`` tells independent samples of one task apart; ``earlier`` are
        attempts to refine; ``state`` is where what the agent does to its memory and environment
        can be seen afterwards: it is dropped unless the caller keeps it; ``above`` names the
        agents above a sub-agent, the first one first. A policy that raises gives an answer that
        ``failed``, with the cause; errors of agp itself (models, budget, resources) pass through.
        """
        state = state or TaskState(task.files)
        chain = (*above, agent.name)
        below = _Runner(self, view, state, seed, repetition, task.files, chain)
        record = view.record(agent)
        with (
            charged_to(agent.name),
            self.tracer.start_as_current_span(f"invoke_agent {agent.name}") as span,
        ):
            self._describe(span, view, record)
            state.taint.trace_id = format_trace_id(span.get_span_context().trace_id)
            run = self._prepare(below, record, task, earlier)
            try:
                with confined_by(self.permissions, span):
                    async with run.tools:
                        answer = await self.builder.get(view, agent).run(run)
            except (AgpError, asyncio.CancelledError):
                raise
            except Exception as error:  # a person's policy code: its fault is a wrong answer
                if self.models.capture_content:
                    span.record_exception(error)
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                return Answer(
                    text="",
                    ended="failed",
                    detail=f"{type(error).__name__}: {error}",
                    traceback=user_frames(error),
                    taint=_carried(span, state),
                )
            if not isinstance(answer, Answer):
                raise ResourceError(
                    f"{agent}: its policy returned {type(answer).__name__}, not an Answer.",
                    hint="Return agp.Answer(text=...).",
                )
            span.set_attribute(names.AGP_ENDED, answer.ended)
            answer.taint = _carried(span, state)
            return answer

    def _prepare(
        self,
        below: _Runner,
        record: Record,
        task: Task,
        earlier: Sequence[Attempt],
    ) -> AgentRun:
        view, bound = below.view, Bindings.of(record)
        get = partial(self.builder.get, view)
        guard = self.permissions.guard(below.chain)
        context: dict[type, Any] = {Task: task, AgentRunner: below, Carried: below.state.taint}
        handles: dict[EntityType, Handle] = {}
        states = {EntityType.MEMORY: bound.memory, EntityType.ENVIRONMENT: bound.environment}
        for type_, name in states.items():
            if name:
                rid = ResourceId(type_, name)
                held = below.state.held(view, rid)
                handles[type_] = Handle(rid, held, context, self.tracer, guard)
        ids = [ResourceId(EntityType.TOOL, name) for name in bound.tools]
        ids += [ResourceId(EntityType.AGENT, name) for name in bound.agents]
        offered = [(view.record(rid), get(rid)) for rid in ids]
        offered += [(handle.held.record, handle.held) for handle in handles.values()]
        prompt: Prompt = get(ResourceId(EntityType.PROMPT, bound.prompt))
        asked = prompt.wants_contract
        return AgentRun(
            task=task,
            prompt=prompt,
            contract=contract_of(view, Scope(agent=record.name)).text if asked else "",
            tools=ToolBox(
                offered, context, self.tracer, capture=self.models.capture_content, guard=guard
            ),
            complete=self._bound(bound.model, below.seed, below.repetition),
            memory=handles.get(EntityType.MEMORY),
            environment=handles.get(EntityType.ENVIRONMENT),
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
        prompt = ResourceId(EntityType.PROMPT, Bindings.of(record).prompt)
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


def _carried(span: Span, state: TaskState) -> list[str]:
    """All that the task has seen so far, also on the agent's span."""
    labels = state.taint.labels
    span.set_attribute(names.AGP_TAINT, labels)
    return labels


@dataclass(frozen=True)
class _Runner(AgentRunner):
    """Runs sub-agents: on the same view and the same state of the task.

    ``chain`` names the agents down to the one that calls them.
    """

    session: Session
    view: View
    state: TaskState
    seed: int
    repetition: int
    files: Mapping[str, str]
    chain: tuple[str, ...]

    async def run(self, agent: ResourceId, task: str, files: Mapping[str, str] | None) -> str:
        """See `AgentRunner.run`."""
        if len(self.chain) > _DEEPEST:
            raise AgpError(f"Agents may call each other {_DEEPEST} levels deep, no deeper.")
        answer = await self.session.run_agent(
            self.view,
            agent,
            Task(input=task, files=dict(self.files if files is None else files)),
            seed=self.seed,
            repetition=self.repetition,
            state=self.state,
            above=self.chain,
        )
        if answer.ended == "failed":
            raise AgpError(f"{agent} failed: {answer.detail}")
        return answer.text
