"""A gain vanishes only where chance does not explain it; who solves tasks is not refused."""

from __future__ import annotations

import pytest

from agp.sepl.twins import _verdict
from tests.attacks.gate.by_heart import MENTIONS, evolved
from tests.attacks.gate.case import Yard


def test_who_solves_tasks_with_words_it_shares_is_not_refused() -> None:
    with Yard() as yard:
        assert evolved(yard, MENTIONS, by_heart=False).commit


@pytest.mark.parametrize(
    ("gains", "left", "refused"),
    [
        ([1.0] * 6, [0.0] * 6, True),
        ([1.0] * 6, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0], False),
        ([1.0] * 3 + [0.0] * 3, [0.0] * 6, False),
        ([0.0] * 6, [0.0] * 6, False),
        ([1.0] * 4, [0.0] * 4, False),
    ],
)
def test_a_gain_vanishes_only_where_chance_does_not_explain_it(
    gains: list[float], left: list[float], refused: bool
) -> None:
    assert _verdict(gains, left).startswith("recognised_samples") == refused
