"""The ledger of one run: every call and every sample is reserved here before it is begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from time import monotonic
from typing import NamedTuple

from sqlalchemy import event
from sqlalchemy.orm import Session

from agp.budget import accounts
from agp.budget.accounts import Grant, agent_scope
from agp.budget.amounts import Amounts, Budget, Spend
from agp.budget.books import Books, Pocket
from agp.budget.bounds import most_input_tokens, most_tokens
from agp.budget.purse import Purse
from agp.errors import AgpError, BudgetExhausted, StoreError
from agp.models.types import Completion, ModelRequest, Price
from agp.stop.gate import Gate

_TICK_S = 0.25
_MARGIN_S = 2.0
"""How long before granted wall time ends more of it is bought."""

_collecting: ContextVar[tuple[Spend, ...]] = ContextVar("agp_collecting", default=())
_agents: ContextVar[tuple[str, ...]] = ContextVar("agp_charged_agents", default=())


class Hold(NamedTuple):
    """What was reserved for one call, and where."""

    need: Amounts
    purses: tuple[Purse, ...]


_FREE = Hold(Amounts(calls=1), ())
"""What a call holds where nothing is limited."""


class Ledger:
    """Meters a run: its model calls (it is the model manager's meter), samples, commits and time.

    A run without limits costs no transaction. One with limits, or on a store or with an agent that
    has any, holds blocks of them that are durable before they are used; see `agp.budget.accounts`.

    Parameters: ``budget`` the run's own limits; ``books`` where budgets are kept, else they hold
    in this object only.
    """

    def __init__(self, budget: Budget | None = None, books: Books | Pocket | None = None) -> None:
        self.budget = budget or Budget()
        self._books = books or Pocket()
        self._own = self._books.own
        self._limits = {self._own: self.budget} if self.budget else {}
        self._purses: dict[str, Purse] = {}
        self._timed = {self._own, accounts.GLOBAL}
        self._asking = asyncio.Lock()
        self._settled = asyncio.Event()

    # -- a session -------------------------------------------------------------------------

    @asynccontextmanager
    async def open(self, gate: Gate) -> AsyncGenerator[Ledger]:
        """Charge accounts for as long as the block goes on, and end it when its time is up.

        ``gate`` is shut then, and every commit that passes it is charged here. A block that ends
        without an error is that of a run that finished.
        """
        await self._refresh()
        if self._limits:
            await asyncio.to_thread(self._books.reopen, limited=bool(self.budget))
        if (over := await self._over_time()) is not None:
            raise over
        gate.along(self.charge_commit)
        clock = asyncio.create_task(self._keep_time(gate))
        finished = False
        try:
            yield self
            finished = True
        finally:
            clock.cancel()
            with suppress(asyncio.CancelledError):
                await clock
            await asyncio.shield(asyncio.create_task(self._close(finished=finished)))

    async def _close(self, *, finished: bool) -> None:
        async with self._asking:
            if self._purses:
                now = monotonic()
                wants = [purse.want(Amounts(), now) for purse in self._purses.values()]
                self._books.close(wants, finished=finished)

    # -- calls: the model manager's meter --------------------------------------------------

    async def reserve(self, request: ModelRequest, price: Callable[[], Price | None]) -> Hold:
        """Set a call's worst case aside, in every budget it is charged to.

        Waits while calls under way hold what they may not need after all. ``price`` is asked only
        where money is limited. Raises BudgetExhausted, and the call must not be made.
        """
        if not self._limits:
            return _FREE
        agents = _agents.get()
        need = Amounts(calls=1)
        purses = self._purses_of(agents)
        if purses:
            need += Amounts(tokens=most_tokens(request))
            if any(purse.limits.cost_usd is not None for purse in purses):
                need += Amounts(cost_usd=_most_cost(request, price()))
        return await self._hold(need, agents)

    def settle(self, hold: Hold, completion: Completion) -> None:
        """Book what the call really cost. What its reply does not tell is taken as reserved."""
        spend = Spend.of(completion)
        if hold.purses:
            cost = completion.usage.cost_usd
            actual = Amounts(
                calls=1,
                tokens=spend.tokens or hold.need.tokens,
                cost_usd=hold.need.cost_usd if cost is None else cost,
            )
            self._settle(hold, actual)
        self._book(spend)

    def fail(self, hold: Hold, *, unknown: bool) -> None:
        """Book an attempt that gave no reply; its cost is ``unknown`` where it was cut off."""
        self._settle(hold, hold.need if unknown else Amounts(calls=1))
        self._book(Spend(failed=1))

    def reuse(self, completion: Completion) -> None:
        """Note a reply that came from the cache: it costs nothing now."""
        self._book(Spend.of(completion))

    # -- samples and commits ---------------------------------------------------------------

    async def evaluation(self, agent: str, count: int = 1) -> None:
        """Spend evaluations of an agent, before their samples are begun: all or none of them.

        Raises BudgetExhausted.
        """
        self.time(agent)
        if self._limits:
            need = Amounts(evaluations=count)
            self._settle(await self._hold(need, (agent,)), need)
        self._book(Spend(evaluations=count))

    def time(self, agent: str) -> None:
        """Count this run's wall time as an agent's too, from now on."""
        self._timed.add(agent_scope(agent))

    def charge_commit(self, session: Session) -> None:
        """Spend one commit inside its own transaction. Raises BudgetExhausted."""
        one = Amounts(commits=1)
        scopes = [self._own, accounts.GLOBAL, *map(agent_scope, _agents.get())]
        for scope in dict.fromkeys(scopes):
            if scope in self._limits:
                self._books.charge(session, scope, self._limits[scope], one)

        def committed(_: Session) -> None:
            self._book(Spend(commits=1))

        event.listen(session, "after_commit", committed, once=True)

    # -- inside ----------------------------------------------------------------------------

    def _purses_of(self, agents: Sequence[str]) -> list[Purse]:
        scopes = [self._own, accounts.GLOBAL, *map(agent_scope, agents)]
        found: list[Purse] = []
        for scope in dict.fromkeys(scopes):
            if scope in self._limits:
                found.append(self._purse(scope))
        return found

    def _purse(self, scope: str) -> Purse:
        purse = self._purses.get(scope)
        if purse is None:
            now, timed = monotonic(), scope in self._timed
            purse = Purse(scope, self._limits[scope], timed=timed, since=now, until=now)
            self._purses[scope] = purse
        return purse

    async def _hold(self, need: Amounts, agents: Sequence[str]) -> Hold:
        while True:
            purses = self._purses_of(agents)
            settled = self._settled
            if not self._asking.locked() and not any(map(_short(need), purses)):
                return _held(need, purses)
            asking = asyncio.create_task(self._ask(purses, need))
            try:
                answer = await asyncio.shield(asking)
            except asyncio.CancelledError:
                asking.add_done_callback(self._let_go)
                raise
            if isinstance(answer, Hold):
                return answer
            if not answer.patience:
                assert answer.refusal is not None
                raise answer.refusal
            await settled.wait()
            await self._until_likely(purses, need)

    async def _until_likely(self, purses: Sequence[Purse], need: Amounts) -> None:
        """Wait until what came back may do; asking the accounts before would be in vain."""
        while any(p.hopeless(need) for p in purses) and any(p.held.calls for p in purses):
            await self._settled.wait()

    async def _ask(self, purses: Sequence[Purse], need: Amounts) -> Hold | Grant:
        """Get what is short and hold it, or the refusal; nothing else is begun meanwhile."""
        async with self._asking:
            if any(map(_short(need), purses)):
                now = monotonic()
                wants = [purse.want(need, now) for purse in purses]
                grants = await asyncio.to_thread(self._books.buy, wants)
                for purse, want, grant in zip(purses, wants, grants, strict=True):
                    purse.take(want, grant, now)
                for grant in grants:
                    if grant.refusal is not None:
                        return grant
            return _held(need, purses)

    def _let_go(self, asking: asyncio.Task[Hold | Grant]) -> None:
        """Give back what came for a call that nobody waits for any more."""
        if not asking.cancelled() and asking.exception() is None:
            answer = asking.result()
            if isinstance(answer, Hold):
                self._settle(answer, Amounts())

    def _settle(self, hold: Hold, actual: Amounts) -> None:
        if not hold.purses:
            return
        for purse in hold.purses:
            purse.settle(hold.need, actual)
        self._settled.set()
        self._settled = asyncio.Event()

    def _book(self, spend: Spend) -> None:
        for collected in _collecting.get():
            collected.add(spend)

    # -- time ------------------------------------------------------------------------------

    async def _keep_time(self, gate: Gate) -> None:
        """Buy wall time as it passes, and shut the gate when there is no more of it."""
        while True:
            with suppress(StoreError):  # a store that is away is met by whoever needs it
                await self._refresh()
            try:
                over = await self._over_time()
            except StoreError as error:  # time that cannot be bought must not be used
                over = error
            if over is not None:
                gate.shut(over)
                return
            left = [purse.until - monotonic() for purse in self._running()]
            await asyncio.sleep(max(0.0, min([_TICK_S, *left])))

    async def _over_time(self) -> AgpError | None:
        for scope in self._timed & self._limits.keys():
            self._purse(scope)
        now = monotonic()
        due = [p for p in self._running() if p.until - now <= (0.0 if p.last else _MARGIN_S)]
        if not due:
            return None
        async with self._asking:
            now = monotonic()
            wants = [purse.want(Amounts(), now) for purse in due]
            grants = await asyncio.to_thread(self._books.buy, wants)
            for purse, want, grant in zip(due, wants, grants, strict=True):
                purse.take(want, grant, now)
        return next((grant.refusal for grant in grants if grant.refusal is not None), None)

    def _running(self) -> list[Purse]:
        """The purses whose wall time is limited."""
        known = self._purses.values()
        return [purse for purse in known if purse.timed and purse.limits.seconds is not None]

    async def _refresh(self) -> None:
        """Take note of limits that were set, or changed, since the last time."""
        shared = await asyncio.to_thread(self._books.limits)
        if shared is None:
            return
        own = {self._own: self.budget} if self.budget else {}
        for scope, purse in self._purses.items():
            if scope in shared and shared[scope] != purse.limits:
                purse.limits, purse.granted = shared[scope], Amounts()
        self._limits = {**own, **shared}


@contextmanager
def collect() -> Generator[Spend]:
    """What is spent within the block, in this task and the tasks it starts."""
    spend = Spend()
    token = _collecting.set((*_collecting.get(), spend))
    try:
        yield spend
    finally:
        _collecting.reset(token)


@contextmanager
def charged_to(agent: str) -> Generator[None]:
    """Charge what is spent within the block to an agent too, and to those it works for."""
    token = _agents.set((*_agents.get(), agent))
    try:
        yield
    finally:
        _agents.reset(token)


def _held(need: Amounts, purses: Sequence[Purse]) -> Hold:
    for purse in purses:
        purse.hold(need)
    return Hold(need, tuple(purses))


def _short(need: Amounts) -> Callable[[Purse], bool]:
    return lambda purse: purse.lacks(need) is not None


def _most_cost(request: ModelRequest, price: Price | None) -> float:
    """The most a call can cost, in USD. Raises BudgetExhausted for an unknown price."""
    if price is None:
        raise BudgetExhausted(
            f"The price of {request.model} is unknown, so a budget in USD cannot be kept.",
            hint="Limit calls or tokens instead. Everything so far is kept.",
            amount="cost_usd",
        )
    written = most_tokens(request) - most_input_tokens(request)
    return price.input_usd * most_input_tokens(request) + price.output_usd * written
