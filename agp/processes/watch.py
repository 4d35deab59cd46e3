"""Watches one process from outside, from its start to its certain end: limits and captured output.

How the process was started does not matter here, nor what it is for.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from typing import IO, Literal, Protocol

from agp.errors import InputError
from agp.processes.descendants import Usage, usage

Outcome = Literal["ok", "error", "timeout", "memory", "output_limit", "process_limit"]

_CLOSING_S = 0.005
_TICK_S, _FIRST_TICK_S = 0.05, 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use.

    ``wall_s`` seconds of wall time; ``cpu_s`` whole seconds of CPU per process; ``memory_mb``
    MiB of address space per process and of resident memory over all; ``output_bytes`` of
    standard output, and as many of standard error (of which the tail is kept, the rest is
    dropped); ``file_mb`` MiB per written file; ``processes`` alive at once, the first included.
    """

    wall_s: float = 10.0
    cpu_s: int = 10
    memory_mb: int = 1024
    output_bytes: int = 1_000_000
    file_mb: int = 16
    processes: int = 16

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise InputError(f"Limits.{name} must be positive, not {value!r}.")


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """What a run left behind.

    ``outcome``: ``ok`` (exit code 0), ``error`` (any other end), or the limit that ended it.
    ``exit_code`` is negative for a signal. ``duration_s`` is wall time in seconds, start of the
    interpreter included.
    """

    outcome: Outcome
    exit_code: int
    stdout: str
    stderr: str
    duration_s: float


class Process(Protocol):
    """A started process: its output, whether it ended, and how to end it."""

    pid: int

    @property
    def streams(self) -> tuple[IO[bytes], IO[bytes]]:
        """The read ends of its standard output and error."""
        ...

    def poll(self) -> int | None:
        """Its exit code once it ended, negative for a signal."""
        ...

    def end(self, *, wait: bool = True) -> int:
        """Kill it and all that it started, and wait: its exit code.

        Without ``wait``, where it has said all it had to say, it may still be about to be gone.
        """
        ...


class Capture(asyncio.Protocol):
    """Keeps the first (or last) ``limit`` bytes of a pipe and counts the rest."""

    def __init__(self, limit: int, wake: asyncio.Event, *, tail: bool) -> None:
        self.limit, self.wake, self.tail = limit, wake, tail
        self.data = bytearray()
        self.total = 0
        self.ended = False

    def data_received(self, data: bytes) -> None:
        self.total += len(data)
        self.data += data
        if self.tail:
            del self.data[: -self.limit]
        else:
            del self.data[self.limit :]
            if self.overflowed:
                self.wake.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.wake.set()

    @property
    def overflowed(self) -> bool:
        return self.total > self.limit

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


Check = Callable[[Usage | None], Outcome | None]
"""Asked now and then with what a run takes, and once with None when it has ended."""


class Watch:
    """Watches one process.

    ``check`` is asked for limits that are not known here. Made and used in one event loop.
    """

    def __init__(self, limits: Limits, *, check: Check | None = None) -> None:
        self.limits, self._check = limits, check
        self._wake = asyncio.Event()
        self._finished = self._well = False
        self._deadline, self._pauses, self._paused_at = 0.0, 0, 0.0
        self.out = Capture(limits.output_bytes, self._wake, tail=False)
        self.err = Capture(limits.output_bytes, self._wake, tail=True)

    def finish(self, *, well: bool) -> None:
        """Nothing more is expected of the process: end it now.

        ``well``: it did what it was for, so nobody asks how it ends.
        """
        self._finished, self._well = True, well
        self._wake.set()

    @contextlib.contextmanager
    def paused(self) -> Generator[None]:
        """The clock of ``wall_s`` stands still: the process waits for us. May be nested."""
        if not self._pauses:
            self._paused_at = time.monotonic()
        self._pauses += 1
        try:
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                self._deadline += time.monotonic() - self._paused_at

    async def run(self, process: Process) -> ProcessResult:
        """Watch it until it ends, is finished or passes a limit; nothing of it is left then."""
        started = time.monotonic()
        self._deadline = started + self.limits.wall_s
        pipes: list[asyncio.BaseTransport] = []
        loop = asyncio.get_running_loop()
        said_all = False
        try:
            try:
                for capture, pipe in zip((self.out, self.err), process.streams, strict=True):
                    pipes.append((await loop.connect_read_pipe(lambda c=capture: c, pipe))[0])
                stopped_by = await self._watch(process)
                said_all = stopped_by is None and self._well and await self._ends_soon()
            finally:
                # SIGKILL cannot be refused, so this wait is short, also when we are cancelled.
                exit_code = process.end(wait=not said_all)
            duration = time.monotonic() - started
            await self._drain()
        finally:
            for pipe in pipes:
                pipe.close()
            for stream in process.streams[len(pipes) :]:
                stream.close()
        # What was too fast to be seen on the way still counts.
        left_behind = self._check(None) if self._check else None
        outcome = stopped_by or left_behind or self._outcome(exit_code)
        return ProcessResult(outcome, exit_code, self.out.text, self.err.text, duration)

    async def _watch(self, process: Process) -> Outcome | None:
        """Until the first process ends or a limit is passed; the latter is returned."""
        started = looked = time.monotonic()
        while process.poll() is None and not self._finished:
            now = time.monotonic()
            left = self._deadline - now
            if left <= 0 and not self._pauses:
                return "timeout"
            if self.out.overflowed:
                return "output_limit"
            # Often at first: what grows without bounds does so at once.
            tick = min(_TICK_S, max(_FIRST_TICK_S, (now - started) / 8))
            if now - looked >= tick / 2:
                looked = now
                if outcome := self._too_much(process.pid):
                    return outcome
            self._wake.clear()
            # Both pipes at their end: the process is about to exit, look again soon.
            if self.out.ended and self.err.ended:
                tick = 0.002
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), tick if self._pauses else min(tick, left))
        return None

    async def _ends_soon(self) -> bool:
        """Whether a finished process closes its pipes by itself, in no time."""
        until = time.monotonic() + _CLOSING_S
        while not (self.out.ended and self.err.ended) and (left := until - time.monotonic()) > 0:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), left)
        return self.out.ended and self.err.ended

    def _too_much(self, pid: int) -> Outcome | None:
        taken = usage(pid)
        if taken.processes > self.limits.processes:
            return "process_limit"
        if taken.memory > self.limits.memory_mb << 20:
            return "memory"
        return self._check(taken) if self._check else None

    async def _drain(self) -> None:
        """What is still in the pipes; an escaped descendant may hold them open, so not for long."""
        until = time.monotonic() + 0.5
        while not (self.out.ended and self.err.ended) and time.monotonic() < until:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 0.1)

    def _outcome(self, exit_code: int) -> Outcome:
        if self.out.overflowed:
            return "output_limit"
        if exit_code == 0:
            return "ok"
        if exit_code == -signal.SIGXCPU:
            return "timeout"
        last = self.err.text.rstrip().rpartition("\n")[2]
        return "memory" if last.startswith("MemoryError") else "error"
