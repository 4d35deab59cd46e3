"""A tool's own tests: calls with what must come of them, as data in the tool's metadata.

They belong to the version, are never learnable, and are run confined whenever an optimizer makes
or changes the tool's code (`agp.sepl.creation.trials`). Nothing here runs anything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from agp.errors import ResourceError
from agp.rspl.entities import JsonObject, Record

TESTS = "tests"
"""The field of a tool's metadata that holds them."""

_MOST = 20
_CLOSE = 1e-6

Check = Literal["equals", "contains", "type", "fails"]


class ToolTest(BaseModel):
    """One call of a tool, and what must come of it.

    ``check`` says how ``expected`` is meant: the result ``equals`` it (numbers to one part in a
    million, texts but for space around them), is a text or list that ``contains`` it, is of the
    JSON ``type`` that it names; or the call ``fails``, whatever is expected.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    arguments: dict[str, JsonValue]
    expected: JsonValue = None
    check: Check = "equals"

    def holds(self, result: object) -> bool:
        """Whether a call that gave ``result`` is as it must be."""
        match self.check:
            case "equals":
                return same(self.expected, result)
            case "contains":
                return _contains(result, self.expected)
            case "type":
                return _type(result) == self.expected or (
                    self.expected == "number" and _type(result) == "integer"
                )
            case "fails":
                return False

    def told(self) -> str:
        """What must come of it, in words."""
        value = json.dumps(self.expected, ensure_ascii=False)
        words = {
            "equals": f"expects {value}",
            "contains": f"expects something that contains {value}",
            "type": f"expects a result of type {value}",
            "fails": "expects it to fail",
        }
        return words[self.check]


Tests = Annotated[list[ToolTest], Field(min_length=1, max_length=_MOST)]
_TESTS: TypeAdapter[list[ToolTest]] = TypeAdapter(Tests)


def as_data(given: object, where: str) -> list[JsonObject]:
    """Declared tests, checked, as plain data. Raises ResourceError naming the one that is wrong."""
    try:
        return [test.model_dump(mode="json") for test in _TESTS.validate_python(given)]
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(map(str, (TESTS, *fault["loc"])))
        raise ResourceError(
            f"{where}: field {field!r}: {fault['msg']}.",
            hint='A test is {"arguments": {…}, "expected": …, "check": "equals"}.',
        ) from error


def tests_of(record: Record) -> list[ToolTest]:
    """The tests that a record carries; none where it carries none that can be read."""
    try:
        return _TESTS.validate_python(record.body()["metadata"].get(TESTS, []))
    except ValidationError:
        return []


def same(expected: object, result: object) -> bool:
    """Whether two JSON values are the same, but for rounding and space around texts."""
    if isinstance(expected, bool) or isinstance(result, bool):
        return expected is result
    if isinstance(expected, int | float) and isinstance(result, int | float):
        return math.isclose(expected, result, rel_tol=_CLOSE, abs_tol=_CLOSE**2)
    if isinstance(expected, str) and isinstance(result, str):
        return expected.strip() == result.strip()
    if isinstance(expected, Mapping) and isinstance(result, Mapping):
        ours, theirs = cast("Mapping[str, Any]", expected), cast("Mapping[str, Any]", result)
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(expected, list | tuple) and isinstance(result, list | tuple):
        mine, other = cast("Sequence[Any]", expected), cast("Sequence[Any]", result)
        return len(mine) == len(other) and all(map(same, mine, other))
    return expected is None and result is None


def _contains(result: object, part: object) -> bool:
    if isinstance(result, str):
        return isinstance(part, str) and part.strip() in result
    if isinstance(result, list):
        return any(same(part, each) for each in cast("list[Any]", result))
    return isinstance(result, Mapping) and part in cast("Mapping[object, Any]", result)


def _type(value: object) -> str:
    if value is None:
        return "null"
    names: list[tuple[type[Any], str]] = [
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (list, "array"),
    ]
    return next((name for kind, name in names if isinstance(value, kind)), "object")
