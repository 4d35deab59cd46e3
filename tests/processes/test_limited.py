"""Runaway code is stopped, leaves nothing behind and cannot hang or fill the host."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from agp.errors import InputError
from agp.processes import Limits, run_files, run_python
from tests.support.processes import alive_with

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's /proc")


async def test_output_exit_code_and_input() -> None:
    result = await run_python("print(input()[::-1])", stdin="abc")
    assert (result.outcome, result.exit_code, result.stdout) == ("ok", 0, "cba\n")
    assert 0 < result.duration_s < 5
    failed = await run_python("import sys; sys.exit(3)")
    assert (failed.outcome, failed.exit_code) == ("error", 3)


async def test_input_is_at_its_end() -> None:
    result = await run_python("import sys; print(repr(sys.stdin.read()))", limits=Limits(wall_s=5))
    assert result.stdout == "''\n"


async def test_traceback_shows_only_the_codes_own_lines() -> None:
    result = await run_python("def f():\n    return 1 / 0\n\nf()\n")
    assert result.outcome == "error"
    assert "ZeroDivisionError" in result.stderr
    assert "return 1 / 0" in result.stderr
    assert "<string>" not in result.stderr
    assert "SyntaxError" in (await run_python("def f(:")).stderr


async def test_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "secret")
    result = await run_python("import os; print(dict(os.environ), os.listdir('.'))")
    assert "secret" not in result.stdout
    assert "['main.py']" in result.stdout


async def test_files_are_laid_out_and_importable() -> None:
    result = await run_python(
        "import helper; print(helper.x, open('data/a.txt').read())",
        files={"helper.py": "x = 5", "data/a.txt": "hé"},
    )
    assert result.stdout == "5 hé\n"
    for name in ("../x", "/tmp/x", "."):
        with pytest.raises(InputError):
            await run_python("", files={name: ""})


async def test_a_program_gets_its_arguments_and_imports_from_its_own_folder() -> None:
    files = {
        "scripts/go.py": "import sys, near; print(sys.argv, near.x, open('data.txt').read())",
        "scripts/near.py": "x = 7",
        "data.txt": "here",
    }
    result = await run_files(files, "scripts/go.py", ["a b", "--c=é"])
    assert result.stdout == "['scripts/go.py', 'a b', '--c=é'] 7 here\n"


async def test_a_shell_script_has_the_same_limits() -> None:
    files = {
        "go.sh": 'read line; echo "$1 $line"; ulimit -c; exit 4',
        "loop.sh": "while :; do :; done",
    }
    result = await run_files(files, "go.sh", ["a b"], stdin="typed\n")
    assert (result.outcome, result.exit_code, result.stdout) == ("error", 4, "a b typed\n0\n")
    stopped = await run_files(files, "loop.sh", limits=Limits(wall_s=0.5))
    assert stopped.outcome == "timeout"


@pytest.mark.parametrize(("entry", "arguments"), [("a.exe", []), ("a.py", ["\x00"])])
async def test_what_cannot_be_run_is_refused(entry: str, arguments: list[str]) -> None:
    with pytest.raises(InputError):
        await run_files({entry: ""}, entry, arguments)


async def test_the_folder_is_removed() -> None:
    folder = (await run_python("import os; print(os.getcwd())")).stdout.strip()
    assert folder
    assert not Path(folder).exists()


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import signal, time\nfor s in range(1, 30):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\ntime.sleep(60)",
        "import os, time; os.close(0); os.close(1); os.close(2); time.sleep(60)",
    ],
)
async def test_time_out(code: str) -> None:
    started = time.monotonic()
    result = await run_python("print('before', flush=True)\n" + code, limits=Limits(wall_s=0.5))
    assert result.outcome == "timeout"
    assert result.stdout == "before\n"
    assert time.monotonic() - started < 3


async def test_cpu_time_is_limited() -> None:
    result = await run_python("while True: pass", limits=Limits(wall_s=20, cpu_s=1))
    assert result.outcome == "timeout"
    assert result.duration_s < 10


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_a_flood_of_output_is_bounded(stream: str) -> None:
    code = f"import sys\nfor _ in range(50): sys.{stream}.write('x' * 1_000_000)"
    result = await run_python(code, limits=Limits(output_bytes=10_000))
    assert len(getattr(result, stream)) == 10_000
    assert result.outcome == ("output_limit" if stream == "stdout" else "ok")


async def test_memory_is_limited() -> None:
    result = await run_python("x = 'a' * (1 << 30)", limits=Limits(memory_mb=200))
    assert result.outcome == "memory"


async def test_file_size_is_limited() -> None:
    code = "open('big', 'wb').write(b'x' * (3 << 20))"
    result = await run_python(code, limits=Limits(file_mb=1))
    assert result.outcome == "error"
    assert "File too large" in result.stderr


CHILD = (
    "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {code!r}, {mark!r}]{how})\n"
)


@linux
@pytest.mark.parametrize("how", ["", ", start_new_session=True", ", process_group=0"])
async def test_no_descendant_survives(how: str, tmp_path: Path) -> None:
    mark = f"descendant-{tmp_path.name}-{time.time_ns()}"
    code = "import time; time.sleep(60)"
    started = time.monotonic()
    result = await run_python(CHILD.format(code=code, mark=mark, how=how) + "print('done')")
    assert (result.outcome, result.stdout) == ("ok", "done\n")
    assert time.monotonic() - started < 5, "a child that holds the pipe must not delay the result"
    assert alive_with(mark) == []


@linux
async def test_a_daemon_grandchild_does_not_survive(tmp_path: Path) -> None:
    mark = f"daemon-{time.time_ns()}"
    code = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(60)',"
        f" {mark!r}])\n"
        "    os._exit(0)\n"
        "time.sleep(0.3)\n"
    )
    assert (await run_python(code)).outcome == "ok"
    assert alive_with(mark) == []


@linux
async def test_a_fork_bomb_is_stopped() -> None:
    code = (
        "import os, time\n"
        "for _ in range(60):\n    if os.fork() == 0: time.sleep(60)\n"
        "time.sleep(60)"
    )
    result = await run_python(code, limits=Limits(wall_s=10, processes=8))
    assert result.outcome == "process_limit"
    assert result.duration_s < 5


@linux
async def test_cancelling_kills_the_process() -> None:
    mark = f"cancelled-{time.time_ns()}"
    code = (
        CHILD.format(code="import time; time.sleep(60)", mark=mark, how="")
        + "import time; time.sleep(60)"
    )
    task = asyncio.create_task(run_python(code, limits=Limits(wall_s=60)))
    for _ in range(100):
        await asyncio.sleep(0.05)
        if alive_with(mark):
            break
    assert alive_with(mark)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert alive_with(mark) == []


async def test_many_runs_side_by_side_do_not_mix() -> None:
    results = await asyncio.gather(*(run_python(f"print({n})") for n in range(12)))
    assert [result.stdout for result in results] == [f"{n}\n" for n in range(12)]


def test_limits_must_be_positive() -> None:
    with pytest.raises(InputError, match="wall_s"):
        Limits(wall_s=0)


@linux
async def test_nothing_stays_open() -> None:
    await run_python("print(1)")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await run_python("print(1)")
        await run_python("import time; time.sleep(9)", limits=Limits(wall_s=0.2))
    await asyncio.sleep(0.05)
    assert len(os.listdir("/proc/self/fd")) <= before
