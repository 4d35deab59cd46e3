"""Looking out for orders while a run goes on, in a thread of its own: a busy loop hides none."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import monotonic

from agp.errors import StoreError
from agp.stop.gate import Gate
from agp.stop.orders import Order, knows_orders, newest, noted
from agp.store.database import Database

INTERVAL_S = 0.1
_AGAIN_S = 2.0
"""After which time what has not ended is cancelled once more."""


@asynccontextmanager
async def watching(database: Database, since: int | None = None) -> AsyncGenerator[Gate]:
    """The gate of a run, for as long as it goes on.

    Parameters: ``since`` the newest order when the run began; default: the newest now. The block
    raises Stopped when a newer one is given.
    """
    if not knows_orders(database):
        async with Gate() as gate:
            yield gate
        return
    gate = Gate(noted(database) if since is None else since)
    watch = _Watch(database, gate)
    async with gate:
        watch.start()
        try:
            yield gate
        finally:
            watch.over.set()


class _Watch(threading.Thread):
    """Shuts a gate when there is a newer order, and again while what is within does not end."""

    def __init__(self, database: Database, gate: Gate) -> None:
        super().__init__(name="agp-stop", daemon=True)
        self.over = threading.Event()
        self._database, self._gate = database, gate
        self._stamp: int | None = None

    def run(self) -> None:
        shut_at = 0.0
        while not self.over.wait(INTERVAL_S):
            if self._gate.why is None:
                order = self._newer()
                if order is not None:
                    self._gate.shut(order.error())
                    shut_at = monotonic()
            elif monotonic() - shut_at > _AGAIN_S:
                self._gate.shut(self._gate.why)
                shut_at = monotonic()

    def _newer(self) -> Order | None:
        try:
            stamp = self._database.stamp()
            if stamp is not None and stamp == self._stamp:
                return None
            with self._database.snapshot() as connection:
                order = newest(connection)
        except StoreError:  # a server that is away gives no orders; a commit asks it anew
            return None
        self._stamp = stamp
        assert self._gate.since is not None
        return order if order is not None and order.id > self._gate.since else None
