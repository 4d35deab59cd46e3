"""A judge is measured against labels, and decides nothing before."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from agp.errors import InputError
from agp.evaluation.calibration import (
    Calibration,
    Labelled,
    agreement,
    calibrate,
    demand_calibrated,
)
from agp.evaluation.types import DataRequest
from tests.support.echo import Echo


class Judged(Echo):
    judged_by: ClassVar[tuple[str, ...]] = ("role/judge",)


def test_by_hand() -> None:
    verdicts = [True] * 25 + [False] * 25
    labels = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    found = agreement(verdicts, labels)
    assert (found.n, found.agreement, found.kappa) == (50, 0.7, pytest.approx(0.4))
    spread = 1.96 * (0.7 * 0.3 / 50) ** 0.5 / 0.5
    assert (found.kappa_low, found.kappa_high) == pytest.approx((0.4 - spread, 0.4 + spread))
    assert found.agreement_low < 0.7 < found.agreement_high
    assert found.table["judge right, label wrong"] == 5


def test_saying_right_to_everything_agrees_by_chance_only() -> None:
    assert agreement([True] * 10, [True] * 9 + [False]).kappa == pytest.approx(0.0)


def test_few_labels_prove_little() -> None:
    few = agreement([True, False] * 3, [True, False] * 3)
    many = agreement([True, False] * 30, [True, False] * 30)
    assert few.kappa == many.kappa == 1.0
    assert few.kappa_low < 0.1
    assert many.kappa_low > 0.85


@pytest.mark.parametrize(
    ("verdicts", "labels"), [([], []), ([True], [True]), ([True] * 3, [True] * 3), ([True], [])]
)
def test_what_proves_nothing_is_refused(verdicts: list[bool], labels: list[bool]) -> None:
    with pytest.raises(InputError):
        agreement(verdicts, labels)


async def test_a_judge_needs_a_calibration_of_its_own(tmp_path: Path) -> None:
    judged = Judged(60)
    samples = judged.load(DataRequest())
    items = [
        Labelled(sample=s, text=s.target if n % 2 else "no", right=bool(n % 2))
        for n, s in enumerate(samples)
    ]
    demand_calibrated(Echo(), None)
    with pytest.raises(InputError, match="nobody calibrated"):
        demand_calibrated(judged, None)
    good = await calibrate(judged, items)
    demand_calibrated(judged, good)
    good.write(tmp_path / "judge.json")
    assert Calibration.read(tmp_path / "judge.json") == good
    with pytest.raises(InputError, match="changed since"):
        demand_calibrated(judged, good.model_copy(update={"scorer": "another"}))
    with pytest.raises(InputError, match="agrees too little"):
        demand_calibrated(judged, await calibrate(judged, items[:6]))
    with pytest.raises(InputError, match="no calibration"):
        Calibration.read(tmp_path / "absent.json")
