"""Runs one call in the confined process: its files, the function, and the frame that tells it."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import traceback
import types
from collections.abc import Callable, Sequence
from typing import Any

from . import agp_guest, reach, seccomp
from .confine import confine, drop_bounds, limit
from .frames import Pipe, TooLarge
from .landlock import READ, Rule
from .shown import builtins_of_site, real_names, show

_MESSAGE_CHARS = 4_000
_FRAME, _WORDS = 64, 1 << 16  # bytes around a value, bytes of a frame that holds none


def main() -> None:
    """A call in a fresh interpreter: started with the settings as JSON in the only argument."""
    settings = json.loads(sys.argv[1])
    granted = [(place, READ) for place in settings["packages"].values()]
    show(settings["packages"])
    builtins_of_site()
    real_names()
    drop_bounds()
    prepare()
    serve(settings["channel"], [*reach.fine(), *granted], settings["parent"])


def serve(
    channel: int,
    rules: Sequence[Rule],
    parent: int | None,
    template: seccomp.Template | None = None,
) -> None:
    """Confine this process, receive a call on the channel, run it, tell the result, and exit.

    The first frame says how to confine and where, the second is the call.
    """
    pipe = Pipe(channel)
    try:
        place = pipe.receive()
        folder = place["folder"]
        os.chdir(folder)
        if place["confined"]:
            confine(place, rules, folder=folder, parent=parent, template=template)
        _surroundings(folder)
        work = pipe.receive()
        limit(work["limits"], place["identity"])
        _lay_out(work["files"])
    except EOFError:  # the call was given up
        os._exit(1)
    except BaseException as error:
        pipe.send({"broken": f"{type(error).__name__}: {error}"[:_MESSAGE_CHARS]}, _WORDS)
        os._exit(1)
    work["folder"] = folder
    _run(pipe, work)


def prepare() -> None:
    """Make this interpreter what a call finds: once, before the children are forked."""
    here = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    os.environ.clear()
    os.environ.update(PATH=os.defpath, LANG="C.UTF-8", OPENBLAS_NUM_THREADS="1")
    sys.path[:] = [path for path in sys.path if path != here]
    sys.argv[:] = [""]
    sys.dont_write_bytecode = True
    for name in [name for name in sys.modules if name.partition(".")[0] == "inside"]:
        del sys.modules[name]
    sys.modules["agp_guest"] = agp_guest


def _surroundings(folder: str) -> None:
    os.environ["HOME"] = os.environ["TMPDIR"] = folder
    sys.path.insert(0, folder)
    if numpy := sys.modules.get("numpy"):  # the library's own generators see to it themselves
        numpy.random.seed()


def _lay_out(files: dict[str, str]) -> None:
    for name, text in files.items():
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "xb") as stream:
            stream.write(text.encode("utf-8", "replace"))


def _run(pipe: Pipe, work: dict[str, Any]) -> None:
    key, most = work["key"], work["limits"]["output_bytes"]

    def exchange(frame: dict[str, Any]) -> Any:
        pipe.send({"key": key, **frame}, most + _WORDS)
        return pipe.receive()

    agp_guest.exchange = exchange
    folder = work["folder"]
    try:
        value = _value(work)
        frame = {"value": value}
        code = 0
    except BaseException as error:
        frame, code = _told(error, folder), 1
    _tell(pipe, key, frame, most)
    os._exit(code)


def _value(work: dict[str, Any]) -> Any:
    location, _, name = work["entry"].rpartition(":")
    function = getattr(_load(location, work["files"][location]), name, None)
    if function is None:
        raise AttributeError(f"{location} defines no {name!r}")
    if work["construct"] is not None:
        function = function(**work["construct"])
    if work["method"]:
        function = getattr(function, work["method"])
    value = function(**work["arguments"])
    return asyncio.run(_awaited(value)) if inspect.isawaitable(value) else value


async def _awaited(value: Any) -> Any:
    return await value


def _load(location: str, text: str) -> Any:
    name = location.removesuffix(".py").replace("/", ".")
    if name in sys.modules:  # as a module of the library that was loaded before
        name = f"confined_{name}"
    module = sys.modules[name] = types.ModuleType(name)
    module.__file__ = os.path.abspath(location)
    module.__package__ = name.rpartition(".")[0]
    exec(compile(text, module.__file__, "exec"), module.__dict__)
    return module


def _told(error: BaseException, folder: str) -> dict[str, Any]:
    """What went wrong: kind, words, and the last line of the confined code that led there."""
    name, words = type(error).__name__, _words(error)
    try:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename.startswith(folder + os.sep)]
        place = [(frame.filename, frame.lineno) for frame in own[-1:]]
        if isinstance(error, SyntaxError) and str(error.filename).startswith(folder + os.sep):
            place, words = [(str(error.filename), error.lineno)], str(error.msg)
        text = "".join(traceback.format_list(own)).replace(folder + os.sep, "")
        print(f"Traceback (most recent call last):\n{text}{name}: {words}", file=sys.stderr)
        file, line = place[0] if place else ("", None)
        where = {"file": file.removeprefix(folder + os.sep), "line": line}
    except BaseException:  # an exception can be made so that even looking at it fails
        where = {"file": "", "line": None}
    return {"failed": name, "words": words, **where}


def _words(error: BaseException) -> str:
    try:
        return str(error)[:_MESSAGE_CHARS].encode("utf-8", "replace").decode()
    except BaseException:
        return ""


def _tell(pipe: Pipe, key: str, frame: dict[str, Any], most: int) -> None:
    ending: tuple[Callable[[], Any], ...] = (
        lambda: sys.stdout.flush(),
        lambda: sys.stderr.flush(),
        lambda: os.close(1),  # the host need not wait for our end to know that this was all
        lambda: os.close(2),
    )
    for end in ending:
        try:
            end()
        except BaseException:
            continue
    try:
        pipe.send({"key": key, **frame}, most + _FRAME if "value" in frame else _WORDS)
    except TooLarge as error:
        pipe.send({"key": key, "large": str(error)}, _WORDS)
    except BaseException as error:
        why = f"what it returned is not plain JSON: {_words(error)}"
        pipe.send({"key": key, "failed": type(error).__name__, "words": why}, _WORDS)
