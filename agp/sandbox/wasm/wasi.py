"""The system that a WebAssembly instance sees: a clock, chance, and three streams. Nothing else.

What may enter: functions of WASI preview 1, each no more than CPython needs to start. There are
no folders and no sockets; what is not here answers "not supported". Standard library only.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

_OK, _BAD_FILE, _INVALID, _UNSUPPORTED, _NO_SEEK = 0, 8, 28, 52, 70
_CHARACTER_DEVICE = 2
_STREAMS = range(3)
CHANNEL = 0
"""Messages from and to the host; 1 and 2 are what they always are. The interpreter's own folders
take the numbers from 3."""

_MOST_BYTES, _MOST_PARTS = 1 << 20, 1024
"""What one request may have this process hold: its memory is not the instance's, and has no limit
of its own. More is answered in part, as by any pipe."""


class Memory(Protocol):
    """The linear memory of the instance."""

    def read(self, start: int, length: int) -> bytes: ...

    def write(self, start: int, data: bytes) -> None: ...


class System:
    """The functions, by their WASI names.

    ``arguments`` the command line; ``read`` gives at most so many bytes of the channel, and
    ``write`` takes what goes to a stream; ``leave`` ends the process.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        read: Callable[[int], bytes],
        write: Callable[[int, bytes], None],
        leave: Callable[[int], None],
    ) -> None:
        self.arguments = [each.encode() + b"\0" for each in arguments]
        self.read, self.write, self.leave = read, write, leave
        self.memory: Memory

    def function(self, name: str) -> Callable[..., Any]:
        """What answers the import ``name``."""
        return getattr(self, name, _unsupported)

    def args_sizes_get(self, count: int, size: int) -> int:
        self.memory.write(count, struct.pack("<I", len(self.arguments)))
        self.memory.write(size, struct.pack("<I", sum(map(len, self.arguments))))
        return _OK

    def args_get(self, pointers: int, texts: int) -> int:
        for number, text in enumerate(self.arguments):
            self.memory.write(pointers + 4 * number, struct.pack("<I", texts))
            self.memory.write(texts, text)
            texts += len(text)
        return _OK

    def environ_sizes_get(self, count: int, size: int) -> int:
        self.memory.write(count, bytes(4))
        self.memory.write(size, bytes(4))
        return _OK

    def environ_get(self, pointers: int, texts: int) -> int:
        return _OK

    def clock_res_get(self, clock: int, result: int) -> int:
        self.memory.write(result, struct.pack("<Q", 1))
        return _OK

    def clock_time_get(self, clock: int, precision: int, result: int) -> int:
        clocks = (time.time_ns, time.monotonic_ns, time.process_time_ns, time.thread_time_ns)
        now = clocks[clock % len(clocks)]()
        self.memory.write(result, struct.pack("<Q", now))
        return _OK

    def random_get(self, start: int, length: int) -> int:
        if not 0 <= length <= _MOST_BYTES:
            return _INVALID
        self.memory.write(start, os.urandom(length))
        return _OK

    def sched_yield(self) -> int:
        return _OK

    def proc_exit(self, code: int) -> None:
        self.leave(code)

    def poll_oneoff(self, waits: int, events: int, count: int, happened: int) -> int:
        """Sleep until the first clock; streams are always ready."""
        if not 0 < count <= _MOST_PARTS:
            return _INVALID
        ready: list[tuple[float, bytes]] = []
        for number in range(count):
            wait = self.memory.read(waits + 48 * number, 48)
            user, kind = wait[:8], wait[8]
            seconds = 0.0
            if kind == 0:
                clock, nanoseconds, _, flags = struct.unpack_from("<IxxxxQQH", wait, 16)
                seconds = nanoseconds / 1e9
                if flags & 1:
                    seconds -= time.time() if clock == 0 else time.monotonic()
            ready.append((seconds, user + struct.pack("<HBxxxxxQH6x", 0, kind, 1, 0)))
        seconds, event = min(ready)
        time.sleep(max(0.0, seconds))
        self.memory.write(events, event)
        self.memory.write(happened, struct.pack("<I", 1))
        return _OK

    def fd_fdstat_get(self, file: int, result: int) -> int:
        if file not in _STREAMS:
            return _BAD_FILE
        self.memory.write(result, struct.pack("<BxHxxxxQQ", _CHARACTER_DEVICE, 0, 0x42, 0))
        return _OK

    def fd_filestat_get(self, file: int, result: int) -> int:
        if file not in _STREAMS:
            return _BAD_FILE
        self.memory.write(
            result, struct.pack("<QQB7x5Q", 0, file, _CHARACTER_DEVICE, 1, 0, 0, 0, 0)
        )
        return _OK

    def fd_prestat_get(self, file: int, result: int) -> int:
        return _BAD_FILE

    def fd_close(self, file: int) -> int:
        return _OK if file in _STREAMS else _BAD_FILE

    def fd_fdstat_set_flags(self, file: int, flags: int) -> int:
        return _OK if file in _STREAMS else _BAD_FILE

    def fd_seek(self, file: int, offset: int, whence: int, result: int) -> int:
        return _NO_SEEK if file in _STREAMS else _BAD_FILE

    def fd_tell(self, file: int, result: int) -> int:
        return _NO_SEEK if file in _STREAMS else _BAD_FILE

    def fd_write(self, file: int, parts: int, count: int, result: int) -> int:
        if file not in _STREAMS:
            return _BAD_FILE
        data = bytearray()
        for start, length in self._parts(parts, count):
            data += self.memory.read(start, min(length, _MOST_BYTES - len(data)))
        self.write(file, bytes(data))
        self.memory.write(result, struct.pack("<I", len(data)))
        return _OK

    def fd_read(self, file: int, parts: int, count: int, result: int) -> int:
        if file != CHANNEL:
            return _BAD_FILE
        data = b""
        for start, length in self._parts(parts, count)[:1]:
            data = self.read(min(length, _MOST_BYTES))
            self.memory.write(start, data)
        self.memory.write(result, struct.pack("<I", len(data)))
        return _OK

    def _parts(self, start: int, count: int) -> list[tuple[int, int]]:
        count = min(count & 0xFFFFFFFF, _MOST_PARTS)
        table = self.memory.read(start, 8 * count)
        return [struct.unpack_from("<II", table, 8 * number) for number in range(count)]


def _unsupported(*_: int) -> int:
    return _UNSUPPORTED
