"""Runs programs, Python above all, in a separate process with limits and a clean environment.

This room keeps runaway code from hanging or filling the host. It is NO security boundary: the
code runs as the same user, can read what that user can read, use the network, and even stop its
parent. Confinement is a layer above that starts from here (`agp.sandbox`, which hands in another
bootstrap); nothing about trust belongs here.

What is limited, and where the line is:

- wall time, output size, the number of processes and their summed memory are watched from outside;
  the last two need Linux (``/proc``) and are sampled, so short spikes pass;
- CPU time, address space and file size are ``resource`` limits of each process. A platform without
  the ``resource`` module, or one that refuses a limit (macOS and address space), runs without it;
- afterwards the whole process group is killed, and on Linux everything that is still in the
  session or still carries the run's mark in its environment. A descendant that leaves the
  session *and* changes its environment escapes; elsewhere, leaving the group is enough.

Needs a POSIX system.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO

from agp.errors import AgpError, InputError
from agp.processes.descendants import kill_all
from agp.processes.folder import fresh_folder, lay_out
from agp.processes.watch import Check, Limits, ProcessResult, Watch

_MARK = "AGP_RUN"
_MAIN = "main.py"

# Runs before the user's code in the child: no preexec_fn, which is unsafe with threads.
_BOOTSTRAP = """
import json, os, sys, traceback, types
try:
    import resource
except ImportError:
    resource = None
limits = json.loads(sys.argv[1])
mega = 1 << 20
for name, value in {
    "RLIMIT_CPU": int(limits["cpu_s"]),
    "RLIMIT_AS": limits["memory_mb"] * mega,
    "RLIMIT_FSIZE": limits["file_mb"] * mega,
    "RLIMIT_CORE": 0,
}.items():
    if hasattr(resource, name):
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        hard = value + 1 if hard == resource.RLIM_INFINITY else min(value + 1, hard)
        try:
            # CPU: the hard limit comes later, so that the soft one's own signal is seen.
            resource.setrlimit(kind, (value, value if name != "RLIMIT_CPU" else hard))
        except (OSError, ValueError):
            pass
name = sys.argv[2]
if not name.endswith(".py"):
    os.execv(name, sys.argv[2:])
sys.argv[:] = sys.argv[2:]
sys.path.insert(0, os.path.dirname(name))
sys.modules["__main__"] = main = types.ModuleType("__main__")
main.__file__ = name
main.__builtins__ = __builtins__
with open(name, encoding="utf-8", newline="") as stream:
    source = stream.read()
try:
    exec(compile(source, name, "exec"), main.__dict__)
except Exception as error:
    frames = error.__traceback__.tb_next
    traceback.print_exception(type(error), error, frames)
    sys.exit(1)
"""


Bootstrap = Callable[[str, Limits], Sequence[str]]
"""From the run's folder and limits to the command that the program's command line is added to."""


def plain_bootstrap(folder: str, limits: Limits) -> Sequence[str]:
    """A fresh interpreter that limits itself, and nothing more."""
    settings = json.dumps(asdict(limits))
    return [sys.executable, "-I", "-X", "utf8", "-c", _BOOTSTRAP, settings]


async def run_python(
    code: str,
    *,
    stdin: str = "",
    files: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> ProcessResult:
    """Run ``code`` as ``__main__`` of a fresh interpreter in a fresh folder; never hangs.

    Parameters: ``stdin`` is what the code may read, followed by end of file; ``files`` maps
    relative paths to texts laid beside ``main.py`` (importable); ``limits`` default to
    ``Limits()``. Installed packages can be imported; environment variables, the user site and
    the caller's folder cannot be seen. Cancelling the call kills the process.

    Raises InputError for a file name that leaves the folder, AgpError without POSIX. Whatever
    the code does is a result, not an exception.
    """
    return await run_files({**(files or {}), _MAIN: code}, _MAIN, stdin=stdin, limits=limits)


async def run_files(
    files: Mapping[str, str],
    entry: str,
    arguments: Sequence[str] = (),
    *,
    stdin: str = "",
    limits: Limits | None = None,
    bootstrap: Bootstrap = plain_bootstrap,
    check: Callable[[str], Check] | None = None,
) -> ProcessResult:
    """Run one of ``files`` with command-line ``arguments`` in a fresh folder that holds them all.

    Parameters: ``entry`` is a path among ``files`` that ends in ``.py`` or ``.sh``; the working
    folder is that of all files, and a Python program imports from its own; ``bootstrap`` is what
    starts it, ``check`` makes what `Watch` asks, from the folder. Otherwise as `run_python`.
    Raises InputError too for another kind of entry or a missing ``sh``.
    """
    if os.name != "posix":
        raise AgpError(
            "Running code in a limited process needs a POSIX system.",
            hint="Use Linux, macOS or WSL.",
        )
    limits = limits or Limits()
    command = [*_command(entry), *arguments]
    if any("\x00" in word for word in command):
        raise InputError("An argument holds a NUL character, which no program can be given.")
    with fresh_folder() as folder, tempfile.TemporaryFile() as keyboard:
        lay_out(Path(folder), files)
        keyboard.write(stdin.encode("utf-8", "replace"))
        keyboard.seek(0)
        watch = Watch(limits, check=check(folder) if check else None)
        command = [*bootstrap(folder, limits), *command]
        return await watch.run(Spawned(command, folder, keyboard.fileno()))


def _command(entry: str) -> list[str]:
    if entry.endswith(".py"):
        return [entry]
    if not entry.endswith(".sh"):
        raise InputError(f"{entry!r} cannot be run.", hint="Programs end in .py or .sh.")
    if shell := shutil.which("sh"):
        return [shell, entry]
    raise InputError(f"{entry!r} cannot be run: this machine has no sh.")


class Spawned:
    """One program in a session of its own, its descendants marked in their environment."""

    def __init__(
        self, command: Sequence[str], folder: str, stdin: int, *, passed: Sequence[int] = ()
    ) -> None:
        mark = secrets.token_hex(16)
        self._mark = f"{_MARK}={mark}"
        self._popen = subprocess.Popen(
            command,
            cwd=folder,
            env={
                "PATH": os.defpath,
                "HOME": folder,
                "TMPDIR": folder,
                "LANG": "C.UTF-8",
                "OPENBLAS_NUM_THREADS": "1",  # its threads reserve gigabytes of address space
                _MARK: mark,
            },
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            pass_fds=passed,
        )
        self.pid = self._popen.pid

    @property
    def streams(self) -> tuple[IO[bytes], IO[bytes]]:
        out, err = self._popen.stdout, self._popen.stderr
        assert out is not None  # both were asked for
        assert err is not None
        return out, err

    def poll(self) -> int | None:
        return self._popen.poll()

    def end(self, *, wait: bool = True) -> int:
        kill_all(self.pid, self._mark)
        return self._popen.wait()
