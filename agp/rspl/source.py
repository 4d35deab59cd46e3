"""From an implementation descriptor η to a live Python object.

Source held in records is executed in this process, so only code that a person wrote or approved
comes here: `load_entry` is the one way in, and it refuses all other (see `agp.rspl.trusted`).
"""

from __future__ import annotations

import importlib
import linecache
import sys
import traceback
import weakref
from functools import lru_cache
from types import ModuleType
from typing import Any

from agp.canonical import digest
from agp.errors import ResourceError
from agp.rspl import trusted
from agp.rspl.entities import Implementation

MOST_MODULES = 512
_ALIVE: weakref.WeakValueDictionary[str, ModuleType] = weakref.WeakValueDictionary()


class _Place(ModuleType):
    """Stands for a module in `sys.modules`, and does not keep it alive."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__)
        super().__setattr__("_module", weakref.ref(module))

    def __getattribute__(self, name: str) -> Any:
        own = super().__getattribute__
        module = own("_module")()
        return own(name) if module is None else getattr(module, name)

    def __setattr__(self, name: str, value: Any) -> None:
        module = super().__getattribute__("_module")()
        if module is not None:
            setattr(module, name, value)


def load_entry(implementation: Implementation, *, where: str) -> Any:
    """The attribute that ``implementation.entry`` names.

    Parameters: ``where`` the resource that it is loaded for, ``type/name``. Raises UntrustedError
    for code that may not run in this process, ResourceError with file, line and cause when the
    code does not import.
    """
    location, attribute = entry_of(implementation, where)
    trusted.demand(implementation.digest, where)
    if implementation.kind == "import":
        module = _import(location, where)
    else:
        text = implementation.files[location]
        module = load_source(text, filename=f"{where}/{location}")
    found = getattr(module, attribute, None)
    if found is None:
        raise ResourceError(
            f"{where}: {location} defines no {attribute!r}.",
            hint=f"Define a class or function called {attribute} there.",
        )
    return found


def entry_of(implementation: Implementation, where: str) -> tuple[str, str]:
    """The file or module, and the name in it, of an entry. Raises ResourceError for none."""
    location, _, attribute = implementation.entry.partition(":")
    if implementation.kind not in ("import", "source") or not location or not attribute:
        raise ResourceError(
            f"{where}: field 'implementation' names no code: {implementation.kind} "
            f"{implementation.entry!r}.",
            hint="Its kind is source or import, its entry FILE:NAME or MODULE:NAME.",
        )
    if implementation.kind == "source" and location not in implementation.files:
        raise ResourceError(f"{where}: there is no file {location!r} in it.")
    return location, attribute


@lru_cache(maxsize=MOST_MODULES)
def load_source(text: str, *, filename: str) -> ModuleType:
    """Execute source text as a module of its own. Raises ResourceError naming the line.

    The module is in `sys.modules`, where dataclasses and pickling look it up, as long as it is
    used: while it is among the `MOST_MODULES` latest, or a function or method of it is alive.
    """
    name = f"agp_resource_{digest([filename, text])[:16]}"
    if (alive := _ALIVE.get(name)) is not None:
        return alive
    module = ModuleType(name)
    module.__file__ = filename
    _enter(module, text)
    try:
        exec(compile(text, filename, "exec"), module.__dict__)
    except KeyboardInterrupt:
        raise
    except SyntaxError as error:
        raise ResourceError(f"{filename}, line {error.lineno or '?'}: {error.msg}.") from error
    except BaseException as error:  # sys.exit, and whatever else a person's code may raise
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == filename), "?")
        raise ResourceError(f"{filename}, line {line}: {type(error).__name__}: {error}") from error
    _ALIVE[name] = module
    return module


def _enter(module: ModuleType, text: str) -> None:
    """Make the module and its lines known by name, until nothing uses it any more."""
    filename = str(module.__file__)
    lines = (len(text), None, text.splitlines(keepends=True), filename)
    linecache.cache[filename] = lines
    module.__dict__["__agp_module__"] = module  # its functions hold its names, and so hold it
    place = sys.modules[module.__name__] = _Place(module)
    ending = weakref.finalize(module, _leave, module.__name__, place, lines)
    ending.atexit = False


def _leave(name: str, place: _Place, lines: tuple[Any, ...]) -> None:
    # Another thread may have executed the same text, another version has the same file name.
    if sys.modules.get(name) is place:
        del sys.modules[name]
    if linecache.cache.get(str(lines[-1])) is lines:
        del linecache.cache[str(lines[-1])]


def _import(name: str, where: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # what a module does when it is imported may end in anything
        why = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise ResourceError(
            f"{where}: cannot import {name!r}: {why}",
            hint="field implementation.entry names it: MODULE:NAME.",
        ) from error
