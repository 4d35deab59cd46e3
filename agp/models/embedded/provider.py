"""The embedded model as a LiteLLM provider: ``embedded/NAME`` works wherever LiteLLM is called.

One worker thread owns the model, which is loaded on the first call and shared by the process.
This module imports litellm: only the LiteLLM backend may import it, on the first model call.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from litellm.llms.custom_llm import CustomLLM
from litellm.types.utils import Choices, Message, ModelResponse, Usage

from agp.models.embedded import weights
from agp.models.embedded.catalog import ModelCard, find_card
from agp.models.embedded.engine import Engine, Job, Reply
from agp.models.embedded.toolcalls import parse_tool_calls
from agp.models.types import JsonObject, ToolCall

PROVIDER = "embedded"


class EmbeddedProvider(CustomLLM):
    """LiteLLM's door to the in-process engine.

    Both doors raise ModelError (no weights, no llama_cpp, prompt too long, schema not usable);
    LiteLLM wraps it, the backend unwraps it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="agp-embedded")
        self._engine: Engine | None = None
        self._card: ModelCard | None = None

    async def acompletion(  # type: ignore[override]
        self, model: str, messages: list[Any], *, optional_params: JsonObject, **_: Any
    ) -> ModelResponse:
        """Answer one request; cancelling the task stops the generation within one token."""
        card, job, cancelled = find_card(model), _job(messages, optional_params), threading.Event()
        loop = asyncio.get_running_loop()
        try:
            reply = await loop.run_in_executor(self._worker, self._run, card, job, cancelled)
        finally:
            cancelled.set()
        return _response(card, job, reply)

    def completion(  # type: ignore[override]
        self, model: str, messages: list[Any], *, optional_params: JsonObject, **_: Any
    ) -> ModelResponse:
        """The same without an event loop; Ctrl-C stops the generation within one token."""
        card, job, cancelled = find_card(model), _job(messages, optional_params), threading.Event()
        try:
            reply = self._worker.submit(self._run, card, job, cancelled).result()
        finally:
            cancelled.set()
        return _response(card, job, reply)

    def close(self) -> None:
        """Free the model's memory, after the call that is running; no call can follow."""
        self._worker.shutdown(wait=True)
        self._unload()

    def _run(self, card: ModelCard, job: Job, cancelled: threading.Event) -> Reply:
        if self._engine is None or self._card != card:
            self._unload()
            path = weights.locate(card)
            self._engine, self._card = Engine(path, context=card.context), card
        return self._engine.generate(job, cancelled)

    def _unload(self) -> None:
        if self._engine is not None:
            self._engine.close()
        self._engine = self._card = None


def register() -> EmbeddedProvider:
    """Tell LiteLLM about the provider (once per process) and return it."""
    import litellm
    from litellm.utils import custom_llm_setup

    for item in litellm.custom_provider_map:
        if item["provider"] == PROVIDER:
            return cast(EmbeddedProvider, item["custom_handler"])
    provider = EmbeddedProvider()
    atexit.register(provider.close)  # llama_cpp cannot free itself once the interpreter is gone
    litellm.custom_provider_map.append({"provider": PROVIDER, "custom_handler": provider})
    custom_llm_setup()
    return provider


def _job(messages: list[Any], params: JsonObject) -> Job:
    stop: str | list[str] = params.get("stop") or []
    return Job(
        messages=[dict(message) for message in messages],
        tools=params.get("tools") or [],
        schema=_schema(params.get("response_format")),
        temperature=float(params.get("temperature") or 0.0),
        max_tokens=int(params.get("max_tokens") or params.get("max_completion_tokens") or 512),
        seed=int(params.get("seed") or 0),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
    )


def _schema(response_format: Any) -> JsonObject | None:
    if not isinstance(response_format, dict):
        return None
    given = cast(JsonObject, response_format)
    if given.get("type") == "json_object":
        return {"type": "object"}
    described: JsonObject = given.get("json_schema") or {}
    return described.get("schema")


def _response(card: ModelCard, job: Job, reply: Reply) -> ModelResponse:
    offered = {str(tool["function"]["name"]) for tool in job.tools}
    text, calls = parse_tool_calls(reply.text, offered) if job.schema is None else (reply.text, [])
    finish = "tool_calls" if calls and reply.finish_reason == "stop" else reply.finish_reason
    message = Message(content=text, tool_calls=[_openai_call(call) for call in calls] or None)
    return ModelResponse(
        model=card.model,
        choices=[Choices(finish_reason=finish, index=0, message=message)],
        usage=Usage(
            prompt_tokens=reply.input_tokens,
            completion_tokens=reply.output_tokens,
            total_tokens=reply.input_tokens + reply.output_tokens,
        ),
    )


def _openai_call(call: ToolCall) -> JsonObject:
    arguments = call.raw if call.arguments is None else json.dumps(call.arguments)
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }
