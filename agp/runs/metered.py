"""What every run and task goes on within: an open gate, and budgets that are charged."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from agp.budget import Amounts, Budget, Ledger, books_of
from agp.stop import watching
from agp.store.database import Database


@asynccontextmanager
async def metered(
    database: Database,
    run: str,
    budget: Budget,
    *,
    shared: Mapping[str, Budget],
    spent: Amounts | None = None,
    since: int | None = None,
) -> AsyncGenerator[Ledger]:
    """The ledger of a run, for as long as it goes on.

    Parameters: ``budget`` the run's own limits, ``shared`` those of scopes (``global``,
    ``agent/NAME``) that it shares; ``spent`` what the run has spent before; ``since`` the newest
    order to stop when it began. The block raises Stopped when a newer one is given, and
    BudgetExhausted when its time is used up.
    """
    kept = books_of(database, run, shared, spent or Amounts())
    async with watching(database, since) as gate, Ledger(budget, kept).open(gate) as ledger:
        yield ledger
