"""Runs side by side: paired on shared samples, or plainly not comparable."""

from __future__ import annotations

from typing import Any

import pytest

from agp.errors import InputError
from agp.runs.compare import compare, flat
from agp.runs.listing import StoredRun
from tests.runs.stored import search, stored, until


def outcome(*scores: float | None, name: str, split: str = "xyzw", **config: Any) -> StoredRun:
    """A run whose search came to these scores on the holdout."""
    after = dict(zip(split, scores, strict=False))
    noted = ("holdout", "holdout", {"before": {}, "after": after})
    return stored([*until("holdout"), noted], name, **config)


def test_each_is_compared_with_the_first_on_what_both_scored() -> None:
    one = outcome(0.0, 0.0, 1.0, None, name="one")
    two = outcome(1.0, 1.0, 1.0, 1.0, name="two", rounds=9)
    told = compare([one, two])
    (pair,) = told.paired
    assert (pair.base, pair.run, pair.n) == ("one", "two", 3)
    assert pair.difference == pytest.approx(2 / 3)
    assert (pair.wins, pair.losses, pair.ties) == (2, 0, 1)
    assert pair.low is not None
    assert pair.low < 2 / 3
    assert [(line.setting, line.values) for line in told.config] == [("rounds", (None, 9))]
    assert [each.after.mean for each in told.runs if each.after] == pytest.approx([1 / 3, 1.0])


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (outcome(1.0, name="b", benchmark="gsm8k"), "different benchmarks (echo and gsm8k)"),
        (outcome(1.0, 1.0, name="b", split="klmn"), "share no scored holdout sample"),
        (outcome(name="b"), "b scored nothing on a holdout"),
        (stored(until("round/0"), "b"), "b scored nothing on a holdout"),
        (
            stored([("objective", "objective", {"scorer": "new"}), *search()[2:]], "b"),
            "another scorer",
        ),
    ],
)
def test_what_cannot_be_compared_is_said_without_a_number(other: Any, why: str) -> None:
    (pair,) = compare([outcome(1.0, 0.0, 1.0, name="a"), other]).paired
    assert why in pair.why
    assert (pair.difference, pair.low, pair.n) == (None, None, 0)


def test_one_run_is_no_comparison() -> None:
    for runs in ([], [stored()], [stored(), stored()]):
        with pytest.raises(InputError, match="two or more different runs"):
            compare(runs)


def test_settings_are_flattened_to_their_leaves() -> None:
    assert dict(flat({"a": {"b": 1, "c": {}}, "d": [2]})) == {"a.b": 1, "a.c": {}, "d": [2]}
