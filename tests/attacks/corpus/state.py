"""From one call to the next, and from one call to another: patched modules, files left, spying."""

from __future__ import annotations

from agp.sandbox.interface import Call, Strength
from tests.attacks.case import SMALL, Attack, Naive, answers, leaked
from tests.attacks.scene import Scene


def _carries(name: str, tries: str, plant: str, look: str, shown: Naive | None = Naive.BARE):
    return Attack(
        name=name,
        tries=tries,
        code=plant,
        then=look,
        program=False,
        succeeded=answers("carried"),
        shown_on=shown,
    )


def _shadows(name: str, module: str) -> Attack:
    """A file beside the code with the name of a module that the sandbox itself needs."""
    return Attack(
        name=name,
        tries=f"brings a {module} of its own, to run before it is confined",
        files={
            module: """
import os, sys
for path in sys.argv[1:] + ["/etc/passwd"]:
    try:
        print(open(path).read())
    except OSError:
        pass
""",
        },
        code="def attack(scene):\n    return 'mine'",
        succeeded=_passwd,
        shown_on=None,
    )


def _passwd(scene: Scene, runs) -> str:
    from tests.attacks.corpus.files import first_line

    return first_line("/etc/passwd")(scene, runs)


async def _other_call(scene: Scene) -> None:
    """A call of somebody else's, on the same backend, that holds a secret for a while."""
    from tests.attacks import runner

    code = """
import time
def work(secret):
    try:
        with open("diary-of-another", "w") as stream:
            stream.write(secret)
    except Exception:
        pass
    time.sleep(1.2)
    return len(secret)
"""
    call = Call(files={"work.py": code}, entry="work.py:work", arguments={"secret": scene.token})
    backend = runner.CURRENT.get()
    if backend is not None and backend.probe()[0] >= Strength.NONE:
        await backend.call(call, SMALL)


_READ_OUT = "def attack(scene):\n    return 'carried' if {} else 'clean'"

ATTACKS = [
    _carries(
        "module_globals",
        "leaves a value in a module for the next call",
        "import math\ndef attack(scene):\n    math.left = 'x'",
        "import math\n" + _READ_OUT.format("hasattr(math, 'left')"),
    ),
    _carries(
        "patched_builtins",
        "replaces a builtin for the next call",
        "import builtins\ndef attack(scene):\n    builtins.sorted = lambda *a, **k: 'x'",
        _READ_OUT.format("sorted([2, 1]) == 'x'"),
    ),
    _carries(
        "patched_json",
        "replaces json.dumps, so that the next call's result is another",
        "import json\ndef attack(scene):\n    real = json.dumps\n"
        "    json.dumps = lambda v, *a, **k: real(v, *a, **k).replace('right', 'carried')",
        "def attack(scene):\n    return 'right'",
    ),
    _carries(
        "patched_clock",
        "stops the clock for the next call",
        "import time\ndef attack(scene):\n    time.time = time.monotonic = lambda: 0.0",
        "import time\n" + _READ_OUT.format("time.time() == 0.0"),
    ),
    _carries(
        "planted_module",
        "plants a module in sys.modules for the next call to import",
        "import sys, types\ndef attack(scene):\n"
        "    sys.modules['statistics'] = m = types.ModuleType('statistics')\n    m.left = 'x'",
        "import statistics\n" + _READ_OUT.format("hasattr(statistics, 'left')"),
    ),
    _carries(
        "import_hook",
        "plants a finder on sys.meta_path that serves its own modules to the next call",
        """
import importlib.abc, importlib.util, sys
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name == "colorsys" else None
    def exec_module(self, module):
        module.left = "x"
def attack(scene):
    sys.meta_path.insert(0, Finder())
""",
        "import colorsys\n" + _READ_OUT.format("hasattr(colorsys, 'left')"),
    ),
    _carries(
        "trace_function",
        "leaves a profile function and an exit handler that change the next call",
        """
import sys, threading
def spy(frame, event, argument):
    if frame.f_code.co_name == "attack":
        frame.f_globals["left"] = "x"
def attack(scene):
    sys.setprofile(spy)
    threading.setprofile(spy)
""",
        "left = ''\n" + _READ_OUT.format("left"),
    ),
    _carries(
        "environment_left",
        "leaves environment variables such as PYTHONPATH and LD_PRELOAD for the next call",
        "import os\ndef attack(scene):\n    os.environ['PYTHONSTARTUP'] = 'x'",
        "import os\n" + _READ_OUT.format("'PYTHONSTARTUP' in os.environ"),
    ),
    _carries(
        "file_left",
        "leaves files in its folder and in temporary folders for the next call",
        """
import os, tempfile
def attack(scene):
    for folder in (".", "/tmp", "/dev/shm", "/var/tmp", tempfile.gettempdir()):
        try:
            with open(f"{folder}/{scene['mark']}-left-for-the-next", "w") as stream:
                stream.write("x")
        except OSError:
            pass
""",
        """
import glob
def attack(scene):
    for folder in (".", "/tmp", "/dev/shm", "/var/tmp"):
        for path in glob.glob(f"{folder}/*left-for-the-next"):
            return "carried"
    return "clean"
""",
    ),
    _carries(
        "module_file_left",
        "leaves a module in its folder that the next call imports",
        "def attack(scene):\n    open('colorsys.py', 'w').write('left = 1')",
        "import colorsys\n" + _READ_OUT.format("hasattr(colorsys, 'left')"),
    ),
    _carries(
        "shared_memory_left",
        "leaves a System V segment for the next call, which no folder holds",
        "import ctypes\ndef attack(scene):\n    ctypes.CDLL(None).shmget(0x61747430, 4096, 0o1666)",
        """
import ctypes
def attack(scene):
    libc = ctypes.CDLL(None)
    segment = libc.shmget(0x61747430, 4096, 0)
    if segment >= 0:
        libc.shmctl(segment, 0, None)
    return "carried" if segment >= 0 else "clean"
""",
    ),
    Attack(
        name="spy_on_files",
        tries="reads the folder of another call that runs at the same time",
        code="""
            import glob, os, time
            def attack(scene):
                said, until = [], time.monotonic() + 0.8
                while time.monotonic() < until:
                    for path in (*glob.glob("/proc/*/cwd/diary-of-another"),
                                 *glob.glob("/tmp/*/diary-of-another"),
                                 *glob.glob("/tmp/*/*/diary-of-another"),
                                 *glob.glob("../*/diary-of-another"),
                                 *glob.glob("../../*/*/diary-of-another")):
                        try:
                            said.append(open(path).read())
                        except OSError as error:
                            said.append(repr(error)[:100])
                    time.sleep(0.1)
                return said[-20:]
            """,
        during=_other_call,
        program=False,
        succeeded=leaked,
    ),
    Attack(
        name="spy_on_memory",
        tries="reads the memory of another call that runs at the same time",
        code="""
            import os, re, time
            def attack(scene):
                found, until = [], time.monotonic() + 0.8
                while time.monotonic() < until:
                    for pid in filter(str.isdigit, os.listdir("/proc")):
                        try:
                            if int(pid) in (os.getpid(), scene["host"]):
                                continue
                            if "python" not in os.readlink(f"/proc/{pid}/exe"):
                                continue
                            maps = open(f"/proc/{pid}/maps").read().splitlines()
                            if "diary-of-another" not in open(f"/proc/{pid}/cmdline").read():
                                os.stat(f"/proc/{pid}/cwd/diary-of-another")
                            with open(f"/proc/{pid}/mem", "rb", 0) as memory:
                                for line in maps:
                                    a, b = (int(x, 16) for x in line.split()[0].split("-"))
                                    if "rw" in line.split()[1] and b - a < 32 << 20:
                                        memory.seek(a)
                                        data = memory.read(b - a)
                                        found += re.findall(rb"canary-[0-9a-f]{16}", data)
                            if found:
                                return [f.decode() for f in set(found)][:20]
                        except OSError:
                            pass
                    time.sleep(0.05)
                return "nothing"
            """,
        baits=["host"],
        during=_other_call,
        program=False,
        succeeded=leaked,
        unless="this machine lets no process trace another (Yama)",
    ),
    _shadows("shadow_json", "json.py"),
    _shadows("shadow_site", "sitecustomize.py"),
    _shadows("shadow_encodings", "encodings/__init__.py"),
    _shadows("shadow_ctypes", "ctypes/__init__.py"),
    _shadows("shadow_guest", "agp_guest.py"),
]
