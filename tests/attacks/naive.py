"""What people use instead of a sandbox: where attacks are shown to succeed.

Each runs a sequence of calls and reports as a backend would. All are bounded: a call that does
not come back is killed shortly after its limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pickle
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agp.sandbox.interface import Call, Confined, Strength
from tests.attacks.case import Naive

_GRACE_S = 2.5
_MOST_KEPT = 65 << 20

_BARE = """
import json, os, resource, sys
sys.set_int_max_str_digits(0)
resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))
sys.path.insert(0, os.getcwd())
for line in sys.stdin:
    call = json.loads(line)
    for name, text in call["files"].items():
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "w") as stream:
            stream.write(text)
    space = {"__name__": "attack"}
    value, error = None, ""
    try:
        file, name = call["entry"].split(":")
        exec(compile(call["files"][file], file, "exec"), space)
        value = space[name](**call["arguments"])
    except Exception as e:
        error = f"{type(e).__name__}: {e}"
    print(json.dumps({"value": value, "error": error}), flush=True)
"""

_PICKLE = _BARE.replace(
    'print(json.dumps({"value": value, "error": error}), flush=True)',
    "import pickle; sys.stdout.buffer.write(pickle.dumps((value, error))); sys.stdout.flush()",
)


async def run_naive(kind: Naive, calls: Sequence[Call], wall_s: float) -> list[Confined]:
    """Make the calls one after the other. Raises what breaks the host."""
    if kind is Naive.IN_PROCESS:
        return [await _in_process(call) for call in calls]
    folder = tempfile.mkdtemp(prefix="agp-bare-")
    make = _pickled if kind is Naive.PICKLE else _bare
    return await asyncio.to_thread(make, calls, folder, wall_s + _GRACE_S)


def sweep() -> None:
    """Remove what naive runs left on the disk, after it was looked at."""
    for folder in Path(tempfile.gettempdir()).glob("agp-bare-*"):
        shutil.rmtree(folder, ignore_errors=True)


async def _in_process(call: Call) -> Confined:
    space: dict[str, Any] = {"__name__": "attack"}
    file, name = call.entry.split(":")
    try:
        exec(compile(call.files[file], file, "exec"), space)
        value = space[name](**call.arguments)
    except Exception as error:
        return _result(Naive.IN_PROCESS, "error", error=f"{type(error).__name__}: {error}")
    return _result(Naive.IN_PROCESS, "ok", value)


def _start(program: str, folder: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        bufsize=0,
        close_fds=False,
        start_new_session=True,
    )


def _request(call: Call) -> bytes:
    data = {"files": dict(call.files), "entry": call.entry, "arguments": call.arguments}
    return json.dumps(data).encode() + b"\n"


def _bare(calls: Sequence[Call], folder: str, seconds: float) -> list[Confined]:
    """One process for all calls; the first line that looks like a result is the result."""
    process = _start(_BARE, folder)
    lines = _Lines(process, time.monotonic() + seconds * len(calls))
    results: list[Confined] = []
    try:
        for call in calls:
            with contextlib.suppress(BrokenPipeError):
                assert process.stdin
                process.stdin.write(_request(call))
            results.append(_result_in(lines))
        assert process.stdin
        process.stdin.close()
        for _ in lines:  # a worker has ended when its pipe has: the usual mistake
            pass
        while process.poll() is None and time.monotonic() < lines.deadline:
            time.sleep(0.01)
    finally:
        _end(process)
    return results


class _Lines:
    """What a process prints, line by line, until its pipe ends or the time does."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        assert process.stdout
        self.pipe, self.deadline, self.data = process.stdout.fileno(), deadline, bytearray()

    def __iter__(self) -> Iterator[str]:
        while True:
            while (end := self.data.find(b"\n")) >= 0:
                line = self.data[:end].decode("utf-8", "replace")
                del self.data[: end + 1]
                yield line
            while not self.data.endswith(b"\n"):
                left = self.deadline - time.monotonic()
                if left <= 0 or not select.select([self.pipe], [], [], left)[0]:
                    return
                if not (more := os.read(self.pipe, 1 << 20)):
                    return
                self.data += more
                if len(self.data) > _MOST_KEPT:
                    yield self.data.decode("utf-8", "replace")
                    self.deadline = 0.0
                    return
                if b"\n" in more:
                    break


def _result_in(lines: _Lines) -> Confined:
    printed: list[str] = []
    for text in lines:
        if text.startswith('{"value"'):
            frame = json.loads(text)  # raises what it raises: the host's own reader
            error = frame.get("error", "")
            outcome = "error" if error else "ok"
            return _result(Naive.BARE, outcome, frame["value"], "\n".join(printed), error)
        printed.append(text)
    return _result(Naive.BARE, "lost", stdout="\n".join(printed))


def _pickled(calls: Sequence[Call], folder: str, seconds: float) -> list[Confined]:
    results: list[Confined] = []
    for call in calls:
        process = _start(_PICKLE, folder)
        try:
            out, _ = process.communicate(_request(call), timeout=seconds)
            value, error = pickle.loads(out)
            results.append(_result(Naive.PICKLE, "error" if error else "ok", value, "", error))
        finally:
            _end(process)
    return results


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def _result(
    kind: Naive, outcome: Any, value: Any = None, stdout: str = "", error: str = ""
) -> Confined:
    return Confined(
        outcome=outcome,
        value=value,
        stdout=stdout,
        error=error,
        backend=kind,
        strength=Strength.NONE,
    )
