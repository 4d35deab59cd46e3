"""An example call made from a schema alone: the same one every time, or none."""

from __future__ import annotations

import re
from typing import Any, cast

from agp.rspl.contract.types import Types, ordered
from agp.rspl.entities import JsonObject
from agp.rspl.kinds.schemas import accepts

_QUOTED = re.compile(r'(?:for example|e\.g\.),?:?\s+"([^"\n]+)"')
_FORMATS = {
    "date": "2030-01-31",
    "date-time": "2030-01-31T12:00:00Z",
    "email": "someone@example.org",
    "uri": "https://example.org/",
}
_DEEPEST = 8
_LONGEST = 200  # characters of a text
_MOST = 100  # values in all


class _NoExampleError(Exception):
    """The schema does not say enough to make a value."""


def example(parameters: JsonObject) -> JsonObject | None:
    """Arguments that are valid: what is required, and what the schema gives examples of.

    Values come from the schema's own examples, then defaults, then an example that a description
    quotes, then the type. None where what comes out is not valid.
    """
    given = _first(parameters)
    if isinstance(given, dict) and accepts(parameters, given):
        return cast(JsonObject, given)
    types = Types(parameters)
    try:
        made = _Maker(types).fields(types.arguments(), 0)
    except _NoExampleError:
        return None
    return made if accepts(parameters, made) else None


def _first(schema: Any) -> Any:
    examples = cast(JsonObject, schema).get("examples") if isinstance(schema, dict) else None
    return cast("list[Any]", examples)[0] if isinstance(examples, list) and examples else None


class _Maker:
    def __init__(self, types: Types) -> None:
        self._types = types
        self._made = 0

    def fields(self, schema: JsonObject, depth: int) -> JsonObject:
        return {
            name: self.value(each, depth + 1)
            for name, (each, required) in ordered(schema).items()
            if required or _first(each) is not None
        }

    def value(self, schema: Any, depth: int) -> Any:
        self._made += 1
        if depth > _DEEPEST or self._made > _MOST:
            raise _NoExampleError
        node = self._types.followed(schema)
        if not isinstance(node, dict):
            return "text"
        node = cast(JsonObject, node)
        if (given := _first(node)) is not None:
            return given
        for name in ("default", "const"):
            if node.get(name) is not None:
                return node[name]
        if node.get("enum"):
            return node["enum"][0]
        for name in ("anyOf", "oneOf", "allOf"):
            if node.get(name):
                return self.value(node[name][0], depth + 1)
        return self._of_type(node, depth)

    def _of_type(self, node: JsonObject, depth: int) -> Any:
        named = node.get("type", "object" if "properties" in node else "string")
        match cast("list[str]", named)[0] if isinstance(named, list) else named:
            case "string":
                if "pattern" in node or node.get("minLength", 0) > _LONGEST:
                    raise _NoExampleError
                quoted = _QUOTED.search(str(node.get("description", "")))
                made = quoted[1] if quoted else _FORMATS.get(str(node.get("format")), "text")
                return made.ljust(int(node.get("minLength", 0)), "x")[: node.get("maxLength")]
            case "integer" | "number":
                return _number(node)
            case "boolean":
                return True
            case "array":
                items: Any = node.get("prefixItems")
                count = max(1, int(node.get("minItems", 1)))
                if count > _MOST:
                    raise _NoExampleError
                one = [node.get("items", True)] * count
                return [self.value(each, depth + 1) for each in items or one]
            case "object":
                return self.fields(node, depth)
            case _:
                return None


def _number(node: JsonObject) -> Any:
    if "minimum" in node:
        return node["minimum"]
    if "exclusiveMinimum" in node:
        return node["exclusiveMinimum"] + 1
    return min(1, node.get("maximum", 1), node.get("exclusiveMaximum", 2) - 1)
