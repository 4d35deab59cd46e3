"""Reinforce++: the numbers in the journal against those worked out by hand, and when it stops."""

from __future__ import annotations

import math

import pytest

from agp.evaluation.types import DataRequest, Sample
from agp.models.types import ModelRequest
from agp.runs.journal import Journal
from tests.conftest import MakeProject
from tests.support.echo import Echo, causes, is_operator, is_reflect, number_in, rewrite, system_of

BETTER = "Say even numbers."
LN4 = math.log(4)


def half_better(request: ModelRequest) -> str:
    """Wrong everywhere at first; BETTER is right where the number is even."""
    if is_reflect(request):
        return causes()
    if is_operator(request):
        return rewrite(request, BETTER)
    number = number_in(request)
    if BETTER not in system_of(request):
        return f"I say {number} !"
    return str(number) if number % 2 == 0 else f"We say {number} !"


def test_the_metrics_are_the_formulas(make_project: MakeProject) -> None:
    """β = 1/2, ε = 0.2. y_sft is the target: one token of the four in a wrong reply, η = 1/4."""
    project = make_project(half_better)
    settings = {"rounds": 2, "screen": 8, "parameters": {"beta": 0.5, "batch": 100}}
    project.evolve(Echo(40), optimizer="reinforce_pp", **settings)
    steps = Journal.reopen(project.database).steps
    first = [rollout for group in steps["metrics/1"]["groups"] for rollout in group["rollouts"]]
    assert len(first) == 8  # one rollout for each feedback sample
    for rollout in first:
        assert rollout["reward"] == 0.0
        # the first step has no answer before its own: η(y_prev, y) = 1
        assert rollout["ratio"] == 1.0
        assert rollout["penalty"] == pytest.approx(0.5 * LN4)
        assert rollout["advantage"] == pytest.approx(-0.5 * LN4)
        assert rollout["objective"] == pytest.approx(-0.5 * LN4)
    second = [rollout for group in steps["metrics/2"]["groups"] for rollout in group["rollouts"]]
    kinds = {rollout["reward"] for rollout in second}
    assert kinds == {0.0, 1.0}
    for rollout in second:
        if rollout["reward"] == 1.0:
            # "N" after "I say N !": 3 of 4 tokens gone, π = 1/4; it is y_sft: pen 0, A = 1
            assert rollout["penalty"] == 0.0
            assert rollout["ratio"] == pytest.approx(0.25)
            assert rollout["objective"] == pytest.approx(0.25)  # min(0.25 · 1, 0.8 · 1)
        else:
            # "We" for "I": π = 3/4, below 1 − ε; A = −½ ln 4; J = min(0.75 · A, 0.8 · A)
            assert rollout["ratio"] == pytest.approx(0.75)
            assert rollout["objective"] == pytest.approx(0.8 * -0.5 * LN4)


def test_it_stops_when_satisfied(make_project: MakeProject) -> None:
    def script(request: ModelRequest) -> str:
        assert not is_operator(request)
        return str(number_in(request)) if number_in(request) % 2 == 0 else "no"

    project = make_project(script)
    report = project.evolve(
        Echo(40), optimizer="reinforce_pp", rounds=5, parameters={"satisfied": 0.2}
    )
    assert report.proposals == []
    assert [line.round for line in report.rounds] == [0]


def test_a_worked_solution_is_the_reference_and_rollouts_cost_nothing(
    make_project: MakeProject,
) -> None:
    """y_sft = metadata["solution"], here the very reply: no penalty."""

    class Worked(Echo):
        def load(self, request: DataRequest) -> list[Sample]:
            return [
                sample.model_copy(update={"metadata": {"solution": f"I say {sample.target} !"}})
                for sample in super().load(request)
            ]

    def useless(request: ModelRequest) -> str:
        return half_better(request).replace(BETTER, "Well.")

    project = make_project(useless)
    report = project.evolve(Worked(20), optimizer="reinforce_pp", rounds=1, candidates=1)
    groups = Journal.reopen(project.database).steps["metrics/1"]["groups"]
    assert {r["penalty"] for group in groups for r in group["rollouts"]} == {0.0}
    # feedback 4 + selection 6, the screen 4 of one candidate; diagnose and select
    assert (report.spend.evaluations, report.spend.calls) == (14, 16)
