"""Small records for tests."""

from __future__ import annotations

from typing import Any

from agp.rspl import trusted
from agp.rspl.entities import EntityType, Implementation, Record

CODE = {
    EntityType.AGENT: ("policy.py:Policy", "class Policy:\n    pass\n"),
    EntityType.TOOL: ("tool.py:it", 'def it(x: str) -> str:\n    """It."""\n    return x\n'),
    EntityType.ENVIRONMENT: (
        "environment.py:Environment",
        "class Environment:\n    def __init__(self, **kw):\n        pass\n",
    ),
    EntityType.MEMORY: (
        "memory.py:Memory",
        "class Memory:\n    def __init__(self, **kw):\n        pass\n",
    ),
}
BINDINGS = {
    "prompt": "it",
    "tools": [],
    "memory": "",
    "environment": "",
    "model": "solver",
    "policy": {},
}


def trust(record: Record) -> Record:
    """The record, with its code allowed to run in this process: a person wrote it."""
    trusted.allow(record.implementation.digest)
    return record


def prompt(name: str = "it", system: str = "Be brief.", **changes: Any) -> Record:
    """A prompt record."""
    params = {"system": system, "template": "{{input}}", "demonstrations": []}
    implementation = Implementation(kind="import", entry="agp.rspl.kinds.prompt:Prompt")
    fields = {"description": "a prompt", "params": params, "implementation": implementation}
    return Record(type=EntityType.PROMPT, name=name, **{**fields, **changes})


def record(type_: EntityType, text: str, name: str = "it") -> Record:
    """A record of any type whose description is ``text``."""
    if type_ is EntityType.PROMPT:
        return prompt(name, description=text)
    entry, code = CODE[type_]
    file = entry.partition(":")[0]
    return Record(
        type=type_,
        name=name,
        description=text,
        implementation=Implementation(kind="source", entry=entry, files={file: code}),
        params=BINDINGS if type_ is EntityType.AGENT else {},
    )
