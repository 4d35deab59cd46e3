"""Confines the process that calls it, for good: identity, limits, files, system calls.

The order matters: what needs rights comes before they are given up, the filter of system calls
last. Any step that was expected to work and does not is an error: the code is then never run.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import struct
from collections.abc import Iterable
from typing import Any

from . import landlock, seccomp
from .kernel import (
    LIBC,
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_CLEAR_ALL,
    PR_CAPBSET_DROP,
    PR_SET_DUMPABLE,
    PR_SET_KEEPCAPS,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    prctl,
)

_READ_ANY = 1 << 2  # CAP_DAC_READ_SEARCH
OPEN_FILES = 64
THREADS = 64
_MEGA = 1 << 20


def become_nobody(folder: str, identity: dict[str, Any]) -> None:
    """Give up root for a user of one's own, to whom ``folder`` is given; else do nothing.

    ``identity``: ``base`` the number the process's own is added to (or None: remain), ``reads``
    whether the interpreter lies where only root may look: then the right to look, and no other,
    is kept; Landlock confines it.
    """
    if os.geteuid() == 0 and identity["base"] is not None:
        user = identity["base"] + (os.getpid() if identity["own"] else 0)
        _give(folder, user)
        prctl(PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    with contextlib.suppress(OSError):  # kernels without ambient capabilities have none to clear
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    _set_capabilities(reading=identity["reads"] and os.geteuid() != 0)


def drop_bounds() -> None:
    """No program started from here on can gain a capability. Those held now remain."""
    if os.geteuid() == 0:
        for capability in range(64):
            with contextlib.suppress(OSError):
                prctl(PR_CAPBSET_DROP, capability)


def _give(folder: str, user: int) -> None:
    os.chown(folder, user, user)
    if os.listdir(folder):
        for place, folders, files in os.walk(folder):
            for name in [*folders, *files]:
                os.chown(os.path.join(place, name), user, user, follow_symlinks=False)


_HEADER = struct.pack("<Ii", 0x20080522, 0)
_NONE, _READING = (struct.pack("<6I", keep, keep, 0, 0, 0, 0) for keep in (0, _READ_ANY))


def _set_capabilities(*, reading: bool) -> None:
    if reading and LIBC.capset(_HEADER, _READING) == 0:
        return
    if LIBC.capset(_HEADER, _NONE) != 0:
        raise OSError(ctypes.get_errno(), "capabilities cannot be given up")


def limit(limits: dict[str, Any], identity: dict[str, Any]) -> None:
    """Resource limits that nothing can raise again."""
    wanted = {
        "CPU": int(limits["cpu_s"]),
        "AS": limits["memory_mb"] * _MEGA,
        "FSIZE": limits["file_mb"] * _MEGA,
        "NOFILE": OPEN_FILES,
        **dict.fromkeys(("CORE", "MEMLOCK", "MSGQUEUE", "NICE", "RTPRIO"), 0),
    }
    if identity["own"]:  # it counts all processes of a user: of another's it would stop the first
        wanted["NPROC"] = max(THREADS, limits["processes"])
    for name, value in wanted.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # CPU: the hard limit comes later, so that the soft one's own signal is seen.
        resource.setrlimit(kind, (value, value + (name == "CPU" and hard != value)))


def harden(parent: int | None) -> None:
    """No new rights, ever, no core, and death with ``parent`` (None: with no one)."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_DUMPABLE, 0)
    if parent is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def confine(
    settings: dict[str, Any],
    rules: Iterable[landlock.Rule],
    *,
    folder: str,
    parent: int | None = None,
    shell: bool = False,
    template: seccomp.Template | None = None,
) -> None:
    """Confine this process to ``rules`` and its ``folder``; raises OSError where a step fails.

    ``settings``: ``identity``, and what was found on this machine and is therefore expected:
    ``landlock`` (its version, 0 for none) and ``seccomp``. `limit` is left to the caller.
    """
    become_nobody(folder, settings["identity"])
    harden(parent)
    abi: int = settings["landlock"]
    if abi:
        landlock.apply([*rules, (folder, landlock.OWN)], abi)
    if settings["seccomp"]:
        pid = os.getpid()
        code = template.of(pid) if template else None
        seccomp.apply(code or seccomp.assemble(pid, shell=shell, signals=abi >= 6))
