"""Beside the judged program: runs it, and does with its objects what the tests ask for.

The program shares this interpreter and may do with it what it likes: answers are all that leaves,
and they are data. It knows neither the tests nor what they expect. Standard library only.
"""

from __future__ import annotations

import importlib
import inspect
import linecache
import operator
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any, cast

from agp.evaluation.judging.wire import OPERATORS, decode, encode, rebuilt, told

_FILE = "candidate.py"
_FAULTS = (SyntaxError, ValueError, RecursionError, OverflowError)

# It exists only where this runs.
_ask: Callable[..., Any] = importlib.import_module("agp_guest").ask


def serve(program: str) -> None:
    """Run the program when told to, then answer until there is nothing more to ask."""
    candidate = _Candidate(program)
    request = candidate.exchange(None)
    while request["do"] != "end":
        request = candidate.exchange(candidate.answer(request))


class _Candidate:
    def __init__(self, program: str) -> None:
        self.program = program
        self.module = types.ModuleType("candidate")
        self.objects: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.exceptions: dict[str, type[Exception]] = {}

    def exchange(self, reply: Any) -> dict[str, Any]:
        return _ask("next", reply=reply)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if request["do"] == "load":
                return self.load(request["entry"])
            return self.perform(request)
        except BaseException as error:
            raised = told(error, self.keep, _frames(error))
            return {"raised": raised, "peak": _peak_mb()}

    def load(self, entry: str | None) -> dict[str, Any]:
        lines = self.program.splitlines(True)
        linecache.cache[_FILE] = (len(self.program), None, lines, _FILE)
        try:
            code = compile(self.program, _FILE, "exec")
        except MemoryError:  # what the parser says to deep nesting
            return _failed("CE", "too large or too deeply nested to compile")
        except _FAULTS as error:
            return _failed("CE", _words(error))
        self.module.__file__ = _FILE
        sys.modules["candidate"] = self.module
        exec(code, self.module.__dict__)
        if entry is not None and not callable(self.module.__dict__.get(entry)):
            return _failed("RE", f"the code defines no function called {entry}")
        return {"value": None, "peak": _peak_mb()}

    def perform(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["do"]
        if name == "name":
            found = request["name"] in self.module.__dict__
            value = self.module.__dict__.get(request["name"])
            return {"value": self.encoded(value) if found else {"absent": True}}
        given = [self.decoded(each) for each in request["args"]]
        named = {key: self.decoded(each) for key, each in request["named"].items()}
        value = _DEEDS[name](*given, **named)
        reply = {"value": self.encoded(value), "peak": _peak_mb()}
        if request["shared"]:
            reply["changed"] = self.changed(given, request["args"])
        return reply

    def changed(self, given: list[Any], before: list[Any]) -> dict[str, Any]:
        """The arguments that are not what they were: lists, dicts and sets are the caller's too."""
        return {
            str(number): now
            for number, (value, was) in enumerate(zip(given, before, strict=True))
            if isinstance(value, (list, dict, set, bytearray))
            and (now := self.encoded(value)) != was
        }

    def encoded(self, value: Any) -> Any:
        return encode(value, self.keep)

    def decoded(self, data: Any) -> Any:
        return decode(data, self.take)

    def keep(self, value: Any) -> Any:
        """A number for what is no plain data, and what kind of thing it is."""
        if isinstance(value, _Theirs):
            return {"theirs": value.number}
        if isinstance(value, type) and issubclass(value, Exception):
            return {"exception": [each.__name__ for each in value.__mro__]}
        number = self.number(value)
        if isinstance(value, types.ModuleType):
            return {"object": number, "kind": "module", "name": value.__name__}
        return {"object": number, "kind": _kind(value)}

    def number(self, value: Any) -> int:
        number = self.numbers.setdefault(id(value), len(self.objects))
        if number == len(self.objects):
            self.objects.append(value)
        return number

    def take(self, data: dict[str, Any]) -> Any:
        if "theirs" in data:
            return _Theirs(self, data["theirs"])
        return self.objects[data["object"]]


class _Theirs:
    """A function of the tests, handed to the program."""

    def __init__(self, candidate: _Candidate, number: int) -> None:
        self.candidate, self.number = candidate, number

    def __call__(self, *args: Any, **named: Any) -> Any:
        mine = self.candidate
        request = mine.exchange(
            {
                "callback": self.number,
                "args": [mine.encoded(each) for each in args],
                "named": {key: mine.encoded(each) for key, each in named.items()},
            }
        )
        while request["do"] != "answer":
            request = mine.exchange(mine.answer(request))
        if "raised" in request:
            raise rebuilt(request["raised"], mine.take, mine.exceptions)
        return mine.decoded(request["value"])


def _kind(value: Any) -> str:
    if inspect.iscoroutine(value):
        return "coroutine"
    if callable(value):
        return "callable"
    kind = cast("Any", type(value))
    return "iterator" if hasattr(kind, "__next__") else "object"


def _failed(category: str, message: str) -> dict[str, Any]:
    return {"failed": {"category": category, "message": message}, "peak": _peak_mb()}


def _words(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(type(error), error)).strip()[:2_000]


def _frames(error: BaseException) -> list[list[Any]]:
    try:
        found = traceback.extract_tb(error.__traceback__)
    except BaseException:  # an exception can be made so that even looking at it fails
        return []
    return [
        [_FILE, frame.lineno, frame.name, (frame.line or "")[:300]]
        for frame in found
        if frame.filename == _FILE
    ]


def _peak_mb() -> float | None:
    try:
        import resource
    except ImportError:
        return None
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def _called(function: Any, *args: Any, **named: Any) -> Any:
    return function(*args, **named)


def _waited(coroutine: Any) -> Any:
    import asyncio  # slow to import, and seldom wanted

    return asyncio.run(coroutine)


def _own(name: str) -> Callable[..., Any]:
    def perform(value: Any, *args: Any) -> Any:
        kind = cast("Any", type(value))
        return getattr(kind, name)(value, *args)

    return perform


def _is_instance(kind: Any, value: Any) -> bool:
    return isinstance(value, kind)


_DEEDS: dict[str, Callable[..., Any]] = {
    "call": _called,
    "await": _waited,
    "get": getattr,
    "set": setattr,
    "instance": _is_instance,
    "len": len,
    "bool": bool,
    "str": str,
    "repr": repr,
    "iter": iter,
    "next": next,
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    "enter": _own("__enter__"),
    "exit": _own("__exit__"),
    **{name: getattr(operator, f"__{name}__") for name in OPERATORS},
}
