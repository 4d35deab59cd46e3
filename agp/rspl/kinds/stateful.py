"""What memory and environment have in common: a class whose public methods are actions on state.

The state is part of the record's parameters, so every version of it is kept. A method that
changes the state returns `Changed`, and the record with those parameters is the next version.
Running through the registry commits it; within a task it is seen by the later calls of that task
only (`Held`). Each action has an instance of its own, made from a copy of the parameters: what a
method does to ``self`` without returning it as `Changed`, or before it raises, leaves no trace.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from agp.errors import ResourceError
from agp.frozen import thaw
from agp.rspl.confined.refused import Refused, refuse_module
from agp.rspl.confined.stateful import ConfinedState, read_actions
from agp.rspl.confined.static import Shape, shape_of, shape_of_class
from agp.rspl.entities import JsonObject, Record
from agp.rspl.kinds.actions import (
    Action,
    Changed,
    Context,
    Function,
    chosen,
    schema_of_actions,
)
from agp.rspl.kinds.base import Folder, Kind, Outcome, Part, load_class
from agp.rspl.kinds.limits import is_limit
from agp.rspl.kinds.merging import merge
from agp.secrets import refer, references


class StatefulKind(Kind):
    """A class that is built from ``params``; each of its public methods with a docstring acts.

    The class may say more of itself: ``content``, the parameter that holds the state (without
    it, all parameters do), and ``identity``, the fields that tell which items of a list are the
    same one (see `agp.rspl.kinds.merging`).
    """

    def from_folder(self, folder: Folder) -> list[Record]:
        """The resource, its actions described by the methods. Raises ResourceError."""
        records = super().from_folder(folder)
        return [self._described(record, folder.where) for record in records]

    def parts(self, record: Record) -> list[Part]:
        """Its content and each of its settings, but for limits, and what its actions take."""
        content = self._shape(record).content
        names: list[str] = [content] if content else []
        names += [name for name in record.params if name != content]
        held = [
            Part(
                f"params/{name}",
                "json",
                f"{_what(name, content)} of {record.id}",
                settings=name != content,
            )
            for name in names
            if name == content or not is_limit(name)
        ]
        takes = Part("input_schema", "json", f"what the actions of {record.id} take", derived=True)
        derived = [takes] if record.implementation.kind == "source" else []
        return [*super().parts(record), *held, *derived]

    def described(self, record: Record) -> Record:
        """The record with its actions as they follow from its class. Raises ResourceError."""
        if record.implementation.kind != "source":
            return record
        return self._described(record, str(record.id))

    def validate(self, record: Record) -> None:
        """It can be built, and its class does what the record says. Raises ResourceError."""
        super().validate(record)
        said = {action.name for action in self.actions(record)}
        if said and said != (does := set(self._does(record))):
            raise ResourceError(
                f"{record.id}: its input schema and its class differ in the actions "
                f"{', '.join(sorted(said ^ does))}."
            )

    def state(self, record: Record) -> Any:
        """The content; all parameters where the class does not say which one holds it."""
        params = record.body()["params"]
        content = self._shape(record).content
        return params.get(content) if content else params

    def started(self, record: Record, files: Mapping[str, str]) -> Record:
        """The record as a task with these files begins."""
        return record

    def meant(
        self, record: Record, instance: Any, action: str, arguments: JsonObject
    ) -> JsonObject | None:
        """What a method that runs in this process gets; confined ones get what they are given."""
        record = instance.record if isinstance(instance, Held) else record
        acting = self.build(record)
        if isinstance(acting, Refused | ConfinedState) or action not in _methods(acting):
            return None
        return _function(record, acting, action).meant(arguments)

    async def run(
        self, record: Record, instance: Any, given: JsonObject, context: Context
    ) -> Outcome:
        """Act: ``given`` is ``{"action": name, "arguments": {...}}``.

        ``instance`` may be a task's `Held`, which then keeps what changes; any other takes no
        part. Raises ValueError for an unknown action, naming those there are, and for wrong
        arguments.
        """
        if isinstance(instance, Held):
            return Outcome(await instance.run(given, context))
        result = await self._act(record, given, context)
        if not isinstance(result, Changed):
            return Outcome(result)
        changed = self._changed(record, result.params)
        return Outcome(result.result, None if changed.digest == record.digest else changed)

    def merge_state(self, base: Record, mine: Record, theirs: Record) -> Record:
        """Two concurrent changes of one state as one; nothing that either added is lost.

        Parameters: ``base`` the version both began with, ``theirs`` what is live by now, whose
        code counts; ``mine`` is the later change. Bounds are applied to what comes out of it.
        """
        params = merge(base.params, mine.params, theirs.params, self._shape(theirs).identity)
        built = self.build(self._changed(theirs, params))
        if isinstance(built, ConfinedState):
            return self._changed(theirs, built.rebuilt())
        return self._changed(theirs, getattr(built, "params", params))

    def build(self, record: Record) -> Any:
        """The object, made from its parameters; confined where no person wrote its class."""
        if self.trusts(record):
            return super().build(record)
        if record.implementation.kind == "import":
            return refuse_module(record)
        return ConfinedState(record)

    def written_at_work(self, record: Record) -> Collection[str]:
        """The content; all parameters where the class does not say which one holds it."""
        content = self._shape(record).content
        return (content,) if content else tuple(record.params)

    def _changed(self, record: Record, params: JsonObject) -> Record:
        """The record with what an action made of its parameters; references stay references.

        Only to what its settings refer to: a reference in what actions wrote is text, and must
        not tell which of several guesses is the value of a variable.
        """
        state = self.written_at_work(record)
        settings = {name: value for name, value in record.params.items() if name not in state}
        return with_params(record, refer(params, references(thaw(settings))))

    async def _act(self, record: Record, given: JsonObject, context: Context) -> Any:
        acting = self.build(record)
        if isinstance(acting, Refused):
            return await acting.run()
        if isinstance(acting, ConfinedState):
            name, arguments = chosen(given, acting.actions)
            return await acting.act(name, arguments, context)
        name, arguments = chosen(given, _methods(acting))
        return await _function(record, acting, name)(arguments, context)

    def _does(self, record: Record) -> Iterable[str]:
        """The actions that the class of a record has."""
        built = self.build(record)
        if isinstance(built, Refused):
            return [action.name for action in self.actions(record)]
        return built.shape.methods if isinstance(built, ConfinedState) else _methods(built)

    def _described(self, record: Record, where: str) -> Record:
        actions = self._read(record, where)
        if not actions:
            raise ResourceError(
                f"{where}: the class {self.entry} in {self.code_file} does nothing.",
                hint="Its public methods with a docstring are what it can be asked to do.",
            )
        return Record.model_validate({**record.body(), "input_schema": schema_of_actions(actions)})

    def _read(self, record: Record, where: str) -> list[Action]:
        if not self.trusts(record):
            return read_actions(record, where)
        instance = self.build(record)
        actions: list[Action] = []
        for name in _methods(instance):
            function = Function(getattr(instance, name), where=f"{where}: {self.entry}.{name}")
            actions.append(Action(name, function.description, function.schema))
        return actions

    def _shape(self, record: Record) -> Shape:
        """What the class of a record says of itself; nothing where it cannot be looked at."""
        if self.trusts(record):
            return shape_of_class(load_class(record))
        if record.implementation.kind == "import":
            return Shape({}, None, "", ())
        return shape_of(record)


class Held:
    """A stateful resource as one task sees it: later calls see what earlier ones changed.

    Calls to one resource wait for each other, so that none loses another's change. ``base`` is
    the version it began with, ``record`` the one it has come to.
    """

    def __init__(self, kind: StatefulKind, record: Record) -> None:
        self.base = self.record = record
        self._kind = kind
        kind.build(record)  # what cannot be built is told now, not at the first call
        self._lock = asyncio.Lock()

    async def run(self, given: JsonObject, context: Context) -> Any:
        """Act on the state as it is by now. Raises ValueError."""
        async with self._lock:
            outcome = await self._kind.run(self.record, None, given, context)
            self.record = outcome.record or self.record
            return outcome.result


def _what(name: str, content: str) -> str:
    return "content" if name == content else f"setting {name!r}"


def with_params(record: Record, params: JsonObject) -> Record:
    """The record with other parameters."""
    return Record.model_validate({**record.body(), "params": params})


def _function(record: Record, acting: Any, name: str) -> Function:
    return Function(getattr(acting, name), where=f"{record.id} {name}")


def _methods(instance: Any) -> list[str]:
    """The names of the public methods with a docstring, in the order in which they are written."""
    found: dict[str, None] = {}
    for owner in reversed(type(instance).__mro__):
        for name, value in vars(owner).items():
            if not name.startswith("_") and inspect.isfunction(value) and value.__doc__:
                found[name] = None
    return list(found)
