"""What all ways to run a call have in common: the work handed over, and talk and watch together."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from dataclasses import asdict
from typing import Any

from agp.processes import Limits, Outcome, ProcessResult
from agp.processes.descendants import Usage
from agp.processes.folder import measure
from agp.processes.watch import Check, Process, Watch
from agp.sandbox.interface import Call
from agp.sandbox.native.settings import DISK_FACTOR, THREADS, machine
from agp.sandbox.pipe import HostPipe, Told, framed


def place_of(folder: str, *, confined: bool = True, namespaced: bool = False) -> bytes:
    """The first frame for the confined side: how to confine itself, and where."""
    return framed({"folder": folder, "confined": confined, **machine(namespaced=namespaced)})


def _work_of(call: Call, limits: Limits) -> dict[str, Any]:
    return {
        "files": dict(call.files),
        "entry": call.entry,
        "arguments": call.arguments,
        "construct": call.construct,
        "method": call.method,
        "limits": asdict(limits),
    }


async def held(
    process: Process,
    channel: socket.socket,
    call: Call,
    limits: Limits,
    folder: str,
) -> tuple[Told | None, ProcessResult]:
    """Talk with a process that got its place, and watch it; nothing of it is left afterwards."""
    watch = Watch(limits, check=disk_and_threads(folder, limits))
    channel.setblocking(False)
    pipe = HostPipe(channel, call.grants, limits.output_bytes, watch.paused)
    talk = asyncio.create_task(pipe.converse(_work_of(call, limits)))
    talk.add_done_callback(lambda done: watch.finish(well=_told(done)))
    try:
        result = await watch.run(process)
    except BaseException:
        talk.cancel()
        with contextlib.suppress(BaseException):
            await talk
        raise
    if not talk.done():
        # It is dead: what it still said is in the pipe, and then the end.
        if result.outcome not in ("ok", "error"):
            talk.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await talk
    return (None if talk.cancelled() else talk.result()), result


def _told(talk: asyncio.Task[Told | None]) -> bool:
    return not talk.cancelled() and talk.exception() is None and talk.result() is not None


def disk_and_threads(folder: str, limits: Limits) -> Check:
    """A check for `Watch`: the disk that a run takes in all, and its threads."""
    most = DISK_FACTOR * limits.file_mb << 20
    next_look = 0.0

    def check(taken: Usage | None) -> Outcome | None:
        nonlocal next_look
        if taken and taken.threads > THREADS + limits.processes:
            return "process_limit"
        started = time.monotonic()
        if taken and started < next_look:
            return None
        disk = measure(folder, most=most)
        now = time.monotonic()
        next_look = now + 10 * (now - started)  # many files must not keep us busy
        return "output_limit" if disk > most else None

    return check
