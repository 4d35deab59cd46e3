"""Other processes: their memory, environment, descriptors, signals, priorities."""

from __future__ import annotations

from tests.attacks.case import Attack, Naive, everything, leaked, noted
from tests.attacks.scene import ENVIRONMENT, HOST_SECRET, Scene


def _host_secret(scene: Scene, runs) -> str:
    return "the host's environment came out" if HOST_SECRET in everything(runs) else ""


def _victim(name: str, tries: str, code: str, unless: str = "", judge=leaked) -> Attack:
    return Attack(
        name=name,
        tries=tries,
        kernel=True,
        code=code,
        baits=["victim"],
        succeeded=judge,
        unless=unless,
    )


def _signals(name: str, tries: str, body: str, unless: str = "") -> Attack:
    code = f"import os, signal\ndef attack(scene):\n    pid = scene['victim']\n    {body}"
    return _victim(name, tries, code, unless, noted("victim"))


_PTRACE = "this machine lets no process trace another (Yama)"

_READ = [
    Attack(
        name="own_environment",
        tries="reads keys from its own environment",
        code="import os\ndef attack(scene):\n    return dict(os.environ)",
        succeeded=_host_secret,
        shown_on=Naive.BARE,
    ),
    Attack(
        name="libc_environment",
        tries="reads keys from the C library's environment and its own /proc/self/environ",
        kernel=True,
        code=f"""
            def attack(scene):
                libc.getenv.restype = ctypes.c_char_p
                said = [repr(libc.getenv({ENVIRONMENT.encode()!r}))]
                try:
                    said.append(open("/proc/self/environ", "rb").read().decode())
                except OSError as error:
                    said.append(repr(error))
                return said
            """,
        succeeded=_host_secret,
        shown_on=Naive.BARE,
    ),
    _victim(
        "proc_environ",
        "reads another process's environment",
        "def attack(scene):\n    return open(f\"/proc/{scene['victim']}/environ\").read()",
    ),
    _victim(
        "proc_cmdline",
        "reads another process's arguments",
        "def attack(scene):\n    return open(f\"/proc/{scene['victim']}/cmdline\").read()",
    ),
    _victim(
        "proc_cwd",
        "reads where another process works",
        "def attack(scene):\n    return os.readlink(f\"/proc/{scene['victim']}/cwd\")",
    ),
    _victim(
        "proc_mem",
        "reads another process's memory through /proc",
        """
            def attack(scene):
                with open(f"/proc/{scene['victim']}/mem", "rb", 0) as memory:
                    memory.seek(scene["victim_address"])
                    return memory.read(scene["length"]).decode()
            """,
        _PTRACE,
    ),
    _victim(
        "process_vm_readv",
        "reads another process's memory by system call",
        """
            def attack(scene):
                size = scene["length"]
                here = ctypes.create_string_buffer(size)
                mine = (ctypes.c_ulong * 2)(ctypes.addressof(here), size)
                other = (ctypes.c_ulong * 2)(scene["victim_address"], size)
                sys_(310, scene["victim"], mine, 1, other, 1, 0)
                return here.raw.decode()
            """,
        _PTRACE,
    ),
    Attack(
        name="host_memory",
        tries="reads the host's own memory: /proc/PID/mem, maps and process_vm_readv",
        kernel=True,
        code="""
            def attack(scene):
                size, said = scene["length"], []
                try:
                    with open(f"/proc/{scene['host']}/mem", "rb", 0) as memory:
                        memory.seek(scene["address"])
                        said.append(memory.read(size).decode())
                except OSError as error:
                    said.append(repr(error))
                here = ctypes.create_string_buffer(size)
                mine = (ctypes.c_ulong * 2)(ctypes.addressof(here), size)
                other = (ctypes.c_ulong * 2)(scene["address"], size)
                try:
                    sys_(310, scene["host"], mine, 1, other, 1, 0)
                    said.append(here.raw.decode())
                except Failed as error:
                    said.append(repr(error))
                return said
            """,
        baits=["host"],
        succeeded=leaked,
        unless=_PTRACE,
    ),
    Attack(
        name="host_descriptor",
        tries="opens the host's descriptors through /proc, and fetches one with pidfd_getfd",
        kernel=True,
        code="""
            def attack(scene):
                said = []
                try:
                    said.append(open(f"/proc/{scene['host']}/fd/{scene['descriptor']}").read())
                except OSError as error:
                    said.append(repr(error))
                try:
                    pidfd = sys_(434, scene["host"], 0)
                    fd = sys_(438, pidfd, scene["descriptor"], 0)
                    said.append(os.pread(fd, 100, 0).decode())
                except Failed as error:
                    said.append(repr(error))
                return said
            """,
        baits=["host"],
        succeeded=leaked,
        unless=_PTRACE,
    ),
    Attack(
        name="inherited_descriptors",
        tries="reads whatever open descriptor it inherited",
        code="""
            import os
            def attack(scene):
                said = []
                for fd in range(3, 256):
                    try:
                        os.set_blocking(fd, False)
                        said.append(os.pread(fd, 100, 0).decode("latin-1"))
                    except (OSError, ValueError):
                        pass
                return said
            """,
        baits=["host"],
        succeeded=leaked,
        shown_on=Naive.BARE,
    ),
    _victim(
        "ptrace_read",
        "attaches to another process and reads its memory word by word",
        """
            import time
            def attack(scene):
                pid = scene["victim"]
                sys_(101, 16, pid, 0, 0)
                os.waitpid(pid, 0x40000000)
                said = b""
                for offset in range(0, scene["length"] + 8, 8):
                    word = ctypes.c_ulong()
                    sys_(101, 1, pid, scene["victim_address"] + offset, ctypes.byref(word))
                    said += word.value.to_bytes(8, "little")
                sys_(101, 17, pid, 0, 0)
                return said.decode("latin-1")
            """,
        _PTRACE,
    ),
    Attack(
        name="ptrace_host",
        tries="seizes the host as its tracer",
        kernel=True,
        code="""
            import time
            def attack(scene):
                sys_(101, 0x4206, scene["host"], 0, 0)
                time.sleep(0.3)
            """,
        baits=["host"],
        succeeded=noted("traced"),
        unless=_PTRACE,
    ),
    Attack(
        name="ptrace_parent",
        tries="attaches to its own parent and to process 1 of its namespace",
        kernel=True,
        code="""
            import time
            def attack(scene):
                said = []
                for pid in {os.getppid(), scene["victim"]} - {0, scene["host"]}:
                    try:
                        sys_(101, 0x4206, pid, 0, 0)
                        said.append("seized")
                    except Failed as error:
                        said.append(repr(error))
                return "done" if "seized" in said else said
            """,
        baits=["host", "victim"],
        succeeded=lambda scene, runs: (
            "it traces another process"
            if any(run.value == "done" or "\ndone\n" in run.stdout for run in runs)
            else ""
        ),
        unless=_PTRACE,
    ),
]

_SIGNAL = [
    Attack(
        name="signal_host",
        tries="sends the host a signal",
        code="""
            import os, signal
            def attack(scene):
                os.kill(scene["host"], signal.SIGUSR2)
            """,
        baits=["host"],
        succeeded=noted("signal"),
    ),
    Attack(
        name="signal_parent",
        tries="stops its own parent, whatever that is",
        code="""
            import os, signal
            def attack(scene):
                os.kill(os.getppid(), signal.SIGUSR2 if os.getppid() == scene["host"]
                        else signal.SIGSTOP)
            """,
        baits=["host"],
        succeeded=noted("signal"),
    ),
    _signals("kill", "ends another process with kill", "os.kill(pid, signal.SIGKILL)"),
    _signals("killpg", "ends another process group", "os.killpg(pid, signal.SIGKILL)"),
    _signals("tkill", "ends another process with tkill", "sys_(200, pid, 9)"),
    _signals("tgkill", "ends another process with tgkill", "sys_(234, pid, pid, 9)"),
    _signals(
        "sigqueue",
        "ends another process with rt_sigqueueinfo and rt_tgsigqueueinfo",
        "info = (ctypes.c_int * 32)(15, 0, -1)\n"
        "    try:\n        sys_(129, pid, 15, info)\n"
        "    except Failed:\n        sys_(297, pid, pid, 15, info)",
    ),
    _signals(
        "pidfd_signal",
        "ends another process through a pidfd",
        "sys_(424, sys_(434, pid, 0), 15, 0, 0)",
    ),
    _signals(
        "stop_process",
        "freezes another process",
        "os.kill(pid, signal.SIGSTOP)",
    ),
    _signals(
        "sigio_owner",
        "makes a pipe's owner another process, so that the kernel signals it",
        "import fcntl\n    r, w = os.pipe()\n"
        "    fcntl.fcntl(r, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)\n"
        "    fcntl.fcntl(r, fcntl.F_SETOWN, pid)\n"
        "    fcntl.fcntl(r, 10, signal.SIGTERM)\n"
        "    os.write(w, b'x')",
    ),
    _signals("renice", "slows another process down", "os.setpriority(os.PRIO_PROCESS, pid, 19)"),
    _signals(
        "set_affinity",
        "binds another process to one processor",
        "os.sched_setaffinity(pid, {min(os.sched_getaffinity(0))})",
        "this machine has one processor",
    ),
    _signals(
        "foreign_limits",
        "takes another process's files away with prlimit",
        "sys_(302, pid, 7, (ctypes.c_ulong * 2)(3, 3), 0)",
    ),
]

ATTACKS = _READ + _SIGNAL
