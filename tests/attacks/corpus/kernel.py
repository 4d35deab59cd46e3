"""The kernel's rarer doors: other system call tables, namespaces, mounts, clocks, tracing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agp.sandbox.interface import Confined
from tests.attacks.case import Attack, Naive, leaked, says
from tests.attacks.scene import Scene

_ROOT = "only root can do this"
_KERNEL = "this kernel does not offer it"


def _call(name: str, tries: str, statement: str, unless: str = "") -> Attack:
    """A system call that must not even reach the kernel's code for it."""
    return Attack(
        name=name,
        tries=tries,
        kernel=True,
        code=f"def attack(scene):\n    {statement}\n    return 'done'",
        succeeded=says(),
        unless=unless,
    )


def _mounted(scene: Scene, runs: Sequence[Confined]) -> str:
    where = f"{scene.folder}/home"
    if f" {where} " not in Path("/proc/self/mounts").read_text():
        return ""
    import ctypes

    ctypes.CDLL(None).umount2(where.encode(), 2)
    return "something was mounted over a host folder"


_COMPATIBLE = """
import mmap
def attack(scene):
    # open(path) and read(fd) through the 32-bit table, from memory below 4 GB.
    path = (scene["folder"] + "/home/.ssh/id_ed25519").encode() + b"\\0"
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
    low = libc.mmap(None, 8192, 7, 0x62, -1, 0)
    if low is None or low > 1 << 32:
        raise OSError("no executable memory")
    def call(number, a, b, c):
        code = bytes([0x53])
        for load, value in zip((0xB8, 0xBB, 0xB9, 0xBA), (number, a, b, c)):
            code += bytes([load]) + value.to_bytes(4, "little")
        code += bytes([0xCD, 0x80, 0x5B, 0xC3])
        ctypes.memmove(low, code, len(code))
        return ctypes.CFUNCTYPE(ctypes.c_int)(low)()
    ctypes.memmove(low + 4096, path, len(path))
    fd = call(5, low + 4096, 0, 0)
    if fd < 0:
        raise OSError(f"open: {fd}")
    size = call(3, fd, low + 4096, 200)
    return ctypes.string_at(low + 4096, max(size, 0)).decode()
"""

ATTACKS = [
    Attack(
        name="calls_of_32_bit",
        tries="opens a host file through the 32-bit system call table (int 0x80)",
        kernel=True,
        code=_COMPATIBLE,
        baits=["files"],
        succeeded=leaked,
        unless=_KERNEL,
    ),
    Attack(
        name="calls_of_x32",
        tries="opens a host file through the x32 system call table",
        kernel=True,
        code="""
            import os
            def attack(scene):
                path = (scene["folder"] + "/home/.ssh/id_ed25519").encode()
                return os.read(sys_(0x40000000 | 2, path, 0, 0), 200).decode()
            """,
        baits=["files"],
        succeeded=leaked,
        unless=_KERNEL,
    ),
    Attack(
        name="io_uring",
        tries="sets up io_uring, whose operations no system call filter sees",
        kernel=True,
        code="""
            def attack(scene):
                sys_(425, 4, ctypes.create_string_buffer(200))
                return "done"
            """,
        succeeded=says(),
        unless=_KERNEL,
    ),
    _call(
        "bpf",
        "loads a program into the kernel",
        "sys_(321, 0, (ctypes.c_uint * 32)(1, 4, 4, 1), 64)",
        _ROOT,
    ),
    _call(
        "perf",
        "opens a performance counter",
        "sys_(298, (ctypes.c_uint * 32)(1, 128, 0), 0, -1, -1, 0)",
        _KERNEL,
    ),
    _call("userfaultfd", "handles page faults itself, to win races", "sys_(323, 1)", _KERNEL),
    _call(
        "keyring",
        "puts a key into the user's keyring, for others to find",
        "sys_(248, b'user', b'agp-attack', b'x', 1, -4)",
    ),
    _call(
        "user_namespace",
        "becomes root of a namespace of its own",
        "sys_(272, 0x10000000)",
        "user namespaces are forbidden",
    ),
    _call(
        "namespaces",
        "leaves for new namespaces: mounts, network, processes",
        "sys_(272, 0x00020000 | 0x40000000 | 0x20000000)",
        _ROOT,
    ),
    Attack(
        name="setns",
        tries="joins the namespaces of another process",
        kernel=True,
        code="""
            def attack(scene):
                sys_(308, sys_(434, scene["host"], 0), 0x00020000 | 0x40000000)
                return "done"
            """,
        baits=["host"],
        succeeded=says(),
        unless=_ROOT,
    ),
    Attack(
        name="mount",
        tries="mounts over a host folder",
        kernel=True,
        code="""
            def attack(scene):
                sys_(165, b"tmpfs", (scene["folder"] + "/home").encode(), b"tmpfs", 0, 0)
            """,
        baits=["files"],
        succeeded=_mounted,
        unless=_ROOT,
    ),
    _call(
        "new_mount_calls",
        "opens a mount with the newer calls (open_tree, fsopen)",
        "sys_(430, b'tmpfs', 0)",
        _ROOT,
    ),
    _call("chroot", "moves its root", "sys_(161, b'/')", _ROOT),
    _call(
        "set_clock",
        "sets the machine's clock (to what it is)",
        "t = (ctypes.c_long * 2)(); sys_(228, 0, t); sys_(227, 0, t)",
        _ROOT,
    ),
    _call(
        "adjust_clock",
        "adjusts the machine's clock (by nothing)",
        "t = (ctypes.c_long * 26)(); sys_(159, t); t[0] = 0x4000; sys_(159, t)",
        _ROOT,
    ),
    _call(
        "set_hostname",
        "renames the machine (to what it is called)",
        "n = os.uname().nodename.encode(); sys_(170, n, len(n))",
        _ROOT,
    ),
    _call(
        "kernel_log",
        "reads the kernel's log",
        "sys_(103, 3, ctypes.create_string_buffer(1000), 1000)",
        _ROOT,
    ),
    _call(
        "devices",
        "makes a device node of a disk",
        "sys_(133, b'disk', 0o60600, 0x800); os.unlink('disk')",
        _ROOT,
    ),
    _call(
        "swap",
        "switches off memory that is swapped (of no such file)",
        "got = libc.syscall(168, b'/nowhere'); assert ctypes.get_errno() == 2",
        _ROOT,
    ),
    _call(
        "reboot",
        "restarts the machine (with a number that the kernel refuses)",
        "got = libc.syscall(169, 1, 2, 3, 0); assert ctypes.get_errno() == 22",
        _ROOT,
    ),
    _call(
        "module",
        "loads a kernel module (that is none)",
        "got = libc.syscall(175, b'x', 1, b''); assert ctypes.get_errno() in (8, 22)",
        _ROOT,
    ),
    _call("become_other", "becomes another user", "sys_(117, 12345, 12345, 12345)", _ROOT),
    _call(
        "real_time",
        "takes the processor with real-time priority",
        "sys_(144, 0, 1, (ctypes.c_int * 1)(50))",
        _ROOT,
    ),
    Attack(
        name="memory_program",
        tries="runs a program that is no file: memfd and execveat",
        code="""
            import os, shutil, sys
            def attack(scene):
                fd = os.memfd_create("x", 0)
                os.write(fd, b"#!/bin/sh\\necho; echo done; exit 0\\n")
                if os.fork() == 0:
                    try:
                        os.dup2(1, 2)
                        os.execve(fd, ["x"], {})
                    finally:
                        os._exit(1)
                os.wait()
                return "tried"
            """,
        succeeded=lambda scene, runs: (
            "a program without a file ran" if any("\ndone\n" in run.stdout for run in runs) else ""
        ),
    ),
    Attack(
        name="run_shell",
        tries="runs a shell",
        code="""
            import os, subprocess
            def attack(scene):
                said = subprocess.run("echo do''ne", shell=True, capture_output=True, text=True)
                return said.stdout.strip()
            """,
        succeeded=says(),
    ),
    Attack(
        name="setuid_program",
        tries="uses the machine's setuid programs to become root",
        code="""
            import os, subprocess
            def attack(scene):
                for path in ("/usr/bin/su", "/bin/su", "/usr/bin/mount", "/usr/bin/passwd"):
                    try:
                        subprocess.run([path, "--version"], capture_output=True, timeout=2)
                        return "done"
                    except OSError as error:
                        said = repr(error)
                return said
            """,
        succeeded=says(),
        unless="this machine has no such program",
    ),
    Attack(
        name="watch_files",
        tries="watches a host folder: which files come and go",
        kernel=True,
        code="""
            def attack(scene):
                fd = sys_(253)
                sys_(254, fd, (scene["folder"] + "/home").encode(), 0xFFF)
                return "done"
            """,
        baits=["files"],
        succeeded=says(),
    ),
    Attack(
        name="own_filter",
        tries="replaces the rules by a system call filter and Landlock rules that allow all",
        kernel=True,
        code="""
            import os
            def attack(scene):
                rule = (ctypes.c_ushort * 4)(6, 0, 0, 0x7FFF)  # return ALLOW
                program = (ctypes.c_ulong * 2)(1, ctypes.addressof(rule))
                for call in ((157, 38, 1, 0, 0, 0), (317, 1, 0, program), (157, 22, 2, program),
                             (157, 22, 0, 0), (157, 38, 0, 0, 0, 0), (157, 4, 1)):
                    try:
                        sys_(*call)
                    except Failed:
                        pass
                return open(scene["folder"] + "/home/.ssh/id_ed25519").read()
            """,
        baits=["files"],
        succeeded=leaked,
    ),
    Attack(
        name="core_dump",
        tries="dies with a core dump of what the warm worker held",
        code="""
            import os, resource
            def attack(scene):
                resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
                if os.fork() == 0:
                    os.abort()
                return "done" if os.WCOREDUMP(os.wait()[1]) else "none"
            """,
        succeeded=says(),
        shown_on=Naive.BARE,
        unless="this machine writes no core dumps",
    ),
]
