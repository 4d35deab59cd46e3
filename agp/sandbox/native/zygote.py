"""The host's side of the clean process that children for calls are forked from.

One for each set of packages, started when first needed, started anew when it is gone. It is
used from any thread and any event loop; a forked copy of this process makes its own.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from agp.errors import AgpError
from agp.processes.folder import remove
from agp.sandbox.native.settings import interpreter, machine
from agp.sandbox.packages import Places, find

if TYPE_CHECKING:
    from agp.sandbox.native.forked import Ordered

_STATUS = struct.Struct("<ii")
_MOST = 4
"""Clean processes at once: each has about 12 MB of its own."""

_WARM = ("numpy",)
"""Packages that are loaded before the fork; they start no threads and open nothing."""

START_S = 30.0
_END_S = 5.0
_SPARES = 2
_PREFIX = "agp-box-"
_STALE_S = 60.0


class Gone(Exception):
    """The clean process ended before it took the call: nothing of it has run."""


class Forked:
    """A child that was forked for one call (`agp.processes.watch.Process`)."""

    def __init__(
        self, pid: int, handle: int, status: socket.socket, streams: tuple[IO[bytes], IO[bytes]]
    ) -> None:
        self.pid, self._handle, self._status = pid, handle, status
        self.streams = streams
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None and _readable(self._status.fileno(), 0):
            with contextlib.suppress(OSError):
                data = self._status.recv(_STATUS.size)
                # Without a word the clean process is gone too, and its children with it.
                self._code = _STATUS.unpack(data)[1] if data else -signal.SIGKILL
        return self._code

    def end(self, *, wait: bool = True) -> int:
        """Kill it and wait. It can have no descendants: it is not allowed to start any."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        if not wait:
            return 0
        self.wait()
        if _readable(self._status.fileno(), _END_S):
            self.poll()
        return -signal.SIGKILL if self._code is None else self._code

    def wait(self) -> None:
        """Until it, who was killed, is gone."""
        _readable(self._handle, _END_S)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._handle)


class Zygote:
    """A clean process for one set of packages. Raises AgpError when it cannot be started."""

    def __init__(self, packages: Places) -> None:
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix=_PREFIX))
        os.chmod(self.folder, 0o711)  # children of another user pass through to their own
        Path(self.folder, "in-use").touch()
        _sweep(os.path.dirname(self.folder))
        self._spares: deque[Ordered] = deque()
        self._stamp = _library_stamp()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(START_S)
        settings: dict[str, Any] = {
            "control": theirs.fileno(),
            "folder": self.folder,
            "landlock": machine()["landlock"],
            "packages": dict(packages.entries),
            "warm": [name for name, _ in packages.entries if name in _WARM],
        }
        with theirs, tempfile.TemporaryFile() as self._words:
            self._process = subprocess.Popen(
                [*interpreter("zygote"), json.dumps(settings)],
                env={"OPENBLAS_NUM_THREADS": "1"},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._words,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )

    @property
    def usable(self) -> bool:
        """Whether it lives and sees the library as it is now (its listings are of its start)."""
        return self._process.poll() is None and self._stamp == _library_stamp()

    def take_spare(self) -> Ordered | None:
        """A child that was ordered ahead, or None."""
        with contextlib.suppress(IndexError):
            return self._spares.pop()
        return None

    def order_spare(self, order: Callable[[Zygote], Ordered]) -> None:
        """Have a child ready for a later call, unless enough are."""
        if len(self._spares) < _SPARES:
            with contextlib.suppress(Gone, OSError):  # then the next call orders its own
                self._spares.append(order(self))

    def fork(self, streams: list[int]) -> socket.socket:
        """Order a child with these descriptors (channel, output, error): its status socket.

        Raises Gone.
        """
        status, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [b"call"], [*streams, theirs.fileno()])
        except OSError as error:
            status.close()
            raise Gone from error
        return status

    def close(self, *, wait: bool = True) -> None:
        """End it and all its children; its folder is removed."""
        self._control.close()
        while spare := self.take_spare():
            spare.close()
        if wait:
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            remove(self.folder)

    def forget(self) -> None:
        """In a forked copy of this process: it is the parent's."""
        self._control.close()
        self._spares.clear()
        self._process.returncode = 0  # not ours to wait for


class Zygotes:
    """The clean processes of this process, by their packages; the least used one goes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: OrderedDict[Places, Zygote] = OrderedDict()
        atexit.register(self.close)
        os.register_at_fork(after_in_child=self._forked)

    def get(self, packages: tuple[str, ...]) -> Zygote:
        """The one for these packages, started if need be."""
        places = find(packages)
        with self._lock:
            zygote = self._made.get(places)
            if zygote is not None and not zygote.usable:
                self._made.pop(places).close()
                zygote = None
            if zygote is None:
                zygote = self._made[places] = Zygote(places)
            self._made.move_to_end(places)
            while len(self._made) > _MOST:
                self._made.popitem(last=False)[1].close()
            return zygote

    def ready(self, packages: tuple[str, ...]) -> Zygote | None:
        """The one for these packages if it is there already; never waits."""
        zygote = self._made.get(find(packages))
        return zygote if zygote is not None and zygote.usable else None

    def close(self) -> None:
        """End all."""
        with self._lock:
            while self._made:
                self._made.popitem()[1].close()

    def _forked(self) -> None:
        self._lock = threading.Lock()
        for zygote in self._made.values():
            zygote.forget()
        self._made.clear()


def receive_child(status: socket.socket) -> tuple[int, int]:
    """The number and handle of an ordered child, once there is something to read.

    Raises Gone, and AgpError where the machine can make no more processes.
    """
    data, handles, _, _ = socket.recv_fds(status, _STATUS.size, 1)
    if not data:
        raise Gone
    pid, error = _STATUS.unpack(data)
    if not pid:
        raise AgpError(f"No process can be started for the sandbox: {os.strerror(error)}.")
    return pid, handles[0]


def _readable(descriptor: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _sweep(folder: str) -> None:
    """Remove the folders of those whose host was killed; they emptied them, and could no more."""
    for left in Path(folder).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_S:
                left.rmdir()


def _library_stamp() -> int:
    return os.stat(os.path.dirname(os.__file__)).st_mtime_ns
