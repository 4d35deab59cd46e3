"""Bubblewrap around the native confinement: what is not granted is not even there.

Used for programs where it works; calls stay with the warm processes of the native backend.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace

from agp.processes import Limits
from agp.sandbox import results
from agp.sandbox.interface import Call, Confined, Program, Strength
from agp.sandbox.native.settings import FOLDER, found
from agp.sandbox.native.spawned import call_spawned, run_spawned

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_SMALL = ("/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/alternatives")


class BubblewrapBackend:
    """Namespaces by ``bwrap``, and inside them everything that the native backend does."""

    name = "bubblewrap"

    def probe(self) -> tuple[Strength, str]:
        program = shutil.which("bwrap")
        if program is None:
            return Strength.NONE, "bwrap is not installed"
        with tempfile.TemporaryDirectory(prefix="agp-probe-") as folder:
            try:
                ran = subprocess.run(
                    _wrap(folder, (), [sys.executable, "-I", "-S", "-c", "print('here')"]),
                    env={},
                    capture_output=True,
                    text=True,
                    timeout=20,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return Strength.NONE, f"{program}: {error}"
        if ran.stdout != "here\n":
            return Strength.NONE, f"{program} does not work here: {ran.stderr.strip()[:200]}"
        about = found()
        inside = "Landlock and seccomp inside" if about["landlock"] else "seccomp inside"
        if not about["seccomp"]:
            return Strength.PARTIAL, f"{program}, without seccomp inside"
        if _strength() is Strength.PARTIAL:
            return Strength.PARTIAL, f"{program}, {inside}; as root threads are counted too late"
        return Strength.STRONG, f"{program}, {inside}"

    async def run(self, program: Program, limits: Limits) -> Confined:
        limits = _with_its_own(limits)
        result = await run_spawned(program, limits, wrap=_wrap, namespaced=True)
        return results.of_program(result, self.name, _strength())

    async def call(self, call: Call, limits: Limits) -> Confined:
        limits = _with_its_own(limits)
        told, result = await call_spawned(call, limits, wrap=_wrap, namespaced=True)
        return results.of_call(told, result, self.name, _strength())


def _strength() -> Strength:
    """As root no limit of the kernel counts threads in a namespace: a burst gets through."""
    return Strength.PARTIAL if os.geteuid() == 0 else Strength.STRONG


def _with_its_own(limits: Limits) -> Limits:
    """Room for the two processes of bwrap."""
    return replace(limits, processes=limits.processes + 2)


def _wrap(folder: str, reads: Sequence[str], command: Sequence[str]) -> list[str]:
    shown = [*_SYSTEM, *_SMALL, sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), FOLDER]
    words = [
        shutil.which("bwrap") or "bwrap",
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--dev",
        "/dev",
    ]
    words += ["--proc", "/proc", "--tmpfs", "/tmp"]
    for place in dict.fromkeys([*shown, *reads]):
        words += ["--ro-bind-try", place, place]
    return [*words, "--bind", folder, folder, "--chdir", folder, "--", *command]
