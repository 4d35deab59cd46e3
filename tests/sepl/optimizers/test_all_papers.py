"""What must be true of each of the paper's optimizers, on scripted models."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from agp.errors import InputError, ProposerError
from agp.evaluation.splits import split
from agp.evaluation.types import DataRequest
from agp.models.types import ModelRequest
from agp.rspl.entities import ResourceId
from agp.runs.journal import Journal, list_runs
from agp.sepl.proposers.model import REPETITIONS
from tests.conftest import MakeProject
from tests.support.echo import Echo, is_operator
from tests.support.proposing import GOOD, HARMFUL, playing

PROMPT = ResourceId.parse("prompt/solver")
NEW = pytest.mark.parametrize("optimizer", ["textgrad", "reinforce_pp", "grpo"])
"""`tests/sepl/test_evolution.py` demands the same of ``reflection``."""


@NEW
@pytest.mark.parametrize("right", [lambda n: True, lambda n: n % 2 == 0], ids=["perfect", "half"])
def test_a_harmful_proposer_never_goes_live_nor_sees_what_decides(
    make_project: MakeProject, optimizer: str, right: Callable[[int], bool]
) -> None:
    """The paper's own code keeps such a prompt live and returns 999."""
    shown: list[str] = []
    script = playing(HARMFUL, right)

    def spying(request: ModelRequest) -> str:
        if is_operator(request):
            shown.append(str(request.messages))
        return script(request)

    project = make_project(spying)
    before = project.registry.view()
    report = project.evolve(Echo(20), optimizer=optimizer, rounds=2, gate={"rule": "non_degrading"})
    assert report.commit is None
    assert project.registry.view().refs == before.refs
    assert project.registry.get(PROMPT).system != HARMFUL
    assert project.run("solver", "Say the number 4.").text == "4"
    assert bool(report.proposals) == (not right(1))  # where all is right nothing is proposed
    assert all(not line.verdict.accepted for line in report.proposals)
    parts = split(Echo(20).load(DataRequest()), feedback=4, selection=6, holdout=10, seed=0)
    hidden = [sample.task.input for sample in [*parts.selection, *parts.holdout]]
    assert bool(shown) == (not right(1))
    assert not [text for text in hidden if any(text in each for each in shown)]


@NEW
def test_an_improvement_goes_live(make_project: MakeProject, optimizer: str) -> None:
    project = make_project(playing(GOOD, lambda n: n % 3 == 0))
    report = project.evolve(Echo(30), optimizer=optimizer, rounds=1)
    assert report.vanilla is not None
    assert report.evolved is not None
    assert report.vanilla.mean < 0.6
    assert report.evolved.mean == 1.0
    assert report.commit
    assert project.registry.get(PROMPT).system == GOOD
    assert project.registry.get(PROMPT).template == "{{input}}"


class Killed(BaseException):
    """Stands for Ctrl-C."""


@NEW
def test_a_run_stopped_anywhere_resumes_to_the_same_end(
    make_project: MakeProject, optimizer: str
) -> None:
    """GOOD comes at the third proposal only: what earlier rounds left behind counts."""
    settings: dict[str, Any] = {"optimizer": optimizer, "rounds": 3, "candidates": 1}

    def script(request: ModelRequest) -> str:
        round_ = request.repetition // REPETITIONS
        return playing(GOOD if round_ == 3 else HARMFUL, lambda n: n % 3 == 0)(request)

    whole = make_project(script, "whole")
    expected = whole.evolve(Echo(20), **settings)
    calls = 0

    def dying(request: ModelRequest) -> str:
        nonlocal calls
        calls += 1
        if calls % 30 == 0:
            raise Killed
        return script(request)

    project, report = make_project(dying, "killed"), None
    with contextlib.suppress(Killed):
        report = project.evolve(Echo(20), concurrency=1, **settings)
    for _ in range(100):
        if report is not None:
            break
        with contextlib.suppress(Killed):
            report = project.resume(benchmark=Echo(20))
    assert report is not None
    same = {"vanilla", "evolved", "rounds", "proposals", "decision", "changes", "splits"}
    assert report.model_dump(include=same) == expected.model_dump(include=same)
    assert report.commit
    assert report.spend.calls == expected.spend.calls
    journals = [Journal.reopen(each.database).steps for each in (whole, project)]
    first, second = map(_numbers, journals)
    assert first == second


def _numbers(steps: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a journal, but for what was measured by a clock."""
    return {
        key: {name: value for name, value in payload.items() if name != "a_sample"}
        for key, payload in steps.items()
        if key.startswith(("metrics/", "round/"))
    }


@NEW
def test_replies_that_cannot_be_read_end_the_run_quoting_the_last(
    make_project: MakeProject, optimizer: str
) -> None:
    project = make_project(lambda r: "not JSON at all" if is_operator(r) else "no idea")
    with pytest.raises(ProposerError, match=r"3 replies of the reflector in a row.*not JSON"):
        project.evolve(Echo(20), optimizer=optimizer, rounds=10)
    assert list_runs(project.database)[0].status == "failed"
    assert len(project.history.log()) == 1


def test_wrong_parameters_are_refused_before_anything_is_spent(make_project: MakeProject) -> None:
    asked: list[ModelRequest] = []
    project = make_project(lambda r: asked.append(r) or "x")
    wrong: list[tuple[str, str, Any]] = [
        ("grpo", "K", 1),
        ("grpo", "k", 4),
        ("grpo", "temperature", 0.0),
        ("reinforce_pp", "beta", float("nan")),
        ("reinforce_pp", "epsilon", 1.5),
        ("reinforce_pp", "epsilon0", 0.0),
        ("reinforce_pp", "ratio", "squared"),
        ("textgrad", "batch", 0),
    ]
    for optimizer, name, value in wrong:
        with pytest.raises(InputError, match=f"parameter {name}"):
            project.evolve(Echo(20), optimizer=optimizer, parameters={name: value})
    assert asked == []
