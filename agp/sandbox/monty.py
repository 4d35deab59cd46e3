"""Small pure functions in Monty, an interpreter of Python that has no file, network or process.

What may enter: the driving of pydantic-monty for one call. Monty runs in worker processes of its
own with an empty environment, so a crash or an endless loop there takes nothing of this process
down; a worker is killed when its call is cancelled or its time is up. It knows a part of Python
and of the standard library: what it cannot run is refused, with its words.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agp.processes import Limits
from agp.sandbox.interface import Call, Confined, JsonObject, Outcome, Program, Strength
from agp.sandbox.pipe import plain_json

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontyError, MontySession, ResourceLimits

MOST_CALLS = 64
"""Calls under way at once; more wait for their turn."""

_GRACE_S = 0.5
_SUSPENSIONS = 10_000
_GUEST = "agp_guest"
_STUB = "from typing import Any\ndef ask(name: str, **arguments: Any) -> Any: ...\n"
_UNABLE = ("NotImplementedError", "ImportError", "ModuleNotFoundError", "SyntaxError")
_ABSENT = "is not supported in this environment"

# What is granted is asked for on this side, between two turns of the interpreter.
Ask = Callable[[str, JsonObject], Any]


class MontyBackend:
    """Calls of pure functions, in Monty. Strong: what was not granted does not exist there."""

    name = "monty"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
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
                raise _Denied(f"{name[:100]!r} was not granted to this code")
            future = asyncio.run_coroutine_threadsafe(clock.without(grant(arguments)), loop)
            asked.add(future)
            return future.result()

        run = _Run(call, limits, ask)
        done: asyncio.Future[Confined] = loop.create_future()
        late = self._end("timeout", error=_too_long(limits), seconds=limits.wall_s)
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
        self, run: _Run, loop: asyncio.AbstractEventLoop, done: asyncio.Future[Confined]
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
                worker = worker or _Worker()
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


def _too_long(limits: Limits) -> str:
    return f"Time limit of {limits.wall_s:g} s exceeded."


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


class _Worker:
    """A process of Monty's, and a session that is ready before it is needed."""

    def __init__(self) -> None:
        from pydantic_monty import ExternalModule, Monty

        self.modules = {_GUEST: ExternalModule({"ask": _never}, stubs=_STUB)}
        self.alive = True
        self._stack = ExitStack()
        self._ready: tuple[ResourceLimits, MontySession] | None = None
        self._used: MontySession | None = None
        with _STARTING:
            before = _children()
            self._pool: Monty = self._stack.enter_context(
                Monty(min_processes=1, max_processes=1, feed_duration_limit_grace=_GRACE_S)
            )
            with self._pool.checkout():
                pass
            started = _children() - before
        self._pid = started.pop() if len(started) == 1 else 0

    def session(self, resources: ResourceLimits) -> MontySession:
        """A fresh session with these limits, for one call."""
        ready, self._ready = self._ready, None
        if ready is not None and ready[0] != resources:
            ready[1].__exit__(None, None, None)
            ready = None
        self._used = ready[1] if ready else self._open(resources)
        return self._used

    def _open(self, resources: ResourceLimits) -> MontySession:
        session = self._pool.checkout(limits=resources, external_modules=self.modules)
        return session.__enter__()

    def refresh(self, resources: ResourceLimits) -> None:
        """Close the session that was used and have the next one ready, after the result is out.

        A worker that cannot is given up.
        """
        try:
            if self._used is not None:
                used, self._used = self._used, None
                used.__exit__(None, None, None)
            if self.alive:
                self._ready = (resources, self._open(resources))
        except Exception:  # whatever it is, another worker takes its place
            self.alive = False
        if not self.alive:
            self._stack.close()

    def kill(self) -> None:
        """End the process, whatever it is doing (on Linux; elsewhere its limits end it)."""
        self.alive = False
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)


_STARTING = threading.Lock()


def _children() -> set[int]:
    """The processes of Monty's below this one (Linux)."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for thread in Path("/proc/self/task").iterdir():
            for pid in (thread / "children").read_text().split():
                with contextlib.suppress(OSError):
                    if Path(os.readlink(f"/proc/{pid}/exe")).name == "monty":
                        found.add(int(pid))
    return found


def _never(*_: Any, **__: Any) -> None:
    """Stands for a granted function: each call of it is answered by `_Run` before it gets here."""


class _Run:
    """One call, on whichever worker takes it."""

    def __init__(self, call: Call, limits: Limits, ask: Ask) -> None:
        self.call, self.limits, self.ask = call, limits, ask
        self.resources: ResourceLimits = {
            "max_feed_duration_secs": float(limits.wall_s),
            "max_memory": limits.memory_mb << 20,
            "max_suspensions": _SUSPENSIONS,
        }
        self.printed: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self.bytes = 0
        self.lock = threading.Lock()
        self.worker: _Worker | None = None
        self.halt = threading.Event()

    def stop(self) -> None:
        """Nobody waits any more: what still runs is killed, what has not begun never begins."""
        with self.lock:
            self.halt.set()
            if self.worker is not None:
                self.worker.kill()

    def on(self, worker: _Worker) -> Confined:
        """Run it there. Raises what a grant raised that was no ValueError."""
        with self.lock:
            if self.halt.is_set():
                return self._end("lost", error="cancelled before it began")
            self.worker = worker
        started = time.monotonic()
        try:
            result = self._drive(worker.session(self.resources))
        except _GrantFailed as failed:
            worker.kill()
            raise failed.error from None
        finally:
            with self.lock:
                self.worker = None
        return _timed(result, time.monotonic() - started)

    def _drive(self, session: MontySession) -> Confined:
        from pydantic_monty import (
            FunctionSnapshot,
            MontyComplete,
            MontyCrashedError,
            MontyError,
        )

        source, inputs = self._program()
        try:
            state = session.feed_start(source, inputs=inputs, print_callback=self._print)
            while not isinstance(state, MontyComplete):
                if self.bytes > self.limits.output_bytes:
                    break
                if not isinstance(state, FunctionSnapshot) or state.function_name not in _OWN:
                    state = state.resume_auto()
                elif state.function_name == "system.sleep":
                    if self.halt.wait(min(float(state.args[0]), self.limits.wall_s + 1)):
                        return self._end("timeout", error=_too_long(self.limits))
                    state = state.resume({"return_value": None})
                else:
                    state = state.resume(self._answer(state.args, state.kwargs))
        except MontyCrashedError as error:
            if self.worker is not None:
                self.worker.alive = False
            if self.bytes > self.limits.output_bytes:
                return self._too_much()
            if error.timed_out:
                return self._end("timeout", error=_too_long(self.limits))
            return self._end("lost", error=f"Monty went away: {error}")
        except MontyError as error:
            return self._failed(error)
        if not isinstance(state, MontyComplete) or self.bytes > self.limits.output_bytes:
            return self._too_much()
        return self._value(state.output)

    def _program(self) -> tuple[str, JsonObject]:
        """The file, and after it a line that calls and gives the value as JSON text."""
        file, _, name = self.call.entry.partition(":")
        source = self.call.files[file]
        target, wanted = name, name
        inputs: JsonObject = {"_agp_arguments": self.call.arguments}
        if self.call.construct is not None:
            inputs["_agp_construct"] = self.call.construct
            target, wanted = f"{name}(**_agp_construct).{self.call.method}", self.call.method
        waits = "await " if re.search(rf"^\s*async\s+def\s+{wanted}\b", source, re.M) else ""
        called = f"_agp_json.dumps({waits}{target}(**_agp_arguments))"
        return f"{source}\n\nimport json as _agp_json\n{called}", inputs

    def _print(self, stream: str, text: str) -> None:
        self.bytes += len(text.encode("utf-8", "replace"))
        if self.bytes <= self.limits.output_bytes:
            self.printed[stream].append(text)
        elif self.worker is not None:
            self.worker.kill()

    def _answer(self, args: tuple[Any, ...], arguments: JsonObject) -> Any:
        try:
            if len(args) != 1 or not isinstance(args[0], str):
                raise ValueError("ask takes one name and keyword arguments")
            plain = plain_json(json.dumps(arguments, allow_nan=False).encode())
            return {"return_value": self.ask(args[0], plain)}
        except _Denied as error:
            return {"exception": PermissionError(str(error))}
        except (ValueError, TypeError, RecursionError) as error:
            return {"exception": ValueError(str(error))}
        except BaseException as error:
            raise _GrantFailed(error) from error

    def _value(self, text: object) -> Confined:
        if not isinstance(text, str):
            return self._end("error", error="what is returned must be plain JSON")
        if len(text) > self.limits.output_bytes:
            return self._too_much()
        try:
            value = plain_json(text.encode("utf-8", "surrogatepass"))
        except ValueError as error:
            return self._end("error", error=f"what is returned must be plain JSON: {error}")
        return self._end("ok", value=value)

    def _failed(self, error: MontyError) -> Confined:
        """What the code raised, or what Monty has no way to run."""
        inner = error.exception()
        kind, words = type(inner).__name__, str(error)
        if self.bytes > self.limits.output_bytes:
            return self._too_much()
        if kind == "MemoryError":
            limit = f"Memory limit of {self.limits.memory_mb} MiB exceeded."
            return self._end("memory", error=limit)
        if kind == "TimeoutError" and "time limit exceeded" in words:
            return self._end("timeout", error=_too_long(self.limits))
        lines = list(_lines(error))
        loading = not lines or lines[0] <= self._length
        place = [line for line in lines if line <= self._length]
        if place:
            words = f"{self._file}, line {place[-1]}: {words}"
        if loading or kind in _UNABLE or _ABSENT in words:
            return self._end("refused", error=f"Monty cannot run this: {words}")
        return self._end("error", error=words)

    @property
    def _length(self) -> int:
        """Lines of the file itself."""
        return self.call.files[self._file].count("\n") + 1

    @property
    def _file(self) -> str:
        return self.call.entry.partition(":")[0]

    def _too_much(self) -> Confined:
        words = f"More than {self.limits.output_bytes} bytes were printed or returned."
        return self._end("output_limit", error=words)

    def _end(self, outcome: Outcome, *, value: Any = None, error: str = "") -> Confined:
        return Confined(
            outcome=outcome,
            value=value,
            error=error,
            stdout="".join(self.printed["stdout"]),
            stderr="".join(self.printed["stderr"]),
            exit_code=0 if outcome == "ok" else 1,
            backend=MontyBackend.name,
            strength=Strength.STRONG,
        )


_OWN = ("agp_guest.ask", "system.sleep")


class _Denied(Exception):
    """It was not granted."""


class _GrantFailed(Exception):
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _timed(result: Confined, seconds: float) -> Confined:
    from dataclasses import replace

    return replace(result, duration_s=seconds)


def _lines(error: MontyError) -> Iterator[int]:
    """The line of each frame, the outermost first; none where the file did not even parse."""
    frames = getattr(error, "traceback", None)
    for frame in frames() if frames is not None else ():
        yield frame.line
