"""What differs between two JSON schemas of arguments, in sentences.

Whatever no sentence fits is said as it stands: schemas that differ never give an empty list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from agp.errors import ResourceError
from agp.rspl.entities import JsonObject
from agp.rspl.kinds.actions import actions_of_schema
from agp.rspl.lineage.three_way import ABSENT, same

_ARGUMENTS = ("properties", "required")
_SAID = ("description", "default", "type", "anyOf", "enum", "const", "$ref", "items")


def schema_statements(old: JsonObject, new: JsonObject) -> list[str]:
    """What changed from one schema to another, one sentence each; empty where they are equal.

    A schema of several actions is compared action by action.
    """
    if same(old, new):
        return []
    several = "oneOf" in old or "oneOf" in new
    try:
        found = list(_actions(old, new) if several else _arguments(old, new))
    except (AttributeError, KeyError, TypeError, ResourceError):  # not of the form that agp writes
        found = []
    return found or [f"schema {_plain(old)} → {_plain(new)}"]


def _actions(old: JsonObject, new: JsonObject) -> Iterator[str]:
    before, after = ({a.name: a for a in actions_of_schema(schema, "")} for schema in (old, new))
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            yield f"action {name} removed"
        elif name not in before:
            yield f"action {name} added"
        else:
            was, now = before[name], after[name]
            yield from _value(f"action {name}: description", was.description, now.description)
            for each in _arguments(was.parameters, now.parameters):
                yield f"action {name}: {each}"


def _arguments(old: JsonObject, new: JsonObject) -> Iterator[str]:
    before, after = (cast("JsonObject", schema.get("properties", {})) for schema in (old, new))
    needed = [set(cast("list[str]", schema.get("required", []))) for schema in (old, new)]
    gone = [name for name in before if name not in after]
    came = [name for name in after if name not in before]
    for old_name, new_name in _renamed(before, after, gone, came):
        yield f"argument {old_name} renamed to {new_name}"
        gone.remove(old_name)
        came.remove(new_name)
    for name in gone:
        yield f"argument {name} removed"
    for name in came:
        how = "required" if name in needed[1] else "optional"
        yield f"argument {name} added: {_type(after[name])}, {how}{_default(after[name])}"
    for name in before:
        if name in after:
            yield from _argument(name, before[name], after[name])
            was, now = (name in each for each in needed)
            if was != now:
                yield f"argument {name} is now {'required' if now else 'optional'}"
    yield from _others("", old, new, _ARGUMENTS)


def _renamed(
    before: JsonObject, after: JsonObject, gone: list[str], came: list[str]
) -> list[tuple[str, str]]:
    """Pairs of names that stand for the same schema, where no other pair could be meant."""
    pairs = [(a, b) for a in gone for b in came if same(before[a], after[b])]
    names = [name for pair in pairs for name in pair]
    return [pair for pair in pairs if all(names.count(name) == 1 for name in pair)]


def _argument(name: str, old: JsonObject, new: JsonObject) -> Iterator[str]:
    was, now = _type(old), _type(new)
    if was != now:
        yield f"argument {name}: type {was} → {now}"
    elif any(not same(old.get(key, ABSENT), new.get(key, ABSENT)) for key in _SAID[2:]):
        yield f"argument {name}: type {_plain(old)} → {_plain(new)}"
    for key in ("default", "description"):
        yield from _value(f"argument {name}: {key}", old.get(key, ABSENT), new.get(key, ABSENT))
    yield from _others(f"argument {name}: ", old, new, _SAID)


def _others(prefix: str, old: JsonObject, new: JsonObject, said: tuple[str, ...]) -> Iterator[str]:
    for key in dict.fromkeys([*old, *new]):
        if key not in said:
            yield from _value(f"{prefix}{key}", old.get(key, ABSENT), new.get(key, ABSENT))


def _value(what: str, old: Any, new: Any) -> Iterator[str]:
    if same(old, new):
        return
    if old is ABSENT:
        yield f"{what} {_plain(new)} added"
    elif new is ABSENT:
        yield f"{what} {_plain(old)} removed"
    else:
        yield f"{what} {_plain(old)} → {_plain(new)}"


def _type(schema: JsonObject) -> str:
    """A schema's type as people say it: integer, list of string, string or null, a | b."""
    if "enum" in schema:
        return " | ".join(_plain(value) for value in schema["enum"])
    if "const" in schema:
        return _plain(schema["const"])
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return kind


def _default(schema: JsonObject) -> str:
    return f", default {_plain(schema['default'])}" if "default" in schema else ""


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
