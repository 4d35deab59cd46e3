"""Budgets in the store: what was spent in each scope, and what processes have set aside.

An account is a scope's limits and what is spent for good; a reservation is what one process holds
of it. A process buys in advance, spends what it holds without asking again, and settles later.
Everything that was ever held and not given back counts as spent: so no interleaving of processes,
and no kill, makes a total exceed its limit. Each function works in a transaction of the caller's,
who holds the store's one-writer lock.
"""

from __future__ import annotations

import os
import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from pydantic import BaseModel
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from agp.budget.amounts import UNITS, Amounts, Budget, narrower
from agp.errors import BudgetExhausted
from agp.store.tables import AccountRow, JsonObject, ReservationRow, now

NOTHING = Amounts()

GLOBAL = "global"
"""The scope of everything on a store."""

LEASE_S = 10.0
"""Wall time is bought so many seconds at a time."""

_GIVEN_BACK = ("tokens", "cost_usd")
"""What a call may cost less of than its worst case."""

_BLOCK = 16
"""The most calls that are bought at once; never more than this part of what is left either."""


def run_scope(run: str) -> str:
    """The scope of one run."""
    return f"run/{run}"


def shared_limits(all_: BaseModel, agents: Mapping[str, BaseModel]) -> dict[str, Budget]:
    """What a policy limits, by scope: all work together, and agents by name."""
    limits = {GLOBAL: all_, **{agent_scope(name): each for name, each in agents.items()}}
    return {scope: Budget.model_validate(each.model_dump()) for scope, each in limits.items()}


def agent_scope(agent: str) -> str:
    """The scope of one agent, in all runs and tasks of a store."""
    return f"agent/{agent}"


@dataclass(frozen=True)
class Want:
    """What a holder wants of one account.

    Parameters: ``limits`` beside the account's own; ``used`` since the holder settled last;
    ``held`` for what is under way; ``need`` for what is to begin; ``timed`` whether the holder's
    wall time counts here; ``spare`` is what it has beside, and keeps where none is needed.
    """

    scope: str
    limits: Budget
    used: Amounts
    held: Amounts
    need: Amounts
    timed: bool
    spare: Amounts = NOTHING


@dataclass(frozen=True)
class Grant:
    """What a holder has of an account now: ``granted`` covers what it holds, what it needs, more.

    ``refusal`` is set where the need does not fit: then no account has given any of it, and
    ``granted`` covers what was held before. ``room`` is what is left of the limits beside it.
    ``patience`` tells whether the holder's own work under
    way may yet give back what is missing.
    """

    limits: Budget
    granted: Amounts
    room: Amounts
    refusal: BudgetExhausted | None = None
    patience: bool = False


@dataclass(frozen=True)
class Quote:
    """A want against what an account has: ``spent`` by all, ``others`` set aside by others."""

    want: Want
    limits: Budget
    spent: Amounts
    others: Amounts

    def room(self, name: str) -> float:
        """What is left of a limited amount beside what this holder already holds."""
        taken = self.spent + self.others + self.want.held
        return self.limits.limits()[name] - getattr(taken, name)

    def beside(self, granted: Amounts) -> Amounts:
        """What is left of the limited amounts once so much is granted."""
        taken = self.spent + self.others + granted
        limits = self.limits.limits()
        return Amounts.read({n: limit - getattr(taken, n) for n, limit in limits.items()})

    def short(self) -> str | None:
        """The first amount that the need exceeds."""
        for name in self.limits.limits():
            if name == "seconds":
                if self.want.timed and self.room(name) <= 0:
                    return name
            elif getattr(self.want.need, name) > self.room(name):
                return name
        return None

    def kept(self) -> Amounts:
        """What the holder has to spare of other amounts than it needs now."""
        want = self.want
        found: dict[str, float] = {}
        for name in self.limits.limits():
            if name != "seconds" and not getattr(want.need, name):
                found[name] = max(0, min(getattr(want.spare, name), self.room(name)))
        return Amounts.read(found)

    def blocks(self) -> int:
        """How many more of the same need fit without taking too much from others."""
        needed = [n for n in self.limits.limits() if n != "seconds" and getattr(self.want.need, n)]
        shares = [int(self.room(n) / getattr(self.want.need, n)) // _BLOCK for n in needed]
        return min([_BLOCK, *shares]) if shares else 0

    def lease(self) -> Amounts:
        """The wall time that is granted anew."""
        if self.want.timed and self.limits.seconds is not None:
            return Amounts(seconds=max(0.0, min(LEASE_S, self.room("seconds"))))
        return Amounts()

    def patience(self, name: str) -> bool:
        """Whether what is short now would do if the holder's calls under way cost nothing."""
        if name not in _GIVEN_BACK or not self.want.held.calls:
            return False
        held = getattr(self.want.held, name)
        return getattr(self.want.need, name) <= self.room(name) + held

    def demand(self) -> None:
        """Raises BudgetExhausted where the need does not fit."""
        if (name := self.short()) is not None:
            raise self.refusal(name)

    def refusal(self, name: str) -> BudgetExhausted:
        """Says what is short."""
        return exhausted(
            self.want.scope,
            name,
            self.limits.limits()[name],
            getattr(self.spent, name),
            getattr(self.others + self.want.held, name),
        )


def buy(session: Session, holder: str, run: str, wants: Sequence[Want]) -> list[Grant]:
    """Settle what a holder used of some accounts, and let it have more of all of them or of none.

    Work that ends at a limit of one account must not be set aside in another.
    """
    quotes = [_quote(session, holder, want) for want in wants]
    grants = decide(quotes)
    for quote, grant in zip(quotes, grants, strict=True):
        _write(session, holder, run, quote, grant.granted)
    return grants


def decide(quotes: Sequence[Quote]) -> list[Grant]:
    """What a holder gets, all wants together."""
    short = [quote.short() for quote in quotes]
    refused = any(short)
    grants: list[Grant] = []
    for quote, name in zip(quotes, short, strict=True):
        granted = quote.want.held + quote.lease()
        if not refused:
            granted += quote.want.need + quote.want.need.times(quote.blocks()) + quote.kept()
        grant = Grant(quote.limits, granted, quote.beside(granted))
        if name is not None:
            grant = replace(grant, refusal=quote.refusal(name), patience=quote.patience(name))
        grants.append(grant)
    return grants


def give_back(session: Session, holder: str, run: str, wants: Iterable[Want]) -> None:
    """Settle what a holder used, and keep for it only what is still under way."""
    for want in wants:
        quote = _quote(session, holder, want)
        _write(session, holder, run, quote, want.held)


def charge(session: Session, scope: str, limits: Budget, amounts: Amounts) -> None:
    """Spend at once, in the transaction of what it is spent on. Raises BudgetExhausted."""
    quote = _quote(session, "", Want(scope, limits, Amounts(), Amounts(), amounts, timed=False))
    quote.demand()
    row = _account(session, scope)
    row.spent, row.updated_at = (quote.spent + amounts).data(), now()


def reopen(session: Session, run: str, floor: Amounts | None) -> None:
    """Begin, or go on with, a run.

    What processes left behind that are gone, and what earlier sessions of this run did, counts as
    spent. ``floor`` is what the run has spent for certain, where it has limits of its own.
    """
    for row in session.scalars(select(ReservationRow)).all():
        if row.run == run or is_gone(row.id):
            account = _account(session, row.scope)
            account.spent = (Amounts.read(account.spent) + Amounts.read(row.amounts)).data()
            session.delete(row)
    if floor is not None:
        own = _account(session, run_scope(run))
        own.spent = Amounts.read(own.spent).at_least(floor).data()


def forget(session: Session, run: str) -> None:
    """Take away the account of a run that finished: its journal says what it spent."""
    session.execute(delete(AccountRow).where(AccountRow.scope == run_scope(run)))


def new_holder() -> str:
    """A name for this process's part in reservations, which tells later whether it still runs."""
    return f"{_host()}{os.getpid():08x}{secrets.token_hex(8)}"


def is_gone(holder: str) -> bool:
    """Whether a holder's process has ended, as far as this machine can tell."""
    if holder[:8] != _host():
        return False
    try:
        os.kill(int(holder[8:16], 16), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def reserved(session: Session, scope: str, *, besides: str = "") -> Amounts:
    """What is set aside in a scope."""
    rows = select(ReservationRow.amounts).where(
        ReservationRow.scope == scope, ReservationRow.id != besides
    )
    return sum((Amounts.read(each) for each in session.scalars(rows)), Amounts())


def exhausted(
    scope: str, name: str, limit: float, spent: float, reserved: float
) -> BudgetExhausted:
    """The refusal of something that does not fit."""
    kind, _, whose = scope.partition("/")
    of = {"run": "", "agent": f" of agent {whose}", GLOBAL: " of the whole store"}[kind]
    unit = UNITS.get(name, name)
    how = {
        "run": "Go on with a larger budget: agp resume",
        "agent": f"Raise it (agp budget set --agent {whose}, or the policy), then: agp resume",
        GLOBAL: "Raise it (agp budget set, or the policy), then: agp resume",
    }[kind]
    under_way = f", {reserved:g} set aside for what is under way" if reserved else ""
    return BudgetExhausted(
        f"The budget{of} of {limit:g} {unit} is used up ({spent:g} spent{under_way}).",
        hint=f"Everything so far is kept. {how}",
        scope=scope,
        amount=name,
        limit=limit,
        spent=spent,
        reserved=reserved,
    )


def _quote(session: Session, holder: str, want: Want) -> Quote:
    row = _account(session, want.scope)
    spent = Amounts.read(row.spent) + want.used
    limits = narrower(want.limits, Budget.model_validate(row.limits))
    return Quote(want, limits, spent, reserved(session, want.scope, besides=holder))


def _write(session: Session, holder: str, run: str, quote: Quote, granted: Amounts) -> None:
    account = _account(session, quote.want.scope)
    account.spent, account.updated_at = quote.spent.data(), now()
    row = session.get(ReservationRow, (holder, quote.want.scope))
    if row is None and granted:
        session.add(
            ReservationRow(
                id=holder, scope=quote.want.scope, run=run, amounts=granted.data(), created_at=now()
            )
        )
    elif row is not None and granted:
        row.amounts = granted.data()
    elif row is not None:
        session.delete(row)


def _account(session: Session, scope: str) -> AccountRow:
    row = session.get(AccountRow, scope)
    if row is None:
        nothing: JsonObject = {}
        row = AccountRow(scope=scope, limits=nothing, spent=nothing, updated_at=now())
        session.add(row)
        session.flush()
    return row


def _host() -> str:
    return sha256(f"{uuid.getnode()}".encode()).hexdigest()[:8]
