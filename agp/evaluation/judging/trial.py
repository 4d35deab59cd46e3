"""Beside the tests: runs them, with stand-ins for what the judged program defines.

This text and the tests are trusted. A stand-in asks the program's process to do something and
gets data back; it never lets the program decide how its data compares with the tests' own.
Standard library only.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import linecache
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any, cast

from agp.evaluation.judging.standins import Standin, number_of, standin
from agp.evaluation.judging.wire import (
    ENDING,
    Uncrossable,
    decode,
    encode,
    exception_class,
    rebuilt,
    told,
)

_TESTS, _HELPERS = "tests.py", "helpers.py"
_MOST_ITEMS = 100_000
_FRAMES = 3
_FAILURES = ("CE", "RE", "MLE")

# It exists only where this runs.
_ask: Callable[..., Any] = importlib.import_module("agp_guest").ask


def run(tests: str, helpers: str, entry: str | None, shared: bool) -> dict[str, Any]:
    """Load the program, run the tests; gives the category, a message, and a trace."""
    link = _Link(shared)
    try:
        link.send({"do": "load", "entry": entry})
        space = _Space(link)
        sys.modules["candidate"] = _Module(link)
        _execute(helpers, _HELPERS, space)
        _execute(tests, _TESTS, space)
    except _Failed as failed:
        return {"category": failed.category, "message": failed.message, "trace": []}
    except _Ended as ended:
        return _said("RE", f"the code ended the program: {ended}", ended)
    except MemoryError as error:
        return _said("MLE", "MemoryError", error)
    except BaseException as error:
        trace = _trace(error)
        own = isinstance(error, AssertionError) and not hasattr(error, "agp_trace")
        wrong = own and bool(trace) and trace[-1][0] in (_TESTS, _HELPERS)
        return _said("WA" if wrong else "RE", _words(error), error)
    return {"category": "PASS", "message": "", "trace": []}


def _execute(source: str, name: str, space: _Space) -> None:
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    code = compile(source, name, "exec")
    space.bind(_of_class_bodies(code))
    exec(code, space)


def _of_class_bodies(code: types.CodeType) -> set[str]:
    """The names that the bodies of classes look up."""
    found = set(code.co_names) if "__qualname__" in code.co_names else set[str]()
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            found |= _of_class_bodies(inner)
    return found


class _Failed(BaseException):
    """The program cannot be tested."""

    def __init__(self, category: str, message: str) -> None:
        self.category, self.message = category, message


class _Ended(BaseException):
    """The program wanted to end the whole."""


class _Space(dict[str, Any]):
    """The tests' names. What they do not define, nor Python itself, is looked for in the program.

    So a program that redefines ``abs`` or ``sorted`` does not redefine them for the tests.
    """

    def __init__(self, link: _Link) -> None:
        super().__init__(__name__="candidate", __builtins__=builtins)
        self.link = link

    def bind(self, names: set[str]) -> None:
        """Look names up now: the body of a class does not ask for what is missing."""
        for name in sorted(names - self.keys()):
            with contextlib.suppress(KeyError):
                self[name] = self[name]

    def __missing__(self, name: str) -> Any:
        if name.startswith("__") or hasattr(builtins, name):
            raise KeyError(name)
        found = self.link.named(name)
        if found is _ABSENT:
            raise KeyError(name)
        return found


class _Module(types.ModuleType):
    """What tests import as ``candidate``."""

    def __init__(self, link: _Link) -> None:
        super().__init__("candidate")
        self.__dict__["_link"] = link

    def __getattr__(self, name: str) -> Any:
        found = _ABSENT if name.startswith("__") else self.__dict__["_link"].named(name)
        if found is _ABSENT:
            raise AttributeError(f"the code defines no {name}")
        return found


_ABSENT = object()


class _Link:
    """The conversation with the program's process."""

    def __init__(self, shared: bool) -> None:
        self.shared = shared
        self.functions: list[Any] = []
        self.standins: dict[int, Any] = {}
        self.exceptions: dict[str, type[Exception]] = {}

    def named(self, name: str) -> Any:
        value = self.send({"do": "name", "name": name})["value"]
        return _ABSENT if value == {"absent": True} else decode(value, self.take)

    def do(self, deed: str, *args: Any, **named: Any) -> Any:
        """Have something done there: plain data comes back, or a stand-in."""
        reply = self.send(
            {
                "do": deed,
                "args": [encode(each, self.keep) for each in args],
                "named": {key: encode(each, self.keep) for key, each in named.items()},
                "shared": self.shared,
            }
        )
        if self.shared:
            for number, now in reply.get("changed", {}).items():
                _change(args[int(number)], decode(now, self.take))
        return decode(reply["value"], self.take)

    def send(self, message: dict[str, Any]) -> dict[str, Any]:
        reply = _ask("call", message=message)
        while "callback" in reply:
            reply = _ask("call", message=self.called_back(reply))
        if "gone" in reply:
            raise _Failed("RE", "the program ended before the tests did")
        if "failed" in reply:
            category = reply["failed"]["category"]
            known = category if category in _FAILURES else "RE"
            raise _Failed(known, str(reply["failed"]["message"]))
        if "raised" in reply:
            raise self.raised(reply["raised"])
        return reply

    def raised(self, data: dict[str, Any]) -> BaseException:
        text = decode(data["text"], self.take)
        ending = [name for name in data["names"] if name in ENDING]
        error = _Ended(f"{ending[0]}: {text}") if ending else self.rebuilt(data)
        error.agp_trace = data["trace"]  # type: ignore[attr-defined]
        return error

    def rebuilt(self, data: dict[str, Any]) -> BaseException:
        return rebuilt(data, self.take, self.exceptions)

    def called_back(self, reply: dict[str, Any]) -> dict[str, Any]:
        """The program calls a function that the tests gave it."""
        try:
            given = [decode(each, self.take) for each in reply["args"]]
            named = {key: decode(each, self.take) for key, each in reply["named"].items()}
            value = self.functions[reply["callback"]](*given, **named)
            return {"do": "answer", "value": encode(value, self.keep)}
        except Exception as error:
            return {"do": "answer", "raised": told(error, self.keep, [])}

    def keep(self, value: Any) -> Any:
        if isinstance(value, Standin):
            return {"object": number_of(value)}
        if callable(value):
            self.functions.append(value)
            return {"theirs": len(self.functions) - 1}
        kind = cast("Any", type(value))
        if hasattr(kind, "__next__"):
            items = [item for item, _ in zip(value, range(_MOST_ITEMS), strict=False)]
            return {"iterator": encode(items, self.keep)}
        raise Uncrossable(f"a {kind.__name__} of the tests cannot be handed to the program")

    def take(self, data: dict[str, Any]) -> Any:
        if "theirs" in data:
            return self.functions[data["theirs"]]
        if "exception" in data:
            return exception_class([str(name) for name in data["exception"]], self.exceptions)
        number = data["object"]
        if data["kind"] == "module" and data["name"] in sys.stdlib_module_names:
            return importlib.import_module(data["name"])
        if data["kind"] == "coroutine":
            return _awaited(self, Standin(self, number))
        if number not in self.standins:
            self.standins[number] = standin(self, number, data["kind"])
        return self.standins[number]


async def _awaited(link: _Link, coroutine: Standin) -> Any:
    return link.do("await", coroutine)


def _change(argument: Any, now: Any) -> None:
    """What the program did to an argument, done to the tests' own."""
    if type(argument) is not type(now):
        return
    own: Any = argument
    if isinstance(argument, (list, bytearray)):
        own[:] = now
    elif isinstance(argument, (dict, set)):
        own.clear()
        own.update(now)


def _said(category: str, message: str, error: BaseException) -> dict[str, Any]:
    return {"category": category, "message": message[:2_000], "trace": _trace(error)}


def _trace(error: BaseException) -> list[list[Any]]:
    """The frames of tests and helpers, and below them those of the program."""
    frames = [
        [frame.filename, frame.lineno, frame.name, (frame.line or "")[:300]]
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename in (_TESTS, _HELPERS)
    ]
    return frames[-_FRAMES:] + list(getattr(error, "agp_trace", []))[-_FRAMES:]


def _words(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(type(error), error)).strip()
