"""What of the machine's files confined code may read: the standard library and little else."""

from __future__ import annotations

import glob
import os
import sys

from .landlock import READ, READ_FILE, RUN, USE, Rule

_NOT_LIBRARY = {"site-packages", "dist-packages", "test", "__pycache__"}
_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/proc/self/status")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/full")
_PROGRAMS = (
    *("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64"),
    *("/lib", "/lib32", "/lib64", "/usr/libexec", "/usr/share"),
)


def library() -> list[str]:
    """The entries of the standard library's folder, without what was installed beside it."""
    folder = os.path.dirname(os.__file__)
    names = [name for name in os.listdir(folder) if name not in _NOT_LIBRARY]
    return [os.path.join(folder, name) for name in [*names, "__pycache__"]]


def coarse() -> list[Rule]:
    """Read rules where an outer layer already keeps to `fine`: few, so that they are cheap."""
    folder = os.path.dirname(os.__file__)
    places = [folder, *_shared(), "/usr/share/zoneinfo"]
    return [*((place, READ) for place in places), *_small()]


def fine() -> list[Rule]:
    """Read rules for the standard library, shared libraries, time zones and devices."""
    rules = [(path, READ) for path in library()]
    multiarch = getattr(sys.implementation, "_multiarch", "") or "none"
    rules += [(f"{top}/lib/{multiarch}", READ) for top in ("", "/usr")]
    for folder in _shared():
        rules += [(path, READ_FILE) for path in glob.glob(f"{glob.escape(folder)}/*.so*")]
    rules += [("/usr/share/zoneinfo", READ), ("/usr/lib/locale", READ)]
    return [*rules, *_small()]


def _shared() -> list[str]:
    """Where shared libraries lie, among other things."""
    return ["/lib", "/usr/lib", "/lib64", "/usr/lib64", os.path.join(sys.base_prefix, "lib")]


def programs() -> list[Rule]:
    """What a shell script may run and what those programs read."""
    return [(place, RUN) for place in _PROGRAMS]


def _small() -> list[Rule]:
    return [*((path, READ_FILE) for path in _FILES), *((path, USE) for path in _DEVICES)]
