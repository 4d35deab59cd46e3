"""Tries, confined, what must not be possible, and says what was: how strong this machine holds."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from . import landlock, reach, seccomp
from .confine import confine, drop_bounds, limit
from .kernel import LIBC


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
    os.wait()


def _write(path: str) -> None:
    open(path, "x").close()
    os.unlink(path)


def _ptrace() -> None:
    if LIBC.ptrace(ctypes.c_long(0), 0, None, None) != 0:
        raise OSError


def main() -> None:
    """Started in a folder of its own with the settings; prints what was found as JSON.

    Ends with an error where this much confinement cannot be had.
    """
    settings: dict[str, Any] = json.loads(sys.argv[1])
    abi = landlock.version() if settings["landlock"] else 0
    settings |= {"landlock": abi, "seccomp": settings["seccomp"] and seccomp.supported()}
    settings["identity"]["reads"] = settings["identity"]["reads"] and abi > 0
    folder, parent = os.getcwd(), os.getppid()
    drop_bounds()
    limit(settings["limits"], settings["identity"])
    confine(settings, reach.fine(), folder=folder)
    attempts: dict[str, Callable[[], Any]] = {
        "reading files": lambda: open(settings["readable"]).close(),
        "listing folders": lambda: os.listdir("/"),
        "writing files": lambda: _write(f"{folder}-outside"),
        "sockets": socket.socket,
        "signals": lambda: os.kill(parent, 0),
        "processes": _fork,
        "tracing": _ptrace,
        "other processes": lambda: open(f"/proc/{parent}/environ").close(),
        "programs": lambda: os.execv("/bin/sh", ["sh", "-c", "exit 7"]),
    }
    signal.alarm(10)
    through: list[str] = []
    for name, attempt in attempts.items():
        if name == "programs" and not settings["seccomp"]:
            through.append(name)  # it could not come back to tell
            continue
        try:
            attempt()
        except OSError:
            continue
        through.append(name)
    found = {"landlock": settings["landlock"], "seccomp": settings["seccomp"]}
    print(json.dumps({**found, "through": through}))
