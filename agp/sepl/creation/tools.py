"""Writing the tool that an agent misses: a model writes it, and tests from its description alone.

Whoever tests sees what the tool says of itself, and not how it does it. The tests are part of the
proposal; `agp.sepl.steps.improve` runs them confined before any sample is spent.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Annotated, Any, cast

from pydantic import BaseModel, Field, WithJsonSchema, create_model

from agp.errors import AgpError
from agp.rspl.confined.functions import ReadFunction, read_function
from agp.rspl.confined.static import parse
from agp.rspl.entities import EntityType, Implementation, JsonObject, Record
from agp.rspl.kinds.examples import Check, ToolTest
from agp.rspl.kinds.tool import entry_name
from agp.rspl.view import View
from agp.sepl.creation.makers import Making, free_name
from agp.sepl.creation.records import NewTool
from agp.sepl.edits import Bind, Create, Edit
from agp.sepl.lab import Lab
from agp.sepl.proposers import Brief, Draft
from agp.sepl.proposers.model import REPETITIONS
from agp.sepl.reflector import Question

CREATE_TOOL = "create.tool"
_FIELD = "params/tools"
_FEWEST, _MOST = 2, 4
_FENCE = re.compile(r"^\s*```\w*\n(.*?)\n?```\s*$", re.DOTALL)

_Plain = int | float | bool | str | None
Expected = _Plain | list[_Plain] | dict[str, _Plain]
"""What a model may expect of a call. Written out: for grammars "anything" means an object."""


class _Written(BaseModel):
    name: str = Field(min_length=1)
    source: str = Field(min_length=1)


class ToolMaker:
    """Asks a model for a tool, then for its tests."""

    name = CREATE_TOOL
    about = "Write a new tool. The text says what the agent misses: what the tool must do."

    def __init__(self, making: Making) -> None:
        self.making = making

    def offered(self, brief: Brief) -> bool:
        """See `agp.sepl.proposers.Maker`."""
        return self.making.open_for(EntityType.TOOL, _FIELD, brief) is not None

    async def draft(self, view: View, brief: Brief, wish: str = "") -> Draft | None:
        """See `agp.sepl.proposers.Maker`. Raises ProposerError for rubbish every time."""
        open_ = self.making.open_for(EntityType.TOOL, _FIELD, brief)
        if open_ is None:
            return None
        prefix, binding = open_
        written = await self.making.reflector.ask(
            view,
            Question(
                step=f"{brief.step}/tool",
                prompt=CREATE_TOOL,
                reply=_Written,
                fields=self.making.fields(view, brief, wish, prefix),
                temperature=brief.temperature,
                repetition=_repetition(brief),
            ),
        )
        if written is None:
            return None
        name, source = _named(written, prefix, view)
        tests = await self._tests(view, brief, name, source)
        if not tests:
            return None
        edits: list[Edit] = [
            Create(new=NewTool(name=name, source=source, tests=tests)),
            Bind(variable=binding, name=name),
        ]
        return Draft(self.name, edits, "; ".join(brief.causes))

    async def _tests(self, view: View, brief: Brief, name: str, source: str) -> list[ToolTest]:
        function = _read(name, source)
        if function is None:  # what is wrong with it is told when the edit is applied
            return [ToolTest(arguments={}, check="fails")]
        parameters = function.schema
        reply = await self.making.reflector.ask(
            view,
            Question(
                step=f"{brief.step}/tests",
                prompt="create.tests",
                reply=_tests_for(parameters),
                fields={
                    "description": f"{name}: {function.description}",
                    "signature": json.dumps(parameters["properties"], ensure_ascii=False),
                    "number": str(_FEWEST + 1),
                },
                temperature=0.0,
                repetition=_repetition(brief),
            ),
        )
        if reply is None:
            return []
        made = [ToolTest.model_validate(each.model_dump()) for each in cast("Any", reply).tests]
        return list({json.dumps(test.arguments, sort_keys=True): test for test in made}.values())


async def create_tool(lab: Lab, view: View, brief: Brief, wish: str = "") -> Draft | None:
    """A proposal with a new tool and its binding, for an optimizer that asks for one itself.

    None where no model proposes, the run may make no tool, or no reply can be read.
    """
    if lab.reflector is None:
        return None
    tasks = {sample.digest: sample.task.input for sample in lab.splits.feedback}
    making = Making(lab.reflector, lab.agent, lab.envelope, tasks)
    return await ToolMaker(making).draft(view, brief, wish)


def _tests_for(parameters: JsonObject) -> type[BaseModel]:
    """The form of a reply with tests of a function that takes these parameters."""
    arguments = Annotated[dict[str, Any], WithJsonSchema(parameters)]
    fields: dict[str, Any] = {
        "arguments": (arguments, ...),
        "check": (Check, ...),
        "expected": (Expected, None),
    }
    test = create_model("Test", **fields)
    tests: Any = (list[test], Field(min_length=_FEWEST, max_length=_MOST))
    return create_model("Tests", tests=tests)


def _named(written: _Written, prefix: str, view: View) -> tuple[str, str]:
    """A free name for the tool, and its source with the function called like it."""
    fenced = _FENCE.match(written.source)
    source = (fenced[1] if fenced else written.source).strip() + "\n"
    defined = _functions(source)
    function = written.name if written.name in defined or not defined else defined[-1]
    name = free_name(function, prefix, EntityType.TOOL, view)
    return name, re.sub(rf"\b{re.escape(function)}\b", entry_name(name), source)


def _functions(source: str) -> list[str]:
    try:
        tree = parse(source, "tool.py")
    except AgpError:
        return []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    named = [node.name for node in tree.body if isinstance(node, kinds)]
    return [name for name in named if not name.startswith("_")]


def _read(name: str, source: str) -> ReadFunction | None:
    """What the tool says of itself; None where it cannot be a tool."""
    entry = f"tool.py:{entry_name(name)}"
    code = Implementation(kind="source", entry=entry, files={"tool.py": source})
    try:
        return read_function(Record(type=EntityType.TOOL, name=name, implementation=code))
    except AgpError:
        return None


def _repetition(brief: Brief) -> int:
    return brief.round * REPETITIONS + brief.number
