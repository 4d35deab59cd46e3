"""Actions: what a live resource can be asked to do, and how typed Python functions become that.

A resource that does one thing takes the arguments themselves as its input; one with several
actions takes ``{"action": name, "arguments": {...}}``, as its input schema says.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_type_hints

import docstring_parser
from pydantic import BaseModel, Field, PydanticUserError, ValidationError, create_model

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
        self.arguments, self.injected = _arguments(function, where)

    @property
    def description(self) -> str:
        """What the docstring says the function does."""
        parsed = docstring_parser.parse(self.function.__doc__ or "")
        return "\n".join(filter(None, (parsed.short_description, parsed.long_description)))

    @property
    def schema(self) -> JsonObject:
        """JSON schema of the arguments."""
        schema = self.arguments.model_json_schema()
        _drop_titles(schema)
        return {"type": "object", "properties": {}, **schema}

    async def __call__(self, arguments: JsonObject, context: Context) -> Any:
        """Check the arguments and call the function. Raises ValueError naming what is wrong."""
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
        given = {name: getattr(checked, name) for name in type(checked).model_fields}
        filled = {name: context[needed] for name, needed in self.injected.items()}
        if inspect.iscoroutinefunction(self.function):
            return await self.function(**given, **filled)
        # In a thread of its own a slow function does not hold up the other samples.
        return await asyncio.to_thread(self.function, **given, **filled)


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


def actions_of_schema(schema: JsonObject) -> list[Action]:
    """The actions that `schema_of_actions` wrote down."""
    return [_read(each) for each in schema.get("oneOf", [])]


def _alone(action: Action) -> JsonObject:
    """The parameters as a schema of its own inside another: its references are its own."""
    if "$defs" not in action.parameters:
        return action.parameters
    return {"$id": f"urn:agp:action:{action.name}", **action.parameters}


def _read(written: JsonObject) -> Action:
    takes: JsonObject = written["properties"]["arguments"]
    name = str(written["properties"]["action"]["const"])
    parameters = {key: value for key, value in takes.items() if key != "$id"}
    return Action(name, written["description"], parameters)


def as_input(schema: JsonObject, action: str, arguments: JsonObject) -> JsonObject:
    """What a resource with this input schema takes to do ``action`` with ``arguments``."""
    return {"action": action, "arguments": arguments} if "oneOf" in schema else arguments


def chosen(given: JsonObject, actions: Iterable[str]) -> tuple[str, JsonObject]:
    """The action and the arguments that an input ``given`` to one of several actions names.

    Raises ValueError naming what is wrong, in words for a model.
    """
    known = list(actions)
    action, arguments = given.get("action"), given.get("arguments", {})
    if action not in known or set(given) - {"action", "arguments"}:
        raise ValueError(
            f'the input is {{"action": name, "arguments": {{…}}}}, and the actions are: '
            f"{', '.join(known)}"
        )
    if not isinstance(arguments, dict):
        raise ValueError("arguments: must be a JSON object")
    return str(action), cast(JsonObject, arguments)


def _arguments(function: Callable[..., Any], where: str) -> tuple[type[BaseModel], dict[str, type]]:
    if not inspect.isroutine(function):
        raise ResourceError(f"{where}: what the file defines under the tool's name is no function.")
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise ResourceError(f"{where}: a type in the signature is unknown: {error}") from error
    documented = docstring_parser.parse(function.__doc__ or "").params
    descriptions = {parameter.arg_name: parameter.description for parameter in documented}
    fields: dict[str, Any] = {}
    injected: dict[str, type] = {}
    for name, parameter in inspect.signature(function).parameters.items():
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
    except (PydanticUserError, NameError, TypeError) as error:
        why = str(error).splitlines()[0]
        raise ResourceError(f"{where}: its parameters cannot be described: {why}") from error


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
