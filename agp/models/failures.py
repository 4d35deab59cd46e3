"""LiteLLM's errors as agp's: what may pass and what will not, and what the user can do.

LiteLLM's classes alone do not tell: a missing key arrives as an internal server error, a bug as a
connection error. So the messages and the chain of causes are read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agp.errors import AgpError, ModelError, TransientModelError
from agp.models.names import canonical_model
from agp.models.types import ModelRequest
from agp.secrets import redact

MODEL_STRINGS = (
    "A model string is provider/name: embedded, anthropic/claude-sonnet-4-5, "
    "gemini/gemini-2.5-flash, openrouter/vendor/name, ollama/name, or openai/NAME with an api base "
    "for a server of your own."
)
_MISSING_KEY = re.compile(
    r"missing credentials|missing [\w ]*api[ _]key|no api[_ ]key"
    r"|api[_ ]key.{0,40}(must be set|not set|is required)",
    re.IGNORECASE,
)
_KEY_NAME = re.compile(r"\b[A-Z][A-Z0-9_]*_(?:API_KEY|TOKEN|ACCESS_KEY_ID)\b")
_NO_CONNECTION = re.compile(
    r"connection error|cannot connect|connection refused|connect call failed|name or service",
    re.IGNORECASE,
)
_NO_MONEY = re.compile(
    r"insufficient_quota|exceeded your current quota|billing|credit balance", re.IGNORECASE
)
_TRANSIENT = (
    "Timeout",
    "RateLimitError",
    "ServiceUnavailableError",
    "BadGatewayError",
    "InternalServerError",
)
_NETWORK_LIBRARIES = ("httpx", "httpcore", "aiohttp")


def translate(error: Exception, request: ModelRequest, litellm: Any) -> AgpError:
    """The agp error for what ``litellm.acompletion`` raised on ``request``."""
    for cause in _chain(error):
        if isinstance(cause, AgpError):
            return cause
    text, model = _first_line(error), canonical_model(request.model)
    if _MISSING_KEY.search(str(error)):
        return _missing_key(str(error), model, litellm)
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"AuthenticationError", "PermissionDeniedError"}:
        return ModelError(f"{model}: the provider rejected the key: {text}", hint="Check the key.")
    if "LLM Provider NOT provided" in str(error) or "LiteLLMUnknownProvider" in kinds:
        return ModelError(f"{model!r} names no provider that is known.", hint=MODEL_STRINGS)
    if "NotFoundError" in kinds:
        return ModelError(f"The provider does not have {model}: {text}", hint=MODEL_STRINGS)
    if "ContextWindowExceededError" in kinds:
        return ModelError(f"{model}: the prompt is too long: {text}", hint="Shorten the prompt.")
    return _by_transience(error, kinds, text, model, request)


def _by_transience(
    error: Exception, kinds: set[str], text: str, model: str, request: ModelRequest
) -> AgpError:
    if _NO_MONEY.search(str(error)) and kinds & {"RateLimitError", "PaymentRequiredError"}:
        return ModelError(f"{model}: the account has no credit left: {text}")
    if _NO_CONNECTION.search(str(error)):
        return TransientModelError(
            f"{model}: no connection to {request.api_base or 'the provider'}: {text}",
            hint=f"The server at {request.api_base} is down, or the address is wrong: start it."
            if request.api_base
            else "Check the network and, for a local server, that it is running.",
        )
    if kinds & set(_TRANSIENT) or ("APIConnectionError" in kinds and _is_network(error)):
        return TransientModelError(f"{model}: {text}")
    return ModelError(f"{model}: {type(error).__name__}: {text}")


def _missing_key(text: str, model: str, litellm: Any) -> ModelError:
    try:
        names = list(litellm.validate_environment(model)["missing_keys"])
    except Exception:  # only a nicer message is lost
        names = []
    names = names or list(dict.fromkeys(_KEY_NAME.findall(text)))
    named = " or ".join(names) or "the provider's key"
    return ModelError(
        f"{model} needs a key, and none is set.",
        hint=f"Set {named} in the environment, or use the embedded model (--model embedded).",
    )


def _is_network(error: BaseException) -> bool:
    """Whether a network failure is underneath; LiteLLM files its own bugs under the same class."""
    return any(
        isinstance(cause, (OSError, TimeoutError))
        or type(cause).__module__.split(".")[0] in _NETWORK_LIBRARIES
        for cause in _chain(error)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in redact(str(error)).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
