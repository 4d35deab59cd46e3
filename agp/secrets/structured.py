"""JSON values without their secrets: in texts, in keys, and under names like ``api_key``.

A value without secrets comes back as the same object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar, cast

from agp.secrets.named import is_secret_name, is_secret_value
from agp.secrets.plausible import MARK
from agp.secrets.redaction import SHORTEST, UNICODE, find, redact, without
from agp.secrets.scanner import SCANNER, Machine

T = TypeVar("T")

_NAMING, _HELD = ("name", "key", "header"), "value"
_MANY_KEYS = 20_000


class Place(NamedTuple):
    """A secret in a JSON value: the ``path`` to its text (``params/headers/x``), and its line."""

    path: str
    kind: str
    line: int


def redact_json(value: T) -> T:
    """A JSON value without its secrets; tuples stay tuples, other types stay as they are."""
    machine = SCANNER.current()
    return value if _is_clean(value, machine) else cast(T, _redacted(value, machine))


def find_json(value: Any, path: str = "") -> Iterator[Place]:
    """The secrets in a JSON value; never what they are."""
    if isinstance(value, str):
        for found in find(value):
            yield Place(path, found.kind, value.count("\n", 0, found.start) + 1)
    elif isinstance(value, dict):
        given = cast("dict[Any, Any]", value)
        for key, each in given.items():
            name = redact(str(key))
            below = f"{path}/{name}".lstrip("/")
            if name != str(key):
                yield from (Place(below, found.kind, 1) for found in find(str(key)))
            if kind := _named(given, key, each):
                yield Place(below, kind, 1)
                continue
            yield from find_json(each, below)
            if _listed(key, each) is not each:
                yield Place(below, _kind_of(str(key)), 1)
    elif isinstance(value, (list, tuple)):
        for number, each in enumerate(cast("list[Any]", value)):
            yield from find_json(each, f"{path}/{number}".lstrip("/"))


def is_redacted(value: Any) -> bool:
    """Whether something was taken out of a JSON value: it is not what was written."""
    if isinstance(value, str):
        return MARK.decode() in value
    if isinstance(value, dict):
        given = cast("dict[Any, Any]", value)
        return is_redacted([*given, *given.values()])
    return isinstance(value, (list, tuple)) and any(map(is_redacted, cast("list[Any]", value)))


def _is_clean(value: Any, machine: Machine) -> bool:
    """Whether one look at all texts of a value shows that nothing is in them; most show it."""
    texts: list[str] = []
    if not _gathered(value, texts, machine):
        return False
    return not texts or not SCANNER.may_show("\n".join(texts).encode(*UNICODE), machine)


def _gathered(value: Any, texts: list[str], machine: Machine) -> bool:
    """Gather the texts in a value; False where a key may give a secret away."""
    clean, keys, waiting = machine.clean, machine.keys, [value]
    while waiting:  # a loop, because every record and every span comes through here
        each = waiting.pop()
        if isinstance(each, str):
            if len(each) >= SHORTEST and each not in clean:
                texts.append(each)
        elif isinstance(each, dict):
            given = cast("dict[Any, Any]", each)
            for key in given:
                if key not in keys and isinstance(key, str) and not _is_plain(key, machine):
                    return False
            waiting += given.values()
        elif isinstance(each, (list, tuple)):
            waiting += cast("list[Any]", each)
    return True


def _is_plain(key: str, machine: Machine) -> bool:
    """Whether a key holds no secret, and promises none under it."""
    if key == _HELD or is_secret_name(key) or without(key, machine) is not key:
        return False
    if len(machine.keys) < _MANY_KEYS:
        machine.keys.add(key)
    return True


def _redacted(value: Any, machine: Machine) -> Any:
    if isinstance(value, str):
        return without(value, machine)
    if isinstance(value, dict):
        return _mapping(cast("dict[Any, Any]", value), machine)
    if isinstance(value, (list, tuple)):
        items: Any = cast("list[Any]", value)
        changed = [_redacted(each, machine) for each in items]
        same = all(new is old for new, old in zip(changed, items, strict=True))
        return items if same else _alike(items, changed)
    return cast("object", value)


def _alike(given: Any, changed: list[Any]) -> Any:
    return tuple(changed) if isinstance(given, tuple) else changed


def _mapping(given: dict[Any, Any], machine: Machine) -> dict[Any, Any]:
    changed: dict[Any, Any] = {}
    same = True
    for key, each in given.items():
        clean = without(key, machine) if isinstance(key, str) else key
        kind = _named(given, key, each)
        new = f"[secret:{kind}]" if kind else _listed(key, _redacted(each, machine))
        same = same and new is each and clean is key
        changed[clean] = new
    return given if same else changed


def _listed(key: Any, value: Any) -> Any:
    """A list of values under a name that gives them away (a header that was sent twice)."""
    if not isinstance(value, (list, tuple)) or not isinstance(key, str) or not is_secret_name(key):
        return cast("object", value)
    items = cast("list[Any]", value)
    mark = f"[secret:{_kind_of(key)}]"
    changed = [
        mark if isinstance(each, str) and is_secret_value(key, each) else each for each in items
    ]
    return items if changed == list(items) else _alike(items, changed)


def _named(given: dict[Any, Any], key: Any, value: Any) -> str | None:
    """The kind of a secret that its key, or a name beside it, gives away."""
    if not isinstance(key, str) or not isinstance(value, str):
        return None
    names = [key]
    if key == _HELD:
        names += [name for each in _NAMING if isinstance(name := given.get(each), str)]
    for name in names:
        if is_secret_name(name) and is_secret_value(name, value):
            found = find(value)  # what is in the text has a better name, if it is all of it
            whole = len(found) == 1 and (found[0].start, found[0].end) == (0, len(value))
            return found[0].kind if whole else _kind_of(name)
    return None


def _kind_of(name: str) -> str:
    return "".join(c if c.isalnum() or c in "_.-" else "_" for c in redact(name))[:64]
