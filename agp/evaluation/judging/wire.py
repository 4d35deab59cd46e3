"""How values cross between the judged program and the tests: plain data, tagged by exact type.

Nothing that crosses brings code or behaviour along, so no object can lie about being equal to
another. What is not plain data stays where it is; a number stands for it on the other side.
Standard library only.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable
from typing import Any, cast

DEEPEST = 30
_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
OPERATORS = (*_ARITHMETIC, "and", "or", "xor", "lt", "le", "gt", "ge", "eq", "ne")
ENDING = ("SystemExit", "KeyboardInterrupt", "GeneratorExit")

_SMALL = 1 << 63
_RESERVED = frozenset(ENDING) | {"BaseException", "object"}

Keep = Callable[[Any], Any]


class Uncrossable(TypeError):
    """A value that cannot be handed to the other side."""


def encode(value: Any, keep: Keep, depth: int = 0) -> Any:
    """JSON for a value; ``keep`` gives it for what is not plain data. Raises Uncrossable.

    What only derives from a plain type crosses as that type.
    """
    if depth > DEEPEST:
        raise Uncrossable(f"a value is nested deeper than {DEEPEST}")

    def inner(values: Iterable[Any]) -> list[Any]:
        return [encode(each, keep, depth + 1) for each in values]

    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        number = int.__index__(value)
        return number if -_SMALL < number < _SMALL else {"int": hex(number)}
    if isinstance(value, float):
        number = float.__float__(value)
        finite = number == number and abs(number) != float("inf")
        return number if finite else {"float": float.__repr__(number)}
    if isinstance(value, complex):
        return {"complex": [float.hex(value.real), float.hex(value.imag)]}
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (bytes, bytearray)):
        return {"bytearray" if isinstance(value, bytearray) else "bytes": value.hex()}
    for kind, items in _ITEMS.items():
        if isinstance(value, kind):
            return inner(items(value)) if kind is list else {kind.__name__: inner(items(value))}
    if type(value) is range:
        return {"range": [encode(each, keep) for each in (value.start, value.stop, value.step)]}
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return encode(value.tolist(), keep, depth + 1)
    return keep(value)


def _text(value: str) -> Any:
    data = str.encode(value, "utf-8", "surrogatepass")
    try:
        return data.decode()
    except UnicodeDecodeError:  # half of a pair: no JSON for it
        return {"str": data.hex()}


# The types' own iteration, not what a class derived from them may have put in its place.
_ITEMS: dict[type, Callable[[Any], Iterable[Any]]] = {
    kind: getattr(kind, "items" if kind is dict else "__iter__")
    for kind in (list, tuple, dict, set, frozenset)
}
_PLAIN: dict[str, Callable[[Any], Any]] = {
    "int": lambda text: int(text, 16),
    "float": float,
    "complex": lambda parts: complex(*map(float.fromhex, parts)),
    "str": lambda text: bytes.fromhex(text).decode("utf-8", "surrogatepass"),
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
}
_HOLDERS: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "dict": dict,
    "set": set,
    "frozenset": frozenset,
    "range": lambda numbers: range(*numbers),
    "iterator": iter,
}


def decode(data: Any, take: Keep) -> Any:
    """The value of what `encode` gave; ``take`` knows what was kept. Raises ValueError."""
    if isinstance(data, list):
        return [decode(each, take) for each in cast("list[Any]", data)]
    if not isinstance(data, dict):
        return data
    tagged = cast("dict[str, Any]", data)
    tag = next(iter(tagged)) if len(tagged) == 1 else ""
    if tag in _PLAIN:
        return _PLAIN[tag](tagged[tag])
    if tag in _HOLDERS:
        return _HOLDERS[tag](decode(tagged[tag], take))
    return take(tagged)


def told(error: BaseException, keep: Keep, trace: list[list[Any]]) -> dict[str, Any]:
    """An exception as data: its class and that one's bases by name, its words, its arguments."""
    names = [each.__name__ for each in type(error).__mro__]
    try:
        text = str(error)[:2_000]
    except BaseException:
        text = ""
    try:
        arguments = encode(list(error.args), keep)
    except BaseException:
        arguments = [_text(text)]
    return {"names": names, "text": _text(text), "args": arguments, "trace": trace[-6:]}


def exception_class(names: list[str], known: dict[str, type[Exception]]) -> type[Exception]:
    """The class to raise for `told`'s names: a builtin one, or one of that name derived from it."""
    name = names[0]
    if name in known:
        return known[name]
    for number, each in enumerate(names):
        base = getattr(builtins, each, None)
        if isinstance(base, type) and issubclass(base, Exception) and each not in _RESERVED:
            known[name] = base if number == 0 else type(name, (base,), {})
            return known[name]
    known[name] = type(name, (Exception,), {})
    return known[name]


def rebuilt(data: dict[str, Any], take: Keep, known: dict[str, type[Exception]]) -> Exception:
    """The exception of `told`."""
    kind, text = exception_class(data["names"], known), decode(data["text"], take)
    try:
        return kind(*decode(data["args"], take))
    except Exception:  # UnicodeDecodeError and the like want what did not cross
        named = type(kind.__name__, (Exception,), {})
        return named(text)
