"""Memories and environments: their classes are read, and their methods run in the sandbox."""

from __future__ import annotations

from typing import Any

from agp.canonical import canonical_json
from agp.errors import AgpError, ResourceError
from agp.frozen import thaw
from agp.in_sync import in_sync
from agp.rspl.confined import static
from agp.rspl.confined.calls import ConfinedFailure, guest_call
from agp.rspl.confined.functions import (
    ReadFunction,
    checked_arguments,
    injected,
    plain,
    properties_of,
)
from agp.rspl.entities import JsonObject, Record
from agp.rspl.kinds.actions import Action, Changed, Context, actions_of_schema


class ConfinedState:
    """A stateful resource whose object is made in the sandbox, anew for each action.

    Raises ResourceError where its file is no Python, or its constructor cannot take the
    parameters.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.shape = static.shape_of(record)
        self.actions = {each.name: each for each in _actions(record)}
        _check_parameters(record, self.shape)
        _check_methods(record, self.shape, self.actions)

    async def act(self, name: str, given: JsonObject, context: Context) -> Any:
        """What a method returns; a `Changed` where it changes the state. Raises ValueError."""
        method = static.method_of(self.record, name)
        asked = injected(method.args.args) if method is not None else {}
        schema = self.actions[name].parameters
        known = set(self.shape.methods.get(name) or ()) - set(asked)
        arguments = checked_arguments(given, schema, known | (properties_of(schema) or set()))
        task = {each: plain(context, cls) for each, cls in asked.items()}
        reply = await self._ask("act", method=name, given=arguments, injected=task)
        if "params" not in reply:
            return reply.get("result")
        return Changed(reply.get("result"), _checked(reply["params"]))

    def rebuilt(self) -> JsonObject:
        """The parameters as an object that was made of them gives them back (bounds applied).

        Raises ResourceError where none can be made of them.
        """
        try:
            return _checked(in_sync(self._ask("rebuild")).get("params"))
        except ValueError as error:
            raise ResourceError(f"{self.record.id} cannot be built: {error}") from error

    async def _ask(self, function: str, **arguments: Any) -> JsonObject:
        params = thaw(self.record.params)
        try:
            return await guest_call(self.record, function, {"params": params, **arguments})
        except ConfinedFailure as error:
            raise ValueError(str(error)) from error


def read_actions(record: Record, where: str) -> list[Action]:
    """The actions of a class that may not be executed here. Raises ResourceError."""
    actions: list[Action] = []
    for name in static.shape_of(record).methods:
        method = static.method_of(record, name)
        if method is None:
            raise ResourceError(
                f"{where}: the method {name!r} is not in its file, so that it cannot be described "
                "without running the code, which no person wrote.",
                hint="Write the method in the file itself.",
            )
        read = ReadFunction(method, f"{where}: {name}", method=True)
        actions.append(Action(name, read.description, read.schema))
    return actions


def _actions(record: Record) -> list[Action]:
    return actions_of_schema(record.input_schema, str(record.id))


def _check_parameters(record: Record, shape: static.Shape) -> None:
    if shape.parameters is None:
        return
    if odd := sorted(set(record.params) - set(shape.parameters)):
        raise ResourceError(
            f"{record.id} cannot be built from its parameters {sorted(record.params)}: its class "
            f"takes no {odd[0]!r}.",
            hint="Correct the parameters, or what the class takes.",
        )


def _check_methods(record: Record, shape: static.Shape, actions: dict[str, Action]) -> None:
    for name, action in actions.items():
        takes = shape.methods.get(name)
        if takes is None:  # of agp itself; or none at all, which `StatefulKind.validate` tells
            continue
        method = static.method_of(record, name)
        asked = injected(method.args.args) if method is not None else {}
        said = properties_of(action.parameters)
        if said is not None and (odd := sorted((set(takes) - set(asked)) ^ said)):
            raise ResourceError(
                f"{record.id}: its input schema and its method {name} differ in the parameters "
                f"{', '.join(odd)}.",
                hint="Parameters are described by the input schema: keep both the same.",
            )


def _checked(params: Any) -> JsonObject:
    """Parameters that a record can hold. Raises ValueError."""
    if not isinstance(params, dict):
        raise ValueError("the new parameters are no JSON object")
    try:
        canonical_json(params)
    except AgpError as error:
        raise ValueError(error.message) from error
    return params  # pyright: ignore[reportUnknownVariableType]
