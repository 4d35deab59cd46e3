"""CPython on WebAssembly: what it runs, its limits, and that nothing of the machine is there."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from agp.errors import AgpError
from agp.processes import Limits
from agp.sandbox import Call, Confined, Program, Strength
from agp.sandbox.wasm import WasmBackend, runtime

BACKEND = WasmBackend()
QUICK = Limits(wall_s=2, memory_mb=128, output_bytes=10_000)


async def called(source: str, limits: Limits = QUICK, **rest: Any) -> Confined:
    return await BACKEND.call(Call(files={"t.py": source}, entry="t.py:f", **rest), limits)


async def ran(source: str, **rest: Any) -> Confined:
    return await BACKEND.run(Program(files={"m.py": source}, entry="m.py", **rest), QUICK)


def test_it_is_strong_here() -> None:
    strength, detail = BACKEND.probe()
    assert strength is Strength.STRONG
    assert "wasmtime" in detail


async def test_it_calls_functions_methods_and_coroutines() -> None:
    result = await called(
        "def f(a, b=2):\n    print('hi')\n    return [a, b]", arguments={"a": {"x": 1}}
    )
    assert (result.outcome, result.value, result.stdout) == ("ok", [{"x": 1}, 2], "hi\n")
    assert (result.backend, result.strength, result.exit_code) == ("wasm", Strength.STRONG, 0)
    assert (await called("async def f(): return 3")).value == 3
    files = {
        "t.py": "import deep.inner\nclass f:\n    def __init__(self, n): self.n = n\n"
        "    def add(self, m): return self.n + m + deep.inner.x",
        "deep/inner.py": "x = 10",
    }
    wanted = Call(files=files, entry="t.py:f", construct={"n": 1}, method="add", arguments={"m": 2})
    assert (await BACKEND.call(wanted, QUICK)).value == 13


async def test_calls_share_nothing_not_even_chance() -> None:
    source = (
        "import json, random, uuid\n"
        "def f():\n"
        "    seen = getattr(json, 'seen', 0)\n"
        "    json.seen = seen + 1\n"
        "    return [seen, random.random(), str(uuid.uuid4())]"
    )
    first, second = [(await called(source)).value for _ in range(2)]
    assert first[0] == second[0] == 0
    assert first[1] != second[1]
    assert first[2] != second[2]


@pytest.mark.parametrize(
    ("source", "outcome", "said"),
    [
        ("def f():\n    return 1 / 0", "error", "t.py, line 2: ZeroDivisionError"),
        ("def f(): return {1, 2}", "error", "JSON"),
        ("def f(): return float('nan')", "error", "JSON"),
        ("def f():\n    x = []\n    for i in range(500): x = [x]\n    return x", "error", "JSON"),
        ("def f(:", "error", "SyntaxError"),
        ("def f():\n    while True: pass", "timeout", "2 s"),
        ("import time\ndef f(): time.sleep(60)", "timeout", "2 s"),
        ("def f():\n    x = []\n    while True: x.append('a' * 10**6)", "memory", "MemoryError"),
        ("def f():\n    while True: print('x' * 99)", "output_limit", "10000 bytes"),
        ("def f(): return 'a' * 90_000", "output_limit", "10000 bytes"),
        ("def f(): return f()", "error", "RecursionError"),
        ("import os\ndef f(): os._exit(0)", "lost", "without a result"),
        ("def f(): raise SystemExit(0)", "error", "SystemExit"),
    ],
)
async def test_outcomes(source: str, outcome: str, said: str) -> None:
    result = await called(source)
    assert result.outcome == outcome, result
    assert said in result.error
    assert result.exit_code != 0 or outcome == "lost"


@pytest.mark.parametrize(
    "source",
    [
        "def f(): return open('/etc/passwd').read()",
        "import os\ndef f(): return os.listdir('/')",
        "import os\ndef f(): return os.listdir('/proc')",
        "def f(): open('/tmp/agp-planted', 'w').write('x')",
        "def f(): open('planted', 'w').write('x')",
        "import socket\ndef f(): socket.socket().connect(('127.0.0.1', 80))",
        "import subprocess\ndef f(): subprocess.run(['true'])",
        "import os\ndef f(): os.fork()",
        "import os\ndef f(): os.kill(os.getppid(), 9)",
        "import ctypes\ndef f(): return str(ctypes.CDLL(None))",
        "import threading\ndef f(): threading.Thread(target=print).start()",
    ],
)
async def test_nothing_of_the_machine_is_there(source: str) -> None:
    assert (await called(source)).outcome == "error"


async def test_the_environment_is_empty() -> None:
    os.environ["AGP_TEST_SECRET"] = "sesame"
    try:
        assert (await called("import os\ndef f(): return dict(os.environ)")).value == {}
    finally:
        del os.environ["AGP_TEST_SECRET"]


async def test_programs() -> None:
    source = "import sys, h\nprint(sys.argv[1:], sys.stdin.read(), h.x, __name__)"
    program = Program(
        files={"m.py": source, "h.py": "x = 5"}, entry="m.py", arguments=["a"], stdin="in"
    )
    result = await BACKEND.run(program, QUICK)
    assert (result.outcome, result.stdout) == ("ok", "['a'] in 5 __main__\n")
    assert (await ran("import sys; sys.exit(3)")).exit_code == 3
    failed = await ran("def g():\n    return 1 / 0\ng()")
    assert (failed.outcome, failed.exit_code) == ("error", 1)
    assert 'File "m.py", line 2, in g' in failed.stderr
    assert "ZeroDivisionError" in failed.stderr
    assert (await ran("'a' * 10**9")).outcome == "memory"


async def test_it_refuses_what_it_has_no_way_to_run() -> None:
    shell = Program(files={"m.sh": "true"}, entry="m.sh")
    assert (await BACKEND.run(shell, QUICK)).outcome == "refused"
    data = Program(files={"m.py": "", "data.txt": "x"}, entry="m.py")
    assert (await BACKEND.run(data, QUICK)).outcome == "refused"
    assert (await called("def f(): pass", packages=("numpy",))).outcome == "refused"


async def test_grants() -> None:
    async def echo(arguments: Any) -> Any:
        await asyncio.sleep(0.5)
        return {"got": arguments}

    async def wrong(arguments: Any) -> Any:
        raise ValueError("not so")

    async def broken(arguments: Any) -> Any:
        raise LookupError("the host's own fault")

    grants = {"echo": echo, "wrong": wrong, "broken": broken}
    source = "import agp_guest\ndef f(name):\n    return agp_guest.ask(name, x=[1])"
    short = Limits(wall_s=0.4)  # the host's time does not count
    answer = await called(source, short, arguments={"name": "echo"}, grants=grants)
    assert answer.value == {"got": {"x": [1]}}, answer
    told = await called(source, arguments={"name": "wrong"}, grants=grants)
    assert "ValueError: not so" in told.error
    denied = await called(source, arguments={"name": "other"}, grants=grants)
    assert "PermissionError: 'other' was not granted" in denied.error
    with pytest.raises(LookupError, match="own fault"):
        await called(source, arguments={"name": "broken"}, grants=grants)


async def test_what_the_code_writes_on_the_channel_is_only_its_own_word() -> None:
    source = "import os\ndef f():\n    os.write(0, b'no JSON\\n[]\\n{\"op\": 3}\\n')\n    return 1"
    assert (await called(source)).outcome in ("ok", "error")
    endless = "import os\ndef f():\n    while True: os.write(0, b'x' * 9999)"
    assert (await called(endless)).outcome == "output_limit"


async def test_many_at_once_and_a_cancelled_one() -> None:
    calls = [called("def f(n): return n", Limits(), arguments={"n": n}) for n in range(20)]
    assert [each.value for each in await asyncio.gather(*calls)] == list(range(20))
    task = asyncio.create_task(called("def f():\n    while True: pass", Limits(wall_s=60)))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await called("def f(): return 1")).value == 1


async def test_a_dead_zygote_is_replaced() -> None:
    assert (await called("def f(): return 1")).value == 1
    process = BACKEND._keeper._process
    assert process is not None
    process.kill()
    process.wait()
    assert (await called("def f(): return 2")).value == 2


def test_the_compiled_file_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv(runtime.VARIABLE, str(tmp_path / "own.wasm"))
    with pytest.raises(AgpError, match="not a file"):
        runtime.compiled()
    (tmp_path / "own.wasm").write_bytes(b"\0asm\1\0\0\0")
    made = runtime.compiled()
    good = made.read_bytes()
    assert hashlib.sha256(good).hexdigest() in made.name
    made.write_bytes(b"planted")
    assert runtime.compiled().read_bytes() == good
    made.parent.chmod(0o777)
    with pytest.raises(AgpError, match="written by others"):
        runtime.compiled()


def test_the_packages_file_must_be_the_pinned_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(runtime.VARIABLE, raising=False)
    assert hashlib.sha256(runtime.located().read_bytes()).hexdigest() == runtime.SHA256
    other = tmp_path / "python.wasm"
    other.write_bytes(b"\0asm\1\0\0\0")
    monkeypatch.setattr(runtime, "located", lambda: other)
    with pytest.raises(AgpError, match="not the file it should be"):
        runtime.compiled()
