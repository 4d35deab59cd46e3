"""Budgets: what work may cost at most, counted before it is spent.

`amounts.py` is what is counted (calls, tokens, money, wall time, evaluations, commits), `bounds.py`
what a call can come to at most, `ledger.py` meters one run in memory, `accounts.py` keeps shared
and lasting budgets in the store, `books.py` is a run's way to them, `purse.py` what it holds of
one. What may enter:
only counting and refusing; what a call is, or why it is made, belongs elsewhere.

Nothing is started that could exceed a limit: its worst case is reserved before and settled after.
A budget that has to last, because its run may be killed or others share it, is bought from the
store in blocks, in advance: a killed process loses what it held, and can never have spent more.
"""

from agp.budget.amounts import Amounts, Budget, Spend, narrower
from agp.budget.books import Books, Pocket, books_of
from agp.budget.ledger import Ledger, charged_to, collect

__all__ = [
    "Amounts",
    "Books",
    "Budget",
    "Ledger",
    "Pocket",
    "Spend",
    "books_of",
    "charged_to",
    "collect",
    "narrower",
]
