"""The tools of one agent run: their schemas, and calls to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from opentelemetry.trace import Status, StatusCode, Tracer

from agp.models.types import Completion, JsonObject, ToolCall
from agp.rspl.entities import Record
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.actions import Function
from agp.tracing import names

_LONGEST_RESULT = 8_000


class ToolResult(NamedTuple):
    """What a tool gave, as text; or, if it ``failed``, what went wrong."""

    text: str
    failed: bool


class ToolBox:
    """What an agent can call.

    Parameters: ``tools`` name → (record, live tool); ``context`` values that tools may ask for
    by type; ``tracer`` records a span a call, with contents if ``capture``.
    """

    def __init__(
        self,
        tools: Mapping[str, tuple[Record, Function]],
        context: dict[type, Any],
        tracer: Tracer,
        *,
        capture: bool = True,
    ) -> None:
        self._tools = tools
        self._context = context
        self._tracer = tracer
        self._capture = capture
        self.schemas: list[JsonObject] = [
            each for r, _ in tools.values() for each in KINDS[r.type].exports(r)
        ]

    async def call(self, name: str, arguments: JsonObject | None, *, raw: str = "") -> ToolResult:
        """Call a tool. What goes wrong is a result too, in words for the model."""
        with self._tracer.start_as_current_span(f"execute_tool {name}") as span:
            span.set_attribute(names.GEN_AI_OPERATION_NAME, "execute_tool")
            span.set_attribute(names.GEN_AI_TOOL_NAME, name)
            if self._capture:
                given = raw or json.dumps(arguments, ensure_ascii=False)
                span.set_attribute(names.GEN_AI_TOOL_CALL_ARGUMENTS, given)
            failed = False
            try:
                text = await self._run(name, arguments)
            except Exception as error:  # a tool's failure is the agent's to see, whatever it is
                span.set_status(Status(StatusCode.ERROR, str(error) if self._capture else None))
                span.set_attribute(names.ERROR_TYPE, type(error).__name__)
                failed, text = True, f"Error: {error}"
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

    async def _run(self, name: str, arguments: JsonObject | None) -> str:
        if name not in self._tools:
            raise ValueError(f"there is no tool {name!r}; there are: {', '.join(self._tools)}")
        if arguments is None:
            raise ValueError("the arguments are not a JSON object")
        record, tool = self._tools[name]
        result = await tool(arguments, self._context)
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        if len(text) > _LONGEST_RESULT:
            text = f"{text[:_LONGEST_RESULT]}\n… ({len(text):,} characters in all)"
        return text or f"({record.name} printed nothing)"


def _as_message(call: ToolCall) -> JsonObject:
    arguments = call.raw if call.arguments is None else json.dumps(call.arguments)
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }
