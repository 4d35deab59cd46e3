"""Tools: plain typed Python functions whose schema comes from signature and docstring."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, cast, get_type_hints

import docstring_parser
from pydantic import BaseModel, Field, PydanticUserError, ValidationError, create_model

from agp.errors import ResourceError
from agp.rspl.entities import EntityType, JsonObject, Record
from agp.rspl.kinds.base import COMMON, Folder, Kind, take
from agp.rspl.source import load_entry


class LocalTool:
    """A live tool: a function, and the model that checks its arguments.

    Parameters of the function whose class is marked ``__agp_injected__`` are filled by the
    caller from its context and are not part of the schema.
    """

    def __init__(self, function: Callable[..., Any], *, where: str) -> None:
        self.function = function
        self.arguments, self.injected = _arguments(function, where)

    @property
    def schema(self) -> JsonObject:
        """JSON schema of the arguments."""
        schema = self.arguments.model_json_schema()
        _drop_titles(schema)
        return {"type": "object", "properties": {}, **schema}

    async def __call__(self, arguments: JsonObject, context: dict[type, Any]) -> Any:
        """Check the arguments and call the function. Raises ValueError naming what is wrong."""
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


class ToolKind(Kind):
    """A `tool.py` with one function named like the folder (- and . as _); `TOOL.md` is optional."""

    type = EntityType.TOOL
    folder = "tools"
    manifest = "TOOL.md"
    code_file = "tool.py"

    def from_folder(self, folder: Folder) -> list[Record]:
        """The tool, described by its docstring unless the manifest says more."""
        front = take(folder.front, COMMON, folder.where)
        record = self.record(folder, front, {}, entry=_function_name(folder.name))
        tool = self.build(record)
        text = front["description"] or _summary(tool.function)
        if not text:
            raise ResourceError(
                f"{folder.where}/tool.py: {_function_name(folder.name)} has no docstring.",
                hint="Say in it what the tool does: that is what an agent is shown.",
            )
        changed = {"description": text, "input_schema": tool.schema}
        return [Record.model_validate({**record.body(), **changed})]

    def build(self, record: Record) -> LocalTool:
        """The function, wrapped with its argument check."""
        function = load_entry(record.implementation, where=str(record.id))
        return LocalTool(function, where=str(record.id))

    def exports(self, record: Record) -> JsonObject:
        """The function-calling schema, in OpenAI form."""
        return {
            "type": "function",
            "function": {
                "name": record.name,
                "description": record.description,
                "parameters": record.input_schema,
            },
        }


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


def _function_name(tool: str) -> str:
    return tool.replace("-", "_").replace(".", "_")


def _summary(function: Callable[..., Any]) -> str:
    parsed = docstring_parser.parse(function.__doc__ or "")
    return "\n".join(filter(None, (parsed.short_description, parsed.long_description)))


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
