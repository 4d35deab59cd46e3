"""Ways into a record's JSON: ``params/system``, ``implementation/files/tool.py``."""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]


def get_path(body: JsonObject, path: str) -> Any:
    """The value at ``path``. Raises KeyError."""
    value: Any = body
    for step in path.split("/"):
        value = value[step]
    return value


def set_path(body: JsonObject, path: str, value: Any) -> JsonObject:
    """A copy of ``body`` with the value at ``path`` replaced."""
    first, _, rest = path.partition("/")
    return {**body, first: set_path(body[first], rest, value) if rest else value}
