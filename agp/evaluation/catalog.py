"""Finds benchmarks by name in folders of runnable benchmark files.

A benchmark file holds one concrete ``Benchmark`` subclass. Files are loaded by path under a
private module name, so that they never shadow installed packages. Nothing is run here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from agp.errors import InputError, NotFoundError, ResourceError
from agp.evaluation.types import Benchmark

PRIVATE = "_agp_benchmark_"
"""What the module names of benchmark files begin with."""


def find_benchmark(spec: str, folders: Sequence[Path]) -> Benchmark:
    """The benchmark that ``spec`` names, constructed.

    Parameters: ``spec`` is ``NAME``, or ``NAME:TASK`` for a benchmark whose constructor takes
    ``task``; the first folder that holds ``NAME.py`` wins.

    Raises NotFoundError with near names; ResourceError with file and line for a file that
    fails to import or holds no benchmark; InputError for a task that is not taken or is missing.
    """
    name, colon, task = spec.partition(":")
    known = {path.stem: path for path in reversed(_files(folders))}
    if name not in known:
        raise NotFoundError("benchmark", name, known)
    kind = load_benchmark_class(known[name])
    parameters = inspect.signature(kind).parameters
    needs = "task" in parameters and parameters["task"].default is inspect.Parameter.empty
    if colon and "task" not in parameters:
        raise InputError(f"The benchmark {name!r} takes no task.", hint=f"Use {name!r} alone.")
    if needs and not task:
        raise InputError(f"The benchmark {name!r} needs a task.", hint=f"Write {name}:TASK.")
    return kind(task=task) if task else kind()  # pyright: ignore[reportCallIssue]


def list_benchmarks(folders: Sequence[Path]) -> list[tuple[str, str, Path]]:
    """Name, description and file of every benchmark, by name.

    A file that cannot be loaded is listed with the reason in place of its description.
    """
    found: dict[str, tuple[str, str, Path]] = {}
    for path in _files(folders):
        try:
            description = load_benchmark_class(path).description
        except ResourceError as error:
            description = f"cannot be loaded: {error.message}"
        found.setdefault(path.stem, (path.stem, description, path))
    return [found[name] for name in sorted(found)]


def load_benchmark_class(path: Path) -> type[Benchmark]:
    """The one concrete Benchmark subclass that ``path`` defines. Raises ResourceError."""
    module = load_module(path)
    kinds = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Benchmark)
        and value.__module__ == module.__name__
        and not inspect.isabstract(value)
    ]
    if len(kinds) != 1:
        names = ", ".join(kind.__name__ for kind in kinds) or "none"
        raise ResourceError(
            f"{path}: expected one concrete subclass of agp.evaluation.types.Benchmark, "
            f"found {names}."
        )
    return kinds[0]


def _files(folders: Sequence[Path]) -> list[Path]:
    return [
        path
        for folder in folders
        for path in sorted(Path(folder).glob("*.py"))
        if not path.name.startswith(("_", "."))
    ]


def load_module(path: Path) -> ModuleType:
    """A benchmark file as a module, loaded once for its content. Raises ResourceError."""
    path = path.resolve()
    source = path.read_bytes()
    # The content is part of the name: an edited file is loaded anew, an unchanged one is not.
    content = hashlib.sha256(bytes(path) + source).hexdigest()[:16]
    name = f"{PRIVATE}{path.stem}_{content}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ResourceError(f"{path} cannot be loaded as Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses and inspect look it up there
    try:
        # Not by the spec's loader: its bytecode cache misses a same-size edit within a second.
        exec(compile(source, str(path), "exec"), module.__dict__)
    except Exception as error:
        del sys.modules[name]
        problem = f"{type(error).__name__}: {error}"
        raise ResourceError(f"{path}:{_line(error, path)}: {problem}") from error
    return module


def _line(error: Exception, path: Path) -> int:
    if isinstance(error, SyntaxError) and error.lineno:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno or 0 for f in reversed(frames) if f.filename == str(path)), 0)
