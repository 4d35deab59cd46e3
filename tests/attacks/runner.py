"""Tries one attack on one backend and says how it went."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from textwrap import dedent

from agp.errors import AgpError
from agp.sandbox.interface import Backend, Call, Confined, Program
from tests.attacks.case import SMALL, Attack, Naive
from tests.attacks.naive import run_naive, sweep
from tests.attacks.scene import Scene

_STUCK_S = 12.0
"""So long after its limit, a call is taken to hang."""

KERNEL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
class Failed(Exception): pass
def sys_(number, *values):
    given = [ctypes.c_long(v) if isinstance(v, int) else v for v in values]
    got = libc.syscall(ctypes.c_long(number), *given)
    if got < 0:
        raise Failed(os.strerror(ctypes.get_errno()))
    return got
"""

_AS_PROGRAM = """
import json as _json, sys as _sys
_value = attack(_json.loads(_sys.stdin.readline()))
print()
print(_value if isinstance(_value, str) else _json.dumps(_value))
"""


CURRENT: ContextVar[Backend | None] = ContextVar("CURRENT", default=None)
"""The backend under attack, for what happens on the host meanwhile."""


class Ending(StrEnum):
    """How an attack went."""

    BLOCKED = "blocked"
    SUCCEEDED = "succeeded"
    REFUSED = "refused to run"


@dataclass(frozen=True)
class Tried:
    """How it went, and why: the evidence of success, or how the calls ended."""

    ending: Ending
    why: str


async def try_naive(attack: Attack, kind: Naive, plain: Backend) -> Tried:
    """Where no sandbox is."""
    if kind is Naive.PLAIN:
        return await try_backend(attack, plain, healthy=False)
    with _scene(attack) as scene:
        began = time.monotonic()
        during = _meanwhile(attack, scene)
        try:
            runs = await run_naive(kind, _calls(attack, scene), attack.limits.wall_s)
        except Exception as error:
            return Tried(Ending.SUCCEEDED, f"the host broke: {type(error).__name__}: {error}")
        finally:
            await during()
        scene.took.append(time.monotonic() - began)
        tried = _judged(attack, scene, runs)
    sweep()
    return tried


async def try_backend(attack: Attack, backend: Backend, *, healthy: bool = True) -> Tried:
    """As a call and, where the attack can be one, as a whole program.

    With ``healthy`` the backend must still work afterwards: one that does not was broken by it.
    """
    CURRENT.set(backend)
    tried = [] if attack.script else [await _try_calls(attack, backend)]
    if not tried or (attack.program and tried[0].ending is not Ending.SUCCEEDED):
        tried.append(await _try_program(attack, backend))
    if healthy and (fault := await _unwell(backend)):
        tried.append(Tried(Ending.SUCCEEDED, f"the backend no longer works: {fault}"))
    order = [Ending.SUCCEEDED, Ending.BLOCKED, Ending.REFUSED]
    return min(tried, key=lambda each: order.index(each.ending))


async def _try_calls(attack: Attack, backend: Backend) -> Tried:
    with _scene(attack) as scene:
        during = _meanwhile(attack, scene)
        runs: list[Confined] = []
        try:
            for call in _calls(attack, scene):
                runs.append(await _timed(scene, backend.call(call, attack.limits)))
        except _Broken as broken:
            return Tried(Ending.SUCCEEDED, str(broken))
        finally:
            await during()
        return _judged(attack, scene, runs)


async def _try_program(attack: Attack, backend: Backend) -> Tried:
    with _scene(attack) as scene:
        program = _script(attack, scene) if attack.script else _program(attack, scene)
        during = _meanwhile(attack, scene)
        try:
            runs = [await _timed(scene, backend.run(program, attack.limits))]
        except _Broken as broken:
            return Tried(Ending.SUCCEEDED, str(broken))
        finally:
            await during()
        return _judged(attack, scene, runs)


def _program(attack: Attack, scene: Scene) -> Program:
    files = {**attack.files, "main.py": _source(attack.code, attack) + _AS_PROGRAM}
    return Program(files=files, entry="main.py", stdin=json.dumps(scene.facts) + "\n")


def _script(attack: Attack, scene: Scene) -> Program:
    text = dedent(attack.code)
    for name, value in scene.facts.items():
        text = text.replace(f"@{name}@", str(value))
    return Program(files={**attack.files, "attack.sh": text}, entry="attack.sh")


def _meanwhile(attack: Attack, scene: Scene):
    task = asyncio.create_task(attack.during(scene)) if attack.during else None

    async def end() -> None:
        if task:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    return end


class _Broken(Exception):
    """The host, not the confined code, came to harm."""


async def _timed(scene: Scene, running) -> Confined:
    began = time.monotonic()
    try:
        return await asyncio.wait_for(running, scene.limits.wall_s + _STUCK_S)
    except TimeoutError:
        raise _Broken("its caller was held for ever") from None
    except AgpError as error:  # refused in words: the host is well
        return Confined(
            outcome="refused",
            error=error.message,
            backend="",
            strength=0,  # type: ignore[arg-type]
        )
    except Exception as error:
        raise _Broken(f"the host broke: {type(error).__name__}: {error}") from error
    finally:
        scene.took.append(time.monotonic() - began)


async def _unwell(backend: Backend) -> str:
    files = {"well.py": "def add(a, b):\n    return a + b\n"}
    call = Call(files=files, entry="well.py:add", arguments={"a": 40, "b": 2})
    try:
        found = await asyncio.wait_for(backend.call(call, SMALL), 15)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "" if found.outcome == "ok" and found.value == 42 else f"{found.outcome} {found.error}"


def _scene(attack: Attack) -> Scene:
    scene = Scene()
    scene.limits = attack.limits
    scene.plant(*attack.baits)
    return scene


def _source(code: str, attack: Attack) -> str:
    return (KERNEL if attack.kernel else "") + dedent(code)


def _calls(attack: Attack, scene: Scene) -> list[Call]:
    grants = attack.grants(scene) if attack.grants else {}
    return [
        Call(
            files={**attack.files, "attack.py": _source(code, attack)},
            entry="attack.py:attack",
            arguments={"scene": scene.facts},
            grants=grants,
        )
        for code in (attack.code, attack.then)
        if code
    ]


def _judged(attack: Attack, scene: Scene, runs: Sequence[Confined]) -> Tried:
    scene.look()
    if evidence := attack.succeeded(scene, runs):
        return Tried(Ending.SUCCEEDED, evidence)
    ends = "; ".join(f"{run.outcome} {run.error}".strip() for run in runs)
    if all(run.outcome == "refused" for run in runs):
        return Tried(Ending.REFUSED, ends)
    return Tried(Ending.BLOCKED, ends)
