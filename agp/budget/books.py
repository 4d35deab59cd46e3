"""Where a run's budgets are kept in the store, and what it asks of them: one transaction each."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from agp.budget import accounts
from agp.budget.accounts import Grant, Quote, Want
from agp.budget.amounts import Amounts, Budget, narrower
from agp.store.database import Database
from agp.store.tables import AccountRow

_SHARED = select(AccountRow.scope, AccountRow.limits).where(AccountRow.scope.not_like("run/%"))
_SINCE = "0003"
"""The schema that has accounts: an older store, which can only be read, has none."""


def books_of(
    database: Database, run: str, shared: Mapping[str, Budget], floor: Amounts
) -> Books | Pocket:
    """The accounts of a run; where its store cannot be written, its own limits still hold."""
    if database.read_only or database.schema is None or database.schema < _SINCE:
        return Pocket(floor)
    return Books(database, run, shared, floor)


class Pocket:
    """Budgets that hold as long as this object, and nowhere else.

    Parameters: ``floor`` is what the run has spent before.
    """

    own = accounts.run_scope("")

    def __init__(self, floor: Amounts | None = None) -> None:
        self._spent = {self.own: floor or Amounts()}

    def limits(self) -> dict[str, Budget] | None:
        """It shares nothing."""
        return None

    def reopen(self, *, limited: bool) -> None:
        """Nothing is left from before."""

    def charge(self, session: Session, scope: str, limits: Budget, amounts: Amounts) -> None:
        """Spend at once. Raises BudgetExhausted."""
        del session
        want = accounts.Want(scope, limits, Amounts(), Amounts(), amounts, timed=False)
        self._quote(want).demand()
        self._spent[scope] += amounts

    def buy(self, wants: Sequence[Want]) -> list[Grant]:
        """Settle and take more, of all or of none."""
        quotes = [self._quote(want) for want in wants]
        self._spent.update((quote.want.scope, quote.spent) for quote in quotes)
        return accounts.decide(quotes)

    def close(self, wants: Sequence[Want], *, finished: bool) -> None:
        """Nothing lasts."""

    def _quote(self, want: Want) -> Quote:
        spent = self._spent[want.scope] + want.used
        return Quote(want, want.limits, spent, Amounts())


@dataclass
class Books:
    """The accounts that one session of a run charges.

    Parameters: ``run`` its id; ``shared`` limits of scopes (``global``, ``agent/NAME``) beside
    those that the store holds; ``floor`` what the run has spent for certain.
    """

    database: Database
    run: str
    shared: Mapping[str, Budget] = field(default_factory=dict[str, Budget])
    floor: Amounts = field(default_factory=Amounts)
    holder: str = field(default_factory=accounts.new_holder)
    _stamp: int | None = None

    @property
    def own(self) -> str:
        """The scope of the run itself."""
        return accounts.run_scope(self.run)

    def limits(self) -> dict[str, Budget] | None:
        """The limits of shared scopes as they are now; None where nothing was written since."""
        stamp = self.database.stamp()
        if stamp is not None and stamp == self._stamp:
            return None
        with self.database.snapshot() as connection:
            rows = connection.execute(_SHARED).all()
        self._stamp = stamp
        found = {scope: Budget.model_validate(limits) for scope, limits in rows}
        for scope, limits in self.shared.items():
            found[scope] = narrower(limits, found.get(scope, Budget()))
        return {scope: limits for scope, limits in found.items() if limits}

    def reopen(self, *, limited: bool) -> None:
        """Begin or go on; ``limited`` is whether the run has limits of its own."""
        with self._writing() as session:
            accounts.reopen(session, self.run, self.floor if limited else None)

    def charge(self, session: Session, scope: str, limits: Budget, amounts: Amounts) -> None:
        """Spend at once in a transaction of the caller's. Raises BudgetExhausted."""
        accounts.charge(session, scope, limits, amounts)

    def buy(self, wants: Sequence[Want]) -> list[Grant]:
        """Settle and take more, of all or of none; see `accounts.buy`."""
        with self._writing() as session:
            return accounts.buy(session, self.holder, self.run, wants)

    def close(self, wants: Sequence[Want], *, finished: bool) -> None:
        """Settle and give back; a run that finished needs no account any more."""
        with self._writing() as session:
            accounts.give_back(session, self.holder, self.run, wants)
            if finished:
                accounts.forget(session, self.run)

    @contextmanager
    def _writing(self) -> Generator[Session]:
        with self.database.write() as session:
            self.database.one_at_a_time(session)
            yield session
