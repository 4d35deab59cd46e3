"""Calls of functions: values, errors with their line, limits each with its outcome, grants."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from agp.errors import InputError
from agp.processes import Limits
from agp.sandbox import Call, Confined, Strength, call, probe

FAST = Limits(wall_s=1.0, cpu_s=5, memory_mb=300, output_bytes=20_000, file_mb=1)


async def run(code: str, limits: Limits = FAST, **more: Any) -> Confined:
    return await call(
        Call(files={"tool.py": code}, entry="tool.py:f", **more), limits, backend="native"
    )


def test_values_come_back_as_they_were() -> None:
    value = {"a": [1, 2.5, True, None, "é\n\x00"], "b": {"c": []}, "big": 10**40}
    got = asyncio.run(run("def f(x):\n    return x", arguments={"x": value}))
    assert (got.outcome, got.value) == ("ok", value)
    assert got.value["a"][2] is True
    assert (got.backend, got.strength) == ("native", Strength.STRONG)


async def test_methods_of_constructed_objects_and_async_functions() -> None:
    code = (
        "import asyncio\n"
        "class f:\n"
        "    def __init__(self, start): self.n = start\n"
        "    async def add(self, x):\n"
        "        await asyncio.sleep(0.001)\n"
        "        return self.n + x\n"
    )
    got = await run(code, construct={"start": 40}, method="add", arguments={"x": 2})
    assert (got.outcome, got.value) == ("ok", 42)


async def test_each_call_starts_anew() -> None:
    code = (
        "import random\nseen = []\ndef f():\n    seen.append(1)\n"
        "    return [len(seen), random.random()]"
    )
    first, second = (await run(code)).value, (await run(code)).value
    assert first[0] == second[0] == 1
    assert first[1] != second[1], "children of one process must not share their chance"


async def test_files_import_each_other_and_data_can_be_read() -> None:
    files = {
        "pack/tool.py": "from pack.near import x\ndef f():\n    return [x, open('d.txt').read()]",
        "pack/__init__.py": "",
        "pack/near.py": "x = 5",
        "d.txt": "hé",
    }
    got = await call(Call(files=files, entry="pack/tool.py:f"), FAST)
    assert got.value == [5, "hé"], got.error


async def test_a_file_may_be_called_as_a_module_of_the_library() -> None:
    got = await call(Call(files={"json.py": "def f():\n    return 1"}, entry="json.py:f"), FAST)
    assert got.value == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def f():\n    x = 1\n    return x / 0", "tool.py, line 3: ZeroDivisionError: division"),
        ("def f(:", "tool.py, line 1: SyntaxError"),
        ("import no_such_thing\ndef f(): pass", "tool.py, line 1: ModuleNotFoundError"),
        ("g = 1", "defines no 'f'"),
        ("def f(x): pass", "missing 1 required positional argument"),
        ("def f():\n    raise SystemExit(0)", "SystemExit: 0"),
        ("def f():\n    raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def f():\n    return {1, 2}", "not plain JSON"),
        ("def f():\n    return float('nan')", "not plain JSON"),
        ("def f():\n    x = []\n    x.append(x)\n    return x", "not plain JSON"),
        ("def f():\n    return {1: 2, '1': 3}", "not plain JSON"),
        ("def f():\n    return '\\ud800'", "not plain JSON"),
        ("class E(Exception):\n    def __str__(self): raise self\ndef f(): raise E", "E"),
    ],
)
async def test_what_the_code_does_wrong_is_told_in_words(code: str, words: str) -> None:
    got = await run(code)
    assert got.outcome == "error"
    assert words in got.error
    assert got.value is None
    assert got.exit_code != 0


@pytest.mark.parametrize(
    "code",
    [
        "import os\ndef f():\n    os._exit(0)",
        "import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGKILL)",
        "import os\ndef f():\n    os.close(3)\n    os._exit(0)",
        "import os\ndef f():\n    os.write(3, b'\\x04\\0\\0\\0null')\n    os._exit(0)",
        "import os\ndef f():\n    os.write(3, b'\\x20\\0\\0\\0' + b'{}')\n    os._exit(0)",
    ],
)
async def test_without_a_result_it_is_lost_whatever_the_exit_code(code: str) -> None:
    got = await run(code)
    assert (got.outcome, got.value) == ("lost", None)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("def f():\n    while True: pass", "timeout"),
        ("import time\ndef f():\n    time.sleep(60)", "timeout"),
        ("def f():\n    return len('x' * (1 << 29))", "memory"),
        ("def f():\n    print('x' * 30_000)\n    return 1", "output_limit"),
        ("def f():\n    return 'x' * 30_000", "output_limit"),
        ("import os\ndef f():\n    os.write(3, b'\\xff' * 64)\n    return 1", "output_limit"),
        (
            "import time\ndef f():\n    for n in range(99):\n"
            "        open(str(n), 'w').write('x' * 1_000_000)\n    time.sleep(60)",
            "output_limit",
        ),
        (
            "import os, time\ndef f():\n    for _ in range(400):\n        os.mkdir('d' * 200)\n"
            "        os.chdir('d' * 200)\n    time.sleep(60)",
            "output_limit",
        ),
        (
            "import threading, time\ndef f():\n    threading.stack_size(65536)\n"
            "    for _ in range(200): threading.Thread(target=time.sleep, args=(9,)).start()\n"
            "    time.sleep(60)",
            "process_limit|error",
        ),
    ],
)
async def test_each_limit_has_its_outcome(code: str, outcome: str) -> None:
    started = time.monotonic()
    got = await run(code)
    assert got.outcome in outcome.split("|"), got
    assert time.monotonic() - started < 10


async def test_cpu_time_is_limited() -> None:
    got = await run("def f():\n    while True: pass", Limits(wall_s=30, cpu_s=1))
    assert got.outcome == "timeout"
    assert got.duration_s < 20


async def test_output_is_captured_beside_the_value() -> None:
    code = "import sys\ndef f():\n    print('out')\n    print('err', file=sys.stderr)\n    return 7"
    got = await run(code)
    assert (got.value, got.stdout, got.stderr) == (7, "out\n", "err\n")


async def test_a_large_result_within_the_limit() -> None:
    got = await run("def f():\n    return 'x' * 3_000_000", Limits(output_bytes=4_000_000))
    assert len(got.value) == 3_000_000


async def test_grants_answer_refuse_and_raise() -> None:
    asked: list[Any] = []

    async def double(given: dict[str, Any]) -> Any:
        asked.append(given)
        if given["x"] < 0:
            raise ValueError("x must not be negative")
        return given["x"] * 2

    code = (
        "from agp_guest import ask\n"
        "def f():\n"
        "    told = [ask('double', x=21)]\n"
        "    for name, x in (('double', -1), ('other', 1)):\n"
        "        try: ask(name, x=x)\n"
        "        except (ValueError, PermissionError) as e:\n"
        "            told.append([type(e).__name__, str(e)])\n"
        "    return told\n"
    )
    got = await run(code, grants={"double": double})
    assert got.value == [
        42,
        ["ValueError", "x must not be negative"],
        ["PermissionError", "'other' was not granted to this code"],
    ]
    assert asked == [{"x": 21}, {"x": -1}]


class Stopped(Exception):
    pass


async def test_what_else_a_grant_raises_ends_the_call() -> None:
    async def stop(given: dict[str, Any]) -> Any:
        raise Stopped

    code = (
        "import agp_guest\ndef f():\n    try: agp_guest.ask('stop')\n"
        "    except BaseException: pass\n    return 1"
    )
    with pytest.raises(Stopped):
        await run(code, grants={"stop": stop})


async def test_waiting_for_the_host_is_no_time_of_the_code() -> None:
    async def slow(given: dict[str, Any]) -> Any:
        await asyncio.sleep(1.5)

    code = "import agp_guest\ndef f():\n    agp_guest.ask('slow')\n    return 1"
    assert (await run(code, grants={"slow": slow})).value == 1


@pytest.mark.parametrize("backend", ["native", "bubblewrap", "wasm", "monty", "plain"])
async def test_the_host_does_not_work_for_one_call_without_end(backend: str) -> None:
    if backend != "plain" and probe(backend).strength is Strength.NONE:
        pytest.skip(probe(backend).detail)
    ended = asyncio.Event()

    async def endless(given: dict[str, Any]) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    code = "import agp_guest\ndef f():\n    agp_guest.ask('endless')\n    return 1"
    waits = Call(files={"t.py": code}, entry="t.py:f", grants={"endless": endless}, waiting_s=3.0)
    got = await call(waits, FAST, backend=backend, least=Strength.NONE)
    assert (got.outcome, got.backend) == ("timeout", backend)
    assert "waited for its host" in got.error
    await ended.wait()


async def test_a_grants_own_timeout_is_not_the_calls() -> None:
    async def late(given: dict[str, Any]) -> Any:
        raise TimeoutError("the model did not answer")

    code = "import agp_guest\ndef f():\n    agp_guest.ask('late')"
    with pytest.raises(TimeoutError, match="the model"):
        await run(code, grants={"late": late})


async def test_a_grant_stops_when_the_call_ends() -> None:
    ended: list[str] = []

    async def slow(given: dict[str, Any]) -> Any:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    code = (
        "import agp_guest, threading, time\ndef f():\n"
        "    threading.Thread(target=agp_guest.ask, args=('slow',), daemon=True).start()\n"
        "    time.sleep(0.2)\n    return 1"
    )
    assert (await run(code, grants={"slow": slow})).value == 1
    assert ended == ["cancelled"]


async def test_cancelling_kills_the_call() -> None:
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def tell(given: dict[str, Any]) -> Any:
        told.set_result(given["pid"])

    code = (
        "import agp_guest, os, time\ndef f():\n"
        "    agp_guest.ask('tell', pid=os.getpid())\n    time.sleep(60)"
    )
    task = asyncio.create_task(run(code, Limits(wall_s=60), grants={"tell": tell}))
    pid = await told
    assert Path(f"/proc/{pid}").exists()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not Path(f"/proc/{pid}").exists()


async def test_many_calls_side_by_side_do_not_mix() -> None:
    code = "import time\ndef f(n):\n    print(n)\n    time.sleep(0.05)\n    return n"
    got = await asyncio.gather(
        *(run(code, Limits(wall_s=30), arguments={"n": n}) for n in range(32))
    )
    assert [(each.value, each.stdout) for each in got] == [(n, f"{n}\n") for n in range(32)]


async def test_nothing_of_the_host_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "planted-secret")
    code = (
        "import os, sys\ndef f():\n"
        "    try: listed = os.listdir('/proc/self/fd')\n"
        "    except OSError: listed = []\n"
        "    open_ones = []\n"
        "    for n in range(4096):\n"
        "        try: os.fstat(n); open_ones.append(n)\n"
        "        except OSError: pass\n"
        "    return [dict(os.environ), listed, open_ones, os.listdir('.'), sys.path]"
    )
    environ, listed, open_ones, here, path = (await run(code)).value
    assert "planted-secret" not in str(environ)
    assert set(environ) == {"HOME", "TMPDIR", "PATH", "LANG", "OPENBLAS_NUM_THREADS"}
    assert (listed, open_ones, here) == ([], [0, 1, 2, 3], ["tool.py"])
    assert not any("site-packages" in each or "agp/sandbox" in each for each in path)


async def test_the_folder_is_removed_whatever_is_in_it() -> None:
    code = (
        "import os\ndef f():\n    print(os.getcwd(), flush=True)\n    os.symlink('/etc', 'link')\n"
        "    os.mkdir('closed', 0)\n"
        "    for _ in range(1500):\n        os.mkdir('x' * 100)\n        os.chdir('x' * 100)\n"
    )
    folder = (await run(code)).stdout.strip()
    assert folder
    assert not Path(folder).exists()
    assert Path("/etc/passwd").exists()


async def test_nothing_stays_open() -> None:
    for _ in range(3):
        await run("def f(): pass")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await run("def f(): pass")
        await run("import time\ndef f(): time.sleep(9)", Limits(wall_s=0.1))
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.parametrize(
    ("files", "entry"),
    [
        ({"a.py": ""}, "b.py:f"),
        ({"a.py": ""}, "a.py:"),
        ({"a.py": ""}, "a.py:f()"),
        ({"../a.py": ""}, "../a.py:f"),
        ({"/a.py": ""}, "/a.py:f"),
    ],
)
async def test_malformed_calls_are_refused(files: dict[str, str], entry: str) -> None:
    with pytest.raises(InputError):
        await call(Call(files=files, entry=entry))
