"""Where the kernel offers less, strength says so, and nothing runs that was not allowed to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agp.processes import Limits
from agp.sandbox import Call
from agp.sandbox.native import NativeBackend, settings, zygote

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

# A filter that makes one system call fail, as on a kernel that lacks it; then a call is tried.
WITHOUT = """
import asyncio, ctypes, struct, sys
number, argument, error = map(int, sys.argv[1:4])
code = [(0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 16)]
code += [(0x15, 0, 1, argument), (6, 0, 0, 0x50000 | error), (6, 0, 0, 0x7FFF0000)]
if argument < 0:
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, number)] + code[-2:]
raw = b"".join(struct.pack("<HBBI", *each) for each in code)
class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))
buffer = ctypes.create_string_buffer(raw, len(raw))
program = Program(len(code), ctypes.cast(buffer, ctypes.c_void_p).value)
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
from agp.sandbox import Call, SandboxRefused, Strength, call, choose, probe
found = probe("native")
print(found.strength.name, found.detail)
files = {"t.py": "def f():\\n    return open('/etc/passwd').read(5)"}
it = Call(files=files, entry="t.py:f")
choose._CALLS = ("native",)  # the others need neither
async def main():
    try:
        await call(it)
    except SandboxRefused as error:
        print("refused", "--unsafe-sandbox" in str(error))
    got = await call(it, least=Strength.PARTIAL)
    print(got.outcome, got.value, got.strength.name)
asyncio.run(main())
"""


def without(number: int, argument: int, error: int) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(number), str(argument), str(error)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_without_landlock_it_is_not_strong() -> None:
    lines = without(444, -1, 38)
    assert lines[0].startswith("PARTIAL no Landlock; seccomp; not closed: reading files")
    assert lines[-2:] == ["refused True", "ok root: PARTIAL"]


def test_without_seccomp_it_is_not_strong() -> None:
    prctl = {"x86_64": 157, "aarch64": 167}[os.uname().machine]
    lines = without(prctl, 22, 22)
    assert lines[0].startswith("PARTIAL Landlock")
    assert "no seccomp" in lines[0]
    assert "sockets" in lines[0]
    assert lines[-2] == "refused True"
    assert lines[-1].startswith("error None"), "Landlock still keeps files closed"


OUTSIDE = """
import os, socket
def f(path):
    through = []
    for name, attempt in {
        "read": lambda: open(path).read(),
        "write": lambda: open(path, "r+"),
        "empty": lambda: os.truncate(path, 0),
        "empty by opening": lambda: os.open(path, os.O_RDONLY | os.O_TRUNC),
        "open for nothing": lambda: os.open(path, os.O_ACCMODE),
        "empty by opening for nothing": lambda: os.open(path, os.O_ACCMODE | os.O_TRUNC),
        "remove": lambda: os.unlink(path),
        "rename": lambda: os.rename(path, path + "2"),
        "take": lambda: os.rename(path, "mine"),
        "link": lambda: os.link(path, "mine"),
        "create": lambda: open(path + "3", "x"),
        "folder": lambda: os.mkdir(path + "4"),
        "symlink": lambda: os.symlink("/", path + "5"),
        "mode": lambda: os.chmod(path, 0),
        "times": lambda: os.utime(path),
        "list": lambda: os.listdir(os.path.dirname(path)),
        "tcp": lambda: socket.create_connection(("127.0.0.1", 9)),
        "signal": lambda: os.kill(os.getppid(), 0),
    }.items():
        try:
            attempt()
        except PermissionError:
            continue
        except OSError as error:
            if error.errno in (1, 13, 18): continue
        through.append(name)
    open("own", "w").write("x" * 10)
    with open("own", "r+") as own: own.truncate(3)
    os.rename("own", "other")
    return [through, os.listdir(".")]
"""


@pytest.mark.parametrize("version", range(1, 8))
async def test_every_version_of_landlock_holds(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if version > settings.found()["landlock"]:
        pytest.skip("this kernel's Landlock is older")
    machine = {**settings.machine(), "landlock": version}
    for module in (zygote, sys.modules["agp.sandbox.native.conversation"]):
        monkeypatch.setattr(module, "machine", lambda **_: machine)
    bait = tmp_path / "bait"
    bait.write_text("planted")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o777)
    bait.chmod(0o666)
    backend = NativeBackend()
    got = await backend.call(
        Call(files={"t.py": OUTSIDE}, entry="t.py:f", arguments={"path": str(bait)}),
        Limits(wall_s=20),
    )
    backend.close()
    assert got.outcome == "ok", got
    assert got.value[0] == []
    assert sorted(got.value[1]) == ["other", "t.py"]
    assert bait.read_text() == "planted"
    assert os.listdir(tmp_path) == ["bait"]
