"""A process that holds one started CPython-on-WebAssembly and forks a copy of it for each call.

Run by path, with the host's control socket and the compiled module as arguments; it must not see
the rest of agp. The interpreter starts once, imports what is often wanted, and asks for its first
message: inside that request this process forks. Each copy serves one call and ends. Memory that
was not written is shared, so a copy costs milliseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from orders import END, FRAME, LEFT, MESSAGE, ORDER, STDERR, STDOUT, TRAPPED  # pyright: ignore
from wasi import CHANNEL, System  # pyright: ignore  # a sibling: agp is not importable here
from wasmtime import Config, Engine, Linker, Memory, Module, Store, Trap, WasmtimeError

KINDS = {1: STDOUT, 2: STDERR, CHANNEL: MESSAGE}
READY = b"r"
STARTING_MB = 256
_PDEATHSIG = 1


class Zygote:
    """The started interpreter; in a copy, the one call it serves."""

    def __init__(self, control: socket.socket, module: str, guest: str) -> None:
        self.control = control
        self.channel: socket.socket | None = None
        self.children: dict[int, int] = {}
        config = Config()
        config.parallel_compilation = False
        engine = Engine(config)
        self.store = Store(engine)
        self.store.set_limits(memory_size=STARTING_MB << 20)
        self.module = Module.deserialize_file(engine, module)
        self.system = System(["python", "-I", "-S", "-c", guest], self.read, self.write, self.leave)

    def run(self) -> None:
        """Start the interpreter; returns in no process."""
        linker = Linker(self.store.engine)
        for each in self.module.imports:
            function = self.system.function(each.name or "")
            linker.define_func(each.module, each.name or "", each.type, function)  # type: ignore
        instance = linker.instantiate(self.store, self.module)
        exports: Any = instance.exports(self.store)
        self.system.memory = _Memory(exports["memory"], self.store)
        try:
            exports["_start"](self.store)
        except (Trap, WasmtimeError) as error:
            if self.channel is None:
                raise
            self.send(TRAPPED, str(error).encode()[:2_000])
        self.leave(0)

    def read(self, length: int) -> bytes:
        if self.channel is None:
            self.serve()
        assert self.channel is not None
        return self.channel.recv(length)

    def write(self, file: int, data: bytes) -> None:
        if self.channel is not None:
            self.send(KINDS[file], data)
        else:  # it does not start; this is why
            os.write(2, data)

    def send(self, kind: bytes, data: bytes) -> None:
        assert self.channel is not None
        try:
            self.channel.sendall(FRAME.pack(kind, len(data)))
            self.channel.sendall(data)
        except OSError:  # the host has lost interest
            os._exit(1)

    def leave(self, code: int) -> None:
        if self.channel is not None:
            self.send(LEFT, str(code).encode())
        os._exit(0)

    def serve(self) -> None:
        """Take orders for ever; returns only in a copy, with its channel and limits set."""
        self.control.sendall(READY)
        while True:
            order, channels = self.order()
            if order is None:
                for pid in self.children.values():
                    _end(pid)
                os._exit(0)
            kind, call, memory, cpu = ORDER.unpack(order)
            if kind == END:
                _end(self.children.pop(call, 0))
                continue
            pid = os.fork()
            if pid == 0:
                self.control.close()
                self.channel = socket.socket(fileno=channels[0])
                _limit(cpu)
                self.store.set_limits(memory_size=memory << 20)
                return
            self.children[call] = pid
            for each in channels:
                os.close(each)

    def order(self) -> tuple[bytes | None, list[int]]:
        data, channels = b"", list[int]()
        while len(data) < ORDER.size:
            more, found, _, _ = socket.recv_fds(self.control, ORDER.size - len(data), 1)
            if not more:
                return None, []
            data += more
            channels += found
        return data, channels


class _Memory:
    def __init__(self, memory: Memory, store: Store) -> None:
        self.memory, self.store = memory, store

    def read(self, start: int, length: int) -> bytes:
        start, length = start & 0xFFFFFFFF, length & 0xFFFFFFFF
        return bytes(self.memory.read(self.store, start, start + length))

    def write(self, start: int, data: bytes) -> None:
        self.memory.write(self.store, data, start & 0xFFFFFFFF)


def _limit(cpu: int) -> None:
    """A second line behind the WebAssembly: the copy itself has little it could use."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1:
            os._exit(1)
    for name, value in {"CPU": cpu, "CORE": 0, "FSIZE": 0, "NOFILE": 16}.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _end(pid: int) -> None:
    if pid:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


if __name__ == "__main__":
    with open(sys.argv[3], encoding="utf-8") as stream:
        code = stream.read()
    Zygote(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], code).run()
