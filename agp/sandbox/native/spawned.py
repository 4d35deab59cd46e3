"""Programs and calls in an interpreter that is started for them, whatever it is wrapped in."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from agp.processes import Limits, ProcessResult, run_files
from agp.processes.folder import fresh_folder
from agp.processes.limited import Spawned
from agp.sandbox.interface import Call, Program
from agp.sandbox.native.conversation import disk_and_threads, held, place_of
from agp.sandbox.native.settings import interpreter, machine
from agp.sandbox.packages import Places, find
from agp.sandbox.pipe import Told
from agp.sandbox.results import BROKEN

Wrap = Callable[[str, Sequence[str], Sequence[str]], list[str]]
"""From the run's folder, what else it reads and the command to the command that is started."""


def bare(folder: str, reads: Sequence[str], command: Sequence[str]) -> list[str]:
    """Nothing around the confinement."""
    return list(command)


async def run_spawned(
    program: Program, limits: Limits, *, wrap: Wrap = bare, namespaced: bool = False
) -> ProcessResult:
    """Run a program in a process that confines itself before it.

    ``namespaced``: what it is wrapped in gives it a user and a process tree of its own.
    """
    places = find(tuple(program.packages))

    def bootstrap(folder: str, limits: Limits) -> list[str]:
        settings = _settings(places, limits, namespaced=namespaced)
        command = [*interpreter("programs"), json.dumps({**settings, "broken": BROKEN})]
        return wrap(folder, places.paths, command)

    return await run_files(
        program.files,
        program.entry,
        program.arguments,
        stdin=program.stdin,
        limits=limits,
        bootstrap=bootstrap,
        check=lambda folder: disk_and_threads(folder, limits),
    )


async def call_spawned(
    call: Call,
    limits: Limits,
    *,
    wrap: Wrap = bare,
    confined: bool = True,
    namespaced: bool = False,
) -> tuple[Told | None, ProcessResult]:
    """A call in a process of its own, started for it."""
    places = find(tuple(call.packages))
    settings = _settings(places, limits, namespaced=namespaced)
    ours, theirs = socket.socketpair()
    with fresh_folder() as folder, ours:
        with theirs:
            settings["channel"] = theirs.fileno()
            command = [*interpreter("calls"), json.dumps(settings)]
            process = Spawned(
                wrap(folder, places.paths, command),
                folder,
                subprocess.DEVNULL,
                passed=(theirs.fileno(),),
            )
        ours.sendall(place_of(folder, confined=confined, namespaced=namespaced))
        return await held(process, ours, call, limits, folder)


def _settings(places: Places, limits: Limits, *, namespaced: bool) -> dict[str, Any]:
    return {
        "limits": asdict(limits),
        **machine(namespaced=namespaced),
        "parent": None if namespaced else os.getpid(),
        "packages": dict(places.entries),
    }
