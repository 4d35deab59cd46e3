"""Tools that no person wrote: read without executing, called in the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.errors import AgpError, ResourceError
from agp.rspl.confined import static
from agp.rspl.confined.demands import Demands, demanding
from agp.rspl.confined.functions import ConfinedFunction, read_function
from agp.rspl.discovery import discover, library_root
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.actions import Function
from agp.rspl.source import load_entry
from agp.runtime.types import Task
from agp.sandbox import Strength
from agp.sandbox.used import used
from tests.rspl.helpers import trust
from tests.support.untrusted import tool, unique

TOOLS = KINDS[EntityType.TOOL]
CONTEXT = {Task: Task(input="the task", files={"a.txt": "text"})}
RICH = '''
from __future__ import annotations
from typing import Any, Literal, Optional
from agp.runtime.types import Task

def it(
    x: str, task: Task, n: int = 3, mode: Literal["a", "b"] = "a", tags: list[str] | None = None,
    table: dict[str, float] = {}, any_: Any = None, maybe: Optional[bool] = None, *,
    last: bool = False
) -> str:
    """Do it.

    In every detail.

    Args:
        x: The text.
        n: How often.
    """
    return x
'''


async def run(record: Record, **arguments: Any) -> Any:
    built = TOOLS.build(record)
    assert isinstance(built, ConfinedFunction)
    return await built(arguments, CONTEXT)


def refused(code: str, *told: str, properties: dict[str, Any] | None = None) -> None:
    with pytest.raises(ResourceError) as raised:
        TOOLS.validate(tool(code, properties))
    for text in told:
        assert text in raised.value.message


def test_a_function_is_described_as_in_this_process() -> None:
    record = tool(RICH)
    read = read_function(record)
    loaded = Function(load_entry(trust(record).implementation, where="it"), where="it")
    assert read.schema == loaded.schema
    assert read.description == loaded.description == "Do it.\nIn every detail."


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def it(x: Thing): pass", "line 1: the type of 'x'"),
        ("def it(x): pass", "line 1: the parameter 'x' has no type"),
        ("def it(x: str = print('ran')): pass", "default of 'x' is no literal"),
        ("def it(x: 'eval(1)'): pass", "the type of 'x'"),
        ("def it(*x: str): pass", "*x cannot be described"),
        ("def it(**x: str): pass", "*x cannot be described"),
    ],
)
def test_what_only_running_would_tell_is_refused(code: str, told: str) -> None:
    with pytest.raises(ResourceError) as raised:
        read_function(tool(code))
    assert told in raised.value.message


def test_a_parameter_without_a_type_is_refused_before_anyone_approves_it() -> None:
    refused("\ndef it(x):\n    return x", "tool/it, line 2: the parameter 'x' has no type")
    refused("def it(*, x='a'): return x", "the parameter 'x' has no type")
    record = tool("def it(x: object): return x")
    TOOLS.validate(record)
    Function(load_entry(trust(record).implementation, where="it"), where="it")


def test_validation_reads_and_never_executes(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    touch = f"open({str(mark)!r}, 'w').close()"
    TOOLS.validate(tool(f"{touch}\n@print\ndef it(x: str = {touch}):\n    return x"))
    refused("def it(x:", "tool/it/tool.py, line 1")
    refused("x = 1\ny = = 2", "line 2")
    refused("\x00", "tool/it/tool.py")
    refused("from os import system as it", "defines no 'it'")
    refused("if True:\n    def it(x): pass", "defines no 'it'")
    refused("class it: pass", "is no function")
    refused("def it(y: str): pass", "differ in the parameters x, y")
    refused("def it(x: str, y: str): pass", "differ in the parameters y")
    refused("def it(*x): pass", "cannot be described")
    assert not mark.exists()


@given(st.text(max_size=60), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2))
def test_whatever_code_is_the_errors_are_typed(code: str, properties: dict[str, Any]) -> None:
    try:
        TOOLS.validate(tool(code, {name: {} for name in properties}))
    except AgpError:
        return
    assert static.entry(tool(code)).name == "it"


async def test_arguments_defaults_and_the_task_arrive() -> None:
    code = """
from agp.runtime.types import Task

async def it(x: str, task: Task, n: int = 2) -> dict:
    return {"x": x * n, "task": task.input, "file": task.files["a.txt"]}
"""
    record = tool(code, {"x": {"type": "string"}, "n": {"type": "integer"}})
    body = record.body()
    body["input_schema"]["required"] = ["x"]
    record = Record.model_validate(body)
    assert await run(record, x="a") == {"x": "aa", "task": "the task", "file": "text"}
    assert (await run(record, x="a", n=3))["x"] == "aaa"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"x": 5}, "x: 5 is not of type 'string'"),
        ({}, "'x' is a required property"),
        ({"x": "a", "y": 1}, "there is no argument 'y'; there are: x"),
    ],
)
async def test_wrong_arguments_never_reach_the_code(arguments: dict[str, Any], told: str) -> None:
    with used() as held, pytest.raises(ValueError, match=told):
        await run(tool("def it(x: str):\n    return x"), **arguments)
    assert held == {}


async def test_what_no_schema_describes_is_asked_of_the_function() -> None:
    record = tool("def it(x: int, y: int = 2):\n    return [x, y]").model_copy(
        update={"input_schema": {}}
    )
    assert await run(record, x=1) == [1, 2]
    with pytest.raises(ValueError, match="x: Field required"):
        await run(record, y=1)
    with pytest.raises(ValueError, match="there is no argument 'z'"):
        await run(record, x=1, z=1)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise ValueError('not so')", "^not so$"),
        ("return 1 / 0", "ZeroDivisionError"),
        ("return object()", "JSON"),
        ("return float('nan')", "JSON"),
        ("import os; os._exit(0)", "without a result"),
        ("import sys; sys.exit(0)", "Exit"),
        ("return open('/etc/passwd').read()", "Error"),
        ("import socket; socket.create_connection(('127.0.0.1', 5432))", "Error"),
        ("import subprocess; subprocess.run(['true'])", "Error"),
    ],
)
async def test_what_fails_or_may_not_be_is_an_error_in_words(body: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        await run(tool(f"def it(x: str):\n    {body}"), x="a")


async def test_it_sees_no_environment_and_no_other_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGP_TEST_SECRET", "hunter2")
    code = "import os\nseen = []\ndef it(x: str):\n    seen.append(x)\n"
    code += "    return [dict(os.environ), seen]"
    record = tool(code)
    environment, seen = await run(record, x="a")
    assert "hunter2" not in str(environment)
    assert seen == ["a"]
    assert (await run(record, x="b"))[1] == ["b"]


async def test_a_lying_object_cannot_forge_what_comes_back() -> None:
    code = """
class Liar(dict):
    def __eq__(self, other): return True
    def __len__(self): return 0

def it(x: str):
    return Liar(result="forged", fault="x")
"""
    result = await run(tool(code), x="a")
    assert type(result) is dict
    assert result == {"result": "forged", "fault": "x"}


async def test_what_held_it_is_noted_and_weaker_is_refused_not_run() -> None:
    record = tool("def it(x: str):\n    return x")
    with used() as held:
        await run(record, x="a")
    assert list(held.values()) == [Strength.STRONG]
    demands = Demands(packages=("no-such-package-at-all",))
    with demanding(demands), pytest.raises(AgpError, match="no-such-package-at-all"):
        await run(record, x="a")


async def test_the_shipped_python_tool_runs_programs_when_it_has_evolved() -> None:
    shipped = discover([library_root()])[ResourceId(EntityType.TOOL, "python")]
    body = shipped.body()
    body["implementation"]["files"]["tool.py"] = unique(body["implementation"]["files"]["tool.py"])
    evolved = Record.model_validate(body)
    TOOLS.validate(evolved)
    assert await run(evolved, code="print(6 * 7)") == "42"
    with pytest.raises(ValueError, match="ZeroDivisionError"):
        await run(evolved, code="1 / 0")
    with pytest.raises(ValueError, match="Error"):
        await run(evolved, code="open('/etc/passwd')")


async def test_a_program_asked_for_is_checked_and_bounded() -> None:
    code = """
import agp.runtime.process
import agp_guest

def it(x: str):
    limits = {"wall_s": 1e9, "cpu_s": 10**9, "memory_mb": 10**9}
    asked = {"files": {"main.py": x}, "entry": "main.py", "arguments": [], "stdin": ""}
    return agp_guest.ask("run_program", **asked, limits=limits)["stdout"]
"""
    limit = "import resource as r; print(r.getrlimit(r.RLIMIT_CPU)[0])"
    assert 0 < int(await run(tool(code), x=limit)) <= 30
    wrong = code.replace('"main.py": x', '"../main.py": x')
    with pytest.raises(ValueError, match="main.py"):
        await run(tool(wrong), x="1")
    wrong = code.replace('"wall_s": 1e9', '"wall": 1')
    with pytest.raises(ValueError, match="no program"):
        await run(tool(wrong), x="1")
