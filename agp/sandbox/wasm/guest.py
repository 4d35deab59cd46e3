"""What runs first inside the WebAssembly interpreter: takes one request and carries it out.

It is executed there as text: CPython 3.11 or later, standard library only. Whatever it says about
the code it runs is that code's word; the host believes none of it beyond what it is.
"""

import builtins
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import io
import json
import linecache
import os
import random
import sys
import traceback
import types
from collections.abc import Callable, Sequence
from typing import Any

_OFTEN_WANTED = """
    bisect collections copy dataclasses datetime decimal enum fractions functools heapq
    itertools math operator re statistics string textwrap time typing
"""
for _name in _OFTEN_WANTED.split():
    __import__(_name)

_CHANNEL = 0
_MOST_WORDS = 4_000


class _Files(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports from the texts of the request."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        place = fullname.replace(".", "/")
        for name in (f"{place}/__init__.py", f"{place}.py"):
            if name in self.files:
                package = name.endswith("__init__.py")
                return importlib.util.spec_from_loader(
                    fullname, self, origin=name, is_package=package
                )
        if any(name.startswith(place + "/") for name in self.files):
            return importlib.util.spec_from_loader(fullname, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__spec__.origin if module.__spec__ else None
        if name is not None:
            module.__file__ = name
            exec(_compiled(self.files, name), module.__dict__)


def _compiled(files: dict[str, str], name: str) -> types.CodeType:
    text = files[name]
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    return compile(text, name, "exec")


def _written(message: dict[str, Any]) -> str:
    """The message as it is sent. Raises what `json.dumps` raises for what is no JSON.

    A key that is there twice, as in {1: .., "1": ..}, stays so: the host refuses it.
    """
    return json.dumps(message, allow_nan=False)


def _say(text: str) -> None:
    data = (text + "\n").encode()
    while data:
        data = data[os.write(_CHANNEL, data) :]


class _Lines:
    def __init__(self) -> None:
        self.data = b""

    def next(self) -> dict[str, Any]:
        while b"\n" not in self.data:
            more = os.read(_CHANNEL, 65536)
            if not more:
                os._exit(1)
            self.data += more
        line, _, self.data = self.data.partition(b"\n")
        return json.loads(line)


_lines = _Lines()


def _ask(name: str, **arguments: Any) -> Any:
    """Ask the host for what it granted under ``name``, else PermissionError.

    ValueError is its word against the arguments.
    """
    _say(_written({"op": "ask", "name": name, "arguments": arguments}))
    answer = _lines.next()
    if "denied" in answer:
        raise PermissionError(answer["denied"])
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer["value"]


def _place(error: BaseException) -> str:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename in _request["files"]
    ]
    if not frames:
        return ""
    last = frames[-1]
    return f"{last.filename}, line {last.lineno}: "


def _failure(error: BaseException) -> str:
    lines = traceback.format_exception_only(type(error), error)
    words = _place(error) + lines[-1].strip()[:_MOST_WORDS].encode("utf-8", "replace").decode()
    if isinstance(error, MemoryError):
        return _written({"op": "memory", "error": words})
    if isinstance(error, (SystemExit, KeyboardInterrupt, GeneratorExit)):
        words = "the code ended the program: " + words
    return _written({"op": "error", "error": words})


def _finished(value: Any) -> Any:
    """A coroutine's result. There is no event loop: nothing here could wait for another."""
    if not inspect.iscoroutine(value):
        return value
    try:
        value.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("asynchronous code cannot wait here: there is no event loop")


def _call(request: dict[str, Any]) -> str:
    file, _, name = request["entry"].partition(":")
    module = types.ModuleType(file.removesuffix(".py").replace("/", "."))
    module.__file__ = file
    sys.modules[module.__name__] = module
    exec(_compiled(request["files"], file), module.__dict__)
    target = getattr(module, name)
    if request["construct"] is not None:
        target = getattr(target(**request["construct"]), request["method"])
    value = _finished(target(**request["arguments"]))
    try:
        return _written({"op": "return", "value": value})
    except (TypeError, ValueError, RecursionError) as error:
        return _written({"op": "error", "error": f"what is returned must be plain JSON: {error}"})


def _program(request: dict[str, Any]) -> int:
    sys.argv[:] = [request["entry"], *request["arguments"]]
    main = types.ModuleType("__main__")
    main.__file__ = request["entry"]
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    try:
        exec(_compiled(request["files"], request["entry"]), main.__dict__)
    except MemoryError as error:
        _say(_failure(error))
        return 1
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException as error:
        frames = error.__traceback__
        while frames and frames.tb_frame.f_code.co_filename == "<string>":
            frames = frames.tb_next
        traceback.print_exception(type(error), error, frames)
        return 1
    return 0


def _flush() -> None:
    flushing: tuple[Callable[[], Any], ...] = (
        lambda: sys.stdout.flush(),
        lambda: sys.stderr.flush(),
    )
    for flush in flushing:
        try:
            flush()
        except BaseException:  # the code may have put anything there
            continue


_request = _lines.next()
random.seed()
sys.modules["agp_guest"] = types.ModuleType("agp_guest")
sys.modules["agp_guest"].__dict__["ask"] = _ask
sys.meta_path.insert(0, _Files(_request["files"]))
sys.stdin = io.TextIOWrapper(io.BytesIO(_request["stdin"].encode()), "utf-8")
_code = 0
if _request["method"] is None:
    _code = _program(_request)
    _flush()
else:
    try:
        _last = _call(_request)
    except BaseException as _error:
        _last = _failure(_error)
    _flush()
    _say(_last)
os._exit(_code & 0xFF)
