"""The manager: cache, retries, fallbacks, budget, spans, concurrency."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tenacity import wait_none

from agp.errors import BudgetExhausted, ModelError, NotFoundError, TransientModelError
from agp.models.manager import ModelManager, RoleConfig
from agp.models.scripted import Script, ScriptedBackend
from agp.models.types import Completion, JsonObject, ModelRequest, ToolCall, Usage

ASK = [{"role": "user", "content": "hi"}]


class Memory:
    """A call cache in a dict."""

    def __init__(self) -> None:
        self.calls: dict[str, JsonObject] = {}

    async def get_call(self, key: str) -> JsonObject | None:
        return self.calls.get(key)

    def put_call(self, key: str, model: str, reply: JsonObject) -> None:
        self.calls[key] = json.loads(json.dumps(reply))


class Ledger:
    """A meter that allows a number of calls and remembers what it was told."""

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self.settled: list[Completion | None] = []
        self.reused: list[Completion] = []

    async def reserve(self, request: ModelRequest, price: object) -> ModelRequest:
        if self.allowed == 0:
            raise BudgetExhausted("no calls left")
        self.allowed -= 1
        return request

    def settle(self, hold: ModelRequest, completion: Completion) -> None:
        self.settled.append(completion)

    def fail(self, hold: ModelRequest, *, unknown: bool) -> None:
        self.settled.append(None)

    def reuse(self, completion: Completion) -> None:
        self.reused.append(completion)


def manager(script: Script, **options: Any) -> tuple[ModelManager, ScriptedBackend]:
    backend = ScriptedBackend(script)
    roles = {"solver": RoleConfig(model="test/a", fallbacks=["other/b"])}
    options = {"backends": {"test": backend, "other": backend}, "wait": wait_none(), **options}
    return ModelManager(roles, **options), backend


def request(**fields: Any) -> ModelRequest:
    return ModelRequest(model="test/a", messages=ASK, **fields)


async def test_equal_requests_are_answered_once_and_keep_their_usage() -> None:
    reply = Completion(text="x", usage=Usage(input_tokens=3, output_tokens=1, cost_usd=0.5))
    models, backend = manager([reply], cache=Memory())
    first, second = await models.complete(request()), await models.complete(request())
    assert backend.calls == 1
    assert (first.cached, second.cached) == (False, True)
    assert second.usage == first.usage


async def test_repetitions_never_share_a_cached_reply() -> None:
    models, backend = manager(lambda r: f"draw {r.repetition}", cache=Memory())
    texts = [(await models.complete(request(repetition=i))).text for i in (0, 1, 2, 1)]
    assert texts == ["draw 0", "draw 1", "draw 2", "draw 1"]
    assert backend.calls == 3


async def test_repetitions_draw_with_different_seeds() -> None:
    seeds = {request(seed=7, repetition=i).sampling_seed for i in range(50)}
    assert len(seeds) == 50
    assert request(seed=7).sampling_seed == 7
    assert all(0 <= seed < 2**31 for seed in seeds)


async def test_an_alias_and_its_name_share_a_key() -> None:
    models = ModelManager({"a": RoleConfig(model="embedded")})
    named = models.request("a", ASK, model="embedded/qwen2.5-coder-1.5b")
    assert models.request("a", ASK).key == named.key


async def test_transient_errors_are_retried_and_the_last_one_is_raised() -> None:
    models, backend = manager(lambda _: TransientModelError("busy"))
    with pytest.raises(TransientModelError):
        await models.complete(request())
    assert backend.calls == 3
    models, backend = manager([TransientModelError("busy"), "fine"])
    assert (await models.complete(request())).text == "fine"


async def test_other_errors_are_not_retried() -> None:
    models, backend = manager(lambda _: ModelError("no key"))
    with pytest.raises(ModelError, match="no key"):
        await models.complete(request())
    assert backend.calls == 1


async def test_fallbacks_come_in_order_and_all_failures_are_told() -> None:
    models, _ = manager([ModelError("a is gone"), "from b"])
    completion = await models.complete_role("solver", ASK)
    assert (completion.text, completion.model) == ("from b", "other/b")
    models, _ = manager([ModelError("a is gone"), ModelError("b is gone")])
    with pytest.raises(ModelError, match=r"(?s)a is gone.*b is gone"):
        await models.complete_role("solver", ASK)


async def test_a_fallback_of_another_provider_does_not_get_the_first_ones_address() -> None:
    models, backend = manager([ModelError("down"), "ok"])
    await models.complete_role("solver", ASK, api_base="http://localhost:1/v1")
    assert [r.api_base for r in backend.requests] == ["http://localhost:1/v1", None]


async def test_unknown_roles_are_named() -> None:
    models, _ = manager([])
    with pytest.raises(NotFoundError, match="solver"):
        await models.complete_role("solvr", ASK)


async def test_overrides_win_over_the_role() -> None:
    models, backend = manager(["ok"])
    await models.complete_role("solver", ASK, temperature=0.7, max_tokens=9)
    assert (backend.requests[0].temperature, backend.requests[0].max_tokens) == (0.7, 9)


async def test_an_exhausted_budget_makes_no_call_and_tries_no_fallback() -> None:
    ledger = Ledger(allowed=1)
    models, backend = manager(lambda _: "x", meter=ledger)
    await models.complete(request())
    with pytest.raises(BudgetExhausted):
        await models.complete(request(repetition=1), fallbacks=["other/b"])
    assert backend.calls == 1
    assert [c.text if c else None for c in ledger.settled] == ["x"]


async def test_each_attempt_is_reserved_and_settled_and_cached_replies_are_not() -> None:
    ledger = Ledger(allowed=9)
    models, _ = manager([TransientModelError("busy"), "x"], meter=ledger, cache=Memory())
    await models.complete(request())
    await models.complete(request())
    assert [c.text if c else None for c in ledger.settled] == [None, "x"]
    assert [c.text for c in ledger.reused] == ["x"]
    assert ledger.allowed == 7


async def test_unknown_cost_stays_unknown_through_cache_and_span() -> None:
    tracer, spans = recording()
    models, _ = manager(["x"], cache=Memory(), tracer=tracer)
    for _ in range(2):
        assert (await models.complete(request())).usage.cost_usd is None
    assert all("agp.cost_usd" not in (s.attributes or {}) for s in spans.get_finished_spans())


async def test_a_slow_model_is_a_transient_failure() -> None:
    class Slow:
        async def complete(self, request: ModelRequest) -> Completion:
            await asyncio.sleep(5)
            return Completion(text="late")

    models = ModelManager(backends={"test": Slow()}, attempts=1)
    with pytest.raises(TransientModelError, match="no reply within"):
        await models.complete(request(), timeout_s=0.01)


class Counting:
    """Remembers how many calls were in flight at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def complete(self, request: ModelRequest) -> Completion:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.005)
        self.now -= 1
        return Completion(text="x")


@pytest.mark.parametrize(("model", "most"), [("embedded", 1), ("test/a", 4)])
async def test_concurrency_is_limited_per_model(model: str, most: int) -> None:
    backend = Counting()
    models = ModelManager(
        {"r": RoleConfig(model=model)},
        backends={"embedded": backend, "test": backend},
        concurrency=4,
    )
    await asyncio.gather(*(models.complete_role("r", ASK, repetition=i) for i in range(12)))
    assert backend.most == most


def test_one_manager_serves_several_event_loops() -> None:
    backend = Counting()
    models = ModelManager(backends={"test": backend}, concurrency=1)

    async def burst() -> None:
        await asyncio.gather(*(models.complete(request(repetition=i)) for i in range(4)))

    asyncio.run(burst())
    asyncio.run(burst())
    assert backend.most == 1


def recording() -> tuple[Any, InMemorySpanExporter]:
    provider, spans = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return provider.get_tracer("test"), spans


async def test_a_call_has_a_span_with_the_conventions_attributes() -> None:
    tracer, spans = recording()
    call = ToolCall(id="1", name="python", arguments={"code": "print(1)"})
    reply = Completion(
        text="",
        tool_calls=[call],
        finish_reason="tool_calls",
        usage=Usage(input_tokens=5, output_tokens=2, cost_usd=0.25),
    )
    models, _ = manager([reply], tracer=tracer)
    await models.complete(request(seed=3, max_tokens=9))
    (span,) = spans.get_finished_spans()
    attributes = dict(span.attributes or {})
    assert span.name == "chat test/a"
    inputs = json.loads(str(attributes.pop("gen_ai.input.messages")))
    outputs = json.loads(str(attributes.pop("gen_ai.output.messages")))
    assert inputs == [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    part = {"type": "tool_call", "id": "1", "name": "python", "arguments": {"code": "print(1)"}}
    assert outputs == [{"role": "assistant", "parts": [part], "finish_reason": "tool_calls"}]
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "test",
        "gen_ai.request.model": "test/a",
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.seed": 3,
        "gen_ai.response.model": "test/a",
        "gen_ai.response.finish_reasons": ("tool_calls",),
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 2,
        "agp.cost_usd": 0.25,
        "agp.cached": False,
        "agp.repetition": 0,
    }


async def test_contents_stay_out_of_spans_when_capture_is_off() -> None:
    tracer, spans = recording()
    models, _ = manager(["secret reply"], tracer=tracer, capture_content=False)
    await models.complete(request())
    assert not [
        name for name in spans.get_finished_spans()[0].attributes or {} if "messages" in name
    ]


async def test_a_failed_call_has_its_error_on_the_span() -> None:
    tracer, spans = recording()
    models, _ = manager(lambda _: ModelError("gone"), tracer=tracer)
    with pytest.raises(ModelError):
        await models.complete(request())
    (span,) = spans.get_finished_spans()
    assert (span.attributes or {})["error.type"] == "ModelError"
    assert not span.status.is_ok


async def test_the_manager_costs_well_under_a_third_of_a_millisecond() -> None:
    models, _ = manager(lambda _: "x", cache=Memory())
    await models.complete(request())
    start = time.process_time()
    for repetition in range(1000):
        await models.complete(request(repetition=repetition + 1))
    assert (time.process_time() - start) / 1000 < 0.3e-3


async def test_aclose_closes_the_backends() -> None:
    closed: list[bool] = []

    class Closing(ScriptedBackend):
        async def aclose(self) -> None:
            closed.append(True)

    await ModelManager(backends={"test": Closing([])}).aclose()
    assert closed == [True]


async def test_roles_of_one_model_share_its_connections() -> None:
    now = most = 0

    class Counting:
        async def complete(self, request: ModelRequest) -> Completion:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1
            return Completion(text="x")

    roles = {
        "solver": RoleConfig(model="test/m", concurrency=3),
        "judge": RoleConfig(model="test/m", concurrency=5),
        "other": RoleConfig(model="test/n"),
    }
    models = ModelManager(roles, backends={"test": Counting()}, concurrency=100)
    await asyncio.gather(*(models.complete_role(r, ASK) for r in ("solver", "judge") * 20))
    assert most == 3
    await asyncio.gather(*(models.complete_role("other", ASK) for _ in range(20)))
    assert most == 20
