"""What calls keep open between them: connections that live as long as an agent's task.

Each thing is opened and closed by a background task of its own, because what is built on cancel
scopes (anyio) must be closed by the task that opened it, and calls may come from several.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from contextlib import AbstractAsyncContextManager
from typing import Any, Self

Opening = Callable[[], AbstractAsyncContextManager[Any]]


class Opened:
    """Things that were opened, by key; an async context manager that closes them all at its end.

    Calls find it in their context, under this class.
    """

    def __init__(self) -> None:
        self._held: dict[Hashable, _Held] = {}
        self._forgotten: list[_Held] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def get(self, key: Hashable, opening: Opening) -> Any:
        """What is open under ``key``; opened now, if it is not. Raises what opening raises."""
        if key not in self._held:
            self._held[key] = _Held(opening)
        held = self._held[key]
        try:
            return await asyncio.shield(held.ready)
        except Exception:
            self._forget(key, held)
            raise

    def forget(self, key: Hashable) -> None:
        """Close what is open under ``key``, because it failed: the next `get` opens it anew."""
        if key in self._held:
            self._forget(key, self._held[key])

    async def close(self) -> None:
        """Close all, and wait for it. What goes wrong on closing concerns no caller."""
        held = [*self._held.values(), *self._forgotten]
        self._held.clear()
        for each in held:
            each.end.set()
        # Shielded: a caller that is cancelled while waiting must not cut the closing short.
        await asyncio.shield(asyncio.gather(*(each.task for each in held), return_exceptions=True))

    def _forget(self, key: Hashable, held: _Held) -> None:
        if self._held.get(key) is held:
            del self._held[key]
            self._forgotten.append(held)
            held.end.set()


class _Held:
    """One open thing and the task that holds it open."""

    def __init__(self, opening: Opening) -> None:
        self.ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.end = asyncio.Event()
        self.task = asyncio.create_task(self._hold(opening))

    async def _hold(self, opening: Opening) -> None:
        try:
            async with opening() as thing:
                self.ready.set_result(thing)
                await self.end.wait()
        except Exception as error:
            if not self.ready.done():
                self.ready.set_exception(error)
        finally:
            if not self.ready.done():  # cancelled while opening: nobody must wait for ever
                self.ready.cancel()
