"""The span of a model call, by the GenAI semantic conventions; nothing else is traced here."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from agp.models.names import convention_provider
from agp.models.types import Completion, JsonObject, ModelRequest, ToolCall
from agp.secrets import redact
from agp.tracing import names


@contextmanager
def chat_span(tracer: Tracer, request: ModelRequest, *, capture: bool) -> Generator[Span]:
    """A ``chat {model}`` span around a call; an exception is recorded as its ``error.type``."""
    with tracer.start_as_current_span(
        f"{names.CHAT} {request.model}",
        kind=SpanKind.CLIENT,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        if span.is_recording():
            span.set_attributes(_request_attributes(request, capture=capture))
        try:
            yield span
        except BaseException as error:
            span.set_attribute(names.ERROR_TYPE, type(error).__name__)
            span.set_status(Status(StatusCode.ERROR, redact(str(error))[:500]))
            raise


def record_reply(span: Span, completion: Completion, *, capture: bool) -> None:
    """Put what came back on the span; an unknown cost stays absent."""
    if not span.is_recording():
        return
    usage = completion.usage
    span.set_attributes(
        {
            names.GEN_AI_RESPONSE_MODEL: completion.model,
            names.GEN_AI_RESPONSE_FINISH_REASONS: [completion.finish_reason],
            names.GEN_AI_USAGE_INPUT_TOKENS: usage.input_tokens,
            names.GEN_AI_USAGE_OUTPUT_TOKENS: usage.output_tokens,
            names.AGP_CACHED: completion.cached,
        }
    )
    if usage.cost_usd is not None:
        span.set_attribute(names.AGP_COST_USD, usage.cost_usd)
    if capture:
        span.set_attribute(names.GEN_AI_OUTPUT_MESSAGES, _json([_output_message(completion)]))


def _request_attributes(request: ModelRequest, *, capture: bool) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        names.GEN_AI_OPERATION_NAME: names.CHAT,
        names.GEN_AI_PROVIDER_NAME: convention_provider(request.model),
        names.GEN_AI_REQUEST_MODEL: request.model,
        names.GEN_AI_REQUEST_TEMPERATURE: request.temperature,
        names.GEN_AI_REQUEST_MAX_TOKENS: request.max_tokens,
        names.GEN_AI_REQUEST_SEED: request.sampling_seed,
        names.AGP_REPETITION: request.repetition,
    }
    if request.stop:
        attributes[names.GEN_AI_REQUEST_STOP_SEQUENCES] = request.stop
    if capture:
        messages = [_input_message(message) for message in request.messages]
        attributes[names.GEN_AI_INPUT_MESSAGES] = _json(messages)
        if request.tools:
            attributes[names.GEN_AI_TOOL_DEFINITIONS] = _json(request.tools)
    return attributes


def _input_message(message: JsonObject) -> JsonObject:
    """An OpenAI message in the conventions' form: a role and typed parts."""
    content: Any = message.get("content")
    if message.get("role") == "tool":
        part = {
            "type": "tool_call_response",
            "id": message.get("tool_call_id"),
            "response": content,
        }
        return {"role": "tool", "parts": [part]}
    parts: list[JsonObject] = [{"type": "text", "content": content}] if content else []
    calls: list[JsonObject] = message.get("tool_calls") or []
    for call in calls:
        function: JsonObject = call.get("function") or call
        parts.append(_call_part(call.get("id"), function.get("name"), function.get("arguments")))
    return {"role": message.get("role"), "parts": parts}


def _output_message(completion: Completion) -> JsonObject:
    parts: list[JsonObject] = []
    if completion.text:
        parts.append({"type": "text", "content": completion.text})
    parts += [_call_part(call.id, call.name, _arguments(call)) for call in completion.tool_calls]
    return {"role": "assistant", "parts": parts, "finish_reason": completion.finish_reason}


def _arguments(call: ToolCall) -> Any:
    return call.raw if call.arguments is None else call.arguments


def _call_part(call_id: Any, name: Any, arguments: Any) -> JsonObject:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
