"""Which backend runs what: the first that is strong enough on this machine, and never a weaker one.

The only way round a refusal is the explicit flag, and only a person sets it.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from agp.errors import AgpError, InputError, NotFoundError
from agp.processes import Limits
from agp.sandbox.interface import Backend, Call, Confined, Program, Strength
from agp.sandbox.used import note

UNSAFE = "AGP_UNSAFE_SANDBOX"

_PROGRAMS = ("bubblewrap", "native", "wasm")
_CALLS = ("native", "bubblewrap", "wasm")


class SandboxRefused(AgpError):
    """No backend of this machine is as strong as was demanded: nothing was run."""

    def __init__(self, least: Strength, probed: Sequence[Probed]) -> None:
        tried = "; ".join(
            f"{each.name}: {each.strength.name.lower()}, {each.detail}" for each in probed
        )
        super().__init__(
            f"Code that must run confined was not run: no sandbox here is {least.name.lower()} "
            f"({tried}).",
            hint="Use Linux 5.13 or newer with Landlock and seccomp, or install bubblewrap. "
            f"agp --unsafe-sandbox COMMAND, or {UNSAFE}=1, runs it without a boundary, at your "
            "own risk.",
        )


@dataclass(frozen=True)
class Probed:
    """A backend and what it is worth on this machine."""

    name: str
    strength: Strength
    detail: str


_lock = threading.RLock()
_backends: dict[str, Backend] = {}
_probed: dict[str, Probed] = {}


def allow_unsafe(allow: bool = True) -> None:
    """What ``--unsafe-sandbox`` does: where nothing is strong enough, run without a boundary."""
    os.environ[UNSAFE] = "1" if allow else "0"


def unsafe_allowed() -> bool:
    """Whether a person allowed to run without a boundary."""
    return os.environ.get(UNSAFE, "") == "1"


def available() -> list[Probed]:
    """All backends and what they are worth here, the preferred ones first. Probes only once."""
    return [probe(name) for name in dict.fromkeys([*_CALLS, "monty", "plain"])]


def probe(name: str) -> Probed:
    """What one backend is worth here. Raises NotFoundError for an unknown one."""
    with _lock:
        if name not in _probed:
            strength, detail = backend(name).probe()
            _probed[name] = Probed(name, strength, detail)
        return _probed[name]


def backend(name: str) -> Backend:
    """A backend by its name; one for the whole process. Raises NotFoundError."""
    with _lock:
        if name not in _backends:
            _backends[name] = _make(name)
        return _backends[name]


def _make(name: str) -> Backend:
    match name:
        case "native":
            from agp.sandbox.native import NativeBackend

            return NativeBackend()
        case "bubblewrap":
            from agp.sandbox.bubblewrap import BubblewrapBackend

            return BubblewrapBackend()
        case "plain":
            from agp.sandbox.plain import PlainBackend

            return PlainBackend()
        case "monty":
            from agp.sandbox.monty import MontyBackend

            return MontyBackend()
        case "wasm":
            from agp.sandbox.wasm import WasmBackend

            return WasmBackend()
        case _:
            raise NotFoundError("sandbox", name, ["native", "bubblewrap", "wasm", "monty", "plain"])


async def call(
    call: Call,
    limits: Limits | None = None,
    *,
    least: Strength = Strength.STRONG,
    backend: str | None = None,
) -> Confined:
    """Call a function, confined.

    Parameters: ``least`` the weakest strength that will do; ``backend`` the one to try first
    (``monty`` is only used so): where it is too weak, or answers ``refused``, the others follow.
    Raises SandboxRefused when none is strong enough, InputError for packages that cannot be
    shown or a malformed call, and what a grant raised that was no ValueError.
    """
    _check(call)
    backends = await _strong_enough(_CALLS, least, backend)
    return await _first_able(backends, lambda each: _ending(each, call, limits or Limits()))


async def run_program(
    program: Program,
    limits: Limits | None = None,
    *,
    least: Strength = Strength.STRONG,
    backend: str | None = None,
) -> Confined:
    """Run a whole program, confined: as `call`."""
    backends = await _strong_enough(_PROGRAMS, least, backend)
    return await _first_able(backends, lambda each: each.run(program, limits or Limits()))


async def _first_able(
    backends: Sequence[Backend], run: Callable[[Backend], Awaitable[Confined]]
) -> Confined:
    """What the first backend gives that can run such code; else the last refusal."""
    result = await run(backends[0])
    for each in backends[1:]:
        if result.outcome != "refused":
            break
        result = await run(each)
    return result if result.outcome == "refused" else note(result)


async def _ending(backend: Backend, call: Call, limits: Limits) -> Confined:
    """Call; it ends even where the code keeps asking, and the host keeps answering."""
    started, clock = time.monotonic(), asyncio.timeout(limits.wall_s + call.waiting_s)
    try:
        async with clock:
            return await backend.call(call, limits)
    except TimeoutError:
        if not clock.expired():  # a grant's
            raise
    return Confined(
        outcome="timeout",
        error=f"It waited for its host longer than {call.waiting_s:g} seconds.",
        exit_code=1,
        duration_s=time.monotonic() - started,
        backend=backend.name,
        strength=probe(backend.name).strength,
    )


def _check(call: Call) -> None:
    location, _, name = call.entry.rpartition(":")
    if location not in call.files or not name.isidentifier():
        raise InputError(f"{call.entry!r} is not FILE:NAME of one of the call's files.")
    for file in call.files:
        parts = file.split("/")
        if "\x00" in file or not all(part not in ("", ".", "..") for part in parts):
            raise InputError(f"The file name {file!r} leaves the call's folder.")


async def _strong_enough(names: Sequence[str], least: Strength, first: str | None) -> list[Backend]:
    names = list(dict.fromkeys([*([first] if first else []), *names]))
    if any(name not in _probed for name in names):
        probed = await asyncio.to_thread(lambda: [probe(name) for name in names])
    else:
        probed = [_probed[name] for name in names]
    chosen = [backend(each.name) for each in probed if each.strength >= least]
    if not chosen and unsafe_allowed():
        chosen = [backend("plain")]
    if not chosen:
        raise SandboxRefused(least, probed)
    return chosen
