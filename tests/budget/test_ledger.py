"""The ledger: worst cases first, waiting for what comes back, time, prices, agents, kills."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agp.budget import Amounts, Books, Budget, Ledger, charged_to, collect
from agp.budget.bounds import most_tokens
from agp.errors import BudgetExhausted, ModelError
from agp.models.manager import ModelManager
from agp.models.types import ModelRequest, Price
from agp.stop import Gate
from agp.store.database import Database
from agp.store.tables import AccountRow
from tests.budget.support import Costly, ask, request, set_limits


def manager(ledger: Ledger, backend: Costly) -> ModelManager:
    return ModelManager(backends={"test": backend}, meter=ledger, concurrency=32, attempts=1)


async def drain(models: ModelManager, callers: int, calls: int) -> list[BudgetExhausted]:
    """So many callers at once, each until it is refused or has made its calls."""
    refusals: list[BudgetExhausted] = []

    async def one(number: int) -> None:
        for call in range(calls):
            try:
                await ask(models, repetition=number * 1000 + call)
            except BudgetExhausted as error:
                refusals.append(error)
                return

    await asyncio.gather(*map(one, range(callers)))
    return refusals


@settings(max_examples=40, deadline=None)
@given(
    calls=st.none() | st.integers(0, 40),
    tokens=st.none() | st.integers(0, 20_000),
    usd=st.none() | st.floats(0, 2),
    callers=st.integers(1, 32),
)
async def test_no_order_of_callers_exceeds_a_budget(
    calls: int | None, tokens: int | None, usd: float | None, callers: int
) -> None:
    budget = Budget(calls=calls, tokens=tokens, cost_usd=usd)
    backend = Costly()
    async with Ledger(budget).open(Gate()) as ledger:
        refusals = await drain(manager(ledger, backend), callers, 4)
    used = backend.used
    limits = budget.limits()
    assert all(getattr(used, name) <= limit for name, limit in limits.items())
    if used.calls < callers * 4:
        assert {refusal.amount for refusal in refusals} <= set(limits)
        assert refusals


async def test_a_call_waits_for_what_calls_under_way_give_back() -> None:
    worst = most_tokens(request())
    backend = Costly(tokens=lambda _: (1, 1))
    async with Ledger(Budget(tokens=worst + 40)).open(Gate()) as ledger:
        assert await drain(manager(ledger, backend), 20, 1) == []
    assert backend.used.calls == 20


async def test_a_refusal_names_the_budget(database: Database) -> None:
    books = Books(database, "r")
    async with Ledger(Budget(calls=1), books).open(Gate()) as ledger:
        models = manager(ledger, Costly())
        await ask(models)
        with pytest.raises(BudgetExhausted) as caught:
            await ask(models, repetition=1)
    error = caught.value
    assert (error.scope, error.amount, error.limit, error.spent) == ("run/r", "calls", 1, 1)
    assert "agp resume" in str(error)


async def test_failed_attempts_are_calls_and_lost_ones_cost_their_worst(
    database: Database,
) -> None:
    books = Books(database, "r")
    backend = Costly(fail=ModelError("no"))
    with pytest.raises(RuntimeError), collect() as spend:
        async with Ledger(Budget(calls=9, tokens=50_000), books).open(Gate()) as ledger:
            models = manager(ledger, backend)
            with pytest.raises(ModelError):
                await ask(models)
            backend.fail, backend.hang = None, True
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ask(models), 0.05)
            raise RuntimeError  # it did not finish: its account is kept
    assert (spend.calls, spend.failed) == (0, 2)
    with database.read() as session:
        kept = Amounts.read(session.get_one(AccountRow, "run/r").spent)
    assert (kept.calls, kept.tokens) == (2, most_tokens(request()))


async def test_a_reply_without_figures_is_taken_as_its_worst_case() -> None:
    worst = most_tokens(request())
    backend = Costly(tokens=lambda _: (0, 0))
    async with Ledger(Budget(tokens=2 * worst)).open(Gate()) as ledger:
        refusals = await drain(manager(ledger, backend), 1, 5)
    assert backend.used.calls == 2
    assert refusals[0].amount == "tokens"


@pytest.mark.parametrize("price", [None, Price(0.001, 0.002)])
async def test_money_needs_a_price_before_the_call(price: Price | None) -> None:
    backend = Costly(price=price)
    async with Ledger(Budget(cost_usd=100)).open(Gate()) as ledger:
        refusals = await drain(manager(ledger, backend), 1, 1)
    assert backend.used.calls == (0 if price is None else 1)
    assert [("unknown" in str(refusal)) for refusal in refusals] == (
        [True] if price is None else []
    )


async def test_an_unknown_price_does_not_matter_without_a_budget_in_money() -> None:
    backend = Costly(price=None)
    async with Ledger(Budget(calls=3)).open(Gate()) as ledger:
        assert await drain(manager(ledger, backend), 1, 3) == []


async def test_calls_under_way_are_cancelled_when_the_time_is_up(database: Database) -> None:
    backend = Costly(hang=True)
    gate = Gate()
    with pytest.raises(BudgetExhausted) as caught:
        async with gate, Ledger(Budget(seconds=0.3), Books(database, "r")).open(gate) as ledger:
            await ask(manager(ledger, backend))
    assert caught.value.amount == "seconds"
    assert backend.cancelled == 1


async def test_time_is_summed_over_sessions(database: Database) -> None:
    with pytest.raises(BudgetExhausted, match="seconds"):
        async with Ledger(Budget(seconds=5), Books(database, "r", floor=Amounts(seconds=5))).open(
            Gate()
        ):
            pass


async def test_evaluations_are_counted_when_they_begin() -> None:
    async with Ledger(Budget(evaluations=2)).open(Gate()) as ledger:
        with collect() as spend:
            await ledger.evaluation("solver")
            await ledger.evaluation("solver")
            with pytest.raises(BudgetExhausted, match="2 evaluations"):
                await ledger.evaluation("solver")
    assert spend.evaluations == 2


async def test_an_agent_pays_for_those_it_calls(database: Database) -> None:
    set_limits(database, "agent/boss", calls=2)
    async with Ledger(books=Books(database, "r")).open(Gate()) as ledger:
        models = manager(ledger, Costly())
        with charged_to("boss"), charged_to("helper"):
            await ask(models)
            await ask(models, repetition=1)
            with pytest.raises(BudgetExhausted, match="agent boss"):
                await ask(models, repetition=2)
        with charged_to("helper"):
            await ask(models, repetition=3)


async def test_two_runs_share_a_budget_of_the_store(database: Database) -> None:
    set_limits(database, "global", calls=30)
    backends = [Costly(), Costly()]

    async def run(number: int) -> list[BudgetExhausted]:
        async with Ledger(books=Books(database, f"r{number}")).open(Gate()) as ledger:
            return await drain(manager(ledger, backends[number]), 16, 4)

    refusals = [refusal for each in await asyncio.gather(run(0), run(1)) for refusal in each]
    assert sum(each.used.calls for each in backends) <= 30
    assert {refusal.scope for refusal in refusals} == {"global"}
    with database.read() as session:
        kept = Amounts.read(session.get_one(AccountRow, "global").spent)
    assert kept.calls == sum(each.used.calls for each in backends)


async def test_a_limit_that_is_set_later_holds_from_then_on(database: Database) -> None:
    async with Ledger(books=Books(database, "r")).open(Gate()) as ledger:
        models = manager(ledger, Costly())
        await ask(models)
        set_limits(database, "global", calls=0)
        with pytest.raises(BudgetExhausted, match="whole store"):
            for repetition in range(1, 100):
                await asyncio.sleep(0.05)
                await ask(models, repetition=repetition)


async def test_the_policys_limits_hold_too(database: Database) -> None:
    books = Books(database, "r", {"global": Budget(calls=1)})
    async with Ledger(books=books).open(Gate()) as ledger:
        models = manager(ledger, Costly())
        await ask(models)
        with pytest.raises(BudgetExhausted, match="whole store"):
            await ask(models, repetition=1)


async def test_a_run_without_limits_writes_nothing(database: Database) -> None:
    stamp = database.stamp()
    async with Ledger(books=Books(database, "r")).open(Gate()) as ledger:
        await drain(manager(ledger, Costly()), 8, 4)
    assert database.stamp() == stamp
    with database.read() as session:
        assert session.query(AccountRow).count() == 0


async def test_what_a_session_left_is_spent_when_the_run_goes_on(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db")
    backend = Costly()
    killed = Ledger(Budget(calls=10), Books(database, "r"))
    session = killed.open(Gate())
    await ask(manager(await session.__aenter__(), backend))
    database.engine.dispose()  # and the process is never heard of again
    async with Ledger(Budget(calls=10), Books(database, "r")).open(Gate()) as ledger:
        await drain(manager(ledger, backend), 4, 10)
    assert 1 < backend.used.calls <= 10


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: {"messages": [{"role": "user", "content": "ü" * 50 + "🜁" * 50}]},
        lambda r: {"tools": [{"type": "function", "function": {"name": "f"}}]},
        lambda r: {"max_tokens": 900},
        lambda r: {"messages": [*r.messages, {"role": "user", "content": [{"type": "image_url"}]}]},
    ],
)
def test_the_bound_grows_with_all_that_is_sent(
    spoil: Callable[[ModelRequest], dict[str, object]],
) -> None:
    plain = request()
    assert most_tokens(plain.model_copy(update=spoil(plain))) > most_tokens(plain)


def test_an_embedded_call_is_bounded_by_its_context() -> None:
    long = request().model_copy(
        update={
            "model": "embedded/qwen2.5-coder-1.5b",
            "messages": [{"role": "user", "content": "x" * 100_000}],
        }
    )
    assert most_tokens(long) == 8192
