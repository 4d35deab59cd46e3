"""What one agent run can call: function schemas, the calls, and what they keep open.

Resources of every type are called alike, through their kind's actions; nothing about one sort of
tool may enter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from opentelemetry.trace import Span, Status, StatusCode, Tracer

from agp import stop
from agp.errors import BudgetExhausted, Interrupted, ModelError, ResourceError
from agp.models.types import Completion, JsonObject, ToolCall
from agp.permissions import Denied, Guard
from agp.rspl.entities import Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.actions import as_input
from agp.rspl.kinds.base import function_name
from agp.rspl.kinds.opened import Opened
from agp.runtime.confinement import traced_confinement
from agp.sandbox import SandboxRefused
from agp.secrets import redact_known
from agp.taint import Carried, origins_of
from agp.tracing import names

_LONGEST_RESULT = 8_000


class ToolResult(NamedTuple):
    """What a call gave, as text; or, if it ``failed``, what went wrong."""

    text: str
    failed: bool


class ToolBox:
    """What an agent can call.

    Used as an async context manager, it keeps what calls open (connections to servers) until its
    end; otherwise each call opens and closes its own.

    Parameters: ``resources`` pairs of a record and its live instance, of any type that has
    actions (a memory or environment as the task's `Held`, which keeps its state); ``context``
    values that calls may ask for by class; ``tracer`` records a span a call, with contents if
    ``capture``; ``guard`` what each call must be permitted by. Raises ResourceError where two
    actions get one function name.
    """

    def __init__(
        self,
        resources: Iterable[tuple[Record, Any]],
        context: Mapping[type, Any],
        tracer: Tracer,
        *,
        capture: bool = True,
        guard: Guard | None = None,
    ) -> None:
        self._context = dict(context)
        self._tracer = tracer
        self._capture = capture
        self._guard = guard
        self._resources: dict[ResourceId, tuple[Record, Any]] = {}
        self._functions: dict[str, tuple[ResourceId, str]] = {}
        self.schemas: list[JsonObject] = []
        for record, instance in resources:
            if record.id not in self._resources:
                self._add(record, instance)

    async def __aenter__(self) -> Self:
        self._context[Opened] = Opened()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._context.pop(Opened).close()

    async def call(self, name: str, arguments: JsonObject | None, *, raw: str = "") -> ToolResult:
        """Call a function. What goes wrong is a result too, in words for the model."""
        with self._tracer.start_as_current_span(f"execute_tool {name}") as span:
            span.set_attribute(names.GEN_AI_OPERATION_NAME, "execute_tool")
            span.set_attribute(names.GEN_AI_TOOL_NAME, name)
            if self._capture:
                given = raw or json.dumps(arguments, ensure_ascii=False)
                span.set_attribute(names.GEN_AI_TOOL_CALL_ARGUMENTS, given)
            failed = False
            try:
                stop.check()
                with traced_confinement(span):
                    text = await self._run(name, arguments)
            except (ModelError, BudgetExhausted, Interrupted, SandboxRefused):  # no answers
                raise
            except Exception as error:  # a tool's failure is the agent's to see, whatever it is
                span.set_status(Status(StatusCode.ERROR, str(error) if self._capture else None))
                span.set_attribute(names.ERROR_TYPE, type(error).__name__)
                failed, text = True, redact_known(f"Error: {error}")
                if isinstance(error, Denied):
                    span.set_attribute(names.AGP_PERMISSION, error.decision.rule)
            self._taint(span, name)
            if self._capture:
                span.set_attribute(names.GEN_AI_TOOL_CALL_RESULT, text)
            return ToolResult(text, failed)

    async def answer(self, reply: Completion) -> list[JsonObject]:
        """The turns to add after a reply that calls tools: the reply itself, then each result."""
        turns: list[JsonObject] = [
            {
                "role": "assistant",
                "content": reply.text,
                "tool_calls": [_as_message(call) for call in reply.tool_calls],
            }
        ]
        for call in reply.tool_calls:
            result = await self.call(call.name, call.arguments, raw=call.raw)
            turns.append({"role": "tool", "tool_call_id": call.id, "content": result.text})
        return turns

    def _taint(self, span: Span, name: str) -> None:
        """The task has seen what a call gave, errors too: they are the tool's words."""
        if name in self._functions:
            record = self._resources[self._functions[name][0]][0]
            labels = origins_of(record)
            span.set_attribute(names.AGP_TAINT, labels)
            if (carried := self._context.get(Carried)) is not None:
                carried.add(labels)

    def _add(self, record: Record, instance: Any) -> None:
        kind = KINDS[record.type]
        for action in kind.actions(record):
            name = function_name(record.name, action.name)
            if taken := self._functions.get(name):
                raise ResourceError(
                    f"{taken[0]} and {record.id} would both be the function {name!r}.",
                    hint="Rename one of them, or bind the agent to one only.",
                )
            self._functions[name] = (record.id, action.name)
        self._resources[record.id] = (record, instance)
        self.schemas += kind.exports(record)

    async def _run(self, name: str, arguments: JsonObject | None) -> str:
        if name not in self._functions:
            known = ", ".join(self._functions)
            raise ValueError(f"there is no tool {name!r}; there are: {known}")
        if arguments is None:
            raise ValueError("the arguments are not a JSON object")
        rid, action = self._functions[name]
        record, instance = self._resources[rid]
        if self._guard is not None:
            await self._guard.demand(record, instance, action, arguments)
        given = as_input(record.input_schema, action, arguments)
        outcome = await KINDS[rid.type].run(record, instance, given, self._context)
        result = outcome.result
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        text = redact_known(text)  # it goes to a model, and its provider is somebody else
        if len(text) > _LONGEST_RESULT:
            text = f"{text[:_LONGEST_RESULT]}\n… ({len(text):,} characters in all)"
        return text or f"({rid.name} printed nothing)"


def _as_message(call: ToolCall) -> JsonObject:
    arguments = call.raw if call.arguments is None else json.dumps(call.arguments)
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }
