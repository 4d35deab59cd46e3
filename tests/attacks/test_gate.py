"""Every attack on the gate succeeds on a naive one, and fails on agp's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from agp.evaluation.judge import judge_python
from tests.attacks.gate import GATE_ATTACKS
from tests.attacks.gate.case import GateAttack, Yard
from tests.attacks.gate.judging import LIMITS, TESTS
from tests.attacks.gate.models import GOOD, Long, answer, proposing
from tests.support.echo import Echo


@pytest.mark.parametrize("attack", GATE_ATTACKS, ids=lambda attack: attack.name)
def test_fails_on_agp(attack: GateAttack) -> None:
    with Yard() as yard:
        assert attack.attempt(yard) == ""


@pytest.mark.parametrize(
    "attack", [each for each in GATE_ATTACKS if each.naive], ids=lambda attack: attack.name
)
def test_succeeds_without_the_defence(attack: GateAttack) -> None:
    assert attack.naive
    with Yard() as yard:
        assert attack.naive(yard) != ""


@pytest.mark.parametrize(("benchmark", "says"), [(Echo(60), str), (Long(60), answer)])
def test_an_honest_proposal_passes_all_the_same(
    benchmark: Echo, says: Callable[[int], str]
) -> None:
    """Otherwise everything above would be blocked by a gate that lets nothing through."""
    with Yard() as yard:
        assert yard.project(proposing(GOOD, says=says)).evolve(benchmark, rounds=1).commit


def test_a_right_program_passes_all_the_same() -> None:
    program = "def square(x):\n    return x * x + 1\n"
    verdict = asyncio.run(judge_python(program, tests=TESTS, entry="square", limits=LIMITS))
    assert verdict.passed
