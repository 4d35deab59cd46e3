"""Actions: what a live resource can be asked to do, and how typed Python functions become that.

A resource that does one thing takes the arguments themselves as its input; one with several
actions takes ``{"action": name, "arguments": {...}}``, as its input schema says.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast, get_type_hints

import docstring_parser
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import to_jsonable_python

from agp.errors import ResourceError
from agp.rspl.entities import JsonObject

Context = Mapping[type, Any]
"""Values that a call may be given beside its arguments, by the class that asks for them."""


@dataclass(frozen=True)
class Action:
    """One thing a resource does; ``parameters`` is the JSON schema of its arguments."""

    name: str
    description: str
    parameters: JsonObject


@dataclass(frozen=True)
class Changed:
    """What an action returns that changes its resource's state.

    ``result`` is for the caller; ``params`` are the instantiation parameters of the next version.
    """

    result: Any
    params: JsonObject


class Function:
    """A typed Python function, and the model that checks its arguments.

    Parameters of the function whose class is marked ``__agp_injected__`` are filled by the
    caller from its context and are not part of the schema. Raises ResourceError where the
    signature cannot be described.
    """

    def __init__(self, function: Callable[..., Any], *, where: str) -> None:
        self.function = function
        self._where = where
        self.arguments, self.injected = _arguments(function, where)

    @property
    def description(self) -> str:
        """What the docstring says the function does."""
        parsed = docstring_parser.parse(self.function.__doc__ or "")
        return "\n".join(filter(None, (parsed.short_description, parsed.long_description)))

    @property
    def schema(self) -> JsonObject:
        """JSON schema of the arguments. Raises ResourceError for types that have none."""
        try:
            return schema_of_model(self.arguments)
        except Exception as error:  # pydantic runs the hooks of the author's own types
            raise _indescribable(self._where, error) from error

    async def __call__(self, arguments: JsonObject, context: Context) -> Any:
        """Check the arguments and call the function. Raises ValueError naming what is wrong."""
        given = self._checked(arguments)
        filled = {name: context[needed] for name, needed in self.injected.items()}
        if inspect.iscoroutinefunction(self.function):
            return await self.function(**given, **filled)
        # In a thread of its own a slow function does not hold up the other samples.
        return await asyncio.to_thread(self.function, **given, **filled)

    def meant(self, arguments: JsonObject) -> JsonObject | None:
        """The arguments as the function will get them, as plain data; None if it refuses them.

        Defaults are filled in, and values converted: for a boolean ``"yes"`` is true.
        """
        try:
            given = self._checked(arguments)
        except ValueError:
            return None
        return {name: _plain(value) for name, value in given.items()}

    def _checked(self, arguments: JsonObject) -> dict[str, Any]:
        arguments = json_object(arguments)
        if unknown := sorted(set(arguments) - set(self.arguments.model_fields)):
            known = ", ".join(self.arguments.model_fields) or "none"
            raise ValueError(f"there is no argument {unknown[0]!r}; there are: {known}")
        try:
            checked = self.arguments.model_validate(arguments)
        except ValidationError as error:
            faults = [
                f"{'.'.join(map(str, fault['loc'])) or 'arguments'}: {fault['msg']}"
                for fault in error.errors()
            ]
            raise ValueError("; ".join(faults)) from error
        return {name: getattr(checked, name) for name in type(checked).model_fields}


def schema_of_model(model: type[BaseModel]) -> JsonObject:
    """The JSON schema of arguments, as a model is shown it."""
    schema = model.model_json_schema()
    _drop_titles(schema)
    return {"type": "object", "properties": {}, **schema}


def schema_of_actions(actions: Iterable[Action]) -> JsonObject:
    """The input schema of a resource with several actions."""
    return {
        "type": "object",
        "oneOf": [
            {
                "description": action.description,
                "properties": {"action": {"const": action.name}, "arguments": _alone(action)},
                "required": ["action", "arguments"],
            }
            for action in actions
        ],
    }


def actions_of_schema(schema: JsonObject, where: str) -> list[Action]:
    """The actions that `schema_of_actions` wrote down; none where there is no ``oneOf``.

    Parameters: ``where`` whose input schema it is. Raises ResourceError for one of another form.
    """
    try:
        written = _WRITTEN.validate_python(schema.get("oneOf", []))
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(map(str, ("input_schema", "oneOf", *fault["loc"])))
        raise ResourceError(
            f"{where}: field {field!r} does not describe an action: {fault['msg']}.",
            hint='Each is {"description", "properties": {"action": {"const"}, "arguments": {…}}}; '
            "leave it to agp by reading the resource from its files.",
        ) from error
    actions = [_read(each) for each in written]
    if len({action.name for action in actions}) < len(actions):
        raise ResourceError(f"{where}: field 'input_schema': two actions have one name.")
    return actions


class _Const(BaseModel):
    model_config = ConfigDict(strict=True)

    const: str


class _Properties(BaseModel):
    model_config = ConfigDict(strict=True)

    action: _Const
    arguments: JsonObject


class _Written(BaseModel):
    """One action as `schema_of_actions` writes it."""

    model_config = ConfigDict(strict=True)

    description: str
    properties: _Properties


_WRITTEN = TypeAdapter(list[_Written])


def _alone(action: Action) -> JsonObject:
    """The parameters as a schema of its own inside another: its references are its own."""
    if "$defs" not in action.parameters:
        return action.parameters
    return {"$id": f"urn:agp:action:{action.name}", **action.parameters}


def _read(written: _Written) -> Action:
    takes = written.properties.arguments
    parameters = {key: value for key, value in takes.items() if key != "$id"}
    return Action(written.properties.action.const, written.description, parameters)


def json_object(given: object) -> JsonObject:
    """An input, checked to be a JSON object. Raises ValueError in words for a model."""
    if not isinstance(given, Mapping):
        raise ValueError(f"the input must be a JSON object, not {given!r:.100}")
    names = list(cast("Mapping[object, Any]", given))
    if odd := [name for name in names if not isinstance(name, str)]:
        raise ValueError(f"the input must be a JSON object; {odd[0]!r:.100} is no key of one")
    return dict(cast("Mapping[str, Any]", given))


def as_input(schema: JsonObject, action: str, arguments: JsonObject) -> JsonObject:
    """What a resource with this input schema takes to do ``action`` with ``arguments``."""
    return {"action": action, "arguments": arguments} if "oneOf" in schema else arguments


def chosen(given: JsonObject, actions: Iterable[str]) -> tuple[str, JsonObject]:
    """The action and the arguments that an input ``given`` to one of several actions names.

    Raises ValueError naming what is wrong, in words for a model.
    """
    known, given = list(actions), json_object(given)
    action, arguments = given.get("action"), given.get("arguments", {})
    if action not in known or set(given) - {"action", "arguments"}:
        raise ValueError(
            f'the input is {{"action": name, "arguments": {{…}}}}, and the actions are: '
            f"{', '.join(known)}"
        )
    if not isinstance(arguments, Mapping):
        raise ValueError("arguments: must be a JSON object")
    return str(action), json_object(cast("object", arguments))


def _arguments(function: Callable[..., Any], where: str) -> tuple[type[BaseModel], dict[str, type]]:
    if not inspect.isroutine(function):
        raise ResourceError(f"{where}: what the file defines under the tool's name is no function.")
    try:
        hints = get_type_hints(function, include_extras=True)
        parameters = inspect.signature(function).parameters
    except Exception as error:  # types that are written as texts are evaluated: any error at all
        raise ResourceError(f"{where}: a type in the signature is unknown: {error}") from error
    documented = docstring_parser.parse(function.__doc__ or "").params
    descriptions = {parameter.arg_name: parameter.description for parameter in documented}
    fields: dict[str, Any] = {}
    injected: dict[str, type] = {}
    for name, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ResourceError(f"{where}: *{name} cannot be described to a model.")
        if name not in hints:
            raise ResourceError(f"{where}: the parameter {name!r} has no type.")
        if getattr(hints[name], "__agp_injected__", False):
            injected[name] = cast(type, hints[name])
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (hints[name], Field(default, description=descriptions.get(name)))
    try:
        return create_model(function.__name__, **fields), injected
    except Exception as error:  # pydantic runs the hooks of the author's own types
        raise _indescribable(where, error) from error


def _plain(value: Any) -> Any:
    """A checked argument as JSON; what JSON has no form for as text."""
    if isinstance(value, Decimal) and value.is_finite():
        value = int(value) if value == value.to_integral_value() else float(value)
    try:
        return to_jsonable_python(value, by_alias=False, serialize_unknown=True)
    except ValueError:  # bytes that are no text
        return to_jsonable_python(
            value, by_alias=False, serialize_unknown=True, bytes_mode="base64"
        )


def _indescribable(where: str, error: Exception) -> ResourceError:
    why = next(iter(str(error).splitlines()), type(error).__name__)
    return ResourceError(f"{where}: its parameters cannot be described: {why}")


def _drop_titles(schema: Any) -> None:
    """Remove pydantic's generated titles: they tell a model nothing and cost tokens."""
    if isinstance(schema, dict):
        node = cast(dict[str, Any], schema)
        if isinstance(node.get("title"), str):  # a parameter called "title" is an object
            del node["title"]
        for value in node.values():
            _drop_titles(value)
    elif isinstance(schema, list):
        for value in cast(list[Any], schema):
            _drop_titles(value)
