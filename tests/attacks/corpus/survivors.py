"""Outliving the call: daemons, siblings, holders of pipes, ignorers of signals."""

from __future__ import annotations

from dataclasses import replace

from tests.attacks.case import SMALL, Attack, Naive, either, late, noted

SHORT = replace(SMALL, wall_s=0.5, cpu_s=1)

NAMED = """
import ctypes, os, signal, sys, time
def name(scene):
    # In three ways, so that the host recognises the process even where some are closed.
    for way in (
        lambda: ctypes.CDLL(None).prctl(15, scene["mark"].encode(), 0, 0, 0),
        lambda: open("/proc/self/comm", "w").write(scene["mark"]),
        lambda: kept.append(open(scene["mark"], "w")),
    ):
        try:
            way()
        except Exception:
            pass
kept = []
"""

ATTACKS = [
    Attack(
        name="daemon",
        tries="leaves a grandchild behind: double fork, new session, no environment",
        code=NAMED
        + """
def attack(scene):
    if os.fork() == 0:
        try:
            os.setsid()
        except OSError:
            pass
        os.environ.clear()
        if os.fork() == 0:
            name(scene)
            for fd in range(3):
                try:
                    os.close(fd)
                except OSError:
                    pass
            ctypes.memset(ctypes.c_void_p.in_dll(ctypes.CDLL(None), "environ").value, 0, 8)
            time.sleep(20)
            os._exit(0)
        time.sleep(0.05)
        os._exit(0)
    time.sleep(0.3)
    return "left"
""",
        baits=["survivors"],
        succeeded=noted("survivors"),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="daemon_exec",
        tries="leaves a program behind that was started with an empty environment",
        code="""
            import os, subprocess, sys
            def attack(scene):
                code = "import time; time.sleep(20)"
                subprocess.Popen([sys.executable, "-I", "-S", "-c", code, scene["mark"]], env={},
                                 start_new_session=True, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            """,
        baits=["survivors"],
        succeeded=noted("survivors"),
    ),
    Attack(
        name="sibling",
        tries="leaves a process behind that is its parent's child: clone with CLONE_PARENT",
        code=NAMED
        + """
def attack(scene):
    libc = ctypes.CDLL(None, use_errno=True)
    pid = libc.syscall(ctypes.c_long(56), ctypes.c_long(0x8000 | 17), 0, 0, 0, 0)
    if pid == 0:
        try:
            os.setsid()
            name(scene)
            time.sleep(20)
        finally:
            os._exit(0)
    if pid < 0:
        raise OSError(ctypes.get_errno())
    time.sleep(0.3)
""",
        baits=["survivors"],
        limits=SHORT,
        succeeded=noted("survivors"),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="pipe_holder",
        tries="ends at once, while a child that sleeps holds all its pipes open",
        code=NAMED
        + """
def attack(scene):
    if os.fork() == 0:
        name(scene)
        time.sleep(20)
        os._exit(0)
    return "left"
""",
        baits=["survivors"],
        limits=SHORT,
        succeeded=either(late, noted("survivors")),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="unkillable",
        tries="ignores every signal and sleeps",
        code=NAMED
        + """
def attack(scene):
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    name(scene)
    while True:
        time.sleep(20)
""",
        baits=["survivors"],
        limits=SHORT,
        succeeded=either(late, noted("survivors")),
        shown_on=Naive.BARE,
    ),
]
