"""Promotion with the sequential rule, in whole evolutions: what is run, kept and resumed."""

from __future__ import annotations

import pytest

from agp.errors import InputError
from agp.models.types import ModelRequest
from tests.conftest import MakeProject
from tests.sepl.test_evolution import GOOD, model
from tests.support.echo import (
    Echo,
    causes,
    is_operator,
    is_reflect,
    number_in,
    rewrite,
    system_of,
)

GATE = {"rule": "sequential"}


def test_a_clear_gain_stops_before_the_whole_holdout(make_project: MakeProject) -> None:
    project = make_project(model(GOOD, lambda n: n % 3 == 0))
    report = project.evolve(Echo(60), gate=GATE, rounds=1)
    assert report.decision is not None
    assert report.commit
    numbers = report.decision.numbers
    assert (numbers["n"], numbers["evaluations"], numbers["epochs"]) == (15, 30, 1)
    assert (numbers["alpha"], numbers["holdout_looks"]) == (0.05, 1)
    assert report.vanilla is not None
    assert report.vanilla.n == 15
    kept = project.history.find_commit(report.commit).evidence["numbers"]
    assert kept["looks"] == numbers["looks"]
    assert project.resume() == report


def test_an_undecided_holdout_is_run_again_with_new_repetitions(make_project: MakeProject) -> None:
    """Five of 30 are won, always the same: p = 1/32 is too much after one epoch, not after two."""
    repetitions: set[int] = set()

    def script(request: ModelRequest) -> str:
        if is_reflect(request):
            return causes()
        if is_operator(request):
            return rewrite(request, "Say it if you can.")
        number = number_in(request)
        if "if you can" in system_of(request):
            repetitions.add(request.repetition)
        gained = "if you can" in system_of(request) and number % 6 == 1
        return str(number) if number % 2 == 0 or gained else "no idea"

    report = make_project(script).evolve(Echo(60), gate=GATE, rounds=1, seed=1)
    assert report.decision is not None
    numbers = report.decision.numbers
    assert [(each["n"], each["epoch"]) for each in numbers["looks"]] == [(15, 0), (30, 0), (30, 1)]
    assert numbers["p"] == pytest.approx(1 / 32, abs=0.002)
    assert numbers["looks"][1]["spent"] < 1 / 32 < numbers["looks"][2]["spent"]
    assert report.commit
    assert len(repetitions) == 2
    assert report.evolved is not None
    assert report.evolved.n == 30


def test_a_hopeless_budget_is_refused_before_anything_is_spent(make_project: MakeProject) -> None:
    asked: list[ModelRequest] = []
    project = make_project(lambda r: asked.append(r) or "x")
    with pytest.raises(InputError, match="90 evaluations cannot decide anything.*96 in all"):
        project.evolve(Echo(60), budget={"evaluations": 90})
    assert asked == []
