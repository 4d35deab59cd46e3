"""What is counted: amounts to reckon with, limits on them, and what some work cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import inf
from typing import Any

from pydantic import BaseModel, ConfigDict

from agp.models.types import Completion


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of each thing that a budget limits; ``seconds`` are wall time of runs."""

    calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0
    evaluations: int = 0
    commits: int = 0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(*(getattr(self, n) + getattr(other, n) for n in NAMES))

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(*(getattr(self, n) - getattr(other, n) for n in NAMES))

    def times(self, number: int) -> Amounts:
        """So many of these."""
        return Amounts(*(getattr(self, n) * number for n in NAMES))

    def at_least(self, other: Amounts) -> Amounts:
        """The larger of each."""
        return Amounts(*(max(getattr(self, n), getattr(other, n)) for n in NAMES))

    def data(self) -> dict[str, Any]:
        """As JSON, without zeros."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Amounts:
        """From JSON."""
        return cls(**{name: data[name] for name in NAMES if name in data})

    def __bool__(self) -> bool:
        return bool(self.data())


NAMES = tuple(field.name for field in fields(Amounts))
"""What a budget can limit."""

UNITS = {"cost_usd": "USD", "seconds": "seconds of wall time"}
"""How amounts are called in a message where their name would not do."""


class Budget(BaseModel):
    """Limits; None is no limit, and none is ever exceeded.

    ``calls`` counts attempts, failed ones too; ``tokens`` input and output together; ``cost_usd``
    needs models whose price is known: others are refused; ``seconds`` is wall time, summed over
    the sessions of a run, and what is under way then is cancelled; ``evaluations`` counts samples
    that were begun, not those known from earlier runs; ``commits`` those that work makes itself,
    never a person's own.
    """

    model_config = ConfigDict(extra="forbid")

    calls: int | None = None
    tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None
    evaluations: int | None = None
    commits: int | None = None

    def limits(self) -> dict[str, float]:
        """The limits there are."""
        return {n: limit for n in NAMES if (limit := getattr(self, n)) is not None}

    def __bool__(self) -> bool:
        return bool(self.limits())


def narrower(one: Budget, other: Budget) -> Budget:
    """The smaller limit of each."""
    mine, theirs = one.limits(), other.limits()
    least = {n: min(mine.get(n, inf), theirs.get(n, inf)) for n in {*mine, *theirs}}
    return Budget.model_validate(least)


class Spend(BaseModel):
    """What some work cost.

    ``calls`` and tokens count calls that were answered; ``failed`` attempts gave no reply.
    ``cost_usd`` sums the known prices; ``unpriced`` calls have none. ``seconds`` is model time.
    ``cached`` counts replies that came from the cache; the other ``cached_…`` fields are what
    those had cost when they were made. ``evaluations`` counts samples that were begun.
    """

    calls: int = 0
    failed: int = 0
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
    evaluations: int = 0
    commits: int = 0

    def add(self, other: Spend) -> None:
        """Add another spend to this one."""
        mine = vars(self)  # numbers that were validated: no need to do it again, 14 at a time
        for name, value in vars(other).items():
            if value:
                mine[name] += value

    def beyond(self, other: Spend) -> Spend:
        """What this has more than another."""
        rest = {n: max(0, getattr(self, n) - getattr(other, n)) for n in Spend.model_fields}
        return Spend.model_validate(rest)

    @property
    def tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    def amounts(self, wall: float = 0.0) -> Amounts:
        """The same as a budget counts it; ``wall`` is the wall time it took, in seconds."""
        return Amounts(
            calls=self.calls + self.failed,
            tokens=self.tokens,
            cost_usd=self.cost_usd,
            seconds=wall,
            evaluations=self.evaluations,
            commits=self.commits,
        )

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
