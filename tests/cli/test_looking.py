"""The commands that look, undo and set up, and the help of all of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from agp.cli.evolve import Accept, ModeOption
from agp.cli.main import app
from agp.cli.resources import TypeOption
from agp.models.scripted import Script
from agp.rspl.entities import EntityType
from agp.sepl.gate import Rule
from agp.sepl.variables import Mode
from tests.cli.conftest import GOOD, Agp


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command of the command line, as it is typed."""
    if path:
        yield " ".join(path)
    for name, below in getattr(command, "commands", {}).items():
        yield from _commands(below, (*path, name))


COMMANDS = list(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(agp_command: Agp, command: str) -> None:
    shown = agp_command(*command.split(), "--help")
    assert shown.code == 0
    assert "Examples" in shown.out
    assert f"agp {command}" in shown.out.split("Examples", 1)[1]


def test_choices_are_those_of_the_library() -> None:
    assert [*ModeOption] == [*Mode]
    assert [*Accept] == [*Rule]
    assert [*TypeOption] == [*EntityType]


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from agp.cli import main\n"
        "try: main.app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pydantic', 'sqlalchemy', 'litellm', 'networkx', 'scipy', 'opentelemetry'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    before = time.process_time()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert time.process_time() - before < 0.5


def test_init_leaves_what_is_there(agp_command: Agp, folder: Path) -> None:
    (folder / "new").mkdir()
    (folder / "new" / "agp.toml").write_text("# mine\n")
    first = agp_command("init", "new")
    assert first.code == 0
    assert "Left as it is: new/agp.toml" in first.out
    assert (folder / "new" / "agp.toml").read_text() == "# mine\n"
    listed = json.loads(agp_command("resources", "--project", "new", "-f", "json").out)
    assert "my_agent" in {each["name"] for each in listed if each["type"] == "agent"}
    files = {path: path.read_bytes() for path in (folder / "new").rglob("*.md")}
    assert agp_command("init", "new").code == 0
    assert files == {path: path.read_bytes() for path in (folder / "new").rglob("*.md")}


def test_the_example_agent_runs(agp_command: Agp) -> None:
    agp_command("init")
    said = agp_command("run", "my_agent", "hi", "--model", "scripted/m", script=lambda _: "[x] 1")
    assert (said.code, said.out) == (0, "[x] 1\n")


def test_run_reads_files_and_standard_input(
    agp_command: Agp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "in").write_text("what?")
    seen: list[str] = []
    script: Script = lambda request: seen.append(request.messages[-1]["content"]) or "ok"  # noqa: E731
    with (folder / "in").open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        done = agp_command("run", "solver", "-", "--model", "scripted/m", script=script)
    assert done.code == 0, done.err
    assert seen == ["what?"]
    shown = agp_command("run", "solver", "hm", "--model", "scripted/m", "-f", "json", script=script)
    assert json.loads(shown.out)["ended"] == "answered"


def test_log_show_diff_agree_on_a_change(evolved: Agp) -> None:
    newest = json.loads(evolved("log", "prompt/solver", "-f", "json").out)[0]
    assert newest["operator"] == "evolve"
    assert newest["evidence"]["numbers"]["losses"] == 0
    for arguments in (
        ["show", newest["id"][:12]],
        ["diff", newest["id"][:12]],
        ["diff", "prompt/solver"],
        ["diff", "prompt/solver@1.0.0"],
        ["diff", "prompt/solver@1.0.0", "prompt/solver@1.0.1"],
        ["diff", newest["parent"], newest["id"]],
    ):
        shown = evolved(*arguments)
        assert shown.code == 0, shown.err
        assert f"+{GOOD}" in shown.out
    back = evolved("diff", "prompt/solver@1.0.1", "prompt/solver@1.0.0")
    assert f"-{GOOD}" in back.out
    same = evolved("diff", "prompt/solver", "prompt/solver")
    assert same.out == "No difference.\n"
    assert GOOD in evolved("show", "prompt/solver").out
    assert GOOD not in evolved("show", "prompt/solver@1.0.0").out


def test_versions_restore_and_rollback_lose_nothing(evolved: Agp) -> None:
    def versions() -> list[dict[str, object]]:
        return json.loads(evolved("resources", "versions", "prompt/solver", "-f", "json").out)

    assert [(v["version"], v["live"]) for v in versions()] == [("1.0.0", False), ("1.0.1", True)]
    assert evolved("rollback", "prompt/solver", "1.0.0").code == 0
    assert [v["live"] for v in versions()] == [True, False]
    assert "nothing was changed" in evolved("rollback", "prompt/solver", "1.0.0").out
    assert evolved("resources", "restore", "prompt/solver", "1.0.1").code == 0
    assert [v["live"] for v in versions()] == [False, True]


def test_a_resource_taken_out_can_still_be_seen(evolved: Agp) -> None:
    assert evolved("resources", "unregister", "memory/semantic").code == 0
    gone = evolved("show", "memory/semantic")
    assert gone.code == 2
    assert "memory/semantic@1.0.0" in gone.err
    assert evolved("show", "memory/semantic@1.0.0").code == 0
    assert evolved("resources", "restore", "memory/semantic", "1.0.0").code == 0
    assert evolved("show", "memory/semantic").code == 0


def test_rollback_asks_on_a_terminal(evolved: Agp, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def __init__(self, answer: str) -> None:
            self.answer = answer

        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return self.answer

    commit = json.loads(evolved("log", "-f", "json").out)[0]["id"]
    monkeypatch.setattr("builtins.input", lambda *_: "n")
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    refused = evolved("rollback", commit)
    assert refused.code == 1
    assert "Nothing was changed." in refused.out
    assert evolved("rollback", commit, "--yes").code == 0


def test_traces_show_messages_scores_and_no_control_characters(agp_command: Agp) -> None:
    evil = "\x1b[2J" + "word " * 200
    done = agp_command(
        "bench", "run", "echo", "--model", "scripted/m", "--limit", "1", script=lambda _: evil
    )
    assert done.code == 0, done.err
    (root,) = json.loads(agp_command("trace", "list", "-f", "json").out)
    shown = agp_command("trace", "show", root["trace_id"][:8])
    for text in ("invoke_agent solver", "chat scripted/m", "Say the number", "score", "(--full)"):
        assert text in shown.out
    assert "\x1b" not in shown.out
    full = agp_command("trace", "show", root["trace_id"], "--full")
    assert full.out.count("word") == 200
    assert "\x1b" not in agp_command("show", "prompt/solver").out


def test_doctor_tells_absent_from_broken(
    agp_command: Agp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGP_MODELS_DIR", str(folder / "none"))
    monkeypatch.setenv("SOME_API_KEY", "sk-very-secret")
    monkeypatch.delenv("AGP_EMBEDDED_MODEL_PATH", raising=False)
    fresh = agp_command("doctor", "-f", "json")
    assert fresh.code == 0
    states = {each["what"]: each for each in json.loads(fresh.out)}
    assert states["store"]["state"] == "absent"
    assert "agp models pull" in states["embedded model"]["detail"]
    assert "SOME_API_KEY" in fresh.out
    assert "sk-very-secret" not in fresh.out
    assert states["sandbox monty"]["detail"].startswith("strong: ")
    assert states["sandbox wasm"]["detail"].startswith("strong: ")
    assert states["sandbox plain"]["detail"].startswith("none: ")
    assert not (folder / ".agp").exists()
    (folder / "agp.toml").write_text("nonsense")
    assert agp_command("doctor").code == 1


def test_a_reader_that_leaves_is_no_error(folder: Path) -> None:
    root = str(Path(__file__).resolve().parents[2])
    line = f"{sys.executable} -m agp.cli.main {{}} | head -c 1"
    for command in ("init .", "resources -f json", "log"):
        done = subprocess.run(
            ["bash", "-c", line.format(command)],
            capture_output=True,
            text=True,
            cwd=folder,
            env={"PYTHONPATH": root, "PATH": "/usr/bin:/bin"},
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert "BrokenPipe" not in done.stderr


def test_a_terminal_without_unicode_still_works(folder: Path) -> None:
    root = str(Path(__file__).resolve().parents[2])
    env = {"PYTHONPATH": root, "PATH": "", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    for command in (["init"], ["resources"], ["bench", "list"], ["--help"]):
        done = subprocess.run(
            [sys.executable, "-m", "agp.cli.main", *command],
            capture_output=True,
            text=True,
            cwd=folder,
            env=env,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("width", ["80", "100", "200"])
def test_resources_are_one_line_each(
    agp_command: Agp, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    agp_command("init")
    monkeypatch.setenv("COLUMNS", width)
    lines = agp_command("resources").out.splitlines()
    count = len(json.loads(agp_command("resources", "-f", "json").out))
    assert sum("1.0.0" in line for line in lines) == count
    assert len([line for line in lines if line.strip()]) == count + 2
