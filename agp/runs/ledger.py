"""Counting what model calls cost, against a budget that is checked before each call."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

from pydantic import BaseModel

from agp.errors import BudgetExhausted
from agp.models.types import Completion, ModelRequest


class Spend(BaseModel):
    """What some work cost.

    ``calls`` and tokens count calls that were really made. ``cost_usd`` sums the known prices;
    ``unpriced`` calls have none. ``seconds`` is model time. ``cached`` counts replies that came
    from the cache; the other ``cached_…`` fields are what those had cost when they were made.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    seconds: float = 0.0
    cached: int = 0
    cached_tokens: int = 0
    cached_cost_usd: float = 0.0
    cached_unpriced: int = 0
    cached_seconds: float = 0.0

    def add(self, other: Spend) -> None:
        """Add another spend to this one."""
        for name in Spend.model_fields:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def beyond(self, other: Spend) -> Spend:
        """What this has more than another."""
        rest = {n: max(0, getattr(self, n) - getattr(other, n)) for n in Spend.model_fields}
        return Spend.model_validate(rest)

    @property
    def tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    @classmethod
    def of(cls, reply: Completion) -> Spend:
        """The spend of one reply."""
        cost = reply.usage.cost_usd
        if reply.cached:
            return cls(
                cached=1,
                cached_tokens=reply.usage.input_tokens + reply.usage.output_tokens,
                cached_cost_usd=cost or 0.0,
                cached_unpriced=int(cost is None),
                cached_seconds=reply.latency_s,
            )
        return cls(
            calls=1,
            input_tokens=reply.usage.input_tokens,
            output_tokens=reply.usage.output_tokens,
            cost_usd=cost or 0.0,
            unpriced=int(cost is None),
            seconds=reply.latency_s,
        )


class Budget(BaseModel):
    """Limits of a run; None is no limit.

    ``calls`` and ``tokens`` are never exceeded by more than the input tokens of the calls under
    way; ``cost_usd`` by no more than the price of those calls, and a model without a known price
    ends such a run at once. ``seconds`` is wall time of this session.
    """

    calls: int | None = None
    tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None


_collecting: ContextVar[tuple[Spend, ...]] = ContextVar("agp_collecting", default=())


class Ledger:
    """Meters every model call of a run (it is the model manager's meter).

    Parameters: ``budget`` limits; ``spent`` what an interrupted run had spent already. Wall time
    counts from construction.
    """

    def __init__(self, budget: Budget | None = None, spent: Spend | None = None) -> None:
        self.budget = budget or Budget()
        self.spent = spent or Spend()
        self._reserved_calls = 0
        self._reserved_tokens = 0
        self._started = monotonic()

    def reserve(self, request: ModelRequest) -> None:
        """Set the call's worst case aside. Raises BudgetExhausted if it would exceed a limit."""
        budget, spent = self.budget, self.spent
        worst = request.max_tokens
        _within("calls", spent.calls + self._reserved_calls + 1, budget.calls)
        _within("tokens", spent.tokens + self._reserved_tokens + worst, budget.tokens)
        _within("seconds", monotonic() - self._started, budget.seconds)
        if budget.cost_usd is not None:
            _within("USD", spent.cost_usd, budget.cost_usd)
            if spent.unpriced:
                raise BudgetExhausted(
                    f"The price of {request.model} is unknown, so a budget in USD cannot be kept.",
                    hint="Limit calls or tokens instead. Everything so far is kept.",
                )
        self._reserved_calls += 1
        self._reserved_tokens += worst

    def settle(self, request: ModelRequest, completion: Completion | None) -> None:
        """Book what the call really cost; None where it failed."""
        self._reserved_calls -= 1
        self._reserved_tokens -= request.max_tokens
        if completion is not None:
            self._book(Spend.of(completion))

    def reuse(self, completion: Completion) -> None:
        """Note a reply that came from the cache: it costs nothing now."""
        self._book(Spend.of(completion))

    def _book(self, spend: Spend) -> None:
        self.spent.add(spend)
        for collected in _collecting.get():
            collected.add(spend)


@contextmanager
def collect() -> Generator[Spend]:
    """What is spent within the block, in this task and the tasks it starts."""
    spend = Spend()
    token = _collecting.set((*_collecting.get(), spend))
    try:
        yield spend
    finally:
        _collecting.reset(token)


def _within(what: str, value: float, limit: float | None) -> None:
    if limit is not None and value > limit:
        raise BudgetExhausted(
            f"The budget of {limit:g} {what} is used up.",
            hint="Everything so far is kept. Go on with a larger budget: agp resume",
        )
