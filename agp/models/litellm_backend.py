"""LiteLLM behind the Backend protocol: every hosted provider, local servers, the embedded model.

Model strings are LiteLLM's ``provider/name``: ``anthropic/claude-…``, ``gemini/gemini-…``,
``openrouter/vendor/name``, ``ollama/name``. An OpenAI-compatible server (llama.cpp, vLLM,
LM Studio, Ollama) is ``openai/NAME`` with ``api_base=http://localhost:PORT/v1``; a local address
needs no key, a server that wants one gets ``AGP_API_KEY``. LiteLLM takes seconds to import: that
happens on the first call.
"""

from __future__ import annotations

import importlib
import ipaddress
import logging
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agp.models.embedded.toolcalls import as_arguments
from agp.models.failures import translate
from agp.models.names import EMBEDDED, canonical_model, provider_of
from agp.models.types import Completion, JsonObject, ModelRequest, Price, ToolCall, Usage
from agp.secrets import resolve

KEY_VARIABLE = "AGP_API_KEY"
_PARTS = ("input", "output")
_OTHERWISE = ("second", "request", "query")
"""What a model may be charged by that nobody can know before a call."""


class LiteLLMBackend:
    """Answers requests through LiteLLM, and turns its errors into agp's."""

    def __init__(self) -> None:
        self._litellm: Any = None
        self._switches: JsonObject = {}

    async def complete(self, request: ModelRequest) -> Completion:
        """Answer one request; see Backend.

        Raises TransientModelError or ModelError, each with what to do about it.
        """
        litellm = self._ready()
        try:
            if provider_of(request.model) == EMBEDDED:
                importlib.import_module("agp.models.embedded.provider").register()
            response = await litellm.acompletion(**arguments_of(request), **self._switches)
        except Exception as error:
            raise translate(error, request, litellm) from error
        return to_completion(response, request, litellm)

    def price(self, request: ModelRequest) -> Price | None:
        """See Priced: LiteLLM's list price; a server of one's own has none."""
        if provider_of(request.model) == EMBEDDED:
            return Price(0.0, 0.0)
        return None if request.api_base else listed_price(request.model, self._ready())

    async def aclose(self) -> None:
        """Close LiteLLM's connections; the embedded model stays loaded for the process."""
        if self._litellm is not None:
            await self._litellm.close_litellm_async_clients()

    def _ready(self) -> Any:
        if self._litellm is None:
            # Otherwise the import itself asks the network for a price list.
            os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            litellm: Any = importlib.import_module("litellm")
            litellm.suppress_debug_info = True
            litellm.set_verbose = False
            litellm.telemetry = False
            litellm.drop_params = True
            logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
            # With tools, LiteLLM looks for its proxy's MCP gateway, which needs its proxy extra.
            gateway = Path(litellm.__file__).parent / "responses/mcp/chat_completions_handler.py"
            self._switches = {"_skip_mcp_handler": True} if gateway.exists() else {}
            self._litellm = litellm
        return self._litellm


def arguments_of(request: ModelRequest) -> JsonObject:
    """The arguments of ``litellm.acompletion`` for a request; what is not set is left out."""
    arguments: JsonObject = {
        "model": canonical_model(request.model),
        "messages": request.messages,
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "seed": request.sampling_seed,
        "num_retries": 0,  # retrying is the manager's: it counts, charges and traces each call
        "max_retries": 0,
        "drop_params": True,
    }
    optional = {
        "tools": request.tools,
        "stop": request.stop,
        "reasoning_effort": request.reasoning_effort,
        "response_format": _response_format(request.reply_schema),
        "api_base": resolve(request.api_base, "The api base"),
        "api_key": _key_for(request.api_base),
    }
    arguments.update({name: value for name, value in optional.items() if value})
    return arguments


def to_completion(response: Any, request: ModelRequest, litellm: Any) -> Completion:
    """A LiteLLM response as a Completion. Total: a reply that was paid for is never lost."""
    choice = response.choices[0] if getattr(response, "choices", None) else None
    message = getattr(choice, "message", None)
    given: list[Any] = getattr(message, "tool_calls", None) or []
    calls = [_tool_call(call) for call in given]
    return Completion(
        text=getattr(message, "content", None) or "",
        tool_calls=calls,
        finish_reason=_finish_reason(getattr(choice, "finish_reason", None), calls),
        usage=_usage(response, request, litellm),
        model=str(getattr(response, "model", None) or request.model),
    )


def _finish_reason(given: Any, calls: list[ToolCall]) -> str:
    if given in ("length", "max_tokens"):
        return "length"
    return "tool_calls" if calls else str(given or "stop")


def _tool_call(call: Any) -> ToolCall:
    raw = call.function.arguments or ""
    arguments: JsonObject | None = {} if raw == "" else as_arguments(raw)
    return ToolCall(
        id=str(call.id or ""), name=str(call.function.name or ""), arguments=arguments, raw=str(raw)
    )


def _usage(response: Any, request: ModelRequest, litellm: Any) -> Usage:
    given = getattr(response, "usage", None)
    return Usage(
        input_tokens=int(getattr(given, "prompt_tokens", None) or 0),
        output_tokens=int(getattr(given, "completion_tokens", None) or 0),
        cost_usd=_cost(response, given, request, litellm),
    )


def _cost(response: Any, usage: Any, request: ModelRequest, litellm: Any) -> float | None:
    """The provider's own figure, else LiteLLM's price list, else None: unknown is not free."""
    if provider_of(request.model) == EMBEDDED:
        return 0.0
    hidden: JsonObject = getattr(response, "_hidden_params", None) or {}
    for figure in (getattr(usage, "cost", None), hidden.get("response_cost")):
        if isinstance(figure, (int, float)) and not isinstance(figure, bool) and figure > 0:
            return float(figure)
    return _listed_cost(response, request, litellm)


def _listed_cost(response: Any, request: ModelRequest, litellm: Any) -> float | None:
    """LiteLLM says 0 for models it has no price for: a zero counts only where it is listed."""
    try:
        cost = float(litellm.completion_cost(response, model=canonical_model(request.model)))
        if cost > 0:
            return cost
        info: JsonObject = litellm.get_model_info(canonical_model(request.model))
    except Exception:  # an unknown model is reported in many ways
        return None
    listed = info.get("input_cost_per_token") == 0 and info.get("output_cost_per_token") == 0
    return 0.0 if listed and info.get("key") in litellm.model_cost else None


def listed_price(model: str, litellm: Any) -> Price | None:
    """The highest price that LiteLLM's list knows for a token of a model, whatever its length.

    None for a model that is not listed, or is not charged by the token.
    """
    try:
        info: JsonObject = litellm.get_model_info(canonical_model(model))
        listed: JsonObject = litellm.model_cost[info["key"]]
    except Exception:  # an unknown model is reported in many ways
        return None
    read, written = (
        _highest(listed, "input_cost_per_token"),
        _highest(listed, "output_cost_per_token"),
    )
    if read is None or written is None or _otherwise_charged(listed):
        return None
    kept = _highest(listed, "cache_creation_input_token_cost") or 0.0
    thought = _highest(listed, "output_cost_per_reasoning_token") or 0.0
    return Price(max(read, kept), max(written, thought))


def _highest(listed: JsonObject, name: str) -> float | None:
    """The highest of a price and its variants (above a length, at a priority)."""
    found = [v for key, v in listed.items() if key.startswith(name) and _is_number(v)]
    return float(max(found)) if found else None


def _otherwise_charged(listed: JsonObject) -> bool:
    return any(listed.get(f"{part}_cost_per_{what}") for part in _PARTS for what in _OTHERWISE)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _response_format(schema: JsonObject | None) -> JsonObject | None:
    if schema is None:
        return None
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}


def _key_for(api_base: str | None) -> str | None:
    """The key for a server of one's own; a real provider's key never goes to a local address."""
    if api_base is None:
        return None
    return os.environ.get(KEY_VARIABLE) or ("not-needed" if is_local(api_base) else None)


def is_local(api_base: str) -> bool:
    """Whether an address is this machine or a private network."""
    host = urlsplit(api_base if "//" in api_base else f"//{api_base}").hostname or ""
    if host == "localhost" or host.endswith((".local", ".localhost")):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False
