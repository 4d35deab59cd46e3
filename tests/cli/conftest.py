"""The whole program in this process, on a scripted model and a project in a temporary folder."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import agp.project
from agp.cli import main
from agp.models.scripted import Script, ScriptedBackend
from agp.models.types import ModelRequest
from tests.support.echo import causes, is_operator, is_reflect, number_in, rewrite, system_of

ECHO = '''
from agp import Benchmark, Sample, Score, Task


class Echo(Benchmark):
    """Say the number of the task."""

    name = "echo"
    description = "Say the number"
    refinable = True

    def __init__(self, size: int = 60) -> None:
        self.size = size

    def load(self, request):
        return [
            Sample(id=f"echo/{n}", task=Task(input=f"Say the number {n}."), target=str(n))
            for n in range(self.size)
        ]

    async def score(self, sample, text):
        right = text == sample.target
        return Score(value=float(right), answer=text, feedback="" if right else "another number")


if __name__ == "__main__":
    from agp.cli.bench import main

    main(Echo)
'''

GOOD = "Say it [exactly]."


def teachable(request: ModelRequest) -> str:
    """A model that is right on even numbers, and on all once its prompt is the good one."""
    if is_operator(request):
        return causes() if is_reflect(request) else rewrite(request, GOOD)
    number = number_in(request)
    return str(number) if GOOD in system_of(request) or number % 2 == 0 else "no idea"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int | str | None
    out: str
    err: str


Agp = Callable[..., Ended]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with the benchmark ``echo`` in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("AGP_STORE", raising=False)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "echo.py").write_text(ECHO)
    return tmp_path


@pytest.fixture
def agp_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Agp:
    """``agp ARGUMENTS`` in `folder`, with a model that follows ``script``."""

    def run(*arguments: str, script: Script = teachable, program: Callable[[], object] = main.run):
        backends = {"scripted": ScriptedBackend(script)}
        scripted = functools.partial(_PROJECT, backends=backends)
        monkeypatch.setattr(agp.project, "Project", scripted)
        monkeypatch.setattr(sys, "argv", ["agp", *arguments])
        with pytest.raises(SystemExit) as ended:
            program()
        shown = capsys.readouterr()
        return Ended(ended.value.code, shown.out, shown.err)

    return run


_PROJECT = agp.project.Project


@pytest.fixture
def evolved(agp_command: Agp) -> Agp:
    """The program in a project that has one successful evolution behind it."""
    done = agp_command("evolve", "echo", "--model", "scripted/m", "-f", "json")
    assert done.code == 0, done.err
    return agp_command
