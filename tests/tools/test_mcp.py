"""Tool servers, as real processes over stdio and over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import NoOpTracer

from agp.errors import ServerError
from agp.models.types import Completion, ModelRequest, ToolCall
from agp.rspl.discovery import allow_code, discover
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.mcp import server_records
from agp.rspl.registry import Registry
from agp.runtime import ToolBox
from tests.conftest import MakeProject

SERVER = Path(__file__).parents[1] / "support" / "mcp_server.py"
SMALL = ResourceId(EntityType.TOOL, "small")
STDIO = {"command": sys.executable, "args": [str(SERVER)], "env": {"GIVEN": "${AGP_TEST_SECRET}"}}
SECRET = "s3cret-s3cret"
KIND = KINDS[EntityType.TOOL]


def declared(config: dict[str, Any], name: str = "small") -> Record:
    """The record of a server before anything was asked of it; a person wrote it."""
    record = server_records(json.dumps({"mcpServers": {name: config}}), "mcp.json")[0]
    allow_code(record)
    return record


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def call(record: Record, action: str, **arguments: Any) -> Any:
    """Call as the registry does: one use, one connection."""
    given = {"action": action, "arguments": arguments}
    return (await KIND.run(record, KIND.build(record), given, {})).result


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGP_TEST_SECRET", SECRET)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a server over HTTP."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(SERVER), str(number)], stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", number), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield number
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def stdio() -> Record:
    """The complete record of the server over stdio."""
    os.environ["AGP_TEST_SECRET"] = SECRET
    try:
        return KIND.complete(declared(STDIO))
    finally:
        del os.environ["AGP_TEST_SECRET"]


@pytest.fixture
def http(port: int) -> Record:
    """The complete record of the server over HTTP."""
    headers = {"Authorization": "Bearer ${AGP_TEST_SECRET}"}
    return KIND.complete(
        declared({"url": f"http://127.0.0.1:{port}/mcp", "headers": headers, "timeout_s": 5})
    )


def test_the_record_holds_the_servers_tools_and_no_secret(stdio: Record, http: Record) -> None:
    assert stdio.input_schema == http.input_schema
    names = [action.name for action in KIND.actions(stdio)]
    assert names == ["add", "die", "hang", "picture", "point", "refuse", "told", "who"]
    exported = KIND.exports(stdio)[0]["function"]
    assert (exported["name"], exported["description"]) == ("small__add", "Add two whole numbers.")
    assert exported["parameters"]["required"] == ["a", "b"]
    assert stdio.description == "Does small things."
    assert stdio.metadata == {"server": "small 1.2"}
    for record in (stdio, http):
        assert SECRET not in json.dumps(record.body())


async def test_both_transports_carry_calls_and_secrets(stdio: Record, http: Record) -> None:
    assert await call(stdio, "told") == f"None {SECRET}"
    assert await call(http, "told") == f"Bearer {SECRET} None"


async def test_a_task_keeps_one_connection_and_leaves_no_process(stdio: Record) -> None:
    async with ToolBox([(stdio, KIND.build(stdio))], {}, NoOpTracer()) as box:
        pids = await asyncio.gather(*(box.call("small__who", {}) for _ in range(3)))
        assert len({pid.text for pid in pids}) == 1
        assert (await box.call("small__add", {"a": 2, "b": 3})).text == "5"
        died = await box.call("small__die", {})
        assert died.failed
        assert "broke off in 'die'" in died.text
        assert "out of luck ${AGP_TEST_SECRET}" in died.text, "no secret from the server's stderr"
        again = await box.call("small__who", {})
        assert again.text != pids[0].text, "the next call starts the server afresh"
        assert alive(int(again.text))
    assert not alive(int(pids[0].text))
    assert not alive(int(again.text))


async def test_no_process_is_left_by_a_cancelled_task(stdio: Record) -> None:
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        async with ToolBox([(stdio, KIND.build(stdio))], {}, NoOpTracer()) as box:
            started.set_result(int((await box.call("small__who", {})).text))
            await box.call("small__hang", {})

    task = asyncio.create_task(work())
    pid = await started
    assert alive(pid)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(pid)


async def test_results_become_plain_data(http: Record) -> None:
    assert await call(http, "point", x=1) in ('{"x":1,"y":0}', '{\n  "x": 1,\n  "y": 0\n}')
    shown = await call(http, "picture")
    assert "image/png" in shown
    assert "secret bytes" not in shown
    with pytest.raises(ValueError, match="not like this"):
        await call(http, "refuse", why="not like this")
    with pytest.raises(ValueError, match="valid integer"):
        await call(http, "add", a="x", b=1)
    with pytest.raises(ValueError, match="the actions are: add, die"):
        await call(http, "nothing")


async def test_a_server_that_hangs_is_given_up(port: int) -> None:
    url = f"http://127.0.0.1:{port}/mcp"
    record = KIND.complete(declared({"url": url, "timeout_s": 5}))
    hasty = Record.model_validate({**record.body(), "params": {"url": url, "timeout_s": 1}})
    allow_code(hasty)
    with pytest.raises(ServerError, match=r"no answer to the call of 'hang' within 1 s"):
        await call(hasty, "hang")
    assert await call(record, "add", a=1, b=1) == "2"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"command": "no-such-program-here"}, "cannot connect: FileNotFoundError"),
        ({"command": sys.executable, "args": ["-c", "import sys; sys.exit('no way')"]}, "no way"),
        (
            {"command": sys.executable, "args": ["-c", "input()\n" * 9], "timeout_s": 1},
            "no answer to connecting within 1 s",
        ),
        ({"url": "http://127.0.0.1:9/mcp"}, "cannot connect"),
        ({"command": "x", "env": {"KEY": "${AGP_TEST_UNSET}"}}, "AGP_TEST_UNSET is not set"),
    ],
)
def test_a_server_that_cannot_be_reached_says_why(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ServerError, match="small") as caught:
        KIND.complete(declared(config))
    assert said in str(caught.value)


def test_a_default_stands_in_for_a_variable(port: int) -> None:
    url = f"http://127.0.0.1:${{AGP_TEST_UNSET:-{port}}}/mcp"
    assert KIND.complete(declared({"url": url})).params == {"url": url}


async def test_other_tools_than_recorded_are_noticed(http: Record) -> None:
    text = json.dumps(http.input_schema)
    gone = json.loads(text.replace('"add"', '"subtract"'))
    other = json.loads(text.replace('"required": ["a", "b"]', '"required": ["a"]'))
    with pytest.raises(ServerError, match="no longer offers 'subtract'; it offers: add, die"):
        await call(http.model_copy(update={"input_schema": gone}), "subtract", a=1, b=2)
    changed = http.model_copy(update={"input_schema": other})
    with pytest.raises(ServerError, match="parameters of 'add'.*\n.*refreshing"):
        await call(changed, "add", a=1)
    assert KIND.complete(changed) is changed, "what is complete is not asked again"
    assert KIND.complete(KIND.incomplete(changed)).digest == http.digest


def test_refreshing_an_unchanged_server_is_no_new_version(http: Record, history: History) -> None:
    registry = Registry(history)
    registry.register(http)
    assert registry.update(KIND.complete(KIND.incomplete(http))) is None
    assert SECRET not in json.dumps(registry.get_info(SMALL).body())


def test_a_servers_own_files_are_in_the_record(tmp_path: Path) -> None:
    folder = tmp_path / "tools" / "small"
    folder.mkdir(parents=True)
    (folder / "server.py").write_text(SERVER.read_text())
    block = {"mcpServers": {"small": {"command": sys.executable, "args": ["server.py"]}}}
    (folder / "mcp.json").write_text(json.dumps(block))
    record = KIND.complete(discover([tmp_path])[SMALL])
    (folder / "server.py").unlink()
    code = (
        "import asyncio, sys; from agp.rspl.entities import Record\n"
        "from agp.rspl.discovery import allow_code; from agp.rspl.kinds import KINDS\n"
        "record = Record.model_validate_json(sys.stdin.read()); kind = KINDS[record.type]\n"
        "allow_code(record)\n"
        "given = {'action': 'add', 'arguments': {'a': 20, 'b': 22}}\n"
        "print(asyncio.run(kind.run(record, kind.build(record), given, {})).result)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        input=record.model_dump_json(),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=120,
    )
    assert ended.stdout == "42\n", ended.stderr


def test_an_agent_calls_a_server_and_a_skill(make_project: MakeProject, tmp_path: Path) -> None:
    tools = tmp_path / "project" / "tools"
    tools.mkdir(parents=True)
    (tools / "mcp.json").write_text(json.dumps({"mcpServers": {"small": STDIO}}))
    calls = [
        ("small__add", {"a": 40, "b": 2}),
        ("csv_summary__run", {"script": "scripts/summary.py", "stdin": "n\n1\n2\n"}),
    ]

    def script(request: ModelRequest) -> Completion | str:
        told = [m["content"] for m in request.messages if m["role"] == "tool"]
        if len(told) == len(calls):
            return " | ".join(told)
        name, arguments = calls[len(told)]
        assert name in {each["function"]["name"] for each in request.tools}
        call = ToolCall(id="1", name=name, arguments=arguments, raw=json.dumps(arguments))
        return Completion(text="", tool_calls=[call], finish_reason="tool_calls")

    project = make_project(script)
    registry = project.registry
    registry.update(KIND.complete(registry.get_info(SMALL)))
    agent = registry.get_info(ResourceId(EntityType.AGENT, "tool_calling"))
    params = {**agent.params, "tools": ["small", "csv_summary"]}
    registry.update(Record.model_validate({**agent.body(), "params": params}))
    answer = project.run("tool_calling", "Go.")
    assert answer.text.startswith("42 | rows: 2\nn: count 2, missing 0, sum 3")
