"""From an implementation descriptor η to a live Python object.

Source held in records is executed in this process, so only code that a person wrote comes here:
optimizers cannot change code in this version (code parts are not learnable).
"""

from __future__ import annotations

import importlib
import linecache
import sys
import traceback
from functools import lru_cache
from types import ModuleType
from typing import Any

from agp.canonical import digest
from agp.errors import ResourceError
from agp.rspl.entities import Implementation


def load_entry(implementation: Implementation, *, where: str) -> Any:
    """The attribute that ``implementation.entry`` names.

    Raises ResourceError with file, line and cause when the code does not import.
    """
    location, _, attribute = implementation.entry.partition(":")
    if implementation.kind == "import":
        module = _import(location, where)
    else:
        text = implementation.files.get(location)
        if text is None:
            raise ResourceError(f"{where}: there is no file {location!r} in it.")
        module = load_source(text, filename=f"{where}/{location}")
    found = getattr(module, attribute, None)
    if found is None:
        raise ResourceError(
            f"{where}: {location} defines no {attribute!r}.",
            hint=f"Define a class or function called {attribute} there.",
        )
    return found


@lru_cache(maxsize=512)
def load_source(text: str, *, filename: str) -> ModuleType:
    """Execute source text as a module of its own. Raises ResourceError naming the line."""
    name = f"agp_resource_{digest([filename, text])[:16]}"
    module = ModuleType(name)
    module.__file__ = filename
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    sys.modules[name] = module  # dataclasses and pickling look their module up by name
    try:
        exec(compile(text, filename, "exec"), module.__dict__)
    except SyntaxError as error:
        raise ResourceError(f"{filename}, line {error.lineno}: {error.msg}.") from error
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == filename), "?")
        raise ResourceError(f"{filename}, line {line}: {type(error).__name__}: {error}") from error
    return module


def _import(name: str, where: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ResourceError(f"{where}: cannot import {name}: {error}") from error
