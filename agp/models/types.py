"""What goes into a model call and what comes out, whatever the provider."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from agp.canonical import digest

JsonObject = dict[str, Any]


class ToolCall(BaseModel):
    """One native tool call of a reply.

    ``arguments`` is None when the model's arguments were not a JSON object; ``raw`` is what it
    wrote, so that the error can be shown to the model.
    """

    id: str
    name: str
    arguments: JsonObject | None
    raw: str = ""


class Usage(BaseModel):
    """Tokens and money of one call. ``cost_usd`` is None where the price is unknown, never 0."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


class Price(NamedTuple):
    """What a model asks for a token at most, in USD."""

    input_usd: float
    output_usd: float


class ModelRequest(BaseModel):
    """One call, by content.

    Parameters: ``messages`` and ``tools`` in OpenAI form; ``reply_schema`` a JSON schema that
    the reply must satisfy (providers that can, constrain decoding to it); ``repetition`` tells
    equal calls apart that must be sampled independently (epochs, candidates): they never share
    a cache entry. ``api_base`` is the address of an OpenAI-compatible server, if not the provider's
    own.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    messages: list[JsonObject]
    tools: list[JsonObject] = Field(default_factory=list[JsonObject])
    reply_schema: JsonObject | None = None
    temperature: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    max_tokens: int = Field(default=512, ge=1)
    seed: int = 0
    stop: list[str] = Field(default_factory=list[str])
    reasoning_effort: str | None = None
    repetition: int = Field(default=0, ge=0)
    api_base: str | None = None

    @property
    def sampling_seed(self) -> int:
        """The seed the provider is given (0 to 2^31 - 1): equal calls of different repetition are
        different draws."""
        if self.repetition == 0:
            return self.seed
        return int(digest([self.seed, self.repetition])[:8], 16) >> 1

    @property
    def key(self) -> str:
        """Digest of everything that determines the reply: the key of the call cache."""
        return digest(self.model_dump(mode="json"))


class Completion(BaseModel):
    """One reply. ``finish_reason`` is ``stop``, ``length`` (cut off), or ``tool_calls``."""

    text: str
    tool_calls: list[ToolCall] = Field(default_factory=list[ToolCall])
    finish_reason: str = "stop"
    usage: Usage = Field(default_factory=Usage)
    model: str = ""
    latency_s: float = 0.0
    cached: bool = False


class Backend(Protocol):
    """Something that answers model calls: LiteLLM, or a script in unit tests."""

    async def complete(self, request: ModelRequest) -> Completion:
        """Answer one request.

        Raises TransientModelError for what may pass (time-out, rate limit, connection, 5xx),
        ModelError for what will not (unknown model, bad request, missing key).
        """
        ...


@runtime_checkable
class Priced(Protocol):
    """A backend that knows prices beforehand, as a budget in money needs."""

    def price(self, request: ModelRequest) -> Price | None:
        """The highest price of the model's tokens; None where it is unknown, which is not 0."""
        ...


class CallCache(Protocol):
    """Where replies are kept by ``ModelRequest.key``; the store implements it."""

    async def get_call(self, key: str) -> JsonObject | None: ...

    def put_call(self, key: str, model: str, reply: JsonObject) -> None: ...
