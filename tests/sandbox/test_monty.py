"""Monty: what it runs, what it says it cannot, its limits, and what it may ask of its host."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agp.processes import Limits
from agp.sandbox import Call, Confined, Program, Strength
from agp.sandbox.monty import MontyBackend

BACKEND = MontyBackend()
QUICK = Limits(wall_s=0.5, memory_mb=64, output_bytes=10_000)


async def called(source: str, limits: Limits = QUICK, **rest: Any) -> Confined:
    wanted = Call(files={"t.py": source}, entry="t.py:f", **rest)
    return await BACKEND.call(wanted, limits)


def test_it_is_strong_here() -> None:
    strength, detail = BACKEND.probe()
    assert strength is Strength.STRONG
    assert "pydantic-monty" in detail


async def test_it_calls_functions_methods_and_coroutines() -> None:
    result = await called(
        "def f(a, b=2):\n    print('hi')\n    return [a, b]", arguments={"a": {"x": 1}}
    )
    assert (result.outcome, result.value, result.stdout) == ("ok", [{"x": 1}, 2], "hi\n")
    assert (result.backend, result.strength, result.exit_code) == ("monty", Strength.STRONG, 0)
    assert (await called("async def f(): return 3")).value == 3
    source = (
        "class f:\n    def __init__(self, n): self.n = n\n    def add(self, m): return self.n + m"
    )
    made = await called(source, construct={"n": 1}, method="add", arguments={"m": 2})
    assert made.value == 3


async def test_calls_do_not_see_each_other() -> None:
    source = "seen = []\ndef f():\n    seen.append(1)\n    return len(seen)"
    assert [(await called(source)).value for _ in range(5)] == [1] * 5


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(PLAIN)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_plain_values_come_back_as_they_went(value: Any) -> None:
    result = asyncio.run(called("def f(x): return x", arguments={"x": value}))
    assert result.outcome == "ok", result
    assert result.value == value
    assert type(result.value) is type(value)


@pytest.mark.parametrize(
    ("source", "outcome", "said"),
    [
        ("def f():\n    return 1 / 0", "error", "t.py, line 2: ZeroDivisionError"),
        ("def f(): return {1, 2}", "error", "JSON"),
        ("def f(): return float('nan')", "error", "JSON"),
        ("def f():\n    x = []\n    for i in range(500): x = [x]\n    return x", "error", ""),
        ("import numpy\ndef f(): pass", "refused", "No module named 'numpy'"),
        ("def f():\n    import socket", "refused", "socket"),
        ("def f():\n    yield 1", "refused", "yield"),
        ("def f(:", "refused", "line 1"),
        ("def g(): pass", "error", "f"),
        ("def f():\n    while True: pass", "timeout", "0.5 s"),
        ("import time\ndef f(): time.sleep(60)", "timeout", "0.5 s"),
        ("def f(): return 'a' * 10**9", "memory", "64 MiB"),
        ("def f():\n    while True: print('x' * 99)", "output_limit", "10000 bytes"),
        ("def f(): return 'a' * 20_000", "output_limit", "10000 bytes"),
        ("def f(): return f()", "error", "RecursionError"),
    ],
)
async def test_outcomes(source: str, outcome: str, said: str) -> None:
    result = await called(source)
    assert result.outcome == outcome, result
    assert said in result.error
    assert result.value is None
    assert result.exit_code != 0


@pytest.mark.parametrize(
    "source",
    [
        "def f(): return open('/etc/passwd').read()",
        "import os\ndef f(): return dict(os.environ)",
        "import os\ndef f(): return os.listdir('/')",
        "import pathlib\ndef f(): return pathlib.Path('/etc/hostname').read_text()",
        "def f(): open('/tmp/agp-planted', 'w').write('x')",
        "import subprocess\ndef f(): subprocess.run(['true'])",
        "def f(): return ().__class__.__bases__[0].__subclasses__()",
    ],
)
async def test_nothing_of_the_machine_is_there(source: str) -> None:
    assert (await called(source)).outcome in ("error", "refused")


async def test_it_refuses_what_it_has_no_way_to_run() -> None:
    assert (
        await BACKEND.run(Program(files={"m.py": "1"}, entry="m.py"), QUICK)
    ).outcome == "refused"
    two = Call(files={"t.py": "import u\ndef f(): pass", "u.py": ""}, entry="t.py:f")
    assert (await BACKEND.call(two, QUICK)).outcome == "refused"
    assert (await called("def f(): pass", packages=("numpy",))).outcome == "refused"


async def test_grants() -> None:
    async def echo(arguments: Any) -> Any:
        await asyncio.sleep(0.7)  # longer than the code's own time: the host's does not count
        return {"got": arguments}

    async def wrong(arguments: Any) -> Any:
        raise ValueError("not so")

    async def broken(arguments: Any) -> Any:
        raise LookupError("the host's own fault")

    grants = {"echo": echo, "wrong": wrong, "broken": broken}
    source = "import agp_guest\ndef f(name):\n    return agp_guest.ask(name, x=[1])"
    assert (await called(source, arguments={"name": "echo"}, grants=grants)).value == {
        "got": {"x": [1]}
    }
    told = await called(source, arguments={"name": "wrong"}, grants=grants)
    assert "ValueError: not so" in told.error
    denied = await called(source, arguments={"name": "other"}, grants=grants)
    assert "PermissionError: 'other' was not granted" in denied.error
    with pytest.raises(LookupError, match="own fault"):
        await called(source, arguments={"name": "broken"}, grants=grants)
    assert (await called("def f(): return 1")).value == 1


async def test_many_at_once() -> None:
    source = "def f(n): return n * n"
    calls = [called(source, Limits(), arguments={"n": n}) for n in range(100)]
    assert [each.value for each in await asyncio.gather(*calls)] == [n * n for n in range(100)]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
async def test_cancelling_kills_what_runs() -> None:
    before = _workers()
    endless = Call(files={"t.py": "def f():\n    while True: pass"}, entry="t.py:f")
    task = asyncio.create_task(MontyBackend().call(endless, Limits(wall_s=60, cpu_s=60)))
    await asyncio.sleep(0.3)
    mine = _workers() - before
    assert mine
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(50):
        if not mine & _workers():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the worker outlived its call")


def _workers() -> set[str]:
    """Monty's processes below this one."""
    listed = ["ps", "--ppid", str(os.getpid()), "-o", "pid=,comm="]
    lines = subprocess.run(listed, capture_output=True, text=True, check=False).stdout.splitlines()
    return {line.split()[0] for line in lines if line.split()[1] == "monty"}


def test_it_outlives_event_loops() -> None:
    for number in range(3):
        assert asyncio.run(called("def f(n): return n", arguments={"n": number})).value == number
