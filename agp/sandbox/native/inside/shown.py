"""Lets confined code import the packages it was granted, and find nothing else beside them."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

_METADATA = (".dist-info", ".egg-info")


class Shown:
    """A finder for the import system that knows top-level names and where they lie.

    Not a folder on the search path: listing one would show all that is installed there.
    """

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._metadata = [path for name, path in entries.items() if name.endswith(_METADATA)]
        self._modules: dict[str, str] = {}
        endings = importlib.machinery.all_suffixes()
        for entry, path in entries.items():
            name = entry.partition(".")[0]
            if os.path.isdir(path) and entry == name:
                self._modules[name] = path
            elif any(entry == name + ending for ending in endings):
                self._modules.setdefault(name, path)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The way to load a top-level module that was granted."""
        place = self._modules.get(name)
        if place is None or path is not None:
            return None
        if not os.path.isdir(place):
            return importlib.util.spec_from_file_location(name, place)
        start = os.path.join(place, "__init__.py")
        if os.path.exists(start):
            return importlib.util.spec_from_file_location(
                name, start, submodule_search_locations=[place]
            )
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [place]
        return spec

    def find_distributions(self, context: Any) -> Iterable[Any]:
        """The metadata of what was granted, for ``importlib.metadata``."""
        from importlib.metadata import PathDistribution
        from pathlib import Path

        for path in self._metadata:
            found = PathDistribution(Path(path))
            wanted = context.name
            if wanted is None or _same(found.metadata["Name"], wanted):
                yield found

    @staticmethod
    def invalidate_caches() -> None:
        """There are none."""


def show(entries: Mapping[str, str]) -> None:
    """Make these entries (name in the site folder → real path) importable, last of all."""
    if entries:
        sys.meta_path.append(Shown(entries))


def builtins_of_site() -> None:
    """What the ``site`` module gives to programs, which is not loaded here."""
    import _sitebuiltins
    import builtins

    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))
    builtins.help = _sitebuiltins._Helper()  # pyright: ignore[reportPrivateUsage]


def real_names() -> None:
    """Name all modules by where they really lie: links cannot be read once confined."""
    sys.path[:] = [os.path.realpath(path) for path in sys.path]
    for module in list(sys.modules.values()):
        for attribute in ("__file__", "__cached__"):
            name = getattr(module, attribute, None)
            if isinstance(name, str):
                setattr(module, attribute, os.path.realpath(name))


def _same(name: str, other: str) -> bool:
    return name.lower().replace("_", "-") == other.lower().replace("_", "-")
