"""Skills: folders with a `SKILL.md`, files to read and scripts to run (the Agent Skills form).

A skill tells what it is for in one description; its instructions, files and scripts are asked
for when they are needed. The record holds the whole folder, so all of it is versioned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from agp.errors import InputError, ResourceError
from agp.processes import Limits, ProcessResult, run_files
from agp.rspl.confined.programs import run_confined
from agp.rspl.entities import EntityType, Implementation, JsonObject, Record
from agp.rspl.files import check_file_names
from agp.rspl.kinds.actions import (
    Action,
    Context,
    Function,
    actions_of_schema,
    chosen,
    schema_of_actions,
)
from agp.rspl.kinds.base import COMMON, Folder, metadata_of, take
from agp.sandbox.interface import Confined

MANIFEST = "SKILL.md"
_LONGEST_DESCRIPTION = 1024  # characters, as the Agent Skills form has it
_DEFAULT_TIMEOUT_S = 30.0
_LONGEST_TIMEOUT_S = 86_400  # a day
_LONGEST_OUTPUT = 100_000
_MOST_TEXT = 20_000
_RUNNABLE = (".py", ".sh")


def skill_record(folder: Folder) -> Record:
    """The record of a skill's folder. Raises ResourceError naming file and field."""
    own: JsonObject = {**COMMON, "name": folder.name, "timeout_s": _DEFAULT_TIMEOUT_S}
    front = take({k: v for k, v in folder.front.items() if k in own}, own, folder.where)
    # Dates and the like are no JSON; what is not ours is kept for others to read.
    others = {k: v for k, v in folder.front.items() if k not in own}
    others = json.loads(json.dumps(others, default=str))
    _check(folder, front)
    files = {name: text for name, text in folder.files.items() if name != MANIFEST}
    actions = _actions(folder.name, files)
    return Record(
        type=EntityType.TOOL,
        name=folder.name,
        description=front["description"],
        evolvable=front["evolvable"],
        metadata={**others, **metadata_of(front)},
        input_schema=schema_of_actions(actions),
        implementation=Implementation(kind="skill", entry=MANIFEST, files=files),
        params={"instructions": folder.body, "timeout_s": front["timeout_s"]},
    )


class Skill:
    """A live skill. It holds texts only: each script runs in a fresh folder and process.

    Parameters: ``instructions`` the body of SKILL.md; ``files`` the others by path;
    ``timeout_s`` seconds a script may take; ``confined`` whether scripts run in the sandbox.
    """

    def __init__(
        self,
        instructions: str,
        files: Mapping[str, str],
        timeout_s: float,
        *,
        confined: bool = False,
    ) -> None:
        self._run = run_confined if confined else run_files
        self.instructions = instructions
        self.files = dict(files)
        self.limits = Limits(
            wall_s=timeout_s, cpu_s=max(1, round(timeout_s)), output_bytes=_LONGEST_OUTPUT
        )
        self._functions = {
            each.__name__: Function(each, where="a skill")
            for each in (self.read, self.list_files, self.run)
        }

    async def __call__(self, given: JsonObject, context: Context) -> Any:
        """Do one of the actions. Raises ValueError saying in words what was wrong."""
        action, arguments = chosen(given, self._functions)
        return await self._functions[action](arguments, context)

    def meant(self, action: str, arguments: JsonObject) -> JsonObject | None:
        """What an action will really get; None where it refuses the arguments."""
        function = self._functions.get(action)
        return function.meant(arguments) if function else None

    def read(self, path: str = MANIFEST, offset: int = 0) -> str:
        """Read the instructions or a file, in pieces where it is long."""
        text = self.instructions if path == MANIFEST else self._file(path)[1]
        if not 0 <= offset <= len(text):
            raise ValueError(f"offset must be from 0 to {len(text)}")
        end = offset + _MOST_TEXT
        more = f"\n[{len(text) - end} more characters: go on with offset={end}]"
        return text[offset:end] + (more if end < len(text) else "")

    def list_files(self) -> list[str]:
        """The paths of all files."""
        return [MANIFEST, *sorted(self.files)]

    async def run(self, script: str, arguments: list[str] | None = None, stdin: str = "") -> str:
        """Run a script and return what it printed."""
        entry, _ = self._file(script)
        if not entry.endswith(_RUNNABLE):
            scripts = ", ".join(_scripts(self.files)) or "none"
            raise ValueError(f"{script!r} is no script (.py or .sh); scripts are: {scripts}")
        files = {**self.files, MANIFEST: self.instructions}
        try:
            result = await self._run(files, entry, arguments or [], stdin=stdin, limits=self.limits)
        except InputError as error:
            raise ValueError(str(error)) from error
        if result.outcome != "ok":
            raise ValueError(_told(result, self.limits))
        return result.stdout

    def _file(self, path: str) -> tuple[str, str]:
        # Only names that the record holds are looked up: no path reaches a file system.
        name = str(PurePosixPath(path))
        if name not in self.files:
            raise ValueError(
                f"there is no file {path!r}; there are: {', '.join(self.list_files())}"
            )
        return name, self.files[name]


def skill_actions(record: Record) -> list[Action]:
    """What the skill of a record can be asked; the first says what the skill is for."""
    actions = actions_of_schema(record.input_schema, str(record.id))
    if not actions:
        raise _other_actions(record)
    first, *others = actions
    told = f"{record.description}\n{first.description}"
    return [replace(first, description=told), *others]


def check_actions(record: Record) -> None:
    """A skill's input schema says what its files give. Raises ResourceError."""
    said = actions_of_schema(record.input_schema, str(record.id))
    does = _actions(record.name, record.implementation.files)
    # Descriptions may be in the words of another version of agp.
    if {each.name: each.parameters for each in said} != {
        each.name: each.parameters for each in does
    }:
        raise _other_actions(record)


def _other_actions(record: Record) -> ResourceError:
    return ResourceError(
        f"{record.id}: field 'input_schema' is not that of a skill with its files.",
        hint="Leave it to agp by reading the skill from its folder.",
    )


def build_confined_skill(record: Record) -> Skill:
    """The live skill of a record whose scripts run in the sandbox. Raises ResourceError."""
    return build_skill(record, confined=True)


def build_skill(record: Record, *, confined: bool = False) -> Skill:
    """The live skill of a record. Raises ResourceError."""
    instructions, timeout_s = record.params.get("instructions"), record.params.get("timeout_s")
    if not isinstance(instructions, str) or not instructions.strip():
        raise ResourceError(
            f"{record.id}: it has no instructions.", hint=f"Write them in {MANIFEST}."
        )
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float):
        timeout_s = 0
    if not 0 < timeout_s <= _LONGEST_TIMEOUT_S:
        raise ResourceError(
            f"{record.id}: timeout_s must be a number of seconds above 0, "
            f"at most {_LONGEST_TIMEOUT_S:,}."
        )
    check_file_names(record.implementation.files, str(record.id))
    return Skill(instructions, record.implementation.files, timeout_s, confined=confined)


def _check(folder: Folder, front: JsonObject) -> None:
    if front["name"] != folder.name:
        raise ResourceError(
            f"{folder.where}: field 'name' is {front['name']!r}, the folder is {folder.name!r}.",
            hint="A skill is called like its folder: rename one of them.",
        )
    if not front["description"].strip():
        raise ResourceError(
            f"{folder.where}: field 'description' is missing.",
            hint="Say what the skill does and when to use it: that is all an agent sees at first.",
        )
    if len(front["description"]) > _LONGEST_DESCRIPTION:
        raise ResourceError(
            f"{folder.where}: field 'description' is longer than {_LONGEST_DESCRIPTION} characters."
        )


def _actions(name: str, files: Mapping[str, str]) -> list[Action]:
    known = sorted([MANIFEST, *files])
    path: JsonObject = {"type": "string", "enum": known, "default": MANIFEST}
    offset: JsonObject = {"type": "integer", "minimum": 0, "default": 0}
    actions = [
        Action(
            "read",
            f"Reads the instructions of the skill {name}, or one of its files. Read the "
            "instructions first.",
            _object({"path": path, "offset": offset}),
        ),
        Action("list_files", f"The files of the skill {name}.", _object({})),
    ]
    if scripts := _scripts(files):
        given: JsonObject = {
            "script": {"type": "string", "enum": scripts},
            "arguments": {"type": "array", "items": {"type": "string"}, "default": []},
            "stdin": {"type": "string", "default": "", "description": "what the script reads"},
        }
        text = f"Runs a script of the skill {name} and returns what it printed."
        actions.append(Action("run", text, _object(given, "script")))
    return actions


def _object(properties: JsonObject, *required: str) -> JsonObject:
    schema: JsonObject = {"type": "object", "properties": properties}
    return {**schema, "required": list(required)} if required else schema


def _scripts(files: Mapping[str, str]) -> list[str]:
    return sorted(name for name in files if name.endswith(_RUNNABLE))


def _told(result: ProcessResult | Confined, limits: Limits) -> str:
    """What went wrong, with the output so far, in words for a model."""
    ends = {
        "timeout": f"Stopped: it ran longer than {limits.wall_s:g} seconds.",
        "memory": f"Stopped: it needed more than {limits.memory_mb} MiB of memory.",
        "output_limit": f"Stopped: it printed more than {limits.output_bytes} bytes.",
        "process_limit": f"Stopped: it started more than {limits.processes} processes.",
    }
    end = ends.get(result.outcome, f"It ended with exit code {result.exit_code}.")
    parts = (result.stdout[-2_000:].rstrip(), result.stderr[-2_000:].rstrip(), end)
    return "\n".join(filter(None, parts))
