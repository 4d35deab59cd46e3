"""The clean process that children for calls are forked from: warm, and holding nothing.

It never reads a call: the child does, after the fork, so that no child finds in its memory what
another one was given. Its own files are restricted by Landlock before the first fork.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
from typing import Any

from . import calls, landlock, reach, seccomp
from .confine import drop_bounds
from .kernel import PR_SET_NO_NEW_PRIVS, prctl
from .shown import builtins_of_site, real_names, show

STATUS = struct.Struct("<ii")
_CHANNEL = 3  # in the child, after standard input, output and error
DESCRIPTORS = 4  # channel, standard output, standard error, status
_WARM_NAMES = """
abc  array ast asyncio base64 bisect calendar cmath collections contextlib copy csv
dataclasses datetime decimal  enum fractions functools  heapq  importlib.util
inspect io itertools json  math numbers operator os pathlib  queue random re
 shutil statistics string struct tempfile textwrap threading time traceback typing
unicodedata urllib.parse  zlib  __future__
"""
_WARM = tuple(_WARM_NAMES.split())


def serve(settings: dict[str, Any]) -> None:
    """Fork children until the host closes the control socket, then end with what is left."""
    folder: str = settings["folder"]
    packages: dict[str, str] = settings["packages"]
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _warm(settings["warm"], packages)
    granted = [(place, landlock.READ) for place in packages.values()]
    if settings["landlock"]:
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        own = (folder, landlock.OWN)
        landlock.apply([*reach.fine(), *granted, own], settings["landlock"])
    rules = [*reach.coarse(), *granted]
    drop_bounds()
    template = seccomp.Template() if seccomp.supported() else None
    control = socket.socket(fileno=settings["control"])
    nursery = _Nursery(control, rules, template)
    calls.prepare()
    nursery.run()
    for name in os.listdir(folder):
        place = os.path.join(folder, name)
        shutil.rmtree(place, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(place)


def _warm(more: list[str], packages: dict[str, str]) -> None:
    show(packages)
    builtins_of_site()
    sys.modules["ssl"] = None  # type: ignore[assignment]  asyncio would load all of OpenSSL
    importlib.import_module("asyncio")
    del sys.modules["ssl"]
    for name in [*_WARM, *more]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    real_names()
    for path in sys.path:  # the finders list their folders now, while they may
        finder = sys.path_importer_cache.get(path)
        if finder is not None and hasattr(finder, "find_spec"):
            finder.find_spec("agp_nothing_of_this_name")


class _Nursery:
    """The children and what is watched for them."""

    def __init__(
        self,
        control: socket.socket,
        rules: list[landlock.Rule],
        template: seccomp.Template | None,
    ) -> None:
        self.control, self.rules, self.template = control, rules, template
        self.children: dict[int, int] = {}  # process → status descriptor
        self.wake, beat = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(beat, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignored)
        self.poll = select.poll()
        self.poll.register(control, select.POLLIN)
        self.poll.register(self.wake, select.POLLIN)

    def run(self) -> None:
        gc.collect()
        gc.freeze()
        while True:
            for descriptor, _ in self.poll.poll():
                if descriptor == self.wake:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wake, 4096)
                    self._reap()
                elif not self._take():
                    return

    def _take(self) -> bool:
        """Fork for one request; False when the host has gone."""
        numbers = array.array("i")
        room = socket.CMSG_SPACE(DESCRIPTORS * numbers.itemsize)
        data, extra, _, _ = self.control.recvmsg(16, room)
        if not data:
            return False
        for _, _, content in extra:
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
        given = list(numbers)
        if len(given) == DESCRIPTORS:
            self._fork(given)
        for number in given[:3]:
            os.close(number)
        return True

    def _fork(self, given: list[int]) -> None:
        status = given[3]
        parent = os.getpid()
        try:
            process = os.fork()
        except OSError as error:
            os.write(status, STATUS.pack(0, error.errno or 0))
            os.close(status)
            return
        if process == 0:
            self._child(given, parent)
        self.children[process] = status
        handle = os.pidfd_open(process)
        try:
            socket.send_fds(self._socket(status), [STATUS.pack(process, 0)], [handle])
        except OSError:
            # The host gave the call up before it began: nobody else would end the child.
            os.kill(process, signal.SIGKILL)
        finally:
            os.close(handle)

    @staticmethod
    def _socket(descriptor: int) -> socket.socket:
        return _Borrowed(socket.AF_UNIX, socket.SOCK_STREAM, fileno=descriptor)

    def _child(self, given: list[int], parent: int) -> None:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDONLY)
            # All above the ones that they become: none is overwritten before it is used.
            high = [os.dup(each) for each in (nothing, *given[1:3], given[0])]
            for target, source in enumerate(high):
                os.dup2(source, target, inheritable=False)
            os.closerange(_CHANNEL + 1, 1 << 16)
            calls.serve(_CHANNEL, self.rules, parent, self.template)
        finally:
            os._exit(1)

    def _reap(self) -> None:
        while self.children:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            descriptor = self.children.pop(process)
            code = os.waitstatus_to_exitcode(status)
            with contextlib.suppress(OSError):
                os.write(descriptor, STATUS.pack(process, code))
            os.close(descriptor)


def _ignored(number: int, frame: object) -> None:
    """The wake-up descriptor says it all."""


class _Borrowed(socket.socket):
    """A socket that does not close its descriptor when it goes."""

    def __del__(self) -> None:
        self.detach()


def main() -> None:
    """Started with the settings as JSON in the only argument."""
    serve(json.loads(sys.argv[1]))
