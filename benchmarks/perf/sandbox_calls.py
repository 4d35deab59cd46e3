"""What one confined call costs, warm, on every backend that works here; in milliseconds.

    python benchmarks/perf/sandbox_calls.py --calls 200

Beside them, taking turns with them: a bare interpreter that is started and ended, and agp's plain
subprocess with limits, which holds nothing back.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

from _common import figures

from agp.processes import Limits, run_python
from agp.sandbox import Call, Strength, available, backend

CODE = "def f(x: int) -> int:\n    return x + 1\n"
CALL = Call(files={"tool.py": CODE}, entry="tool.py:f", arguments={"x": 1})
LIMITS = Limits(wall_s=30)
WARM = 10


async def bare() -> None:
    """An interpreter that does nothing: the least that a process for each call can cost."""
    command = [sys.executable, "-I", "-S", "-c", "pass"]
    await asyncio.to_thread(subprocess.run, command, check=True)


async def plain() -> None:
    """The plain subprocess."""
    result = await run_python("def f(x):\n    return x + 1\nprint(f(1))", limits=LIMITS)
    assert result.stdout == "2\n", result


def confined(name: str) -> Callable[[], Awaitable[None]]:
    """One call on a backend."""
    runs = backend(name)

    async def once() -> None:
        got = await runs.call(CALL, LIMITS)
        assert (got.outcome, got.value) == ("ok", 2), got

    return once


async def measure(calls: int) -> None:
    ways: dict[str, Callable[[], Awaitable[None]]] = {"bare interpreter": bare, "plain": plain}
    for probed in available():
        if probed.strength > Strength.NONE:
            ways[f"{probed.name} ({probed.strength.name.lower()})"] = confined(probed.name)
        else:
            print(f"# {probed.name}: {probed.detail}")
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    # In turns of ten, so that whatever else the machine does falls on all alike.
    for turn in range(-1, (calls + WARM - 1) // WARM):
        for name, once in ways.items():
            for _ in range(WARM):
                started = time.perf_counter()
                await once()
                if turn >= 0:
                    seconds[name].append(time.perf_counter() - started)
    print(f"{'ms a call':24}{'median':>11}{'95 %':>11}{'99 %':>11}")
    for name, taken in seconds.items():
        print(f"{name:24}{figures(taken)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200, help="calls on each backend")
    asyncio.run(measure(parser.parse_args().calls))


if __name__ == "__main__":
    main()
