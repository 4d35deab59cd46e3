"""Tools: plain typed Python functions whose schema comes from signature and docstring."""

from __future__ import annotations

from agp.errors import ResourceError
from agp.rspl.entities import EntityType, JsonObject, Record
from agp.rspl.kinds.actions import Action, Context, Function
from agp.rspl.kinds.base import COMMON, Folder, Kind, Outcome, take
from agp.rspl.source import load_entry


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
        text = front["description"] or tool.description
        if not text:
            raise ResourceError(
                f"{folder.where}/tool.py: {_function_name(folder.name)} has no docstring.",
                hint="Say in it what the tool does: that is what an agent is shown.",
            )
        changed = {"description": text, "input_schema": tool.schema}
        return [Record.model_validate({**record.body(), **changed})]

    def build(self, record: Record) -> Function:
        """The function, wrapped with its argument check."""
        function = load_entry(record.implementation, where=str(record.id))
        return Function(function, where=str(record.id))

    def actions(self, record: Record) -> list[Action]:
        """One: to be called."""
        return [Action(record.name, record.description, record.input_schema)]

    async def run(
        self, record: Record, instance: Function, given: JsonObject, context: Context
    ) -> Outcome:
        """Call the function with arguments."""
        return Outcome(await instance(given, context))


def _function_name(tool: str) -> str:
    return tool.replace("-", "_").replace(".", "_")
