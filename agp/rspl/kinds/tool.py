"""Tools: typed Python functions, skills (`SKILL.md` folders) and servers (MCP), used alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from agp.canonical import digest
from agp.errors import ResourceError
from agp.frozen import thaw
from agp.rspl.confined.functions import ConfinedFunction, ReadFunction, read_function
from agp.rspl.confined.refused import Refused, not_started, refuse_module
from agp.rspl.entities import EntityType, JsonObject, Record
from agp.rspl.kinds import mcp, skill
from agp.rspl.kinds.actions import Action, Context, Function
from agp.rspl.kinds.base import COMMON, Folder, Kind, Outcome, Part, take
from agp.rspl.kinds.examples import TESTS, as_data
from agp.rspl.source import load_entry


class LiveTool(Protocol):
    """What every sort of tool is built into: something that can be called."""

    async def __call__(self, given: JsonObject, context: Context, /) -> Any:
        """Do what ``given`` asks, as the input schema says. Raises ValueError for the caller."""
        ...


class ToolKind(Kind):
    """A `tool.py` with one function named like the folder (- and . as _); `TOOL.md` is optional.

    Or a skill, or a server: in a folder with an `mcp.json`, or one of those in `tools/mcp.json`.
    """

    type = EntityType.TOOL
    folder = "tools"
    manifest = "TOOL.md"
    code_file = "tool.py"
    bundles = (skill.MANIFEST, mcp.MANIFEST)
    declarations = mcp.MANIFEST

    def from_folder(self, folder: Folder) -> list[Record]:
        """The tool; a function is described by its docstring unless the manifest says more."""
        if skill.MANIFEST in folder.files:
            return [skill.skill_record(folder)]
        if mcp.MANIFEST in folder.files:
            return [mcp.server_record(folder)]
        return [self._function_record(folder)]

    def from_declarations(self, text: str, where: str) -> list[Record]:
        """A tool for each server of an `mcpServers` block."""
        return mcp.server_records(text, where)

    def complete(self, record: Record) -> Record:
        """A server's record with the tools that the server offers.

        Raises ServerError, also for a server that may not be started.
        """
        if record.implementation.kind != "mcp" or record.input_schema:
            return record
        if not self.trusts(record):
            raise not_started(record, _server_code(record))
        return mcp.with_actions(record)

    def incomplete(self, record: Record) -> Record:
        """A server's record without the tools that it offered."""
        if record.implementation.kind != "mcp":
            return record
        return Record.model_validate({**record.body(), "input_schema": {}})

    def code(self, record: Record) -> str | None:
        """Of a server its command line (or address) counts as well: that is what is started."""
        if record.implementation.kind != "mcp":
            return super().code(record)
        return _server_code(record)

    def parts(self, record: Record) -> list[Part]:
        """A function's arguments, or a skill's instructions, beside what every record has."""
        if record.implementation.kind == "source":
            takes = f"the arguments of {record.id}, as its signature and docstring describe them"
            return [*super().parts(record), Part("input_schema", "json", takes, derived=True)]
        if record.implementation.kind != "skill":
            return super().parts(record)
        role = f"instructions of the skill {record.name}: how an agent is to use it"
        return [*super().parts(record), Part("params/instructions", "text", role)]

    def described(self, record: Record) -> Record:
        """A function's record with the schema that follows from its signature and docstring."""
        if record.implementation.kind != "source":
            return record
        schema = _read_function(self, record).schema
        return Record.model_validate({**record.body(), "input_schema": schema})

    def validate(self, record: Record) -> None:
        """It can be built, and what it says it takes is what it takes."""
        if record.implementation.kind == "mcp":  # servers write schemas of older drafts too
            self.build(record)
            return
        super().validate(record)
        if record.implementation.kind == "skill":
            skill.check_actions(record)

    def build(self, record: Record) -> LiveTool:
        """The tool, ready to be called. Nothing is started or connected by building."""
        builders = _BUILD if self.trusts(record) else _CONFINED
        return builders[record.implementation.kind](record)

    def actions(self, record: Record) -> list[Action]:
        """A function has one, to be called; skills and servers have those of their schema."""
        match record.implementation.kind:
            case "skill":
                return skill.skill_actions(record)
            case "mcp":
                return super().actions(record)
            case _:
                return [Action(record.name, record.description, record.input_schema)]

    def meant(
        self, record: Record, instance: LiveTool, action: str, arguments: JsonObject
    ) -> JsonObject | None:
        """What functions that run in this process get; all others get what they are given."""
        if isinstance(instance, skill.Skill):
            return instance.meant(action, arguments)
        return instance.meant(arguments) if isinstance(instance, Function) else None

    async def run(
        self, record: Record, instance: LiveTool, given: JsonObject, context: Context
    ) -> Outcome:
        """Call the tool."""
        return Outcome(await instance(given, context))

    def _function_record(self, folder: Folder) -> Record:
        front = take(folder.front, {**COMMON, "tests": []}, folder.where)
        record = self.record(folder, front, {}, entry=entry_name(folder.name))
        tool = _read_function(self, record)
        text = front["description"] or tool.description
        if not text:
            raise ResourceError(
                f"{folder.where}/tool.py: {entry_name(folder.name)} has no docstring.",
                hint="Say in it what the tool does: that is what an agent is shown.",
            )
        changed: JsonObject = {"description": text, "input_schema": tool.schema}
        if front["tests"]:
            tests = as_data(front["tests"], folder.where)
            changed["metadata"] = {**record.body()["metadata"], TESTS: tests}
        return Record.model_validate({**record.body(), **changed})


def _read_function(kind: ToolKind, record: Record) -> Function | ReadFunction:
    """What the function says of itself; one that is not trusted is only read."""
    return _function(record) if kind.trusts(record) else read_function(record)


def _server_code(record: Record) -> str:
    return digest([record.implementation.digest, thaw(record.params)])


def _refused_server(record: Record) -> Refused:
    mcp.build_server(record)  # what is malformed is told
    return Refused(not_started(record, _server_code(record)))


def _function(record: Record) -> Function:
    function = load_entry(record.implementation, where=str(record.id))
    return Function(function, where=str(record.id))


_BUILD: dict[str, Callable[[Record], LiveTool]] = {
    "import": _function,
    "source": _function,
    "skill": skill.build_skill,
    "mcp": mcp.build_server,
}
_CONFINED: dict[str, Callable[[Record], LiveTool]] = {
    "import": refuse_module,
    "source": ConfinedFunction,
    "skill": skill.build_confined_skill,
    "mcp": _refused_server,
}


def entry_name(tool: str) -> str:
    """What the function of a tool is called in its file."""
    return tool.replace("-", "_").replace(".", "_")
