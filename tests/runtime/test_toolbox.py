"""A task's tools: names, wrong calls, bounded results, what is kept open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from opentelemetry.trace import NoOpTracer

from agp.errors import ResourceError
from agp.rspl.entities import EntityType, Implementation, Record
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.opened import Opened
from agp.runtime import ToolBox


def tool(
    name: str, code: str = 'def it(x: str) -> str:\n    """It."""\n    return x * 3\n'
) -> Record:
    """A local function as a tool."""
    return Record(
        type=EntityType.TOOL,
        name=name,
        input_schema={"type": "object", "properties": {"x": {"type": "string"}}},
        implementation=Implementation(kind="source", entry="tool.py:it", files={"tool.py": code}),
    )


def box(*records: Record) -> ToolBox:
    built = [(record, KINDS[record.type].build(record)) for record in records]
    return ToolBox(built, {}, NoOpTracer())


async def test_calls_and_what_is_wrong_with_them() -> None:
    tools = box(tool("it"), tool("it"), tool("a.b"))
    assert [each["function"]["name"] for each in tools.schemas] == ["it", "a_b"]
    assert await tools.call("a_b", {"x": "ab"}) == ("ababab", False)
    assert await tools.call("it", {"x": ""}) == ("(it printed nothing)", False)
    for name, arguments, said in [
        ("that", {}, "there is no tool 'that'; there are: it, a_b"),
        ("it", None, "not a JSON object"),
        ("it", {}, "x: Field required"),
    ]:
        result = await tools.call(name, arguments)
        assert result.failed
        assert said in result.text


async def test_long_results_are_cut_and_say_so() -> None:
    result = await box(tool("it")).call("it", {"x": "y" * 10_000})
    assert result.text.endswith("(30,000 characters in all)")
    assert len(result.text) < 9_000


def test_two_functions_of_one_name_are_refused() -> None:
    with pytest.raises(ResourceError, match=r"tool/a.b and tool/a-b|tool/a_b and tool/a.b"):
        box(tool("a_b"), tool("a.b"))


class Things:
    """Counts what is open; entering and leaving must happen in one task."""

    def __init__(self) -> None:
        self.opened = self.open = 0

    @asynccontextmanager
    async def thing(self, *, fails: bool = False) -> AsyncGenerator[int]:
        task = asyncio.current_task()
        await asyncio.sleep(0)
        if fails:
            raise OSError("cannot open")
        self.opened += 1
        self.open += 1
        try:
            yield self.opened
        finally:
            assert asyncio.current_task() is task
            self.open -= 1


async def test_what_is_open_is_shared_and_closed_by_the_task_that_opened_it() -> None:
    things = Things()
    async with Opened() as opened:
        assert await asyncio.gather(*(opened.get("a", things.thing) for _ in range(3))) == [1, 1, 1]
        assert await asyncio.create_task(opened.get("b", things.thing)) == 2
        opened.forget("a")
        assert await opened.get("a", things.thing) == 3
    assert things.open == 0


async def test_what_cannot_be_opened_is_tried_again() -> None:
    things = Things()
    async with Opened() as opened:
        with pytest.raises(OSError, match="cannot open"):
            await opened.get("a", lambda: things.thing(fails=True))
        assert await opened.get("a", things.thing) == 1
    assert things.open == 0


async def test_all_is_closed_when_the_task_is_cancelled() -> None:
    things = Things()
    begun = asyncio.Event()

    async def work() -> None:
        async with Opened() as opened:
            await opened.get("a", things.thing)
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert things.open == 0
