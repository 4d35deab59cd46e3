"""GRPO: groups of rollouts, and the numbers in the journal against those worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

import agp
from agp.evaluation.results import SampleResult
from agp.models.types import ModelRequest
from agp.runs.journal import Journal
from agp.sepl.formulas import Ratio
from agp.sepl.signals import Group, Rollout
from agp.sepl.steps.reward import grpo_metrics
from tests.conftest import MakeProject
from tests.support.echo import Echo, causes, is_operator, is_reflect, number_in, rewrite
from tests.support.proposing import HARMFUL

WRONG = "I have no idea"


class Drawing:
    """An agent that is wrong at temperature 0, and draws from ``replies`` above, in order."""

    def __init__(self, *replies: str) -> None:
        self.replies = replies
        self.drawn: dict[int, list[ModelRequest]] = {}
        self.shown: list[str] = []

    def __call__(self, request: ModelRequest) -> str:
        if is_reflect(request):
            self.shown.append(request.messages[-1]["content"])
            return causes()
        if is_operator(request):
            return rewrite(request, HARMFUL)
        number = number_in(request)
        if request.temperature == 0.0:
            return WRONG
        drawn = self.drawn.setdefault(number, [])
        drawn.append(request)
        return self.replies[(len(drawn) - 1) % len(self.replies)].replace("N", str(number))


def metrics(project: Any, round_: int) -> list[dict[str, Any]]:
    """The groups of a step, as journalled."""
    return Journal.reopen(project.database).steps[f"metrics/{round_}"]["groups"]


def test_the_metrics_are_the_formulas(make_project: MakeProject) -> None:
    """y_prev = "I have no idea", 4 tokens. r = (1, 0, 0, 1): mean 1/2, std 1/2, A = ±1."""
    drawing = Drawing("N", WRONG, "I have an idea", "N")
    project = make_project(drawing)
    project.evolve(Echo(12), optimizer="grpo", rounds=1, parameters={"K": 4, "batch": 2})
    groups = metrics(project, 1)
    assert len(groups) == 2
    for group in groups:
        rollouts = group["rollouts"]
        assert [r["reward"] for r in rollouts] == [1.0, 0.0, 0.0, 1.0]
        assert [r["advantage"] for r in rollouts] == [1.0, -1.0, -1.0, 1.0]
        # η: "N" shares no token; itself; 1 of 4 tokens replaced; none again
        assert [r["ratio"] for r in rollouts] == pytest.approx([0.0, 1.0, 0.75, 0.0])
        # min(0 · 1, 0 · 1) = 0; min(1 · −1, max(1, 0.8) · −1) = −1; min(−0.75, −0.8) = −0.8; 0
        assert [r["objective"] for r in rollouts] == pytest.approx([0.0, -1.0, -0.8, 0.0])
    assert "r=1.00, A=+1.00, π=0.00, J=+0.00): " in drawing.shown[0]
    assert "r=0.00, A=-1.00, π=0.75, J=-0.80): I have an idea" in drawing.shown[0]


def test_centred_ratios_reach_the_upper_clip() -> None:
    """y_prev = "a b c d"; η = (0, 1, 3/4, 1/4), η̄ = 1/2: π = (0, 2, 3/2, 1/2)."""
    scores = {"x": 1.0, "a b c d": 1.0, "a b c x": 0.0, "a x y z": 0.0}
    rollouts = [
        Rollout(result=SampleResult(sample="s", sample_digest="", key="", score=score, text=text))
        for text, score in scores.items()
    ]
    group = Group(sample="s", previous="a b c d", reference="", rollouts=rollouts)
    (measured,) = grpo_metrics([group], epsilon=0.2, ratio=Ratio.CENTRED)
    found = [rollout.metrics for rollout in measured.rollouts]
    assert [m.ratio for m in found if m] == pytest.approx([0.0, 2.0, 1.5, 0.5])
    assert [m.similarity for m in found if m] == pytest.approx([0.0, 1.0, 0.75, 0.25])
    # A = (1, 1, −1, −1): min(2, 1.2) = 1.2; min(−1.5, −1.5); min(−0.5, −0.8)
    assert [m.objective for m in found if m] == pytest.approx([0.0, 1.2, -1.5, -0.8])


def test_equal_rewards_have_no_advantage_and_are_diagnosed_all_the_same(
    make_project: MakeProject,
) -> None:
    drawing = Drawing("a guess", "another guess")
    project = make_project(drawing)
    project.evolve(Echo(12), optimizer="grpo", rounds=1, parameters={"K": 2, "batch": 1})
    (group,) = metrics(project, 1)
    assert [r["advantage"] for r in group["rollouts"]] == [0.0, 0.0]
    assert [r["objective"] for r in group["rollouts"]] == [0.0, 0.0]
    assert "another guess" in drawing.shown[0]


def test_every_step_draws_anew(make_project: MakeProject) -> None:
    """K rollouts for each of the samples in every step, all at the temperature asked for."""
    drawing = Drawing("N", "no")
    settings = {"K": 3, "batch": 6, "temperature": 0.5}  # all four feedback samples
    project = make_project(drawing)
    before = project.registry.view()
    project.evolve(Echo(20), optimizer="grpo", rounds=2, parameters=settings)
    assert project.registry.view().refs == before.refs  # the agent keeps its own temperature
    assert len(drawing.drawn) == 4
    for requests in drawing.drawn.values():
        assert [request.temperature for request in requests] == [0.5] * 6
        assert len({request.sampling_seed for request in requests}) == 6


def test_groups_that_are_all_right_are_not_diagnosed(make_project: MakeProject) -> None:
    drawing = Drawing("N")
    project = make_project(drawing)
    report = project.evolve(Echo(12), optimizer="grpo", rounds=1)
    assert drawing.shown == []
    assert report.proposals == []
    assert {r["advantage"] for g in metrics(project, 1) for r in g["rollouts"]} == {0.0}


def test_the_search_ends_before_a_group_that_the_budget_cannot_complete() -> None:
    """Feedback 4 + selection 6 + 2 groups of 4 = 18 evaluations leave none for a candidate."""
    calls: list[str] = []

    def metric(texts: dict[str, str], example: int) -> float:
        calls.append(texts["text"])
        return 0.0

    for budget, drawn in ((12 + 20, 0), (17 + 20, 0), (18 + 20, 8)):
        calls.clear()
        report = agp.optimize(
            "nothing",
            metric,
            train=list(range(20)),
            proposer=lambda texts, feedback, rng: {"text": "something"},
            optimizer="grpo",
            rounds=1,
            budget=budget,
        )
        assert len(calls) == report.spend.evaluations == 10 + drawn
