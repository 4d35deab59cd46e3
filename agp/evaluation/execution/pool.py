"""Work in worker processes: for what computes, and for what has to be killed to end.

A worker is a fresh interpreter (never a fork of this process and its threads), one piece of work
at a time. One that passes its time limit, dies, or leaves processes behind is killed with all its
descendants and replaced when it is needed. It runs trusted code: this is no sandbox.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import pickle
import sys
from typing import Any, NamedTuple

from agp.evaluation.execution.interface import (
    NotSendable,
    RemoteError,
    TimedOut,
    Work,
    WorkerDied,
)
from agp.evaluation.execution.reference import Reference
from agp.processes.descendants import below, kill_tree

SCORING_S = 60.0
"""How long a piece of work may take where nothing else is said."""
_LOADING_S = 60.0
"""How long a worker may take to start, and to import what its work needs."""
_LAST_WORDS = 2000
_HEAD = 8
_LONGEST_REPLY = 1 << 28


class Packed(NamedTuple):
    """Work as bytes, and the references in it: each is sent to a worker once."""

    body: bytes
    references: dict[str, Reference]


class ProcessPool:
    """Up to ``workers`` processes (default: as many as this process has cores), made when needed.

    Belongs to the event loop it is first used in; use it as an async context manager, or call
    ``aclose``. ``seconds`` is the limit of work that brings none of its own.
    """

    def __init__(self, workers: int | None = None, *, seconds: float = SCORING_S) -> None:
        self.seconds = seconds
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._slots = asyncio.Semaphore(workers or _cores())

    async def __aenter__(self) -> ProcessPool:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def run(self, work: Work, *, seconds: float | None = None) -> Any:
        """See `Executor`; the limit does not count what a worker takes to start."""
        packed = pack(work)
        async with self._slots:
            worker = await self._worker()
            try:
                reply = await worker.carry_out(packed, seconds or self.seconds)
            except BaseException:
                self._all.discard(worker)
                await worker.end()
                raise
            if reply.pop("alone"):
                self._idle.append(worker)
            else:  # it left processes behind, which would go on
                self._all.discard(worker)
                await worker.end()
        return _value_of(reply)

    async def aclose(self) -> None:
        """Kill every worker, and whatever they started."""
        workers, self._all, self._idle = self._all, set(), []
        for worker in workers:
            await worker.end()

    async def _worker(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.runs:
                return worker
            self._all.discard(worker)  # somebody killed it while it had nothing to do
            await worker.end()
        worker = await _Worker.start()
        self._all.add(worker)
        return worker


class _Worker:
    """One worker process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._known: set[str] = set()
        self._words = b""
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from agp.evaluation.execution.worker import main; main()",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # Ctrl-C is for this process to handle
        )
        return cls(process)

    @property
    def runs(self) -> bool:
        return self._process.returncode is None

    async def carry_out(self, packed: Packed, seconds: float) -> dict[str, Any]:
        """The worker's reply. Raises TimedOut, WorkerDied; it must be ended then."""
        new = {key: each for key, each in packed.references.items() if key not in self._known}
        self._known |= new.keys()
        try:
            await self._send(pickle.dumps((new, packed.body)))
            first = await self._receive(_LOADING_S)
            return first if "begun" not in first else await self._receive(seconds)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            await self.end()
            code = self._process.returncode
            words = self._words.decode("utf-8", "replace")
            raise WorkerDied(-1 if code is None else code, words) from error

    async def end(self) -> None:
        """Kill it and its descendants; nothing of them is left then."""
        kill_tree(self._process.pid) if self.runs else None
        await asyncio.shield(self._process.wait())
        await asyncio.wait({self._listening}, timeout=0.1)
        self._listening.cancel()

    async def _send(self, data: bytes) -> None:
        stdin = self._process.stdin
        assert stdin is not None  # it was asked for
        stdin.write(len(data).to_bytes(_HEAD, "big") + data)
        await stdin.drain()

    async def _receive(self, seconds: float) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout is not None
        try:
            async with asyncio.timeout(seconds):
                size = int.from_bytes(await stdout.readexactly(_HEAD), "big")
                if size > _LONGEST_REPLY:
                    raise ConnectionError("the reply is too long")
                reply: dict[str, Any] = json.loads(await stdout.readexactly(size))
        except TimeoutError as error:
            raise TimedOut(seconds) from error
        reply.setdefault("alone", not below(self._process.pid))
        return reply

    async def _listen(self) -> None:
        """Keep the last of what it writes on its standard error; a full pipe would stop it."""
        stderr = self._process.stderr
        assert stderr is not None
        while data := await stderr.read(1 << 16):
            self._words = (self._words + data)[-_LAST_WORDS:]


def pack(work: Work) -> Packed:
    """Work as it is sent. Raises NotSendable."""
    stream = io.BytesIO()
    pickler = _Pickler(stream)
    try:
        pickler.dump(work)
    except (pickle.PicklingError, AttributeError, TypeError, RecursionError) as error:
        raise NotSendable(
            f"This work cannot be taken to a worker process: {error}",
            hint="It must be picklable: functions and classes at the top level of a file, and "
            "plain data.",
        ) from error
    return Packed(stream.getvalue(), pickler.references)


class _Pickler(pickle.Pickler):
    """Leaves references out: they may be large, and a worker may have them already."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.references: dict[str, Reference] = {}

    def persistent_id(self, obj: Any) -> str | None:
        if not isinstance(obj, Reference):
            return None
        self.references[obj.key] = obj
        return obj.key


def _value_of(reply: dict[str, Any]) -> Any:
    if "value" in reply:
        return reply["value"]
    if "refused" in reply:
        raise NotSendable(reply["refused"], hint=reply["hint"])
    raise RemoteError(reply["kind"], reply["message"], reply["traceback"])


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
