"""What the host plants before an attack, and looks at afterwards.

A scene has one random token. It stands in the baits, never in what the attacking code is given:
where it comes out, something was read. Facts such as paths and process ids are given to the code,
as to an attacker who knows the machine well.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pty
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from agp.processes import Limits
from tests.attacks.marks import kill_marked, marked

ENVIRONMENT = "AGP_ATTACK_KEY"
HOST_SECRET = f"host-{secrets.token_hex(8)}"
"""Stands in this process's environment from before any worker is started."""
os.environ[ENVIRONMENT] = HOST_SECRET

_VICTIM = """
import ctypes, sys, time
secret = ctypes.create_string_buffer(sys.stdin.readline().strip().encode())
print(ctypes.addressof(secret), flush=True)
time.sleep(25)
"""
_libc = ctypes.CDLL(None, use_errno=True)
_libc.shmat.restype = ctypes.c_void_p


class Scene:
    """One attack's surroundings. Use as a context manager: leaving it removes everything.

    ``folder`` is the host's, with a project, a home and a secret in it; ``facts`` is what the
    attacking code is told; ``seen`` what watchers noted; ``took`` seconds of each call.
    """

    def __init__(self) -> None:
        self.token = f"canary-{secrets.token_hex(8)}"
        self.folder = Path(tempfile.mkdtemp(prefix="agp-host-"))
        self.folder.chmod(0o755)
        self.facts: dict[str, Any] = {"mark": f"atk{secrets.token_hex(4)}"}
        self.before: dict[str, str] = {}
        self.seen: dict[str, str] = {}
        self.took: list[float] = []
        self.limits = Limits()
        self._checks: list[Callable[[], None]] = []
        self._ends: list[Callable[[], object]] = []
        self._over = threading.Event()

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for end in reversed(self._ends):
            with contextlib.suppress(OSError):
                end()
        kill_marked(self.facts["mark"])
        shutil.rmtree(self.folder, ignore_errors=True)

    def plant(self, *baits: str) -> None:
        """Plant baits by name: the methods of this class."""
        for bait in baits:
            getattr(self, f"bait_{bait}")()

    def look(self) -> None:
        """Let every bait note what happened to it. Called when the attack is over."""
        for check in self._checks:
            check()

    # -- files -----------------------------------------------------------------------------

    def bait_files(self) -> None:
        """A home with a key, a project with policy, store and tests, a PATH folder."""
        for name, text in {
            "home/.ssh/id_ed25519": f"PRIVATE KEY {self.token}",
            "home/.cache/model.bin": f"weights {self.token}",
            "home/.bashrc": "# shell\n",
            "project/agp.policy.toml": f'mode = "locked"  # {self.token}\n',
            "project/agp.toml": f'# {self.token}\nmodel = "scripted/model"\n',
            "project/.agp/store.db": f"SQLite format 3 {self.token}",
            "project/data/holdout.jsonl": f'{{"answer": "{self.token}"}}\n',
            "bin/helper": "#!/bin/sh\nexit 0\n",
            f"listed/{self.token}": "",
        }.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755 if name.startswith("bin/") else 0o644)
        (self.folder / "link").symlink_to(f"/nowhere/{self.token}")
        with contextlib.suppress(OSError):
            os.setxattr(self.folder / "home/.bashrc", "user.note", self.token.encode())
        self.facts |= {"folder": str(self.folder)}
        for path in self.folder.rglob("*"):
            self.before[str(path.relative_to(self.folder))] = self.state_of(path)

    @staticmethod
    def state_of(path: Path) -> str:
        """What the host can see of a file: mode, owner, time, content, attributes."""
        try:
            status = path.lstat()
        except OSError:
            return "absent"
        content = ""
        if path.is_file() and not path.is_symlink():
            content = sha256(path.read_bytes()).hexdigest()
        names = ()
        with contextlib.suppress(OSError):
            names = os.listxattr(path, follow_symlinks=False)
        about = (status.st_mode, status.st_uid, status.st_ino, status.st_nlink)
        when = 0 if path.is_dir() else status.st_mtime_ns
        return f"{about} {when} {content} {names}"

    def bait_shared_folders(self) -> None:
        """Names in /tmp, /dev/shm and site-packages that are to stay free."""
        import numpy  # any installed package: its parent is where packages are

        packages = Path(numpy.__file__).parent.parent
        name = f"agp-attack-{secrets.token_hex(6)}"
        paths = {
            "tmp": Path(tempfile.gettempdir(), name),
            "shm_file": Path("/dev/shm", name),
            "pth": packages / f"{name}.pth",
        }
        for fact, path in paths.items():
            self.facts[fact] = str(path)

            def check(fact: str = fact, path: Path = path) -> None:
                if path.exists():
                    self.seen[fact] = f"{fact}: a file appeared on the host"
                    path.unlink()

            self._checks.append(check)

    # -- processes -------------------------------------------------------------------------

    def bait_host(self) -> None:
        """This process: its memory, a descriptor of a deleted file, a signal that it counts."""
        self.buffer = ctypes.create_string_buffer(self.token.encode())
        hidden, path = tempfile.mkstemp()
        os.write(hidden, self.token.encode())
        os.unlink(path)
        os.set_inheritable(hidden, True)
        self._ends.append(lambda: os.close(hidden))
        self.facts |= {
            "host": os.getpid(),
            "address": ctypes.addressof(self.buffer),
            "length": len(self.token),
            "descriptor": hidden,
        }

        def heard(number: int, _: object) -> None:
            self.seen["signal"] = f"the host got signal {number}"

        if threading.current_thread() is threading.main_thread():
            old = signal.signal(signal.SIGUSR2, heard)
            self._ends.append(lambda: signal.signal(signal.SIGUSR2, old))
        threading.Thread(target=self._watch_tracer, daemon=True).start()

    def _watch_tracer(self) -> None:
        while not self._over.wait(0.02):
            for task in os.listdir("/proc/self/task"):
                with contextlib.suppress(OSError):
                    status = Path(f"/proc/self/task/{task}/status").read_text()
                    if "\nTracerPid:\t0\n" not in status:
                        self.seen["traced"] = "a thread of the host is traced"

    def bait_victim(self) -> None:
        """Another process of this user, with secrets in environment, arguments, memory, folder."""
        place = self.folder / f"victim-{self.token}"
        place.mkdir()
        victim = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _VICTIM, self.token],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={ENVIRONMENT: self.token},
            cwd=place,
            text=True,
            start_new_session=True,
        )
        assert victim.stdin
        assert victim.stdout
        victim.stdin.write(f"{self.token}\n")
        victim.stdin.flush()
        address = int(victim.stdout.readline())
        self.facts |= {"victim": victim.pid, "victim_address": address, "length": len(self.token)}
        nice, cpus = os.getpriority(os.PRIO_PROCESS, victim.pid), os.sched_getaffinity(victim.pid)
        limits = self._limits(victim.pid)

        def check() -> None:
            if victim.poll() is not None:
                self.seen["victim"] = f"another process was ended by it ({victim.returncode})"
                return
            state = Path(f"/proc/{victim.pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state in "tT":
                self.seen["victim"] = f"another process was stopped by it (state {state})"
            if os.getpriority(os.PRIO_PROCESS, victim.pid) != nice:
                self.seen["victim"] = "another process's priority was changed"
            if os.sched_getaffinity(victim.pid) != cpus:
                self.seen["victim"] = "another process's processors were changed"
            if self._limits(victim.pid) != limits:
                self.seen["victim"] = "another process's limits were changed"

        def end() -> None:
            victim.kill()
            victim.communicate()

        self._checks.append(check)
        self._ends.append(end)

    @staticmethod
    def _limits(pid: int) -> str:
        return Path(f"/proc/{pid}/limits").read_text()

    def bait_survivors(self) -> None:
        """Notes processes that still run, by the mark that they gave themselves."""

        def check() -> None:
            deadline = time.monotonic() + 0.3  # what was just killed may take a moment to go
            while (alive := marked(self.facts["mark"])) and time.monotonic() < deadline:
                time.sleep(0.02)
            if alive:
                self.seen["survivors"] = f"{len(alive)} of its processes live on"

        self._checks.append(check)

    # -- network and other channels --------------------------------------------------------

    def _listen(self, fact: str, listener: socket.socket, where: Any) -> None:
        listener.setblocking(False)
        self.facts[fact] = where

        def check() -> None:
            with contextlib.suppress(BlockingIOError):
                if listener.type == socket.SOCK_DGRAM:
                    listener.recv(100)
                else:
                    listener.accept()[0].close()
                self.seen[fact] = f"{fact}: it reached a server of the host"

        self._checks.append(check)
        self._ends.append(listener.close)

    def bait_network(self) -> None:
        """Servers on loopback: TCP, UDP, and a free port to listen on."""
        tcp = socket.create_server(("127.0.0.1", 0))
        self._listen("tcp", tcp, tcp.getsockname()[1])
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        self._listen("udp", udp, udp.getsockname()[1])
        free = socket.create_server(("127.0.0.1", 0))
        self.facts["free"] = free.getsockname()[1]
        free.close()
        with contextlib.suppress(OSError):
            tcp6 = socket.create_server(("::1", 0), family=socket.AF_INET6)
            self._listen("tcp6", tcp6, tcp6.getsockname()[1])

    def bait_unix(self) -> None:
        """Unix sockets: by path, abstract, and a datagram one."""
        name = f"agp-{secrets.token_hex(6)}"
        self.facts["abstract_name"] = name
        for fact, kind, where in (
            ("unix", socket.SOCK_STREAM, str(self.folder / "socket")),
            ("abstract", socket.SOCK_STREAM, f"\0{name}"),
            ("unix_datagram", socket.SOCK_DGRAM, f"\0{name}-datagram"),
        ):
            server = socket.socket(socket.AF_UNIX, kind)
            server.bind(where)
            if kind == socket.SOCK_STREAM:
                server.listen()
            self._listen(fact, server, where)

    def bait_shared_memory(self) -> None:
        """The token in POSIX shared memory, in a System V segment and in its message queue."""
        path = Path("/dev/shm", f"agp-{secrets.token_hex(6)}")
        path.write_text(self.token)
        self._ends.append(path.unlink)
        key = secrets.randbits(30) | 1
        segment = _libc.shmget(key, 4096, 0o1666)
        where = _libc.shmat(segment, None, 0)
        ctypes.memmove(where, self.token.encode(), len(self.token))
        _libc.shmdt(ctypes.c_void_p(where))
        self._ends.append(lambda: _libc.shmctl(segment, 0, None))
        queue = _libc.msgget(key, 0o1666)
        message = ctypes.create_string_buffer(b"\1" + bytes(7) + self.token.encode())
        _libc.msgsnd(queue, message, len(self.token), 0)
        self._ends.append(lambda: _libc.msgctl(queue, 0, None))
        self.facts |= {"posix_memory": str(path), "key": key, "length": len(self.token)}

    def bait_terminal(self) -> None:
        """A terminal of the host's, which notes what is written to it or typed into it."""
        master, slave = pty.openpty()
        name = os.ttyname(slave)
        os.set_blocking(master, False)
        os.set_blocking(slave, False)
        self.facts["terminal"] = name

        def check() -> None:
            for side in (master, slave):
                with contextlib.suppress(OSError):
                    if os.read(side, 100):
                        self.seen["terminal"] = "something was written to the host's terminal"

        self._checks.append(check)
        self._ends += [lambda: os.close(master), lambda: os.close(slave)]
