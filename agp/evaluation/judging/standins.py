"""Stand-ins, beside the tests, for objects of the judged program. Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from agp.evaluation.judging.wire import OPERATORS


class Link(Protocol):
    """Has something done in the program's process."""

    def do(self, deed: str, *args: Any, **named: Any) -> Any: ...


class Standin:
    """An object of the program's.

    It compares and computes with objects of the program only, never with the tests' own values:
    so no ``__eq__``, ``__sub__`` or ``__contains__`` of the program is told what was expected.
    """

    def __init__(self, link: Link, number: int) -> None:
        self.__dict__.update(_link=link, _number=number)

    def __getattr__(self, name: str) -> Any:
        return _do(self, "get", name)

    def __setattr__(self, name: str, value: Any) -> None:
        _do(self, "set", name, value)

    def __len__(self) -> int:
        return _do(self, "len")

    def __bool__(self) -> bool:
        return _do(self, "bool") is True

    def __str__(self) -> str:
        return _do(self, "str")

    def __repr__(self) -> str:
        return _do(self, "repr")

    def __iter__(self) -> Any:
        return _do(self, "iter")

    def __getitem__(self, key: Any) -> Any:
        return _do(self, "getitem", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _do(self, "setitem", key, value)

    def __delitem__(self, key: Any) -> None:
        _do(self, "delitem", key)

    def __enter__(self) -> Any:
        return _do(self, "enter")

    def __exit__(self, *about: Any) -> Any:
        return _do(self, "exit", None, None, None)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, Standin) and _do(self, "instance", value) is True

    def __hash__(self) -> int:
        return hash(self.__dict__["_number"])


class _Callable(Standin):
    def __call__(self, *args: Any, **named: Any) -> Any:
        return self.__dict__["_link"].do("call", self, *args, **named)


class _Iterator(Standin):
    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return _do(self, "next")


def _binary(deed: str) -> Callable[[Any, Any], Any]:
    def operate(self: Standin, other: Any) -> Any:
        return _do(self, deed, other) if isinstance(other, Standin) else NotImplemented

    return operate


for _name in OPERATORS:
    setattr(Standin, f"__{_name}__", _binary(_name))


def standin(link: Link, number: int, kind: str) -> Standin:
    """The stand-in for the object of that number: also callable, or an iterator."""
    return {"callable": _Callable, "iterator": _Iterator}.get(kind, Standin)(link, number)


def number_of(value: Standin) -> int:
    """Which object of the program it stands for."""
    return value.__dict__["_number"]


def _do(value: Standin, deed: str, *args: Any) -> Any:
    return value.__dict__["_link"].do(deed, value, *args)
