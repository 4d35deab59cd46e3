"""A/A runs: hand-computed noise, and what an unchanged agent costs and shows."""

from __future__ import annotations

import math
import random

import pytest

from agp.errors import InputError
from agp.models.types import ModelRequest
from agp.sepl.gate import Policy
from agp.sepl.noise import noise_of
from tests.conftest import MakeProject
from tests.sepl.test_gate import results
from tests.support.echo import Echo, number_in


def test_noise_by_hand() -> None:
    """Four samples, two repetitions: one sample flips."""
    found = noise_of([results([1.0, 0.0, 1.0, 1.0]), results([1.0, 0.0, 1.0, 0.0])], Policy())
    assert found.means == [0.75, 0.5]
    assert found.mean_sd == pytest.approx(0.25 / math.sqrt(2))
    assert (found.flip_rate, found.largest) == (0.25, 0.25)
    assert [(flip.sample, flip.rate) for flip in found.flips] == [("3", 1.0)]
    # the sample's variance is ½; of a mean ½ / 4²; of a difference twice that
    assert found.floor == pytest.approx(1.959964 * math.sqrt(2 * 0.5 / 16))
    assert found.note == ""


def test_rules_differ_in_how_often_noise_passes() -> None:
    draw = random.Random(2)
    coin = [results([float(draw.random() < 0.5) for _ in range(30)]) for _ in range(6)]
    found = noise_of(coin, Policy())
    assert found.false_accepts["significant"] <= 0.05
    assert found.false_accepts["sequential"] <= 0.07
    assert found.false_accepts["non_degrading"] > 0.4


def test_a_deterministic_agent_is_told_so() -> None:
    found = noise_of([results([1.0, 0.0])] * 3, Policy())
    assert (found.floor, found.flip_rate, found.flips) == (0.0, 0.0, [])
    assert "temperature" in found.note
    assert found.false_accepts == {"non_degrading": 1.0, "significant": 0.0, "sequential": 0.0}


def test_one_repetition_or_missing_scores_are_refused() -> None:
    with pytest.raises(InputError, match="at least 2 repetitions"):
        noise_of([results([1.0])], Policy())
    with pytest.raises(InputError, match="unscored"):
        noise_of([results([1.0]), results([None])], Policy())


def test_repetitions_are_all_run_and_resumed_ones_are_not(make_project: MakeProject) -> None:
    asked: list[ModelRequest] = []

    def flaky(request: ModelRequest) -> str:
        asked.append(request)
        right = number_in(request) % 2 == 0 or request.repetition > 0
        return str(number_in(request)) if right else "no idea"

    project = make_project(flaky)
    report = project.noise(Echo(10), repetitions=3)
    assert len(asked) == 30
    assert report.noise is not None
    assert report.noise.means == [0.5, 1.0, 1.0]
    assert report.noise.flip_rate == pytest.approx(0.5 * 2 / 3)
    assert project.resume() == report
    assert len(asked) == 30
    assert len(project.history.log()) == 1
    with pytest.raises(InputError, match="repetitions must be at least 2"):
        project.noise(Echo(10), repetitions=1)
