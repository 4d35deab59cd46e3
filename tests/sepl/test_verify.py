"""The objective is verified at every assessment, and nothing in memory changes unseen."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from agp.errors import AgpError
from agp.evaluation.splits import Splits, split
from agp.evaluation.types import DataRequest, Score
from agp.sepl import verify as room
from agp.sepl.gate import Policy
from agp.sepl.objective import Objective
from agp.sepl.verify import verify
from tests.support.echo import Echo


def _fixed(benchmark: Any) -> tuple[Objective, Any, Splits, Policy]:
    samples = benchmark.load(DataRequest())
    splits = split(samples, feedback=10, selection=20, holdout=30, seed=1)
    policy = Policy()
    return Objective.of(benchmark, splits, policy), benchmark, splits, policy


def test_what_has_not_changed_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    given = _fixed(Echo(60))
    verify(*given)
    monkeypatch.setattr(room.Objective, "of", lambda *_: pytest.fail("hashed again"))
    verify(*given)


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (lambda s: setattr(s.holdout[3], "target", "999"), "holdout"),
        (lambda s: setattr(s.selection[0].task, "input", "Say nothing."), "selection"),
        (lambda s: s.feedback[1].task.fields.update(hint="it is 7"), "sample"),
        (lambda s: s.holdout.pop(), "holdout"),
        (lambda s: s.holdout[2].metadata.update(index=3), "sample"),
    ],
)
def test_data_changed_in_memory_is_found(tamper: Any, named: str) -> None:
    given = _fixed(Echo(60))
    verify(*given)
    tamper(given[2])
    for _ in range(2):
        with pytest.raises(AgpError, match=named):
            verify(*given)


def test_a_scorer_changed_in_memory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    given = _fixed(Echo(60))
    verify(*given)

    async def generous(self: Any, sample: Any, text: str) -> Score:
        return Score(value=1.0)

    with monkeypatch.context() as patch:
        patch.setattr(Echo, "score", generous)
        with pytest.raises(AgpError, match="scorer"):
            verify(*given)
    verify(*given)
    given[1].score = generous
    with pytest.raises(AgpError, match="scorer"):
        verify(*given)


def test_a_scorer_whose_file_was_rewritten_is_found(tmp_path: Path) -> None:
    path = tmp_path / "fresh_benchmark.py"
    source = "from tests.support.echo import Echo\n\nclass Fresh(Echo):\n    name = 'fresh'\n"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location("fresh_benchmark", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["fresh_benchmark"] = module
    try:
        spec.loader.exec_module(module)
        given = _fixed(module.Fresh(60))
        verify(*given)
        path.write_text(source + "    generous = True\n")
        with pytest.raises(AgpError, match="scorer"):
            verify(*given)
    finally:
        del sys.modules["fresh_benchmark"]


def test_another_policy_is_found() -> None:
    objective, benchmark, splits, policy = _fixed(Echo(60))
    verify(objective, benchmark, splits, policy)
    with pytest.raises(AgpError, match="gate"):
        verify(objective, benchmark, splits, Policy(alpha=0.5))
