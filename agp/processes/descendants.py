"""Finds, measures and kills the processes that one limited run started.

Only what looks at other processes belongs here; most of it needs Linux's ``/proc`` and finds
nothing elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import NamedTuple

_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36


class Usage(NamedTuple):
    """What a process and its descendants take: how many, their threads, resident bytes."""

    processes: int
    threads: int
    memory: int


def usage(pid: int) -> Usage:
    """What the processes below and including ``pid`` take (Linux; nothing elsewhere)."""
    count, threads, memory, waiting = 0, 0, 0, [pid]
    page = os.sysconf("SC_PAGE_SIZE")
    while waiting:
        folder = f"/proc/{waiting.pop()}"
        try:
            memory += int(Path(folder, "statm").read_text().split()[1]) * page
            tasks = os.listdir(f"{folder}/task")
        except (OSError, IndexError, ValueError):
            continue
        count += 1
        threads += len(tasks)
        for task in tasks:
            with contextlib.suppress(OSError, ValueError):
                children = Path(folder, "task", task, "children").read_text()
                waiting += [int(child) for child in children.split()]
    return Usage(count, threads, memory)


def below(pid: int) -> list[int]:
    """The processes that descend from ``pid`` and still run (Linux; nothing elsewhere)."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        try:
            tasks = os.listdir(f"/proc/{waiting[-1]}/task")
        except OSError:
            tasks = []
        folder = f"/proc/{waiting.pop()}"
        for task in tasks:
            with contextlib.suppress(OSError, ValueError):
                children = Path(folder, "task", task, "children").read_text()
                waiting += [int(child) for child in children.split()]
        found += [each for each in waiting if each not in found]
    return [each for each in found if not _is_zombie(each)]


def kill_tree(pid: int) -> None:
    """Kill a child process and all that descend from it, whatever their session or environment.

    What was orphaned on the way is found where ``pid`` adopts orphans (`adopt_orphans`).
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGSTOP)  # it starts nothing any more, and goes on adopting
    for _ in range(50):
        if not _kill(below(pid)):
            break
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def adopt_orphans(*, die_with_parent: bool = True) -> None:
    """Make this process the parent of descendants whose own parent ends (Linux).

    ``die_with_parent``: it is killed when the process that started it ends, however that ends.
    """
    if sys.platform != "linux":
        return
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if die_with_parent:
        libc.prctl(_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2][1] in "ZX"
    except OSError:
        return True


def kill_all(pid: int, mark: str) -> None:
    """Kill the process group of ``pid``, its session, and all that carry ``mark``.

    ``mark`` is a ``NAME=value`` of their environment. Repeats until no such process is left,
    because some may be starting others meanwhile; session and mark need Linux.
    """
    for _ in range(50):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        if not _kill(_descendants(pid, mark.encode())):
            return


def kill_marked(mark: str) -> None:
    """Kill all processes that carry ``mark``, a ``NAME=value`` of their environment (Linux)."""
    for _ in range(50):
        if not _kill(_descendants(0, mark.encode())):
            return


def _kill(processes: list[int]) -> bool:
    for each in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(each, signal.SIGKILL)
    return bool(processes)


def _descendants(session: int, mark: bytes) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    stat = Path("/proc", name, "stat").read_text(errors="replace")
                    state, _, _, sid = stat.rpartition(")")[2].split()[:4]
                    environ = Path("/proc", name, "environ").read_bytes
                    if state not in "ZX" and (int(sid) == session > 0 or mark in environ()):
                        found.append(int(name))
    return found
