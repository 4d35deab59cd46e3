"""Wrong input at every entry point: the right exit code and one screen that says what to do."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Agp, Ended

READ_ONLY = [
    "log",
    "resources",
    "resources versions prompt/solver",
    "resources lock out.json",
    "show prompt/solver",
    "show",
    "diff prompt/solver",
    "rollback abcdef12",
    "trace list",
    "trace show abcdef",
    "resume",
    "resources variables prompt/solver",
    "resources run tool/calculator {}",
    "search tea",
    "contract",
    "bundle export all.agp",
    "blame prompt/solver",
    "branch",
    "tag",
    "alias list prompt/solver",
    "merge trial",
    "audit show",
    "audit verify",
    "fsck",
    "gc",
    "store info",
]

# command line → what the message must hold
WRONG = {
    "frob": "frob",
    "bench run echoo --model scripted/m": "Did you mean echo?",
    "bench run echo:task --model scripted/m": "takes no task",
    "bench run reasoning_gym --model scripted/m": "needs a task",
    "bench run echo --model scripted/m --agent solvr": "Did you mean solver",
    "bench run echo --limit many": "--limit",
    "bench run echo --limit 0": "--limit",
    "bench run echo --limit -3": "--limit",
    "bench run echo --seed 99999999999999999999": "--seed",
    "bench run echo --seed -1": "--seed",
    "bench run echo --refine -1": "--refine",
    "bench run echo --concurrency 0": "--concurrency",
    "bench run echo --budget-calls few": "--budget-calls",
    "bench run echo --budget-usd inf": "--budget-usd",
    "bench run echo --budget-usd nan": "--budget-usd",
    "bench run echo --budget-seconds -1": "--budget-seconds",
    "bench run echo --data nowhere": "--data",
    "bench run echo --lock nowhere.json": "nowhere.json",
    "bench run echo --branch nowhere": "nowhere",
    "bench run echo --project nowhere": "agp init",
    "bench run echo --store bogus://x": "store",
    "bench run echo -f yaml": "format",
    "evolve echo --model scripted/m --optimizer reflexion": "Did you mean reflection?",
    "evolve echo --mode prose": "--mode",
    "evolve echo --accept maybe": "--accept",
    "evolve echo --alpha 2": "alpha",
    "evolve echo --alpha nan": "alpha",
    "evolve echo --alpha x": "--alpha",
    "evolve echo --guard tokens": "METRIC=FACTOR",
    "evolve echo --guard tokens=inf": "METRIC=FACTOR",
    "evolve echo --guard taste=2": "taste",
    "evolve echo --guard tokens=-1": "tokens",
    "evolve echo --rounds 0": "--rounds",
    "evolve echo --candidates x": "--candidates",
    "evolve echo --feedback 3": "all three",
    "evolve echo --limit 2 --model scripted/m": "3",
    "resume nothing-20260101-000000-abcd": "nothing-",
    "run solvr hello": "Did you mean solver?",
    "run solver ''": "empty",
    "run solver hello --file nowhere": "nowhere",
    "run solver hello --file .": "cannot be read",
    "run solver hello --lock benchmarks/echo.py": "lock file",
    "resources --type agnt": "--type",
    "resources --branch nowhere": "nowhere",
    "resources versions prompt/solvr": "Did you mean",
    "resources restore prompt/solver 9.9.9": "1.0.0",
    "resources unregister prompt/solver": "agent/solver",
    "resources unregister tool/calculatr": "Did you mean",
    "resources lock nowhere/out.json": "nowhere",
    "log --limit x": "--limit",
    "log prompt/solvr": "Did you mean",
    "show prompt/solver@7.0.0": "1.0.0",
    "show promt/solver": "prompt",
    "show abcdef0123": "agp log",
    "show evolve-20260101-120000-ab12": "evolve-",
    "diff prompt/solver abcdef0123": "commit",
    "diff prompt/solver prompt/solvr": "Did you mean",
    "rollback abcdef0123": "agp log",
    "rollback ab": "agp log",
    "rollback prompt/solver": "VERSION",
    "rollback prompt/solver 3.0.0": "1.0.0",
    "trace show zz": "agp trace list",
    "trace list --run nothing": "nothing",
    "trace list --limit 0": "--limit",
    "quickstart --benchmark gsm9k --model scripted/m": "Did you mean gsm8k?",
    "quickstart --agent tool_caling --model scripted/m": "Did you mean tool_calling?",
    "quickstart --seed one": "--seed",
    "init benchmarks/echo.py": "agp init DIR",
    "doctor --frobnicate": "--frobnicate",
    "models pull qwen": "qwen",
    "resources register nowhere": "nowhere",
    "resources register benchmarks": "not the folder of a resource",
    "resources register benchmarks/echo.py": "not JSON",
    "resources update nowhere.json": "nowhere.json",
    "resources copy prompt/solvr mine": "Did you mean",
    "resources copy prompt/solver Mine": "resource name",
    "resources copy prompt/solver program": "exists already",
    "resources copy prompt/solver mine --version 7.0.0": "1.0.0",
    "resources variables prompt/solvr": "Did you mean",
    "resources set prompt/solver params/system": "PATH=VALUE",
    "resources set prompt/solver params/sistem=x": "Did you mean",
    "resources set prompt/solver params/demonstrations=[": "not JSON",
    "resources set prompt/solver params/system=@nowhere": "nowhere",
    "resources refresh tool/calculatr": "Did you mean",
    "resources state memory/semntic": "Did you mean",
    "resources run tool/calculator '{'": "not JSON",
    "resources run tool/calculator []": "JSON object",
    "resources run tool/calculator {}": "expression",
    """resources run memory/semantic '{"action": "recal", "arguments": {}}'""": "recall",
    "search ''": "agp",
    "search tea --limit 0": "--limit",
    "search tea --type agnt": "--type",
    "contract tool/calculatr": "Did you mean",
    "contract --budget 3": "budget",
    "contract --check nowhere.md": "nowhere.md",
    "bundle export nowhere/all.agp": "nowhere",
    "bundle export all.agp tool/calculatr": "Did you mean",
    "bundle import nowhere.agp": "nowhere.agp",
    "bundle import benchmarks/echo.py": "line 1",
    "bundle show nowhere.agp": "nowhere.agp",
    "blame prompt/solvr": "Did you mean",
    "blame prompt/solver --part sistem": "system",
    "branch create Trial": "branch",
    "branch create main": "already",
    "branch create trial --at abcdef0123": "commit",
    "branch delete main": "main",
    "branch delete trial": "trial",
    "tag create deadbeef": "digest",
    "tag delete paper": "paper",
    "alias set prompt/solver production 7.0.0": "1.0.0",
    "alias set prompt/solver 1.0.0": "version",
    "alias delete prompt/solver production": "production",
    "alias list prompt/solvr": "Did you mean",
    "merge nowhere": "nowhere",
    "bisect abcdef0123 main --benchmark echo": "commit",
    "audit verify --file nowhere.jsonl": "nowhere.jsonl",
    "audit verify --expect benchmarks/echo.py": "checkpoint",
    "audit checkpoint --key nowhere.pem -o c.json": "nowhere.pem",
    "audit trust abc": "key",
    "gc --spans-older-than soon": "soon",
    "store downgrade 7": "7",
}


def is_one_screen(ended: Ended) -> bool:
    """Short, and for people."""
    return "Traceback" not in ended.err and 0 < len(ended.err.splitlines()) <= 24


@pytest.mark.parametrize("line", WRONG)
def test_wrong_input_ends_with_2_and_says_what_to_do(agp_command: Agp, line: str) -> None:
    assert agp_command("init").code == 0
    ended = agp_command(*shlex.split(line))
    assert ended.code == 2, ended
    assert is_one_screen(ended), ended.err
    assert WRONG[line] in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("line", READ_ONLY)
def test_looking_makes_no_store(agp_command: Agp, folder: Path, line: str) -> None:
    ended = agp_command(*line.split())
    assert ended.code == 2
    assert "There is no store" in ended.err
    assert "agp init" in ended.err
    assert not (folder / ".agp").exists()


def test_a_damaged_store_is_failed_work(agp_command: Agp, folder: Path) -> None:
    (folder / "bad.db").write_bytes(b"this is not a database" * 100)
    ended = agp_command("log", "--store", "bad.db")
    assert ended.code == 1
    assert is_one_screen(ended)
    assert "--store" in ended.err


def test_a_malformed_agent_names_file_and_line(agp_command: Agp, folder: Path) -> None:
    agp_command("init")
    (folder / "agents" / "my_agent" / "AGENT.md").write_text("---\ntools: [a\n---\nHi\n")
    ended = agp_command("resources")
    assert ended.code == 2
    assert is_one_screen(ended)
    assert "AGENT.md, line" in ended.err


def test_malformed_settings_name_the_field(agp_command: Agp, folder: Path) -> None:
    (folder / "agp.toml").write_text('[models.solver]\nmodel = 3\nfallback = "x"\n')
    ended = agp_command("run", "solver", "hi")
    assert ended.code == 2
    assert is_one_screen(ended)
    assert "agp.toml" in ended.err


def test_a_model_that_says_nothing_is_failed_work(agp_command: Agp) -> None:
    ended = agp_command("run", "solver", "hi", "--model", "scripted/m", script=lambda _: "  ")
    assert ended.code == 1
    assert "said nothing" in ended.err


def test_a_bug_is_one_screen_and_a_traceback_on_request(
    agp_command: Agp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("no\n" * 100)

    agp_command("init")
    monkeypatch.setattr("agp.cli.resources._live", broken)
    ended = agp_command("resources")
    assert ended.code == 1
    assert "This is a bug in agp: ZeroDivisionError" in ended.err
    assert is_one_screen(ended)
    monkeypatch.setenv("AGP_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        agp_command("resources")
