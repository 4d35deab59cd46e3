"""Records with code of their own, which no test has trusted before."""

from __future__ import annotations

import itertools
from typing import Any

from agp.rspl.entities import EntityType, Implementation, Record

_NUMBERS = itertools.count()
BINDINGS: dict[str, Any] = {
    **{"prompt": "it", "tools": [], "memory": "", "environment": "", "model": "solver"},
    "policy": {},
}


def unique(code: str) -> str:
    """Code that differs from all other code, so that nothing knows its digest."""
    return f"{code}\n# {next(_NUMBERS)} of this process\n"


def tool(code: str, properties: dict[str, Any] | None = None, name: str = "it") -> Record:
    """A tool whose function ``it`` is in ``code``; by default it takes a text ``x``."""
    given = {"x": {"type": "string"}} if properties is None else properties
    return Record(
        type=EntityType.TOOL,
        name=name,
        description="it",
        input_schema={"type": "object", "properties": given, "required": list(given)},
        implementation=Implementation(
            kind="source", entry="tool.py:it", files={"tool.py": unique(code)}
        ),
    )


def memory(code: str, params: dict[str, Any], actions: dict[str, dict[str, Any]]) -> Record:
    """A memory whose class ``Memory`` is in ``code``; ``actions`` name → its properties."""
    schema = {
        "type": "object",
        "oneOf": [
            {
                "description": name,
                "properties": {
                    "action": {"const": name},
                    "arguments": {"type": "object", "properties": properties},
                },
                "required": ["action", "arguments"],
            }
            for name, properties in actions.items()
        ],
    }
    return Record(
        type=EntityType.MEMORY,
        name="it",
        input_schema=schema,
        implementation=Implementation(
            kind="source", entry="memory.py:Memory", files={"memory.py": unique(code)}
        ),
        params=params,
    )


def agent(code: str, **bound: Any) -> Record:
    """An agent whose class ``Policy`` is in ``code``, bound to the prompt ``it``."""
    return Record(
        type=EntityType.AGENT,
        name="it",
        implementation=Implementation(
            kind="source", entry="policy.py:Policy", files={"policy.py": unique(code)}
        ),
        params={**BINDINGS, **bound},
    )
