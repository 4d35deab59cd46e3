"""What a policy is handed for one task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from opentelemetry.trace import Status, StatusCode, Tracer

from agp import stop
from agp.models.types import Completion, JsonObject
from agp.permissions import Denied, Guard
from agp.rspl.confined.policies import Served
from agp.rspl.entities import ResourceId
from agp.rspl.kinds.actions import Context
from agp.rspl.kinds.base import function_name
from agp.rspl.kinds.prompt import Prompt
from agp.rspl.kinds.stateful import Held
from agp.runtime.confinement import traced_confinement
from agp.runtime.serving import read_answer, serve
from agp.runtime.toolbox import ToolBox
from agp.runtime.types import Answer, Task
from agp.taint import Carried, origins_of
from agp.tracing import names


class Complete(Protocol):
    """A model call bound to the agent's role, seed and repetition.

    ``draw`` (below 1000) tells equal calls of one run apart that are to be sampled
    independently; ``settings`` are fields of ModelRequest: temperature, max_tokens, tools …
    """

    async def __call__(
        self, messages: list[JsonObject], *, draw: int = 0, **settings: Any
    ) -> Completion: ...


@dataclass(frozen=True)
class Attempt:
    """An earlier answer to the same task, and what is known of what was wrong with it."""

    text: str
    feedback: str


@dataclass(frozen=True)
class Handle:
    """A memory or environment for the policy itself: the very state that the model's calls see."""

    id: ResourceId
    held: Held
    context: Context
    tracer: Tracer
    guard: Guard | None = None

    async def call(self, action: str, arguments: JsonObject | None = None) -> Any:
        """What the action gives, as plain data. Raises ValueError for wrong input, Denied."""
        name = function_name(self.id.name, action)
        with self.tracer.start_as_current_span(
            f"execute_tool {name}", record_exception=False, set_status_on_exception=False
        ) as span:
            span.set_attribute(names.GEN_AI_OPERATION_NAME, "execute_tool")
            span.set_attribute(names.GEN_AI_TOOL_NAME, name)
            labels = origins_of(self.held.record)
            span.set_attribute(names.AGP_TAINT, labels)
            if (carried := self.context.get(Carried)) is not None:
                carried.add(labels)
            try:
                stop.check()
                asked = arguments or {}
                if self.guard is not None:
                    await self.guard.demand(self.held.record, self.held, action, asked)
                given = {"action": action, "arguments": asked}
                with traced_confinement(span):
                    return await self.held.run(given, self.context)
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR))
                span.set_attribute(names.ERROR_TYPE, type(error).__name__)
                if isinstance(error, Denied):
                    span.set_attribute(names.AGP_PERMISSION, error.decision.rule)
                raise


@dataclass(frozen=True)
class AgentRun:
    """One agent at one task.

    ``tools`` are its tools, its sub-agents, and the actions of its memory and environment;
    ``memory`` and ``environment`` are for the policy, None where the agent has none.
    ``earlier`` are attempts to refine, oldest first; ``refine`` is the prompt that asks for it;
    ``contract`` says what the agent can call, where its prompt asks for that.
    """

    task: Task
    prompt: Prompt
    tools: ToolBox
    complete: Complete
    memory: Handle | None = None
    environment: Handle | None = None
    earlier: Sequence[Attempt] = ()
    refine: Prompt | None = None
    contract: str = ""

    def serve(self) -> Served:
        """The run for a policy that is confined."""
        return serve(self)

    def read(self, reply: JsonObject) -> Answer:
        """The answer of a confined policy. Raises ValueError for what is none."""
        return read_answer(reply)

    def messages(self) -> list[JsonObject]:
        """The conversation that opens the task, in OpenAI form; with the last attempt, if any.

        Only the last attempt is shown: a small model drowns in a long history of wrong answers.
        """
        fields = {**self.task.fields, "input": self.task.input}
        if self.prompt.wants_contract:
            fields["contract"] = self.contract
        messages = self.prompt.messages(**fields)
        if self.earlier and self.refine:
            last = self.earlier[-1]
            request = self.refine.render(feedback=last.feedback or "It may be wrong.")
            messages.append({"role": "assistant", "content": last.text})
            messages.append({"role": "user", "content": request})
        return messages


class Policy(Protocol):
    """An agent's decision policy: the class `Policy` of its `policy.py`."""

    async def run(self, run: AgentRun) -> Any:
        """Solve ``run.task`` and return an `Answer`."""
        ...
