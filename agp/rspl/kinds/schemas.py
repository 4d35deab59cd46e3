"""JSON schemas, and the values they accept: the one place that asks the jsonschema library."""

from __future__ import annotations

from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, UnknownType
from referencing import Registry
from referencing.exceptions import Unresolvable

from agp.rspl.entities import JsonObject

_NOTHING: Any = Registry()  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def accepts(schema: JsonObject, value: Any) -> bool:
    """Whether ``value`` is valid but for patterns, which a remote server could make take forever.

    False too where the schema is none or points to elsewhere.
    """
    return fault(cast(JsonObject, _without_patterns(schema)), value) is None


def fault(schema: JsonObject, value: Any) -> str | None:
    """What makes ``value`` invalid, in one sentence; None where it is valid."""
    # An empty registry: what a schema refers to is never fetched from the network.
    validator: Any = Draft202012Validator(schema, registry=_NOTHING)
    try:
        for error in validator.iter_errors(value):
            where = ".".join(map(str, error.absolute_path))
            return f"{where}: {error.message}" if where else str(error.message)
    except (
        Unresolvable,
        SchemaError,
        UnknownType,
        RecursionError,
        ValueError,
        TypeError,
    ) as error:
        return f"its schema cannot be checked: {error}"
    return None


def malformed(schema: JsonObject) -> str | None:
    """What makes a schema none (JSON Schema 2020-12), in one sentence; None where it is one."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = ".".join(map(str, error.absolute_path))
        return f"{where}: {error.message}" if where else str(error.message)
    except RecursionError:
        return "it is nested too deeply"
    return None


def _without_patterns(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_patterns(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    return {
        name: _without_patterns(each)
        for name, each in cast(JsonObject, value).items()
        if name != "patternProperties" and not (name == "pattern" and isinstance(each, str))
    }
