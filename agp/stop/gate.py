"""The gate of a run: everything a run starts passes it, and every commit does in its transaction.

A gate belongs to the task that entered it and to all that this task starts, threads too: they see
it through their context. Outside of any run there is no gate, and nothing is checked: a person's
own commits are not hindered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar, Token
from threading import Lock
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session

from agp.errors import AgpError, Interrupted
from agp.stop.orders import current, newest

_gate: ContextVar[Gate | None] = ContextVar("agp_gate", default=None)

Rider = Callable[[Session], None]


class Gate:
    """Open until `shut`; then what is within is cancelled, and what goes on is refused.

    Used as an async context manager around a run's work, in the task that does it. Shutting it
    cancels that task and makes the block raise the error it was shut with. A cancellation from
    outside (Ctrl-C) shuts it too, so that nothing it left behind can start anything.

    Parameters: ``since`` the newest order to stop when the run began, None where orders are not
    looked at.
    """

    def __init__(self, since: int | None = None) -> None:
        self.since = since
        self._outer = _gate.get()
        self._riders: list[Rider] = []
        self._why: AgpError | None = None
        self._lock = Lock()
        self._cancelled = 0
        self._task: asyncio.Task[object] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._token: Token[Gate | None] | None = None

    @property
    def why(self) -> AgpError | None:
        """What it was shut with, None while it is open."""
        return self._why

    def along(self, rider: Rider) -> None:
        """Have ``rider`` called inside the transaction of every commit within; it may refuse."""
        self._riders.append(rider)

    def shut(self, why: AgpError) -> None:
        """Let nothing start any more and cancel what is under way; from any thread, at any time.

        Called again, it cancels again what did not end, and keeps the first reason.
        """
        with self._lock:
            self._why = self._why or why
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._cancel)

    def check(self) -> None:
        """Raises what this gate, or one around it, was shut with."""
        if self._why is not None:
            raise self._why
        if self._outer is not None:
            self._outer.check()

    def deciding(self, session: Session) -> None:
        """Raises for what must not be written any more; reads the store, in its transaction."""
        self.check()
        if self.since is not None and current(session) > self.since:
            order = newest(session.connection())
            assert order is not None
            raise order.error()
        if self._outer is not None:
            self._outer.deciding(session)

    def committing(self, session: Session) -> None:
        """The same for a commit, which may be refused for other reasons too."""
        self.deciding(session)
        gate: Gate | None = self
        while gate is not None:
            for rider in gate._riders:
                rider(session)
            gate = gate._outer

    async def __aenter__(self) -> Self:
        self._task, self._loop = asyncio.current_task(), asyncio.get_running_loop()
        self._token = _gate.set(self)
        if self._why is not None:
            self.shut(self._why)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        with self._lock:
            task, self._task, self._loop = self._task, None, None
        assert task is not None
        assert self._token is not None
        _gate.reset(self._token)
        ours = self._cancelled
        left = task.cancelling()
        for _cancellation in range(ours):
            left = task.uncancel()
        cancelled = isinstance(error, asyncio.CancelledError)
        if self._why is None:
            if cancelled or isinstance(error, KeyboardInterrupt):
                self._why = Interrupted("The run was interrupted.", hint="Go on: agp resume")
        elif not left and (error is None or (cancelled and ours)):
            raise self._why from error

    def _cancel(self) -> None:
        if self._task is not None:
            self._cancelled += 1
            self._task.cancel()


def check() -> None:
    """Raises Stopped (or what else ended the run) in a run that must start nothing any more."""
    gate = _gate.get()
    if gate is not None:
        gate.check()


def deciding(session: Session) -> None:
    """As `committing`, for a decision of a run that is no commit."""
    gate = _gate.get()
    if gate is not None:
        gate.deciding(session)


def committing(session: Session) -> None:
    """Called in the transaction of every commit, under the store's one-writer lock.

    Raises Stopped in a run that was ordered to stop, whether it knows yet or not; BudgetExhausted
    where its commits are used up. Does nothing outside of runs.
    """
    gate = _gate.get()
    if gate is not None:
        gate.committing(session)
