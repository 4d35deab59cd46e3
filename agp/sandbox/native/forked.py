"""One call in a child that the clean process forks; the next child is ordered ahead of need."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from contextlib import ExitStack
from typing import IO

from agp.processes import Limits, ProcessResult
from agp.processes.folder import remove
from agp.sandbox.interface import Call
from agp.sandbox.native.conversation import held, place_of
from agp.sandbox.native.zygote import START_S, Forked, Gone, Zygote, receive_child
from agp.sandbox.pipe import Told

_SOON_S = 0.000_3


class Ordered:
    """A child that was ordered: it confines itself, and waits for its call.

    Raises Gone where the clean process is. Closing it ends the child, if it is not held.
    """

    def __init__(self, zygote: Zygote) -> None:
        self.folder = os.path.join(zygote.folder, secrets.token_hex(8))
        try:
            os.mkdir(self.folder, 0o700)
        except FileNotFoundError:  # the folder goes with the clean process
            raise Gone from None
        self._held = ExitStack()
        self._held.callback(self._clean)
        self._child: Forked | None = None
        self._streams: list[IO[bytes]] = []
        try:
            self._order(zygote)
        except BaseException:
            self.close()
            raise

    def _order(self, zygote: Zygote) -> None:
        with ExitStack() as theirs:
            self.channel, channel = socket.socketpair()
            self._held.enter_context(self.channel)
            theirs.enter_context(channel)
            self.channel.sendall(place_of(self.folder))
            given = [channel.fileno()]
            for _ in range(2):
                read, write = os.pipe()
                theirs.callback(os.close, write)
                self._streams.append(self._held.enter_context(os.fdopen(read, "rb", 0)))
                given.append(write)
            self._status = self._held.enter_context(zygote.fork(given))

    async def child(self) -> Forked:
        """The child, once it was forked. Raises Gone."""
        await _readable(self._status, START_S)
        pid, handle = receive_child(self._status)
        self._child = Forked(pid, handle, self._status, (self._streams[0], self._streams[1]))
        return self._child

    def close(self) -> None:
        """Let go of all; the folder is removed."""
        self._held.close()

    def _clean(self) -> None:
        remove(self.folder)
        if self._child is None:
            return
        if os.path.exists(self.folder):  # it wrote something in its last moment
            self._child.wait()
            remove(self.folder)
        self._child.close()


async def call_forked(
    zygote: Zygote, call: Call, limits: Limits
) -> tuple[Told | None, ProcessResult]:
    """Call, watched. Raises Gone when the clean process ended before anything has run."""
    ordered = zygote.take_spare() or Ordered(zygote)
    try:
        child = await ordered.child()
        if child.poll() is not None:  # while it waited, from outside
            child.end()
            raise Gone
        # While this call is under way, and not before it.
        asyncio.get_running_loop().call_later(_SOON_S, zygote.order_spare, Ordered)
        return await held(child, ordered.channel, call, limits, ordered.folder)
    finally:
        ordered.close()


async def _readable(connection: socket.socket, seconds: float) -> None:
    """Wait until there is something to read. Raises Gone when there never is."""
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connection, lambda: ready.done() or ready.set_result(None))
    try:
        async with asyncio.timeout(seconds):
            await ready
    except TimeoutError:
        raise Gone from None
    finally:
        loop.remove_reader(connection)
