"""``agp evolve``, ``resume``, ``bench``, ``quickstart``: what they print and leave behind."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from agp.models.types import ModelRequest
from tests.cli.conftest import GOOD, Agp, teachable

MODEL = ("--model", "scripted/m")


def test_the_report_shows_what_was_found_decided_and_how_to_undo_it(agp_command: Agp) -> None:
    done = agp_command("evolve", "echo", *MODEL, "--guard", "tokens=3", "--guard", "seconds=9999")
    assert done.code == 0, done.err
    out = " ".join(done.out.split())
    assert re.search(r"vanilla \(holdout\) [\d.]+ % [\d.]+ % to [\d.]+ % 30 0", out)
    assert "evolved (holdout) 100.0 %" in out
    assert re.search(r"Difference \+[\d.]+ points \(95 % interval .*\), p = [\d.e-]+", out)
    assert re.search(r"\d+ won, 0 lost, \d+ tied", out)
    assert "r1c1 rewrite kept" in out
    assert re.search(r"r1c2 \S+ rejected screen", out)
    assert "unknown (" in out
    assert f"+{GOOD}" in done.out
    commit = re.search(r"Undo it: agp rollback (\w+)", done.out)
    assert commit
    undone = agp_command("rollback", commit[1])
    assert undone.code == 0
    assert f"-{GOOD}" in undone.out
    live = json.loads(agp_command("show", "prompt/solver", "-f", "json").out)
    assert live["params"]["system"] != GOOD
    assert live["version"] == "1.0.0"


def test_the_plan_comes_first_and_goes_to_standard_error(agp_command: Agp) -> None:
    done = agp_command("evolve", "echo", *MODEL, "-f", "json")
    plan, power = done.err.splitlines()[1:3]
    assert plan == (
        "Plan: baseline 30 + 3 rounds × (screen 8 + selection 18 + feedback 12) + promotion 60 = "
        "at most 204 agent runs"
    )
    assert "at least 5 wins without a loss are needed" in power
    report = json.loads(done.out)
    assert report["plan"]["promotion"] == 60
    assert report["commit"]
    assert "baseline feedback: 12 of 12 samples" in done.err


def test_a_holdout_too_small_for_any_gain_is_said(agp_command: Agp) -> None:
    small = agp_command("evolve", "echo", *MODEL, "--limit", "6", "--rounds", "1")
    assert "Warning: a holdout of 4 is too small" in small.err
    lenient = agp_command(
        "evolve", "echo", *MODEL, "--limit", "6", "--rounds", "1", "--accept", "non_degrading"
    )
    assert "Warning" not in lenient.err


def test_nothing_better_is_no_failure_and_changes_nothing(agp_command: Agp) -> None:
    def stubborn(request: ModelRequest) -> str:
        return teachable(request).replace(GOOD, "Say it wrong.")

    done = agp_command("evolve", "echo", *MODEL, "--rounds", "1", script=stubborn)
    assert done.code == 0
    assert "found nothing better" in done.out
    assert "The holdout was not touched." in done.out
    assert len(json.loads(agp_command("log", "-f", "json").out)) == 1


def test_solution_mode_is_labelled(agp_command: Agp) -> None:
    done = agp_command("evolve", "echo", *MODEL, "--mode", "solution", "--limit", "6")
    assert done.code == 0, done.err
    assert "inference-time refinement" in done.out
    assert "not comparable with single-attempt scores" in done.out
    assert "after 3 refinements" in done.out
    assert "agp rollback" not in done.out


def test_joint_mode_is_labelled(agp_command: Agp) -> None:
    done = agp_command("evolve", "echo", *MODEL, "--mode", "joint", "--rounds", "1")
    assert done.code == 0, done.err
    assert "every score is one of inference-time refinement" in done.out
    assert "The scorer's verdict was shown to the agent" in done.out


def test_a_run_out_of_budget_is_carried_on(agp_command: Agp) -> None:
    stopped = agp_command("evolve", "echo", *MODEL, "--budget-calls", "20")
    assert stopped.code == 1
    assert "agp resume" in stopped.err
    agp_command("evolve", "echo", "--data", "nowhere")  # a slip later on is not what is resumed
    still = agp_command("resume")
    assert still.code == 1
    done = agp_command("resume", "--budget-calls", "1000", "-f", "json")
    assert done.code == 0, done.err
    whole = agp_command("evolve", "echo", *MODEL, "--store", "other.db", "-f", "json")
    spent = [json.loads(each.out)["spend"]["calls"] for each in (done, whole)]
    assert spent[0] == spent[1]
    again = agp_command("show", json.loads(done.out)["run"], "-f", "json")
    assert json.loads(again.out) == json.loads(done.out)


def test_hints_name_the_project(agp_command: Agp, folder: Path) -> None:
    (folder / "p").mkdir()
    (folder / "benchmarks").rename(folder / "p" / "benchmarks")
    stopped = agp_command("bench", "run", "echo", *MODEL, "--budget-calls", "3", "--project", "p")
    assert "agp resume --project p" in stopped.err
    done = agp_command("resume", "--project", "p", "--budget-calls", "100")
    assert re.search(r"agp show --project p bench-\S+", done.out)


def test_noise_is_reported_and_its_absence_explained(agp_command: Agp) -> None:
    done = agp_command("bench", "noise", "echo", *MODEL, "--limit", "8", "--repetitions", "2")
    assert done.code == 0, done.err
    out = " ".join(done.out.split())
    assert "8 × 2" in out
    assert "noise floor" in out
    assert "temperature" in out
    again = agp_command("bench", "noise", "echo", *MODEL, "--limit", "8", "-f", "json")
    found = json.loads(again.out)["noise"]
    assert (found["repetitions"], found["n"], found["floor"]) == (5, 8, 0.0)
    assert set(found["false_accepts"]) == {"non_degrading", "significant", "sequential"}


def test_bench_prints_score_interval_and_unscored(agp_command: Agp) -> None:
    def shaky(request: ModelRequest) -> str | Exception:
        return ValueError("boom") if "number 7." in str(request.messages) else teachable(request)

    done = agp_command("bench", "run", "echo", *MODEL, "--limit", "10", "-f", "json", script=shaky)
    assert done.code == 0, done.err
    assert json.loads(done.out)["vanilla"]["n"] >= 9


def test_a_benchmark_that_nobody_could_score_is_failed_work(agp_command: Agp, folder: Path) -> None:
    path = folder / "benchmarks" / "echo.py"
    path.write_text(path.read_text().replace("right = ", "right = 1 / 0 or "))
    done = agp_command("bench", "run", "echo", *MODEL, "--limit", "3")
    assert done.code == 1
    assert "Unscored, and in no mean (3)" in done.out
    assert "ZeroDivisionError" in done.out


def test_a_lock_file_gives_the_same_closure(agp_command: Agp) -> None:
    first = agp_command("bench", "run", "echo", *MODEL, "--limit", "4", "-f", "json")
    assert agp_command("resources", "lock", "agent.lock.json").code == 0
    second = agp_command(
        "bench", "run", "echo", *MODEL, "--limit", "4", "-f", "json", "--lock", "agent.lock.json"
    )
    closures = {json.loads(done.out)["closure"] for done in (first, second)}
    assert len(closures) == 1
    assert json.loads(second.out)["reused"] == 4


def test_a_benchmark_file_runs_by_path_with_its_own_options(agp_command: Agp, folder: Path) -> None:
    path = str(folder / "benchmarks" / "echo.py")
    done = agp_command(
        *MODEL, "--size", "5", "-f", "json", program=lambda: runpy.run_path(path, None, "__main__")
    )
    assert done.code == 0, done.err
    assert json.loads(done.out)["vanilla"]["n"] == 5
    wrong = agp_command("--size", "x", program=lambda: runpy.run_path(path, None, "__main__"))
    assert wrong.code == 2
    assert "--size" in wrong.err


@pytest.mark.parametrize("name", ["gsm8k", "humaneval", "reasoning_gym"])
def test_shipped_benchmark_files_have_help(name: str) -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, root / "benchmarks" / f"{name}.py", "--help"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(root), "COLUMNS": "100", "PATH": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "--refine" in done.stdout
    assert ("--task" in done.stdout) == (name == "reasoning_gym")


def test_every_quickstart_starts_from_the_shipped_agent(agp_command: Agp) -> None:
    about = ("--benchmark", "echo", "--agent", "solver", "--folder", ".", *MODEL, "-f", "json")
    first, second = (json.loads(agp_command("quickstart", *about).out) for _ in range(2))
    assert first["commit"]
    assert first["branch"] != second["branch"]
    assert first["vanilla"] == second["vanilla"]
    looks = [each["decision"]["numbers"]["holdout_looks"] for each in (first, second)]
    assert looks == [1, 2]  # the same holdout decides again: with less of α
    other = json.loads(agp_command("quickstart", *about, "--seed", "1").out)
    assert other["branch"] == "quickstart-1-echo"
    main = json.loads(agp_command("log", "-f", "json").out)
    assert len(main) == 1
    shown = agp_command("rollback", first["commit"][:12])
    assert f"on {first['branch']}" in shown.out


def test_ctrl_c_keeps_everything_and_resume_goes_on(agp_command: Agp, folder: Path) -> None:
    script = folder / "slow.py"
    script.write_text(
        "import asyncio, functools\n"
        "import agp.project\n"
        "from agp.cli import main\n"
        "from agp.models.scripted import ScriptedBackend\n"
        "from tests.cli.conftest import teachable\n"
        "class Slow(ScriptedBackend):\n"
        "    async def complete(self, request):\n"
        "        await asyncio.sleep(0.1)\n"
        "        return await super().complete(request)\n"
        "backends = {'scripted': Slow(teachable)}\n"
        "agp.project.Project = functools.partial(agp.project.Project, backends=backends)\n"
        "main.run()\n"
    )
    root = str(Path(__file__).resolve().parents[2])
    process = subprocess.Popen(
        [sys.executable, script, "evolve", "echo", *MODEL, "--concurrency", "2"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={"PYTHONPATH": root, "PATH": ""},
    )
    assert process.stderr
    while "baseline feedback" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(2)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    run = re.search(r"agp resume (\S+)", err)
    assert run
    done = agp_command("resume", run[1], "-f", "json")
    assert done.code == 0, done.err
    straight = agp_command("evolve", "echo", *MODEL, "-f", "json", "--store", "other.db")
    ours, theirs = (json.loads(each.out) for each in (done, straight))
    for field in ("vanilla", "evolved", "rounds", "proposals", "changes"):
        assert ours[field] == theirs[field]
