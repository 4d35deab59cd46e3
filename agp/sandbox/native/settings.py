"""What the confined side is told of this machine: found once, the same for all runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from agp.processes import Limits
from agp.processes.folder import fresh_folder

FOLDER = str(Path(__file__).parent)
"""Where `inside` is imported from."""

DISK_FACTOR = 4
"""Times ``Limits.file_mb``: what all files of a run together may take of the disk."""

THREADS = 64
"""Of a run, beside the first one of each process."""

_USERS = 0x70000000  # numbers that no distribution gives to anyone
_CHOWN, _DAC_READ_SEARCH, _SETGID, _SETUID = 0, 2, 6, 7
_MOST_PROCESSES = 1 << 22
_NOBODY = 65534


def interpreter(module: str) -> list[str]:
    """The command of a bare interpreter that runs ``main`` of a module of `inside`."""
    start = f"import sys; sys.path.insert(0, {FOLDER!r}); import inside.{module} as m; m.main()"
    return [sys.executable, "-I", "-S", "-X", "utf8", "-c", start]


def _identity(*, landlock: bool) -> dict[str, Any]:
    """As whom confined code runs: see `inside.confine.become_nobody`."""
    base, own = _user()
    closed = not _open_to_all(os.path.dirname(os.__file__))
    reads = landlock and closed and _holds(_DAC_READ_SEARCH)
    return {"base": base, "own": own, "reads": reads}


def _user() -> tuple[int | None, bool]:
    if os.geteuid() != 0 or not _holds(_CHOWN, _SETGID, _SETUID):
        return None, False
    rows = [list(map(int, row.split())) for row in _read("/proc/self/uid_map").splitlines()]
    for user, own in ((_USERS, True), (_NOBODY, False)):
        last = user + (_MOST_PROCESSES if own else 0)
        if any(start <= user and last < start + count for start, _, count in rows):
            return user, own
    return None, False


def _holds(*capabilities: int) -> bool:
    """Whether this process may do what these capabilities stand for."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", _read("/proc/self/status"), re.MULTILINE)
    held = int(found[1], 16) if found else 0
    return all(held >> capability & 1 for capability in capabilities)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _open_to_all(folder: str) -> bool:
    """Whether everyone can enter a folder and read what is in it."""
    path = Path(folder).resolve()
    return all(each.stat().st_mode & 0o001 for each in (path, *path.parents)) and bool(
        path.stat().st_mode & 0o004
    )


@cache
def found() -> dict[str, Any]:
    """What confinement reaches on this machine, tried in processes: see `inside.probe`.

    ``landlock`` its version, ``seccomp`` whether, ``through`` what remains open, ``error``.
    """
    about: dict[str, Any] = {"landlock": 0, "seccomp": False, "through": []}
    if not sys.platform.startswith("linux"):
        return {**about, "error": "it needs Linux"}
    error = ""
    for landlock, seccomp in ((True, True), (True, False), (False, True)):
        try:
            return {**_probed(landlock=landlock, seccomp=seccomp), "error": error}
        except (OSError, ValueError, subprocess.TimeoutExpired) as failed:
            error = error or str(failed)
    return {**about, "error": error}


def _probed(*, landlock: bool, seccomp: bool) -> dict[str, Any]:
    settings = {
        "limits": asdict(Limits()),
        "identity": _identity(landlock=landlock),
        "readable": __file__,
        "landlock": landlock,
        "seccomp": seccomp,
    }
    with fresh_folder(prefix="agp-probe-") as folder:
        ran = subprocess.run(
            [*interpreter("probe"), json.dumps(settings)],
            cwd=folder,
            env={},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    if ran.returncode != 0:
        raise OSError((ran.stderr.strip() or "the probe ended early").splitlines()[-1])
    return json.loads(ran.stdout)


@cache
def machine(*, namespaced: bool = False) -> dict[str, Any]:
    """As whom to run, and what must be there: a process that cannot be so confined ends.

    ``namespaced``: it already is a user of its own.
    """
    about = found()
    abi = about["landlock"]
    already: dict[str, Any] = {"base": None, "own": True, "reads": False}
    return {
        "identity": already if namespaced else _identity(landlock=abi > 0),
        "landlock": abi,
        "seccomp": about["seccomp"],
    }
