"""Stopping: an order to a store ends every run on it, from another process too.

`orders.py` writes an order and reads the newest, `gate.py` is what a run passes before everything
it starts and inside every commit, `watch.py` looks out for orders. What may enter: only what makes
a run end; this room knows nothing of models, agents or budgets.

A run notes the newest order when it begins (or resumes). Once a newer one is there, its gate is
shut: the task it runs in is cancelled, `check` raises in whatever still goes on, and a commit
looks into the store itself, in its own transaction, so that nothing commits after the order.
"""

from agp.errors import Stopped
from agp.stop.gate import Gate, check, committing, deciding
from agp.stop.orders import Order, current, newest, noted, order
from agp.stop.watch import watching

__all__ = [
    "Gate",
    "Order",
    "Stopped",
    "check",
    "committing",
    "current",
    "deciding",
    "newest",
    "noted",
    "order",
    "watching",
]
