"""The plan of a run: what it costs at most, what it can show, and which budgets are hopeless."""

from __future__ import annotations

from typing import Any

import pytest

from agp.errors import InputError
from agp.evaluation.splits import Splits, split
from agp.evaluation.types import DataRequest
from agp.models.manager import RoleConfig
from agp.sepl.config import EvolveConfig
from agp.sepl.gate import Policy, Rule
from agp.sepl.holdout import Level
from agp.sepl.plan import check_budget, plan, promotion_runs
from agp.sepl.statistics import power
from tests.support.echo import Echo


def config(**fields: Any) -> EvolveConfig:
    models = {"solver": RoleConfig(model="scripted/m")}
    return EvolveConfig(benchmark="echo", models=models, **fields)


@pytest.fixture
def splits() -> Splits:
    samples = Echo(60).load(DataRequest())
    return split(samples, feedback=12, selection=18, holdout=30, seed=0)


def test_calls_add_up(splits: Splits) -> None:
    made = plan(config(rounds=3, candidates=2, screen=4), splits)
    assert (made.baseline, made.a_round, made.promotion) == (30, 8 + 18 + 12, 60)
    assert made.total == 30 + 3 * 38 + 60
    assert made.calls == (
        "baseline 30 + 3 rounds × (screen 8 + selection 18 + feedback 12) + promotion 60 = "
        "at most 204 agent runs"
    )
    sequential = config(gate=Policy(rule=Rule.SEQUENTIAL, epochs=4))
    assert promotion_runs(sequential, splits) == 240


def test_a_budget_bounds_the_plan(splits: Splits) -> None:
    made = plan(config(budget={"evaluations": 150}), splits)
    assert made.total == 150
    assert "within the budget: at most 150 agent runs" in made.calls


def test_power_is_that_of_the_level(splits: Splits) -> None:
    made = plan(config(), splits)
    assert made.power == {10: power(30, 0.1, 0.05), 20: power(30, 0.2, 0.05)}
    assert (made.wins, made.alpha, made.look) == (5, 0.05, 1)
    again = plan(config(), splits, Level(look=2, earlier=1.0, alpha=0.0076, alpha_left=0.01))
    assert (again.wins, again.look) == (8, 2)
    assert again.power[20] < made.power[20]
    paper = plan(config(gate=Policy(rule=Rule.NON_DEGRADING)), splits)
    assert (paper.wins, paper.gain, paper.power) == (None, None, {})


def test_a_budget_that_cannot_decide_is_refused_and_told_what_is_needed(splits: Splits) -> None:
    check_budget(config(), splits)
    check_budget(config(budget={"evaluations": 96}), splits)
    with pytest.raises(InputError, match="95 evaluations cannot decide.*18.*60: 96 in all") as told:
        check_budget(config(budget={"evaluations": 95}), splits)
    assert "at least 96" in (told.value.hint or "")
    sequential = config(budget={"evaluations": 96}, gate=Policy(rule=Rule.SEQUENTIAL))
    with pytest.raises(InputError, match="216 in all"):
        check_budget(sequential, splits)
