"""Objects by where their class is defined: how a worker process makes a benchmark again.

A class is found by its module, or by its file where no import finds it (benchmark files, the
script that is being run). What the object holds travels beside it, pickled.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pickle
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from agp.evaluation.catalog import PRIVATE, load_module
from agp.evaluation.execution.interface import NotSendable

_MAIN = "__main__"
_UNPICKLABLE = (pickle.PicklingError, AttributeError, TypeError, RecursionError)


@dataclass(frozen=True)
class Reference:
    """One object: the module, file and qualified name of its class, and its pickled state."""

    module: str
    file: str
    name: str
    state: bytes

    @classmethod
    def of(cls, thing: object) -> Reference:
        """The reference to an object. Raises NotSendable for what no other process could find."""
        kind = type(thing)
        module, file = kind.__module__, _file_of(kind)
        what = f"{kind.__qualname__} of {file or module}"
        if "<locals>" in kind.__qualname__ or (module == _MAIN and not file):
            raise NotSendable(
                f"{what} cannot be taken to a worker process: its class is not defined at the top "
                "level of a file.",
                hint="Put the class into a file, or leave out cpu_bound.",
            )
        try:
            state = pickle.dumps(vars(thing))
        except _UNPICKLABLE as error:
            raise NotSendable(
                f"{what} cannot be taken to a worker process: {error}.",
                hint="Make what it holds when it is used, not in __init__ (or drop it in "
                "__getstate__ of a class of its own), or leave out cpu_bound.",
            ) from error
        return cls(module, file, kind.__qualname__, state)

    @property
    def key(self) -> str:
        """Equal for equal references."""
        parts = (self.module, self.file, self.name)
        return hashlib.sha256("\x00".join(parts).encode() + self.state).hexdigest()

    def load(self) -> Any:
        """The object, made once a process. Raises NotSendable where its class is not found."""
        return _loaded(self)


@lru_cache(maxsize=8)
def _loaded(reference: Reference) -> Any:
    try:
        found: Any = _module(reference)
        for name in reference.name.split("."):
            found = getattr(found, name)
        thing = found.__new__(found)
        thing.__dict__.update(pickle.loads(reference.state))
    except Exception as error:  # what importing a user's file raises can be anything
        raise NotSendable(
            f"{reference.name} of {reference.file or reference.module} cannot be made in a worker "
            f"process: {type(error).__name__}: {error}",
            hint="A worker imports its file anew; see docs/evaluation.md.",
        ) from error
    return thing


def _file_of(kind: type) -> str:
    """The file of a class that no import finds."""
    if kind.__module__ == _MAIN or kind.__module__.startswith(PRIVATE):
        return str(getattr(sys.modules[kind.__module__], "__file__", None) or "")
    return ""


def _module(reference: Reference) -> ModuleType:
    if reference.module == _MAIN:
        return _main(reference.file)
    if not reference.file:
        return importlib.import_module(reference.module)
    module = load_module(Path(reference.file))
    if module.__name__ != reference.module:  # its content is part of its name
        raise ImportError("the file was changed since the run began")
    return module


def _main(file: str) -> ModuleType:
    """The script that the run was started with, as multiprocessing imports it: not as a script."""
    name = "__mp_main__"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{file} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = sys.modules[_MAIN] = module
        sys.path.insert(0, str(Path(file).parent))
        spec.loader.exec_module(module)
    return sys.modules[name]
