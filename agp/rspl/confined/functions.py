"""Tools that are functions: described from their syntax tree, called in the sandbox."""

from __future__ import annotations

import ast
import types
from collections.abc import Iterable
from typing import Any, Literal, Union, cast

import docstring_parser
from pydantic import BaseModel, Field, create_model

from agp.errors import ResourceError
from agp.processes import Limits
from agp.rspl.confined import static
from agp.rspl.confined.calls import LIMITS, ConfinedFailure, guest_call
from agp.rspl.entities import JsonObject, Record
from agp.rspl.kinds.actions import Context, json_object, schema_of_model
from agp.rspl.kinds.schemas import fault

INJECTED = ("Task",)
"""Classes that a parameter may ask for by annotation; it is given the current one, as data."""

_UNKNOWN: Any = object()
_PLAIN: dict[str, Any] = {
    **{"str": str, "int": int, "float": float, "bool": bool, "None": None, "Any": Any},
    **{"list": list, "dict": dict, "object": object, "List": list, "Dict": dict},
}


class ConfinedFunction:
    """A tool whose function runs in the sandbox. Raises ResourceError where it cannot be one.

    Its file must be Python, define the function at the top level, and its parameters must be
    those of the record's input schema, beside those that are injected. Parameters: ``limits`` of
    one call.
    """

    def __init__(self, record: Record, limits: Limits = LIMITS) -> None:
        where = str(record.id)
        function = static.function_of(static.entry(record), where)
        known = static.parameters_of(function, where)
        said = properties_of(record.input_schema)
        self.injected = injected([a for a, _ in known if a.arg not in (said or ())])
        takes = {argument.arg for argument, _ in known} - set(self.injected)
        self._takes = takes
        self._needed = [argument.arg for argument, default in known if default is None]
        if said is not None and takes != set(said):
            odd = ", ".join(sorted(takes ^ set(said)))
            raise ResourceError(
                f"{where}: its input schema and its function differ in the parameters {odd}.",
                hint="Parameters are described by the input schema: keep both the same.",
            )
        self.record = record
        self._limits = limits

    async def __call__(self, given: JsonObject, context: Context) -> Any:
        """Check the arguments and call the function. Raises ValueError saying what is wrong."""
        checked = checked_arguments(given, self.record.input_schema, self._takes)
        task = {name: plain(context, cls) for name, cls in self.injected.items()}
        if lacking := [n for n in self._needed if n not in checked and n not in task]:
            raise ValueError(f"{lacking[0]}: Field required")
        try:
            asked: JsonObject = {"given": checked, "injected": task}
            reply = await guest_call(self.record, "call", asked, limits=self._limits)
        except ConfinedFailure as error:
            raise ValueError(str(error)) from error
        return reply.get("result")


class ReadFunction:
    """What a function says of itself, as `agp.rspl.kinds.actions.Function` has it."""

    def __init__(self, function: static.Function, where: str, *, method: bool = False) -> None:
        self.description, fields = _documented(function)
        known = static.parameters_of(function, where, method=method)
        asked = injected([argument for argument, _ in known])
        self._model = _model(
            function.name,
            {
                argument.arg: _field(argument, default, fields.get(argument.arg), where)
                for argument, default in known
                if argument.arg not in asked
            },
        )

    @property
    def schema(self) -> JsonObject:
        """JSON schema of the arguments."""
        return schema_of_model(self._model)


def read_function(record: Record) -> ReadFunction:
    """The function of a tool's record, as far as its text tells. Raises ResourceError."""
    where = str(record.id)
    return ReadFunction(static.function_of(static.entry(record), where), where)


def properties_of(schema: JsonObject) -> set[str] | None:
    """The names that a schema of arguments describes; None where it describes none at all."""
    found = schema.get("properties")
    return set(cast("JsonObject", found)) if isinstance(found, dict) else None


def checked_arguments(given: object, schema: JsonObject, known: Iterable[str]) -> JsonObject:
    """Arguments that the schema accepts, of those ``known``. Raises ValueError in words."""
    arguments = json_object(given)
    if unknown := sorted(set(arguments) - set(known)):
        there = ", ".join(sorted(known)) or "none"
        raise ValueError(f"there is no argument {unknown[0]!r}; there are: {there}")
    if wrong := fault(schema, arguments):
        raise ValueError(wrong)
    return arguments


def injected(parameters: list[ast.arg]) -> dict[str, str]:
    """The parameters that ask for something by its class: name → class."""
    asked = {argument.arg: static.annotation_name(argument) for argument in parameters}
    return {name: cls for name, cls in asked.items() if cls in INJECTED}


def plain(context: Context, cls: str) -> JsonObject:
    """What a context holds under the name of a class, as plain data. Raises ValueError."""
    found = next((value for key, value in context.items() if key.__name__ == cls), None)
    if not isinstance(found, BaseModel):
        raise ValueError(f"it needs a {cls}, and there is none here")
    return found.model_dump(mode="json")


def _documented(function: static.Function) -> tuple[str, dict[str, str | None]]:
    parsed = docstring_parser.parse(ast.get_docstring(function) or "")
    text = "\n".join(filter(None, (parsed.short_description, parsed.long_description)))
    return text, {each.arg_name: each.description for each in parsed.params}


def _field(argument: ast.arg, default: ast.expr | None, text: str | None, where: str) -> Any:
    kind = _type(argument.annotation)
    if kind is _UNKNOWN:
        raise ResourceError(
            f"{where}, line {argument.lineno}: the type of {argument.arg!r} cannot be told without "
            "running the code, which no person wrote.",
            hint="Use str, int, float, bool, list, dict, Literal, Optional and | for parameters.",
        )
    value = ... if default is None else static.literal(default, _UNKNOWN)
    if value is _UNKNOWN:
        raise ResourceError(
            f"{where}, line {argument.lineno}: the default of {argument.arg!r} is no literal.",
            hint="Write the value out.",
        )
    return (kind, Field(value, description=text))


def _type(node: ast.expr | None) -> Any:
    """The type that an annotation names, if it is made of plain ones."""
    if isinstance(node, ast.Constant):
        if node.value is None:
            return None
        parsed = static.literal_type(node.value)
        return _type(parsed) if parsed is not None else _UNKNOWN
    if isinstance(node, ast.Name):
        return _PLAIN.get(node.id, _UNKNOWN)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([_type(node.left), _type(node.right)])
    if not isinstance(node, ast.Subscript):
        return _UNKNOWN
    inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    name = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
    if name == "Literal":
        values = tuple(static.literal(each, _UNKNOWN) for each in inside)
        return _UNKNOWN if _UNKNOWN in values else Literal[values]
    kinds = [_type(each) for each in inside]
    if _UNKNOWN in kinds:
        return _UNKNOWN
    match name:
        case "list" | "List" if len(kinds) == 1:
            return list[kinds[0]]
        case "dict" | "Dict" if len(kinds) == 2:
            return dict[kinds[0], kinds[1]]
        case "Optional" if len(kinds) == 1:
            return _union([kinds[0], None])
        case "Union":
            return _union(kinds)
        case _:
            return _UNKNOWN


def _union(kinds: list[Any]) -> Any:
    if _UNKNOWN in kinds:
        return _UNKNOWN
    return Union[tuple(types.NoneType if kind is None else kind for kind in kinds)]  # noqa: UP007


def _model(name: str, fields: dict[str, Any]) -> type[BaseModel]:
    try:
        return create_model(name, **fields)
    except Exception as error:  # names that pydantic keeps for itself
        raise ResourceError(f"{name}: its parameters cannot be described: {error}") from error
