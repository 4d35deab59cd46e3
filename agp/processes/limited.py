"""Runs programs, Python above all, in a separate process with limits and a clean environment.

This room keeps runaway code from hanging or filling the host. It is NO security boundary: the
code runs as the same user, can read what that user can read, use the network, and even stop its
parent. Confinement is a later layer that starts from here; nothing about trust belongs here.

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

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from agp.errors import AgpError, InputError
from agp.processes.descendants import kill_all, usage

Outcome = Literal["ok", "error", "timeout", "memory", "output_limit", "process_limit"]

_TICK_S = 0.05
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use.

    ``wall_s`` seconds of wall time; ``cpu_s`` whole seconds of CPU per process; ``memory_mb``
    MiB of address space per process and of resident memory over all; ``output_bytes`` of
    standard output, and as many of standard error (of which the tail is kept, the rest is
    dropped); ``file_mb`` MiB per written file; ``processes`` alive at once, the first included.
    """

    wall_s: float = 10.0
    cpu_s: int = 10
    memory_mb: int = 1024
    output_bytes: int = 1_000_000
    file_mb: int = 16
    processes: int = 16

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise InputError(f"Limits.{name} must be positive, not {value!r}.")


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """What a run left behind.

    ``outcome``: ``ok`` (exit code 0), ``error`` (any other end), or the limit that ended it.
    ``exit_code`` is negative for a signal. ``duration_s`` is wall time in seconds, start of the
    interpreter included.
    """

    outcome: Outcome
    exit_code: int
    stdout: str
    stderr: str
    duration_s: float


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
) -> ProcessResult:
    """Run one of ``files`` with command-line ``arguments`` in a fresh folder that holds them all.

    Parameters: ``entry`` is a path among ``files`` that ends in ``.py`` or ``.sh``; the working
    folder is that of all files, and a Python program imports from its own. Otherwise as
    `run_python`. Raises InputError too for another kind of entry or a missing ``sh``.
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
    with (
        tempfile.TemporaryDirectory(prefix="agp-run-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as keyboard,
    ):
        lay_out(Path(folder), files)
        keyboard.write(stdin.encode("utf-8", "replace"))
        keyboard.seek(0)
        return await _Run(folder, command, limits).run(keyboard.fileno())


def _command(entry: str) -> list[str]:
    if entry.endswith(".py"):
        return [entry]
    if not entry.endswith(".sh"):
        raise InputError(f"{entry!r} cannot be run.", hint="Programs end in .py or .sh.")
    if shell := shutil.which("sh"):
        return [shell, entry]
    raise InputError(f"{entry!r} cannot be run: this machine has no sh.")


def lay_out(folder: Path, files: Mapping[str, str]) -> None:
    """Write ``files`` (relative path to text) into a folder. Raises InputError for a path out."""
    for name, text in files.items():
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()) or path == folder.resolve():
            raise InputError(f"The file name {name!r} leaves the run's folder.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "replace"))


class _Capture(asyncio.Protocol):
    """Keeps the first (or last) ``limit`` bytes of a pipe and counts the rest."""

    def __init__(self, limit: int, wake: asyncio.Event, *, tail: bool) -> None:
        self.limit, self.wake, self.tail = limit, wake, tail
        self.data = bytearray()
        self.total = 0
        self.ended = False

    def data_received(self, data: bytes) -> None:
        self.total += len(data)
        self.data += data
        if self.tail:
            del self.data[: -self.limit]
        else:
            del self.data[self.limit :]
            if self.overflowed:
                self.wake.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.wake.set()

    @property
    def overflowed(self) -> bool:
        return self.total > self.limit

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


class _Run:
    """One process from start to certain end."""

    def __init__(self, folder: str, command: Sequence[str], limits: Limits) -> None:
        self.folder, self.command, self.limits = folder, command, limits
        self.mark = secrets.token_hex(16)
        self.wake = asyncio.Event()
        self.out = _Capture(limits.output_bytes, self.wake, tail=False)
        self.err = _Capture(limits.output_bytes, self.wake, tail=True)

    async def run(self, stdin: int) -> ProcessResult:
        started = time.monotonic()
        process = self._start(stdin)
        pipes: list[asyncio.BaseTransport] = []
        loop = asyncio.get_running_loop()
        try:
            try:
                for capture, pipe in ((self.out, process.stdout), (self.err, process.stderr)):
                    pipes.append((await loop.connect_read_pipe(lambda c=capture: c, pipe))[0])
                stopped_by = await self._watch(process, started + self.limits.wall_s)
            finally:
                kill_all(process.pid, f"{_MARK}={self.mark}")
                # SIGKILL cannot be refused, so this wait is short, also when we are cancelled.
                process.wait()
            duration = time.monotonic() - started
            await self._drain()
        finally:
            for pipe in pipes:
                pipe.close()
        outcome = stopped_by or self._outcome(process.returncode)
        return ProcessResult(outcome, process.returncode, self.out.text, self.err.text, duration)

    def _start(self, stdin: int) -> subprocess.Popen[bytes]:
        settings = json.dumps(asdict(self.limits))
        return subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-c", _BOOTSTRAP, settings, *self.command],
            cwd=self.folder,
            env={
                "PATH": os.defpath,
                "HOME": self.folder,
                "TMPDIR": self.folder,
                "LANG": "C.UTF-8",
                "OPENBLAS_NUM_THREADS": "1",  # its threads reserve gigabytes of address space
                _MARK: self.mark,
            },
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )

    async def _watch(self, process: subprocess.Popen[bytes], deadline: float) -> Outcome | None:
        """Until the first process ends or a limit is passed; the latter is returned."""
        while process.poll() is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return "timeout"
            if self.out.overflowed:
                return "output_limit"
            count, memory = usage(process.pid)
            if count > self.limits.processes:
                return "process_limit"
            if memory > self.limits.memory_mb << 20:
                return "memory"
            self.wake.clear()
            # Both pipes at their end: the process is about to exit, look again soon.
            tick = 0.002 if self.out.ended and self.err.ended else _TICK_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), min(tick, left))
        return None

    async def _drain(self) -> None:
        """What is still in the pipes; an escaped descendant may hold them open, so not for long."""
        until = time.monotonic() + 0.5
        while not (self.out.ended and self.err.ended) and time.monotonic() < until:
            self.wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), 0.1)

    def _outcome(self, exit_code: int) -> Outcome:
        if self.out.overflowed:
            return "output_limit"
        if exit_code == 0:
            return "ok"
        if exit_code == -signal.SIGXCPU:
            return "timeout"
        last = self.err.text.rstrip().rpartition("\n")[2]
        return "memory" if last.startswith("MemoryError") else "error"
