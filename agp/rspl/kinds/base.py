"""The contract of a kind: all that may differ between the five entity types."""

from __future__ import annotations

import re
from abc import ABC
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from agp.canonical import digest
from agp.errors import ResourceError
from agp.frozen import thaw
from agp.rspl import trusted
from agp.rspl.entities import EntityType, Implementation, JsonObject, Record, ResourceId
from agp.rspl.kinds.actions import Action, Context, actions_of_schema
from agp.rspl.kinds.schemas import malformed
from agp.rspl.source import load_entry
from agp.secrets import resolve


@dataclass(frozen=True)
class Part:
    """An evolvable part of a record, before it is lifted to a variable.

    ``path`` is the way into the record's JSON (``params/system``); ``form`` is ``text``,
    ``code`` or ``json``; ``role`` says in one sentence what the part is for; ``learnable`` is
    False for parts that are exposed but may never be changed by an optimizer; ``schema`` is the
    JSON schema that a value must fit, where there is one; ``derived`` is True for a part that
    follows from others, and changes with them only; ``settings`` for one whose limits stay as
    they are (see `agp.rspl.kinds.limits`). What is not there yet has no value (None).
    """

    path: str
    form: str
    role: str
    learnable: bool = True
    schema: JsonObject | None = None
    derived: bool = False
    settings: bool = False


@dataclass(frozen=True)
class Outcome:
    """What running an instance gave; ``record`` is its next version where its state changed."""

    result: Any
    record: Record | None = None


def trust_code(record: Record) -> None:
    """Let the source of a record run in this process."""
    trusted.allow(record.implementation.digest)


@dataclass(frozen=True)
class Folder:
    """A resource as files: manifest front matter and body, and code files by name.

    ``files`` are all texts of a bundle, by path in the folder; empty for what is no bundle.
    ``written`` is told of each record before its code is used: a person wrote it.
    """

    name: str
    front: JsonObject
    body: str
    code: dict[str, str]
    where: str
    files: dict[str, str] = field(default_factory=dict[str, str])
    written: Callable[[Record], None] = trust_code


class Kind(ABC):
    """One entity type."""

    type: ClassVar[EntityType]
    folder: ClassVar[str]
    """The project folder that holds resources of this type."""
    manifest: ClassVar[str]
    """The manifest's file name."""
    code_file: ClassVar[str | None] = None
    """The file that must hold the code, where the type has code."""

    entry: ClassVar[str] = ""
    """The class that the code file must define."""

    bundles: ClassVar[tuple[str, ...]] = ()
    """Files that make a folder a bundle: everything in it, at any depth, is the resource's."""

    declarations: ClassVar[str | None] = None
    """A file beside the folders that declares resources without folders of their own."""

    def from_folder(self, folder: Folder) -> list[Record]:
        """The records a resource folder declares. Raises ResourceError."""
        front = take(folder.front, {**COMMON, "params": {}}, folder.where)
        return [self.record(folder, front, front["params"])]

    def from_declarations(self, text: str, where: str) -> list[Record]:
        """The records that the file ``declarations`` declares. Raises ResourceError."""
        return []

    def record(
        self, folder: Folder, front: JsonObject, params: JsonObject, *, entry: str = ""
    ) -> Record:
        """The record of a folder that holds a manifest and one code file defining ``entry``."""
        if self.code_file not in folder.code:
            raise ResourceError(f"{folder.where}: it needs a file {self.code_file}.")
        record = Record(
            type=self.type,
            name=folder.name,
            description=front["description"],
            evolvable=front["evolvable"],
            metadata=metadata_of(front),
            implementation=Implementation(
                kind="source", entry=f"{self.code_file}:{entry or self.entry}", files=folder.code
            ),
            params=params,
        )
        folder.written(record)
        return record

    def parts(self, record: Record) -> list[Part]:
        """The record's evolvable parts."""
        confinable = record.implementation.kind in ("source", "skill")
        files = [
            Part(
                f"implementation/files/{name}",
                "text" if name.endswith((".md", ".txt")) else "code",
                f"source of {record.id}",
                confinable,
            )
            for name in sorted(record.implementation.files)
        ]
        return [Part("description", "text", f"what {record.id} is for, as others see it"), *files]

    def described(self, record: Record) -> Record:
        """The record with its input schema as it follows from its code.

        Code that is not trusted is read, and never executed. Raises ResourceError where the code
        does not tell.
        """
        return record

    def code(self, record: Record) -> str | None:
        """The digest of the code that instances run; None for a type that has none."""
        return record.implementation.digest

    def trusts(self, record: Record) -> bool:
        """Whether instances run in this process; all others are confined, or do not run.

        What a person approved does so only as the resource that it was approved for.
        """
        code = self.code(record)
        return code is None or trusted.is_trusted(code, str(record.id))

    def validate(self, record: Record) -> None:
        """Check what the type demands of a record. Raises ResourceError.

        Code that is not trusted is read, and never executed.
        """
        if fault := malformed(record.input_schema):
            raise ResourceError(
                f"{record.id}: field 'input_schema' is no JSON schema: {fault:.300}",
                hint="Leave it to agp by reading the resource from its files.",
            )
        self.build(record)

    def complete(self, record: Record) -> Record:
        """The record with what only the outside knows filled in (the tools of a server).

        Called once when a record is registered or updated. Raises ResourceError where the
        outside does not answer.
        """
        return record

    def incomplete(self, record: Record) -> Record:
        """The record without what `complete` fills in: completing this one asks anew."""
        return record

    def dependencies(self, record: Record) -> list[ResourceId]:
        """The resources this one is bound to by name."""
        return []

    def build(self, record: Record) -> Any:
        """A live instance from code and parameters. Raises ResourceError."""
        return construct(record, record.params, "parameters", state=self.written_at_work(record))

    def written_at_work(self, record: Record) -> Collection[str]:
        """The parameters that actions write: references to variables in them are only text."""
        return ()

    def state(self, record: Record) -> Any:
        """The current state of an instance, as plain data; None for types that have none."""
        return None

    def actions(self, record: Record) -> list[Action]:
        """What a live instance can be asked to do, read from the record alone."""
        return actions_of_schema(record.input_schema, str(record.id))

    def meant(
        self, record: Record, instance: Any, action: str, arguments: JsonObject
    ) -> JsonObject | None:
        """What an action will really get where that is not what it is given: values converted.

        None where it gets the arguments as they are, or refuses them.
        """
        return None

    async def run(
        self, record: Record, instance: Any, given: JsonObject, context: Context
    ) -> Outcome:
        """Run a live instance with structured input, as its input schema says.

        Parameters: ``given`` the input; ``context`` what the call may use beside it, by class.
        Raises ValueError naming what is wrong with the input.
        """
        raise ResourceError(f"{record.id} cannot be run.")

    def exports(self, record: Record) -> list[JsonObject]:
        """The exported representations F: its actions as function-calling schemas (OpenAI form).

        The function is called like the resource, or ``resource__action`` where it has several.
        """
        actions = self.actions(record)
        return [
            {
                "type": "function",
                "function": {
                    "name": function_name(record.name, action.name),
                    "description": action.description,
                    "parameters": action.parameters,
                },
            }
            for action in actions
        ]


def construct(record: Record, given: JsonObject, what: str, *, state: Collection[str] = ()) -> Any:
    """An instance of the record's class, made from a copy of ``given`` that is its own.

    References to variables are resolved, but in ``state``: what a model had remembered or written
    must never become the value of a variable.

    Parameters: ``what`` they are called in messages. Raises ResourceError.
    """
    made = load_class(record)
    own = thaw(given)
    resolved = {
        name: value if name in state else resolve(value, str(record.id))
        for name, value in own.items()
    }
    return instantiate(made, record, resolved, what)


def instantiate(made: type[Any], record: Record, given: JsonObject, what: str) -> Any:
    """An instance of a class, made from a copy of ``given`` for a record. Raises ResourceError."""
    try:
        return made(**thaw(given))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a person's code: its fault is the record's, whatever it is
        raise ResourceError(
            f"{record.id} cannot be built from its {what} {sorted(given)}: "
            f"{type(error).__name__}: {error}",
            hint=f"Correct the {what}, or what {made.__name__} takes.",
        ) from error


def load_class(record: Record) -> type[Any]:
    """The class that the record's implementation names. Raises ResourceError."""
    found = load_entry(record.implementation, where=str(record.id))
    if not isinstance(found, type):
        raise ResourceError(
            f"{record.id}: field 'implementation.entry' names {record.implementation.entry}, "
            "which is no class.",
            hint=f"A resource of type {record.type.value} is built from a class.",
        )
    return cast("type[Any]", found)


def function_name(resource: str, action: str) -> str:
    """What a model calls an action: up to 64 letters, digits, _ and -, as providers demand."""
    name = resource if action == resource else f"{resource}__{action}"
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return plain if len(plain) <= 64 else f"{plain[:55]}_{digest(name)[:8]}"


COMMON: JsonObject = {
    **{"description": "", "evolvable": True, "tags": [], "extends": ""},
    "learnable": {},
}
"""Front matter that every manifest may have, with its defaults."""


def metadata_of(front: JsonObject) -> JsonObject:
    """The metadata that checked front matter declares: tags, and what is closed to optimizers.

    ``learnable`` maps fields (globs over a record's parts) to true or false. Raises ResourceError.
    """
    learnable: JsonObject = front["learnable"]
    for name, value in learnable.items():
        if not isinstance(value, bool):
            raise ResourceError(
                f"Field 'learnable.{name}' must be true or false, not {value!r}.",
                hint="False closes a field to optimizers: learnable: {params/system: false}",
            )
    found: JsonObject = {"tags": front["tags"], "learnable": learnable}
    return {name: value for name, value in found.items() if value}


def take(front: JsonObject, allowed: JsonObject, where: str) -> JsonObject:
    """Front matter checked against ``allowed`` (field → default, whose type is the field's type).

    Raises ResourceError naming the file and the field that is unknown or of another type.
    """
    unknown = sorted(set(front) - set(allowed))
    if unknown:
        raise ResourceError(
            f"{where}: unknown field {unknown[0]!r}.", hint=f"Fields are: {', '.join(allowed)}"
        )
    values = {**allowed, **{key: value for key, value in front.items() if value is not None}}
    for key, default in allowed.items():
        expected = cast("type[Any]", type(default))
        fits = isinstance(values[key], int | float if expected is float else expected)
        if not fits or (isinstance(values[key], bool) and expected is not bool):
            raise ResourceError(
                f"{where}: field {key!r} must be {_WORDS[expected]}, not {values[key]!r}."
            )
    return values


_WORDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a mapping",
}
