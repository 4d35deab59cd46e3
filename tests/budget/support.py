"""A model that really costs something, for budgets to be held against."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from agp.budget import Amounts, Budget
from agp.budget.bounds import most_input_tokens
from agp.models.manager import ModelManager
from agp.models.types import Completion, ModelRequest, Price, Usage
from agp.store.database import Database
from agp.store.tables import AccountRow, now

PRICE = Price(0.00001, 0.00002)
ASK = [{"role": "user", "content": "What is it?"}]


def request(repetition: int = 0) -> ModelRequest:
    """The call that all of these tests make."""
    return ModelRequest(model="test/m", messages=ASK, max_tokens=100, repetition=repetition)


async def ask(models: ModelManager, repetition: int = 0) -> Completion:
    """Make it."""
    return await models.complete(request(repetition))


def some(request: ModelRequest) -> tuple[int, int]:
    """Any number of tokens that a call can have: now and then all of them."""
    dice = random.Random(request.repetition)
    most = most_input_tokens(request), request.max_tokens
    return most if dice.random() < 0.3 else (dice.randint(1, most[0]), dice.randint(1, most[1]))


class Costly:
    """Counts in ``used`` what its calls cost, from the moment each begins.

    Parameters: ``tokens`` of a request, input and output; ``fail`` is raised instead of a reply;
    ``hang`` never replies.
    """

    def __init__(
        self,
        tokens: Callable[[ModelRequest], tuple[int, int]] = some,
        price: Price | None = PRICE,
        fail: Exception | None = None,
        hang: bool = False,
    ) -> None:
        self.used = Amounts()
        self.tokens, self.listed, self.fail, self.hang = tokens, price, fail, hang
        self.cancelled = 0

    def price(self, request: ModelRequest) -> Price | None:
        return self.listed

    async def complete(self, request: ModelRequest) -> Completion:
        read, written = self.tokens(request)
        price = self.listed or Price(0, 0)
        cost = read * price.input_usd + written * price.output_usd
        self.used += Amounts(calls=1, tokens=read + written, cost_usd=cost)
        try:
            await asyncio.sleep(60 if self.hang else random.random() / 500)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fail is not None:
            raise self.fail
        usage = Usage(
            input_tokens=read, output_tokens=written, cost_usd=cost if self.listed else None
        )
        return Completion(text="x", usage=usage)


def set_limits(database: Database, scope: str, **limits: float) -> None:
    """Set the limits of an account."""
    with database.write() as session:
        data = Budget.model_validate(limits).limits()
        session.add(AccountRow(scope=scope, limits=data, spent={}, updated_at=now()))
