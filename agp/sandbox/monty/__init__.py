"""Small pure functions in Monty, an interpreter of Python that has no file, network or process.

What may enter: the driving of pydantic-monty for one call. Monty runs in worker processes of its
own with an empty environment, so a crash or an endless loop there takes nothing of this process
down; a worker is killed when its call is cancelled or its time is up. It knows a part of Python
and of the standard library: what it cannot run is refused, with its words.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from agp.processes import Limits
from agp.sandbox.interface import Call, Confined, JsonObject, Outcome, Program, Strength
from agp.sandbox.monty.run import NAME, Denied, Run, too_long
from agp.sandbox.monty.worker import Worker

MOST_CALLS = 64
"""Calls under way at once; more wait for their turn."""


class MontyBackend:
    """Calls of pure functions, in Monty. Strong: what was not granted does not exist there."""

    name = NAME

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._threads: ThreadPoolExecutor | None = None
        self._process = 0
        self._probed: tuple[Strength, str] | None = None

    def probe(self) -> tuple[Strength, str]:
        """Strong where the package is installed and answers; it is asked once."""
        if self._probed is None:
            self._probed = self._probe()
        return self._probed

    def _probe(self) -> tuple[Strength, str]:
        try:
            import pydantic_monty

            with pydantic_monty.Monty() as pool, pool.checkout() as session:
                answer = session.feed_run("6 * 7")
        except ImportError:
            hint = "pip install 'autogenesis-agp[monty]'"
            return Strength.NONE, f"pydantic-monty is not installed. Install it with: {hint}"
        except Exception as error:  # a package may fail in any way; then it is not there
            return Strength.NONE, f"does not run: {type(error).__name__}: {error}"
        if answer != 42:
            return Strength.NONE, "does not compute"
        version = pydantic_monty.__version__
        return Strength.STRONG, f"pydantic-monty {version}: pure functions, a part of Python"

    async def run(self, program: Program, limits: Limits) -> Confined:
        """Always refused: Monty runs functions."""
        return self._end("refused", error="Monty runs functions, not whole programs.")

    async def call(self, call: Call, limits: Limits) -> Confined:
        """Call a function, or a method, of one file that imports nothing Monty does not have."""
        if fault := _cannot(call):
            return self._end("refused", error=fault)
        loop = asyncio.get_running_loop()
        asked: set[Future[Any]] = set()

        def ask(name: str, arguments: JsonObject) -> Any:
            if (grant := call.grants.get(name)) is None:
                raise Denied(f"{name[:100]!r} was not granted to this code")
            future = asyncio.run_coroutine_threadsafe(clock.without(grant(arguments)), loop)
            asked.add(future)
            return future.result()

        run = Run(call, limits, ask)
        done: asyncio.Future[Confined] = loop.create_future()
        late = self._end("timeout", error=too_long(limits), seconds=limits.wall_s)
        clock = _Clock(limits.wall_s, lambda: _deliver(done, late))
        self._submit(run, loop, done)
        try:
            return await done
        finally:
            clock.stop()
            run.stop()
            for future in asked:
                future.cancel()

    def _submit(
        self, run: Run, loop: asyncio.AbstractEventLoop, done: asyncio.Future[Confined]
    ) -> None:
        with self._lock:
            if self._threads is None or self._process != os.getpid():
                self._threads = ThreadPoolExecutor(MOST_CALLS, "agp-monty")
                self._process, self._idle = os.getpid(), []
            threads = self._threads

        def serve() -> None:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            result: Confined | BaseException
            try:
                worker = worker or Worker()
                result = run.on(worker)
            except BaseException as error:
                result = error
            with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_deliver, done, result)
            if worker is not None:
                worker.refresh(run.resources)
                if worker.alive:
                    with self._lock:
                        self._idle.append(worker)

        threads.submit(serve)

    def _end(self, outcome: Outcome, *, error: str, seconds: float = 0.0) -> Confined:
        return Confined(
            outcome=outcome,
            error=error,
            exit_code=1,
            duration_s=seconds,
            backend=self.name,
            strength=Strength.STRONG,
        )


def _deliver(done: asyncio.Future[Confined], result: Confined | BaseException) -> None:
    if done.done():
        return
    if isinstance(result, BaseException):
        done.set_exception(result)
    else:
        done.set_result(result)


def _cannot(call: Call) -> str:
    """Why Monty cannot run this, as far as can be seen before it tries; or nothing."""
    file, _, name = call.entry.partition(":")
    if set(call.files) != {file}:
        return "Monty runs functions of exactly one file."
    if call.packages:
        return f"Monty has no packages; the code may want {', '.join(call.packages)}."
    for each in (name, call.method):
        if each and not each.isidentifier():
            return f"{each!r} is no name of a function."
    return ""


class _Clock:
    """The time that the code takes, without what the host takes to answer it."""

    def __init__(self, seconds: float, late: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._late = late
        self._stopped = False
        self._timer = self._loop.call_later(seconds, late)

    async def without(self, answer: Awaitable[Any]) -> Any:
        """Await the host's answer while the clock stands still."""
        left = self._timer.when() - self._loop.time()
        self._timer.cancel()
        try:
            return await answer
        finally:
            if not self._stopped:
                self._timer = self._loop.call_later(left, self._late)

    def stop(self) -> None:
        self._stopped = True
        self._timer.cancel()
