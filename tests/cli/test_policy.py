"""`agp policy`, the mode of a run, and questions at a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest

from agp.cli.asking import Terminal, paused_by_questions, terminal
from agp.models.types import Completion, ModelRequest, ToolCall
from agp.permissions import Question, Reply
from tests.cli.conftest import Agp

WRONG = '[tools]\n\ndeny = ["python("]\n'


def calling(request: ModelRequest) -> Completion | str:
    """A model that calls the calculator once, and then says what it was told."""
    if said := [m["content"] for m in request.messages if m["role"] == "tool"]:
        return said[0]
    arguments = {"expression": "1 + 2"}
    call = ToolCall(id="1", name="calculator", arguments=arguments, raw=json.dumps(arguments))
    return Completion(text="", tool_calls=[call], finish_reason="tool_calls")


RUN = ("run", "my_agent", "Add.", "--model", "scripted/m")


def test_the_default_policy_is_written_shown_checked_and_never_overwritten(
    agp_command: Agp, folder: Path
) -> None:
    shown = agp_command("policy", "show")
    assert shown.code == 0
    assert "the default (no file)" in shown.out
    assert "Freely: `prompt/*`" in shown.out
    assert agp_command("policy", "init").code == 0
    assert "what asks, asks a person" in (folder / "agp.policy.toml").read_text()
    assert agp_command("policy", "check").out.startswith("agp.policy.toml is fine: mode default")
    again = agp_command("policy", "init")
    assert (again.code, "exists already" in again.err) == (2, True)
    assert agp_command("policy", "init", "--print").out == (folder / "agp.policy.toml").read_text()


def test_show_as_data_and_in_another_mode(agp_command: Agp) -> None:
    shown = json.loads(agp_command("policy", "show", "-f", "json", "--permissions", "plan").out)
    assert shown["mode"] == "plan"
    assert len(shown["digest"]) == 64
    assert "nothing is committed" in agp_command("policy", "show", "--permissions", "plan").out


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("check", 2, "no agp.policy.toml"),
        ("check nowhere.toml", 2, "nowhere.toml"),
        ("explain 'solver'", 2, "names no call"),
        ("explain 'solver pyton code=1'", 2, "python"),
        ("explain 'solver workspace path=x'", 2, "write"),
        ("explain 'solver python code'", 2, "NAME=VALUE"),
        ("show --permissions sometimes", 2, "--permissions"),
        ("show --project nowhere", 2, "agp init"),
    ],
)
def test_wrong_input(agp_command: Agp, command: str, code: int, said: str) -> None:
    import shlex

    ended = agp_command("policy", *shlex.split(command))
    assert ended.code == code
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("command", [("policy", "check"), ("policy", "show"), RUN])
def test_a_wrong_file_is_named_by_line_and_field_everywhere(
    agp_command: Agp, folder: Path, command: tuple[str, ...]
) -> None:
    (folder / "agp.policy.toml").write_text(WRONG)
    ended = agp_command(*command)
    assert ended.code == 2
    assert "agp.policy.toml, line 3: field 'tools.deny.0'" in " ".join(ended.err.split())


@pytest.mark.parametrize(
    ("call", "verdict", "rule"),
    [
        ("solver calculator expression=1", "allow", '[tools] allow "*"'),
        ("solver python code=1", "ask", '[tools] ask "python"'),
        ("lead/solver tool/python code=1", "ask", '[tools] ask "python"'),
        ("solver workspace.write path=a/../b.py text=", "deny", "path=*.py"),
        ("solver workspace.write path=agp.toml", "deny", "built in: protected files"),
        ('solver workspace.write \'path={"to": ["x.py"]}\'', "deny", "path=*.py"),
        ("solver counted n='\"05\"'", "deny", "counted(n=5)"),
    ],
)
def test_explain_names_the_rule(
    agp_command: Agp, folder: Path, call: str, verdict: str, rule: str
) -> None:
    (folder / "agp.policy.toml").write_text(
        '[tools]\nallow = ["*"]\nask = ["python"]\ndeny = ["workspace.write(path=*.py)", '
        '"counted(n=5)"]\n'
    )
    tool = folder / "tools/counted/tool.py"
    tool.parent.mkdir(parents=True)
    tool.write_text('def counted(n: int) -> int:\n    """Count."""\n    return n\n')
    told = agp_command("policy", "explain", call)
    assert told.out.startswith(f"{verdict}: ")
    assert rule in told.out
    data = json.loads(agp_command("policy", "explain", call, "-f", "json").out)
    assert (data["verdict"], rule in data["rule"]) == (verdict, True)


def test_a_run_without_a_terminal_says_what_was_not_permitted(
    agp_command: Agp, folder: Path
) -> None:
    agp_command("init")
    (folder / "agp.policy.toml").write_text('[tools]\nask = ["calculator"]\n')
    ended = agp_command(*RUN, script=calling)
    assert "nobody to ask" in ended.out
    assert "my_agent was not permitted calculator" in " ".join(ended.err.split())
    assert agp_command(*RUN, "--permissions", "auto", script=calling).out == "3\n"
    denied = agp_command(*RUN, "--permissions", "locked", "-f", "json", script=calling)
    assert "mode locked" in json.loads(denied.out)["notes"][0]


def test_evolve_prints_the_envelope_and_commits_nothing_in_mode_plan(agp_command: Agp) -> None:
    command = ("evolve", "echo", "--model", "scripted/m", "--permissions", "plan")
    ended = agp_command(*command)
    assert ended.code == 0
    said = " ".join(ended.err.split())
    assert "Permissions: mode plan (changes are proposed and assessed" in said
    assert "May evolve: nothing is committed" in said
    assert "mode plan: nothing is committed" in " ".join(ended.out.split())
    locked = agp_command(*command[:-1], "locked")
    assert (locked.code, "mode locked" in locked.err) == (2, True)
    closed = agp_command(*command[:-1], "auto", "--evolve", "memory/*")
    assert (closed.code, "opens nothing" in closed.err) == (2, True)


# -- at a terminal ---------------------------------------------------------------------------------

QUESTION = Question(
    "call", ("lead", "helper"), "python", '[tools] ask "python"', "why not", (("code", "1\n2"),)
)


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """What is typed is written to the descriptor that this gives."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield master
    os.close(master)


async def _typed(master: int, *lines: str) -> Reply:
    asking = asyncio.create_task(Terminal().ask(QUESTION))
    for line in lines:
        await asyncio.sleep(0.05)
        os.write(master, f"{line}\n".encode())
    return await asyncio.wait_for(asking, 10)


@pytest.mark.parametrize(
    ("lines", "reply"),
    [
        (["y"], Reply.YES),
        (["No"], Reply.NO),
        (["a"], Reply.ALWAYS),
        (["what", "", "yes"], Reply.YES),
    ],
)
async def test_the_terminal_takes_yes_no_and_always_and_asks_again_for_anything_else(
    keyboard: int, capsys: pytest.CaptureFixture[str], lines: list[str], reply: Reply
) -> None:
    stopped: list[str] = []
    with paused_by_questions(lambda: stopped.append("stop"), lambda: stopped.append("start")):
        assert await _typed(keyboard, *lines) is reply
    shown = capsys.readouterr().err
    assert "lead → helper wants to call python" in shown
    assert "code: 1" in shown
    assert "why not" in shown
    assert shown.count("Allow it?") == len(lines)
    assert stopped == ["stop", "start"]


async def test_what_was_typed_before_the_question_is_no_answer(keyboard: int) -> None:
    os.write(keyboard, b"y\n")
    await asyncio.sleep(0.05)
    assert await _typed(keyboard, "n") is Reply.NO


async def test_a_question_can_be_cancelled_while_it_waits(keyboard: int) -> None:
    asking = asyncio.create_task(Terminal().ask(QUESTION))
    await asyncio.sleep(0.05)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asking, 5)
    assert await _typed(keyboard, "y") is Reply.YES


def test_nobody_sits_at_a_pipe() -> None:
    assert terminal() is None
