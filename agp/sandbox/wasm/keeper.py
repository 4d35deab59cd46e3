"""Keeps the zygote's process: starts it, orders copies from it, has them ended."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import socket
import subprocess
import sys
import threading
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from agp.errors import AgpError
from agp.processes import Limits
from agp.sandbox.wasm.orders import END, ORDER, START
from agp.sandbox.wasm.runtime import HINT, compiled, located

_START_S = 120.0


class Lost(AgpError):
    """The zygote's process is gone."""


class Keeper:
    """At most one zygote for this process, started when it is first wanted; for all threads."""

    def __init__(self) -> None:
        self.described = ""
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def start(self) -> None:
        """Have the zygote ready. Blocks; raises AgpError where it cannot be."""
        with self._lock:
            if not self.running:
                self._start()

    @property
    def running(self) -> bool:
        """Whether the zygote is there, for this process."""
        alive = self._process is not None and self._process.poll() is None
        return alive and self._owner == os.getpid()

    def _close(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        control.close()
        process.kill()
        process.wait()

    def _start(self) -> None:
        if find_spec("wasmtime") is None:
            raise AgpError("wasmtime is not installed.", hint=f"Run: {HINT}")

        module, folder = compiled(), Path(__file__).parent
        ours, theirs = socket.socketpair()
        with theirs:
            command = [
                *(sys.executable, "-I", "-X", "utf8", str(folder / "zygote.py")),
                *(str(theirs.fileno()), str(module), str(folder / "guest.py")),
            ]
            process = subprocess.Popen(
                command,
                cwd="/",
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        ours.settimeout(_START_S)
        ready = b""
        with contextlib.suppress(OSError):
            ready = ours.recv(1)
        if not ready:
            self._close(process, ours)
            raise AgpError("The WebAssembly interpreter does not start on this machine.")
        self._control, self._process, self._owner = ours, process, os.getpid()
        atexit.register(self._close, process, ours)
        self.described = f"wasmtime {version('wasmtime')}, {located().name}"

    def copy(self, limits: Limits) -> tuple[int, socket.socket]:
        """A copy of the interpreter: its number and the channel to it. Raises Lost."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        number = next(self._numbers)
        with theirs:
            try:
                self._order(START, number, limits.memory_mb, limits.cpu_s, theirs.fileno())
            except OSError as error:
                ours.close()
                raise Lost("The WebAssembly interpreter's process is gone.") from error
        return number, ours

    def end(self, number: int) -> None:
        """Kill a copy, whatever it is doing."""
        with contextlib.suppress(OSError):  # without its zygote it is dead already
            self._order(END, number, 0, 0)

    def _order(self, kind: int, number: int, memory: int, cpu: int, *channels: int) -> None:
        assert self._control is not None
        data = ORDER.pack(kind, number, memory, cpu)
        with self._lock:
            if channels:
                socket.send_fds(self._control, [data], channels)
            else:
                self._control.sendall(data)
