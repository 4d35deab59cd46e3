"""Judges Python code: runs it and its tests, each confined on its own, and names the verdict.

The program runs in one confined process and the tests in another. What the tests call of the
program's is a stand-in: the host relays the call, and plain data comes back (`judging.wire`). So
the program shares no interpreter with the tests: it cannot see them or what they expect, patch
what they use, lie about equality, or end them; ending early is never a pass.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from agp.processes import Limits
from agp.sandbox import Call, Confined, Strength, call

Category = Literal["PASS", "WA", "RE", "CE", "TLE", "MLE"]
JsonObject = dict[str, Any]

FEEDBACK_CHARS = 600
JUDGE_LIMITS = Limits(wall_s=10.0, cpu_s=10, memory_mb=1024, output_bytes=2_000_000)

_PLACE = "agp/evaluation/judging"
_CATEGORIES = ("PASS", "WA", "RE", "CE", "TLE", "MLE")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judge's word on one program.

    ``category``: PASS, WA wrong answer, RE runtime error, CE compile error, TLE time limit,
    MLE memory limit. ``feedback``: the failing assertion or the end of the traceback, at most
    600 characters, empty on PASS. ``runtime_ms``: wall time that the tests waited for the
    program, its loading included (the whole run's when it was cut off). ``peak_mb``: its peak
    resident MiB by its own word, None where unknown.
    """

    category: Category
    feedback: str = ""
    runtime_ms: float = 0.0
    peak_mb: float | None = None

    @property
    def passed(self) -> bool:
        return self.category == "PASS"


async def judge_python(
    program: str,
    *,
    tests: str,
    entry: str | None = None,
    helpers: str = "",
    shared_arguments: bool = True,
    limits: Limits = JUDGE_LIMITS,
    least: Strength = Strength.STRONG,
) -> Verdict:
    """Run ``tests`` against ``program``.

    Parameters: ``program`` the candidate's source; ``tests`` source that raises AssertionError
    for a wrong answer, and names of the program's what it neither defines nor Python has;
    ``entry`` the name that ``program`` must define as a callable; ``helpers`` trusted source that
    runs before the tests and defines names for them; ``shared_arguments`` whether the tests see
    what the program does to the lists, dicts and sets it is given; ``limits`` of each process.
    Main blocks do not run. Never raises for what the program does; RE also stands for ending
    early and for printing too much. Raises SandboxRefused where nothing ``least`` enough confines.
    """
    packages = ("numpy",) if re.search(r"\bnumpy\b", program) else ()
    relay = _Relay()
    beside_program = Call(
        files=_guest("wire", "candidate"),
        entry=f"{_PLACE}/candidate.py:serve",
        arguments={"program": program},
        grants={"next": relay.next},
        packages=packages,
    )
    given = {"tests": tests, "helpers": helpers, "entry": entry, "shared": shared_arguments}
    beside_tests = Call(
        files=_guest("wire", "standins", "trial"),
        entry=f"{_PLACE}/trial.py:run",
        arguments=given,
        grants={"call": relay.call},
    )
    relay.program = asyncio.create_task(call(beside_program, limits, least=least))
    try:
        roomy = replace(limits, output_bytes=2 * limits.output_bytes)
        tested = await call(beside_tests, roomy, least=least)
        if relay.gone:
            return _gone(await relay.program, limits)
    finally:
        relay.program.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await relay.program
    return _verdict(tested, relay, limits)


class _Relay:
    """Hands what the tests ask to the program's process and its answers back, one at a time."""

    program: asyncio.Task[Confined]

    def __init__(self) -> None:
        self._requests: asyncio.Queue[JsonObject] = asyncio.Queue()
        self._reply: asyncio.Future[JsonObject] | None = None
        self._begun = False
        self.seconds = 0.0
        self.peak_mb: float | None = None

    @property
    def gone(self) -> bool:
        """Whether the program's process ended while it was needed."""
        return self.program.done()

    async def next(self, arguments: JsonObject) -> JsonObject:
        """The program's side: its reply, if any, for the next request."""
        reply: Any = arguments.get("reply")
        if self._begun and self._reply is not None and not self._reply.done():
            self._reply.set_result(cast("JsonObject", reply) if isinstance(reply, dict) else {})
        self._begun = True
        return await self._requests.get()

    async def call(self, arguments: JsonObject) -> JsonObject:
        """The tests' side: a request for its reply."""
        started = time.monotonic()
        self._reply = asyncio.get_running_loop().create_future()
        self._requests.put_nowait(arguments["message"])
        await asyncio.wait((self._reply, self.program), return_when=asyncio.FIRST_COMPLETED)
        self.seconds += time.monotonic() - started
        if not self._reply.done():
            return {"gone": True}
        reply = self._reply.result()
        peak = reply.get("peak")
        if isinstance(peak, float) and peak > (self.peak_mb or 0.0):
            self.peak_mb = peak
        return reply


@cache
def _guest(*names: str) -> Mapping[str, str]:
    """The files that run beside program or tests, at the paths they import each other by."""
    folder = Path(__file__).parent / "judging"
    return {f"{_PLACE}/{name}.py": (folder / f"{name}.py").read_text("utf-8") for name in names}


def _verdict(tested: Confined, relay: _Relay, limits: Limits) -> Verdict:
    runtime = round(relay.seconds * 1000, 3)
    if tested.outcome == "ok":
        frame = cast("JsonObject", tested.value)
        category = cast("Category", frame["category"])
        assert category in _CATEGORIES
        feedback = "" if category == "PASS" else _feedback(category, frame)
        return Verdict(category, feedback, runtime, relay.peak_mb)
    if tested.outcome == "timeout":
        return Verdict("TLE", f"Time limit of {limits.wall_s:g} s exceeded in the tests.", runtime)
    message = f"The tests could not be run to their end: {tested.outcome}: {tested.error}"
    return Verdict("RE", bounded(message), runtime)


def _gone(program: Confined, limits: Limits) -> Verdict:
    """The program's process ended before the tests did."""
    duration = round(program.duration_s * 1000, 3)
    tail = program.stderr.strip()[-FEEDBACK_CHARS // 2 :]
    match program.outcome:
        case "timeout":
            return Verdict("TLE", f"Time limit of {limits.wall_s:g} s exceeded.", duration)
        case "memory":
            return Verdict("MLE", f"Memory limit of {limits.memory_mb} MiB exceeded.", duration)
        case "output_limit":
            message = f"More than {limits.output_bytes} bytes were printed or returned."
        case "process_limit":
            message = f"More than {limits.processes} processes were started."
        case _:
            message = (
                "The program ended before the tests did, with exit code "
                f"{program.exit_code}. {program.error}"
            )
    return Verdict("RE", bounded(f"{message}\n{tail}".strip()), duration)


def _feedback(category: str, frame: JsonObject) -> str:
    lines = [f"{category}: {frame['message']}"]
    for place in reversed(cast("list[Any]", frame["trace"])):
        match place:
            case [str(file), int(number), str(name), str(line)]:
                where = "test" if file == "tests.py" else file
                lines.append(f"  at {where} line {number}, in {name}: {line}")
            case _:  # the program's own word for its frames, and it is none
                continue
    return bounded("\n".join(lines))


def bounded(text: str, limit: int = FEEDBACK_CHARS) -> str:
    """``text`` in at most ``limit`` characters: the middle is left out, both ends say most."""
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]}\n...\n{text[-half:]}"
