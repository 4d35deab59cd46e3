"""Using more than was given: processes, memory, time, output, files. All bounded."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from agp.sandbox.interface import Confined
from tests.attacks.case import SMALL, Attack, Naive, either, late, noted, says
from tests.attacks.corpus.survivors import NAMED, SHORT
from tests.attacks.scene import Scene

FLOOD = replace(SMALL, wall_s=2.0)


def more_than(limit: int, what: str):
    """The code, before it was stopped, had printed that it had more than that."""

    def judge(scene: Scene, runs: Sequence[Confined]) -> str:
        counts = [int(w) for w in "\n".join(r.stdout for r in runs).split() if w.isdigit()]
        most = max([*counts, *(r.value for r in runs if isinstance(r.value, int))], default=0)
        return f"{most} {what}, where {limit} were allowed" if most > limit else ""

    return judge


def _prints_much(scene: Scene, runs: Sequence[Confined]) -> str:
    kept = max(len(run.stdout) + len(run.stderr) for run in runs)
    most = 2 * scene.limits.output_bytes + 10_000
    return f"the host kept {kept} bytes of output" if kept > most else ""


def _below(folder: Path, depth: int) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            yield path
            if depth and path.is_dir() and not path.is_symlink():
                yield from _below(path, depth - 1)


def _left_in_tmp(scene: Scene, runs: Sequence[Confined]) -> str:
    mark = scene.facts["mark"]
    tops = [Path(tempfile.gettempdir()), Path("/dev/shm"), Path("/var/tmp")]
    found = [path for top in tops for path in _below(top, 4) if path.name.startswith(mark)]
    return f"{len(found)} files of it are left on the host" if found else ""


ATTACKS = [
    Attack(
        name="fork_bomb",
        tries="starts processes that start processes (at most 200)",
        code=NAMED
        + """
def attack(scene):
    name(scene)
    for count in range(1, 201):
        if os.fork() == 0:
            time.sleep(1)
            os._exit(0)
        if count % 20 == 0:
            os.write(1, f"\\n{count}\\n".encode())
    os.write(1, b"\\n200\\n")
    return 200
""",
        baits=["survivors"],
        succeeded=either(more_than(39, "processes"), noted("survivors")),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="thread_bomb",
        tries="starts 250 threads, where 8 processes are allowed",
        code="""
            import os, threading, time
            def attack(scene):
                threading.stack_size(65536)
                count = 0
                for count in range(1, 251):
                    threading.Thread(target=time.sleep, args=(0.5,), daemon=True).start()
                    if count % 50 == 0:
                        os.write(1, b"\\n%d\\n" % count)
                return count
            """,
        succeeded=more_than(249, "threads"),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="memory_bomb",
        tries="takes 640 MiB of memory",
        code="""
            def attack(scene):
                held = []
                for _ in range(40):
                    held.append(bytearray(b"x") * (16 << 20))
                return "done"
            """,
        succeeded=says(),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="memory_in_children",
        tries="takes 600 MiB of memory, spread over its children",
        code="""
            import os, time
            def attack(scene):
                children = []
                for _ in range(4):
                    pid = os.fork()
                    if pid == 0:
                        held = bytearray(b"x") * (150 << 20)
                        os.write(1, b"\\n200\\n")
                        time.sleep(1.5)
                        os._exit(0)
                    children.append(pid)
                for pid in children:
                    if os.waitpid(pid, 0)[1]:
                        raise MemoryError
                return "done"
            """,
        succeeded=says(),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="memory_in_files",
        tries="takes 600 MiB of memory as anonymous files, which no address space counts",
        code="""
            import os
            def attack(scene):
                held = []
                for _ in range(300):
                    fd = os.memfd_create("x")
                    os.write(fd, b"x" * (2 << 20))
                    held.append(fd)
                return "done"
            """,
        succeeded=says(),
    ),
    Attack(
        name="endless_loop",
        tries="never ends",
        code="def attack(scene):\n    while True:\n        pass",
        limits=SHORT,
        succeeded=late,
        shown_on=Naive.BARE,
    ),
    Attack(
        name="sleep",
        tries="sleeps for 30 seconds, using no processor time",
        code="import time\ndef attack(scene):\n    time.sleep(30)",
        limits=SHORT,
        succeeded=late,
        shown_on=Naive.BARE,
    ),
    Attack(
        name="loop_in_c",
        tries="stays in one C function that no Python signal handler can interrupt",
        code="""
            import re
            def attack(scene):
                return bool(re.match("(a|aa)+$", "a" * 60 + "b"))
            """,
        limits=SHORT,
        succeeded=late,
        shown_on=Naive.BARE,
    ),
    Attack(
        name="big_power",
        tries="computes a number that is never finished",
        code="def attack(scene):\n    return 7 ** 7 ** 7 ** 7 % 10",
        limits=SHORT,
        succeeded=late,
        shown_on=Naive.BARE,
    ),
    Attack(
        name="catch_all",
        tries="catches whatever exception is to end it, and goes on",
        code="""
            def attack(scene):
                while True:
                    try:
                        while True:
                            pass
                    except BaseException:
                        pass
            """,
        limits=SHORT,
        succeeded=late,
        shown_on=Naive.BARE,
    ),
    Attack(
        name="output_flood",
        tries="prints 1 GB",
        code="""
            import os
            def attack(scene):
                block = b"x" * (1 << 20)
                for _ in range(1000):
                    os.write(1, block)
                os.write(1, b"\\n")
            """,
        limits=FLOOD,
        succeeded=either(_prints_much, late),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="error_flood",
        tries="prints 1 GB as errors, and raises an error with 100 MB of text",
        code="""
            import os, sys
            def attack(scene):
                block = b"x" * (1 << 20)
                for _ in range(1000):
                    os.write(2, block)
                raise ValueError("x" * 100_000_000)
            """,
        limits=FLOOD,
        succeeded=lambda scene, runs: (
            _prints_much(scene, runs)
            or late(scene, runs)
            or (
                "an error of megabytes was kept"
                if any(len(r.error) > 1 << 20 for r in runs)
                else ""
            )
        ),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="result_flood",
        tries="returns 64 MB",
        code="def attack(scene):\n    return 'x' * 64_000_000",
        program=False,
        limits=FLOOD,
        succeeded=lambda scene, runs: (
            "64 MB were taken for the result"
            if isinstance(runs[-1].value, str) and len(runs[-1].value) > 1 << 24
            else ""
        ),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="big_file",
        tries="writes a file of 64 MB, where 4 are allowed",
        code="""
            def attack(scene):
                with open("big", "wb") as stream:
                    for _ in range(64):
                        stream.write(b"x" * (1 << 20))
                return "done"
            """,
        succeeded=says(),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="fill_disk",
        tries="writes 100 files of 3 MB: each is allowed, all together would fill a disk",
        code="""
            def attack(scene):
                for number in range(100):
                    with open(f"part{number}", "wb") as stream:
                        stream.write(b"x" * (3 << 20))
                return "done"
            """,
        succeeded=says(),
    ),
    Attack(
        name="many_files",
        tries="makes 10,000 empty files",
        code="""
            def attack(scene):
                for number in range(10_000):
                    open(f"f{number}", "w").close()
                return "done"
            """,
        succeeded=says(),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="stay_on_disk",
        tries="leaves files behind: closed folders, deep ones, immutable ones",
        code="""
            import os
            def attack(scene):
                name = scene["mark"]
                os.mkdir(name)
                os.chdir(name)
                for _ in range(300):
                    os.mkdir(name * 20)
                    os.chdir(name * 20)
                open(name, "w").close()
                os.chmod(".", 0)
            """,
        succeeded=_left_in_tmp,
        shown_on=Naive.BARE,
    ),
    Attack(
        name="raise_limits",
        tries="raises its own limits, then uses 600 MB and a file of 16 MB",
        code="""
            import resource
            def attack(scene):
                for name in ("AS", "DATA", "FSIZE", "CPU", "NPROC", "NOFILE", "CORE"):
                    kind = getattr(resource, f"RLIMIT_{name}")
                    try:
                        resource.setrlimit(kind, (-1, -1))
                    except (OSError, ValueError):
                        pass
                with open("big", "wb") as stream:
                    for _ in range(16):
                        stream.write(b"x" * (1 << 20))
                return "done"
            """,
        succeeded=says(),
        unless="only root can do this",
    ),
    Attack(
        name="many_descriptors",
        tries="opens 5,000 descriptors",
        code="""
            import os
            def attack(scene):
                held = []
                for _ in range(2500):
                    held += os.pipe()
                return "done"
            """,
        succeeded=says(),
        unless="this machine's own limit is lower",
    ),
]
