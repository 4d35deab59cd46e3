"""The one door to models: roles, cache, budget, retries, fallbacks, concurrency, spans.

Everything that calls a model calls it here, so that each call is counted, charged and traced in
one place. What a provider is belongs in a backend.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from opentelemetry import trace
from pydantic import BaseModel, Field
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)
from tenacity.wait import wait_base

from agp import stop
from agp.errors import AgpError, ModelError, NoReplyError, NotFoundError, TransientModelError
from agp.models import spans
from agp.models.names import EMBEDDED, canonical_model, provider_of
from agp.models.types import (
    Backend,
    CallCache,
    Completion,
    JsonObject,
    ModelRequest,
    Price,
    Priced,
)

_PLACES = 4
"""Decimals of seconds that a call is timed to: a tenth of a millisecond."""
_REQUESTED = ("model", "temperature", "max_tokens", "reasoning_effort", "api_base")
"""What a role says of every request."""


class RoleConfig(BaseModel):
    """Which model plays a role, and how it is called unless a call says otherwise.

    Parameters: ``fallbacks`` are tried in order when ``model`` failed for good; ``timeout_s`` for
    one attempt, None for no limit; ``concurrency`` how many calls of this model are in flight at
    once, whatever roles they are for: where roles of one model differ, the least counts.
    """

    model: str
    fallbacks: list[str] = Field(default_factory=list[str])
    temperature: float = 0.0
    max_tokens: int = Field(default=512, ge=1)
    timeout_s: float | None = None
    concurrency: int | None = Field(default=None, ge=1)
    reasoning_effort: str | None = None
    api_base: str | None = None


class Meter(Protocol):
    """The budget's side of a call: it may refuse before, it is told after."""

    async def reserve(self, request: ModelRequest, price: Callable[[], Price | None]) -> Any:
        """Set aside what ``request`` may cost, and return what to settle it with.

        ``price`` tells the model's prices. Raises BudgetExhausted, and the call is not made.
        """
        ...

    def settle(self, hold: Any, completion: Completion) -> None:
        """Replace the reservation by what it cost."""
        ...

    def fail(self, hold: Any, *, unknown: bool) -> None:
        """Replace the reservation of an attempt that gave no reply.

        Its cost is ``unknown`` where it was cut off: what the provider did by then may be charged.
        """
        ...

    def reuse(self, completion: Completion) -> None:
        """Take note of a reply that came from the cache, for which nothing was reserved."""
        ...


class ModelManager:
    """Calls models for roles.

    Parameters: ``cache`` answers equal requests without a call; ``meter`` is the budget;
    ``tracer`` takes a span per call, with contents if ``capture_content``; ``attempts`` per model
    on transient errors, ``wait`` between them; ``concurrency`` calls in flight per hosted model
    where its roles do not say (the embedded model always has one); ``backends`` by model string or
    provider, over LiteLLM.
    """

    def __init__(
        self,
        roles: Mapping[str, RoleConfig] | None = None,
        cache: CallCache | None = None,
        *,
        meter: Meter | None = None,
        tracer: trace.Tracer | None = None,
        capture_content: bool = True,
        backends: Mapping[str, Backend] | None = None,
        attempts: int = 3,
        wait: wait_base | None = None,
        concurrency: int = 16,
    ) -> None:
        self.roles = dict(roles or {})
        self._cache = cache
        self._meter = meter
        self._tracer = tracer or trace.get_tracer("agp.models")
        self.capture_content = capture_content
        self._backends = dict(backends or {})
        self._attempts = attempts
        self._wait = wait or wait_exponential(multiplier=0.5, max=30) + wait_random(0, 1)
        self._concurrency = concurrency
        # Per loop: a semaphore belongs to one, a manager may serve several asyncio.run in turn.
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Semaphore]]
        self._slots = WeakKeyDictionary()
        self._default: Backend | None = None

    def request(self, role: str, messages: Sequence[JsonObject], **overrides: Any) -> ModelRequest:
        """The request ``complete_role`` makes; ``overrides`` are fields of ModelRequest.

        Raises NotFoundError for an unknown role.
        """
        config = self._role(role)
        defaults = {name: getattr(config, name) for name in _REQUESTED}
        fields: JsonObject = {**defaults, **overrides, "messages": list(messages)}
        fields["model"] = canonical_model(fields["model"])
        return ModelRequest.model_validate(fields)

    async def complete_role(
        self, role: str, messages: Sequence[JsonObject], **overrides: Any
    ) -> Completion:
        """Ask the model of ``role``; ``overrides`` as for ``request``. Raises as complete."""
        config = self._role(role)
        request = self.request(role, messages, **overrides)
        return await self.complete(request, fallbacks=config.fallbacks, timeout_s=config.timeout_s)

    async def complete(
        self,
        request: ModelRequest,
        *,
        fallbacks: Sequence[str] = (),
        timeout_s: float | None = None,
    ) -> Completion:
        """Answer ``request``, from the cache if an equal one was answered before.

        Parameters: ``fallbacks`` are model strings tried in order after ``request.model``. Raises
        ModelError when all failed, BudgetExhausted when the meter refused.
        """
        failures: list[ModelError] = []
        for model in (request.model, *fallbacks):
            candidate = _for_model(request, model)
            try:
                return await self._traced(candidate, timeout_s)
            except ModelError as error:
                failures.append(error)
        raise _all_failed(failures)

    async def aclose(self) -> None:
        """Close what backends hold open; the embedded model stays loaded for the process."""
        for backend in [*self._backends.values(), self._default]:
            close = getattr(backend, "aclose", None)
            if close is not None:
                await close()

    def _role(self, role: str) -> RoleConfig:
        if role not in self.roles:
            raise NotFoundError("model role", role, self.roles)
        return self.roles[role]

    async def _traced(self, request: ModelRequest, timeout_s: float | None) -> Completion:
        key = request.key if self._cache is not None else ""
        kept = await self._cache.get_call(key) if self._cache is not None else None
        if kept is not None:
            return await self._spanned(request, self._reused(kept))
        # The span begins when it is this call's turn: it tells the model's time, not the queue's.
        async with self._slot(request.model):
            completion = await self._spanned(request, self._retried(request, timeout_s))
        if self._cache is not None:
            self._cache.put_call(key, request.model, completion.model_dump(mode="json"))
        return completion

    async def _spanned(self, request: ModelRequest, reply: Awaitable[Completion]) -> Completion:
        with spans.chat_span(self._tracer, request, capture=self.capture_content) as span:
            completion = await reply
            spans.record_reply(span, completion, capture=self.capture_content)
            return completion

    async def _reused(self, kept: JsonObject) -> Completion:
        """The reply that is in the cache."""
        completion = Completion.model_validate({**kept, "cached": True})
        if self._meter is not None:
            self._meter.reuse(completion)
        return completion

    async def _retried(self, request: ModelRequest, timeout_s: float | None) -> Completion:
        try:  # nearly all calls: retrying costs as much as all else that is done for a call
            return await self._attempt(request, timeout_s)
        except TransientModelError as error:
            failed = [error]

        async def attempt() -> Completion:
            if failed:
                raise failed.pop()
            return await self._attempt(request, timeout_s)

        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._attempts),
            wait=self._wait,
            retry=retry_if_exception_type(TransientModelError),
            reraise=True,
        )
        return await retrying(attempt)

    async def _attempt(self, request: ModelRequest, timeout_s: float | None) -> Completion:
        stop.check()
        if self._meter is None:
            return await self._timed(request, timeout_s)
        hold = await self._meter.reserve(request, lambda: self._price(request))
        try:
            stop.check()
            completion = await self._timed(request, timeout_s)
        except BaseException as error:
            answered = isinstance(error, AgpError) and not isinstance(error, NoReplyError)
            self._meter.fail(hold, unknown=not answered)
            raise
        self._meter.settle(hold, completion)
        return completion

    def _price(self, request: ModelRequest) -> Price | None:
        backend = self._backend(request.model)
        return backend.price(request) if isinstance(backend, Priced) else None

    async def _timed(self, request: ModelRequest, timeout_s: float | None) -> Completion:
        start = time.perf_counter()
        try:
            async with asyncio.timeout(timeout_s):
                completion = await self._backend(request.model).complete(request)
        except TimeoutError as error:
            raise NoReplyError(
                f"{request.model}: no reply within {timeout_s} s.",
                hint="Raise the role's timeout_s, or lower max_tokens.",
            ) from error
        taken = round(time.perf_counter() - start, _PLACES)
        return completion.model_copy(update={"latency_s": taken})

    def _slot(self, model: str) -> asyncio.Semaphore:
        slots = self._slots.setdefault(asyncio.get_running_loop(), {})
        if model not in slots:
            slots[model] = asyncio.Semaphore(self._at_once(model))
        return slots[model]

    def _at_once(self, model: str) -> int:
        """How many calls of a model may be in flight."""
        if provider_of(model) == EMBEDDED:
            return 1
        roles = [each for each in self.roles.values() if canonical_model(each.model) == model]
        told = [each.concurrency for each in roles if each.concurrency]
        return min(told, default=self._concurrency)

    def _backend(self, model: str) -> Backend:
        for name in (model, provider_of(model)):
            if name in self._backends:
                return self._backends[name]
        if self._default is None:
            from agp.models.litellm_backend import LiteLLMBackend

            self._default = LiteLLMBackend()
        return self._default


def _for_model(request: ModelRequest, model: str) -> ModelRequest:
    model = canonical_model(model)
    if model == request.model:
        return request
    same = provider_of(model) == provider_of(request.model)
    # The server of one provider is not the server of another.
    return request.model_copy(
        update={"model": model, "api_base": request.api_base if same else None}
    )


def _all_failed(failures: list[ModelError]) -> ModelError:
    if len(failures) == 1:
        return failures[0]
    lines = "\n".join(f"  {error.message}" for error in failures)
    return ModelError(
        f"All {len(failures)} models failed:\n{lines}", hint=failures[-1].hint or failures[0].hint
    )
