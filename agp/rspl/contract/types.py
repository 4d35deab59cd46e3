"""JSON schemas as types in words: everything a valid value needs, on one line.

The words: ``text``, ``integer``, ``number``, ``boolean``, ``null``, ``any``; a JSON value stands
for itself; ``list of T``, ``[T, U]``, ``{key: T, other?: U = default, ...: V}``; ``T | U`` either,
``T & U`` both; ``(constraints)`` behind what they constrain; a capitalised name for a type that is
used more than once or within itself; ``exactly one of (T | U)`` where both could fit. What has no
words stays JSON schema: ``schema {…}``.
Nothing here knows of resources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from agp.rspl.contract.references import named, target_of
from agp.rspl.entities import JsonObject
from agp.rspl.kinds.schemas import accepts

_SIMPLE = re.compile(r"\w[\w-]*")
_ANNOTATIONS = frozenset(
    """
    title description default examples example deprecated readOnly writeOnly $schema $id
    $comment $defs definitions $anchor
    """.split()  # noqa: SIM905 (as a list, one word a line)
)
_NUMBER = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "multipleOf": "a multiple of {}",
}
_TEXT = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matching {}",
    "format": "format {}",
}
_LIST = {"minItems": "at least {} items", "maxItems": "at most {} items"}
_OBJECT = {"minProperties": "at least {} keys", "maxProperties": "at most {} keys"}
_BELONGS: dict[str, frozenset[str]] = {
    "string": frozenset(_TEXT),
    "integer": frozenset(_NUMBER),
    "number": frozenset(_NUMBER),
    "array": frozenset({*_LIST, "items", "prefixItems", "uniqueItems"}),
    "object": frozenset({*_OBJECT, "properties", "required", "additionalProperties"}),
    "boolean": frozenset(),
    "null": frozenset(),
}
_JOINS = frozenset({"anyOf", "oneOf", "allOf", "$ref"})
_WORDLESS = frozenset(
    """
    not if then else contains minContains maxContains patternProperties propertyNames
    dependentRequired dependentSchemas dependencies additionalItems unevaluatedItems
    unevaluatedProperties $dynamicRef $recursiveRef
    """.split()  # noqa: SIM905 (as a list, one word a line)
)


def literal(value: Any) -> str:
    """A JSON value that cannot end a code span or a line, whatever is in it."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(", ", ": "))
    return "".join(_escaped(c) if c == "`" or not c.isprintable() else c for c in text)


def key(name: str) -> str:
    """An argument's name: as it is, or as JSON text where it is no plain word."""
    return name if _SIMPLE.fullmatch(name) else literal(name)


def ordered(schema: Mapping[str, Any]) -> dict[str, tuple[Any, bool]]:
    """The properties of an object schema with their schema and whether they are required.

    Required ones first, in the order of ``required``, then by name: the order of keys in the
    schema does not count, for equal records may differ in it.
    """
    properties: JsonObject = schema.get("properties", {})
    required = list(dict.fromkeys(cast("list[str]", schema.get("required", []))))
    optional = sorted(set(properties) - set(required))
    others = schema.get("additionalProperties", True)
    return {name: (properties.get(name, others), name in required) for name in required + optional}


class Types:
    """The types of one schema in words.

    Parameters: ``root`` is the schema that ``$ref`` points into.
    """

    def __init__(self, root: JsonObject) -> None:
        self._root = root
        self._names = named(root)

    @property
    def definitions(self) -> dict[str, str]:
        """The named types, by name."""
        return {name: self._node(target_of(self._root, ref)) for ref, name in self._names.items()}

    def resolved(self, schema: Any) -> Any:
        """``schema`` with a reference that stands alone followed, unless it has a name."""
        while isinstance(schema, dict):
            node = cast(JsonObject, schema)
            target = target_of(self._root, node.get("$ref"))
            rest = {name: value for name, value in node.items() if name != "$ref"}
            if node.get("$ref") in self._names or set(rest) - _ANNOTATIONS or target is None:
                return node
            schema = {**cast(JsonObject, target), **rest} if isinstance(target, dict) else target
        return schema

    def arguments(self) -> JsonObject:
        """The root as an object schema, whatever reference it opens with."""
        return cast(JsonObject, self.followed(self._root))

    def followed(self, schema: Any) -> Any:
        """``schema`` with its reference followed, named or not; as it is where that is a circle."""
        met: set[str] = set()
        while isinstance(schema, dict):
            node = cast(JsonObject, schema)
            ref = node.get("$ref")
            target = target_of(self._root, ref)
            if target is None or ref in met:
                return node
            met.add(str(ref))
            rest = {name: value for name, value in node.items() if name != "$ref"}
            schema = {**cast(JsonObject, target), **rest} if isinstance(target, dict) else target
        return schema

    def inside(self, schema: Any, path: str) -> Iterator[tuple[str, Any]]:
        """The properties within a schema and within its items, each with the way to it."""
        node = self.resolved(schema)
        if not isinstance(node, dict):
            return
        node = cast(JsonObject, node)
        for name, (each, _) in ordered(node).items():
            inner = f"{path}.{key(name)}"
            yield inner, self.resolved(each)
            yield from self.inside(each, inner)
        if isinstance(node.get("items"), dict):
            yield from self.inside(node["items"], f"{path}[]")
        for join in ("anyOf", "oneOf", "allOf"):
            for each in node.get(join, []):
                yield from self.inside(each, path)

    def words(self, schema: Any) -> str:
        """A schema as a type."""
        if not isinstance(schema, dict):
            return "nothing" if schema is False else "any"
        node = cast(JsonObject, schema)
        ref = node.get("$ref")
        if isinstance(ref, str) and ref in self._names and not set(node) - _ANNOTATIONS - {"$ref"}:
            return self._names[ref]
        return self._node(self.resolved(node))

    def rest(self, schema: JsonObject) -> str:
        """What an object schema demands beyond its properties; empty where that is nothing."""
        plain = {"type", "properties", "required", "additionalProperties", *_ANNOTATIONS}
        beyond = {name: value for name, value in schema.items() if name not in plain}
        return self._node({"type": "object", **beyond}) if beyond else ""

    def _node(self, schema: Any) -> str:
        if not isinstance(schema, dict):
            return "nothing" if schema is False else "any"
        node = cast(JsonObject, schema)
        listed = "const" in node or "enum" in node
        parts = [self._values(node)] if listed else self._own(node)
        if "$ref" in node:
            parts.append(self._referred(str(node["$ref"])))
        if "anyOf" in node:
            parts.append(_either(self.words(each) for each in node["anyOf"]))
        if "oneOf" in node:
            parts.append(self._one(node["oneOf"]))
        parts += [self.words(each) for each in node.get("allOf", [])]
        wordless = {name: value for name, value in node.items() if name in _WORDLESS}
        if wordless and not listed:
            parts.append(f"schema {literal(self._inlined(wordless))}")
        parts = [part for part in dict.fromkeys(parts) if part != "any"]
        return " & ".join(map(_grouped, parts)) if len(parts) > 1 else (parts or ["any"])[0]

    def _values(self, node: JsonObject) -> str:
        listed = [node["const"]] if "const" in node else cast("list[Any]", node["enum"])
        alone = {name: value for name, value in node.items() if name not in _JOINS}
        around = {k: self._root[k] for k in ("$defs", "definitions") if k in self._root}
        fitting = [literal(value) for value in listed if accepts({**around, **alone}, value)]
        return " | ".join(dict.fromkeys(fitting)) or "nothing"

    def _referred(self, ref: str) -> str:
        if ref in self._names:
            return self._names[ref]
        target = target_of(self._root, ref)
        return f"schema {literal({'$ref': ref})}" if target is None else self._node(target)

    def _one(self, alternatives: list[Any]) -> str:
        types = [_json_types(self.resolved(each)) for each in alternatives]
        apart = sum(map(len, types)) == len(frozenset[str]().union(*types)) and all(types)
        either = _either(self.words(each) for each in alternatives)
        return either if apart or len(alternatives) == 1 else f"exactly one of ({either})"

    def _own(self, node: JsonObject) -> list[str]:
        types = node.get("type")
        if types is None:
            named = [t for t, words in _BELONGS.items() if t != "integer" and words & set(node)]
            return [_either(self._of_type(t, node) for t in named)] if named else []
        listed = cast("list[str]", types) if isinstance(types, list) else [str(types)]
        return [_either(self._of_type(t, node) for t in listed)]

    def _of_type(self, type_: str, node: JsonObject) -> str:
        match type_:
            case "string":
                return "text" + _constraints(_TEXT, node)
            case "integer" | "number":
                return type_ + _constraints(_NUMBER, node)
            case "array":
                return self._list(node)
            case "object":
                return self._object(node)
            case _:
                return type_

    def _list(self, node: JsonObject) -> str:
        also = ["all different"] if node.get("uniqueItems") else []
        limits = _constraints(_LIST, node, also)
        items: Any = node.get("items", True)
        first: Any = node.get("prefixItems", cast(Any, items) if isinstance(items, list) else None)
        if first:
            more = [f"...: {self.words(items)}"] if isinstance(items, dict) else []
            return f"[{', '.join([self.words(each) for each in first] + more)}]{limits}"
        inner = self.words(items)
        if inner == "any":
            return f"list{limits}"
        return f"list{limits} of {_grouped(inner)}"

    def _object(self, node: JsonObject) -> str:
        fields = [
            self.field(name, schema, required) for name, (schema, required) in ordered(node).items()
        ]
        others = node.get("additionalProperties", True)
        if isinstance(others, dict) and others:
            fields.append(f"...: {self.words(others)}")
        limits = _constraints(_OBJECT, node)
        if not fields and others is not False:
            return f"object{limits}"
        return f"{{{', '.join(fields)}}}{limits}"

    def field(self, name: str, schema: Any, required: bool) -> str:
        """One argument of a signature: ``name: type`` or ``name?: type = default``."""
        mark = "" if required else "?"
        return f"{key(name)}{mark}: {self.words(schema)}{default_of(self.resolved(schema))}"

    def _inlined(self, value: Any) -> Any:
        """Raw schema whose references still say what they mean."""
        if isinstance(value, dict):
            node = cast(JsonObject, value)
            ref = node.get("$ref")
            if isinstance(ref, str) and (ref in self._names or target_of(self._root, ref) is None):
                return {**node, "$ref": self._names.get(ref, ref)}
            if isinstance(ref, str):
                return self._inlined(self.resolved(node))
            return {name: self._inlined(each) for name, each in node.items()}
        if isinstance(value, list):
            return [self._inlined(each) for each in cast("list[Any]", value)]
        return value


def default_of(schema: Any) -> str:
    """`` = value`` where a schema has a default that says something."""
    if not isinstance(schema, dict) or "default" not in schema:
        return ""
    return f" = {literal(cast(JsonObject, schema)['default'])}"


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    pairs = (units[i : i + 2].hex() for i in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs)


def _constraints(words: Mapping[str, str], node: JsonObject, also: Iterable[str] = ()) -> str:
    said = [text.format(literal(node[name])) for name, text in words.items() if name in node]
    said += also
    return f" ({', '.join(said)})" if said else ""


def _json_types(schema: Any) -> frozenset[str]:
    """The JSON types a schema names; empty where it names none."""
    named: Any = cast(JsonObject, schema).get("type", []) if isinstance(schema, dict) else []
    listed = cast("list[str]", named) if isinstance(named, list) else [str(named)]
    return frozenset("number" if each == "integer" else each for each in listed)


def _either(types: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(types))
    joined = [f"({each})" if " & " in each else each for each in distinct]
    return " | ".join(joined) if len(joined) > 1 else (distinct or ["nothing"])[0]


def _grouped(type_: str) -> str:
    return f"({type_})" if " | " in type_ or " & " in type_ else type_
