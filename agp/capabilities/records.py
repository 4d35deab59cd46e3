"""Where a record holds what gives it power: code, bindings, a server's settings, texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from agp.capabilities.python import in_python
from agp.capabilities.shell import in_shell, of_command
from agp.capabilities.texts import in_literal, in_text, label, secret_like
from agp.rspl.entities import EntityType, Implementation, Record

_SHELLS = (".sh", ".bash", ".zsh", ".ksh")
_BOUND = {"memory": "memory", "environment": "environment", "model": "model", "prompt": "prompt"}
_LISTED = {"tools": "tool", "agents": "agent"}


def capabilities_of(record: Record) -> frozenset[str]:
    """All capabilities of a record. Never raises, whatever its texts are; executes nothing."""
    return frozenset(_all(record))


def _all(record: Record) -> Iterator[str]:
    yield from in_code(record.implementation)
    for _, text in _texts(record.params):
        yield from in_literal(text)
    yield from in_text(record.description)
    for part in (record.metadata, record.input_schema, record.output_schema):
        for _, text in _texts(part):
            yield from in_text(text)
    if record.type is EntityType.AGENT:
        yield from _bindings(record.params)
    if record.implementation.kind == "mcp":
        yield from _server(record.params)
        yield from _actions(record.input_schema)


def in_code(code: Implementation) -> Iterator[str]:
    """The capabilities of a record's code alone."""
    yield label("import", code.entry) if code.kind == "import" else label("code", code.kind)
    entry = code.entry.partition(":")[0]
    for name, text in code.files.items():
        first = text.partition("\n")[0]
        if name.endswith((".py", ".pyw")) or (code.kind == "source" and name == entry):
            yield from in_python(text)
        elif name.endswith(_SHELLS):
            yield from in_shell(text)
        elif first.startswith("#!"):
            yield from of_command(first[2:].split()[-1] if first[2:].split() else "#!")
            yield from in_python(text) if "python" in first else in_shell(text)
        else:
            yield from in_text(text)
        if code.kind != "source" and name.endswith((*_SHELLS, ".py")):
            yield label("script", name)


def _bindings(params: Mapping[str, Any]) -> Iterator[str]:
    for field, kind in _LISTED.items():
        names: object = params.get(field, [])
        for name in cast("list[object]", names) if isinstance(names, list) else []:
            yield label(kind, str(name))
    for field, kind in _BOUND.items():
        if name := params.get(field):
            yield label(kind, str(name))


def _server(params: Mapping[str, Any]) -> Iterator[str]:
    if command := params.get("command"):
        yield "exec"
        yield from of_command(str(command))
    if "url" in params:
        yield "network"
        if "$" in str(params["url"]):
            yield label("dynamic", "url")
    arguments: object = params.get("args", [])
    for each in cast("list[object]", arguments) if isinstance(arguments, list) else []:
        yield label("argument", str(each))
    for field, kind in (("env", "env"), ("headers", "header")):
        given: object = params.get(field, {})
        for name in cast("dict[object, object]", given) if isinstance(given, dict) else {}:
            yield label(kind, str(name))
            if secret_like(str(name).replace("-", "_")):
                yield label("secret", str(name))


def _actions(schema: Mapping[str, Any]) -> Iterator[str]:
    """What the server says it offers."""
    offered: object = schema.get("oneOf", [])
    for each in cast("list[object]", offered) if isinstance(offered, list) else []:
        for path, text in _texts(each):
            if path == "/properties/action/const":
                yield label("action", text)


def _texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """The texts in JSON data with their paths; keys are texts too."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, each in cast("Mapping[str, Any]", value).items():
            yield f"{path}/", str(key)
            yield from _texts(each, f"{path}/{key}")
    elif isinstance(value, list | tuple):
        for each in cast("list[Any]", value):
            yield from _texts(each, path)
