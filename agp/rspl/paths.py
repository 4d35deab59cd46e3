"""Ways into a record's JSON: ``params/system``, ``implementation/files/scripts/run.py``.

A key may hold slashes itself (a file's path does): the longest key wins.
"""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]


def get_path(body: JsonObject, path: str) -> Any:
    """The value at ``path``. Raises KeyError."""
    if path in body:
        return body[path]
    first, _, rest = path.partition("/")
    return get_path(body[first], rest)


def find_path(body: JsonObject, path: str, default: Any = None) -> Any:
    """The value at ``path``; ``default`` where there is none."""
    try:
        return get_path(body, path)
    except (LookupError, TypeError):
        return default


def set_path(body: JsonObject, path: str, value: Any) -> JsonObject:
    """A copy of ``body`` with the value at ``path`` replaced."""
    first, slash, rest = path.partition("/")
    if path in body or not slash:
        return {**body, path: value}
    return {**body, first: set_path(body[first], rest, value)}
