"""What follows from a journal, on one whose figures are known by hand."""

from __future__ import annotations

import pytest

from agp.runs.facts import Average, candidates, costs, holdout, mean_of, progress
from agp.runs.listing import StoredRun
from tests.runs.stored import BEGUN, assessed, sample, search, steps, stored, until


def test_cost_is_told_apart_by_part_and_role() -> None:
    told = {(c.part, c.role): (c.spend.evaluations, c.spend.tokens) for c in costs(stored())}
    assert told == {
        ("baseline", "agent"): (6, 60),
        ("round 1", "reflector"): (0, 100),
        ("round 1", "agent"): (7, 10 + 20 + 4 * 40 + 10),
        ("round 2", "agent"): (1, 10),
        ("holdout", "agent"): (6, 60),
    }


def test_what_was_known_already_or_never_finished_is_counted_once() -> None:
    known = {**sample("a", 1.0), "reused": True}
    session = {"wall": 3.0, "spend": {"calls": 2, "evaluations": 2}, "ended": None}
    run = stored([("sample/1", "sample", known), ("session/1", "session", session)])
    assert [(c.part, c.spend.calls) for c in costs(run)] == [("interrupted", 2)]


def test_batches_of_results_are_samples() -> None:
    results = [{"sample_digest": "x", "score": 1.0}, {"sample_digest": "y", "score": 0.0}]
    batch = {"results": results, "spend": {"evaluations": 2}}
    run = stored([("samples/1", "samples", batch)])
    assert [(c.part, c.spend.evaluations) for c in costs(run)] == [("baseline", 2)]
    run = stored([*until("ask/1/reflect"), ("samples/1", "samples", batch)])
    assert [(c.part, c.spend.evaluations) for c in costs(run)] == [("baseline", 6), ("holdout", 2)]


def test_candidates_have_parents_scores_and_cost() -> None:
    seed, r1c1, r1c2, r2c1 = candidates(stored())
    assert (seed.id, seed.parents, seed.evaluations) == ("seed", (), 6)
    assert seed.selection is not None
    assert (seed.selection.mean, seed.selection.n) == (0.25, 4)
    assert seed.scores == {"a": 1.0, "b": 0.0, "c": 0.0, "d": 0.0}
    assert (r1c1.parents, r1c1.accepted, r1c1.selection) == (("seed",), False, None)
    assert (r1c2.parents, r1c2.accepted, r1c2.evaluations) == (("seed",), True, 12)
    assert r1c2.a_sample == Average(tokens=36, cost_usd=None, seconds=0.5)
    assert (r2c1.parents, r2c1.evaluations, r2c1.a_sample) == (("r1c2",), 14, None)


def test_what_the_search_noted_itself_is_believed() -> None:
    noted = assessed("r2c2", 2, parents=["r1c1", "seed"], scores={"a": 0.5}, evaluations=40)
    found = candidates(stored([*search(), ("assessment/r2c2", "assessment", noted)]))[-1]
    assert (found.parents, found.evaluations) == (("r1c1", "seed"), 40)
    assert found.scores == {"a": 0.5}


def test_progress_is_the_best_so_far_over_whole_selections() -> None:
    easy = assessed("r2c2", 2, scores={"a": 1.0}, evaluations=15)  # not all four
    told = progress(stored([*search(), ("assessment/r2c2", "assessment", easy)]))
    assert [(p.evaluations, p.best.mean, p.candidate) for p in told] == [
        (6, 0.25, "seed"),
        (12, 0.75, "r1c2"),
        (15, 0.75, "r1c2"),
    ]


def test_a_run_that_noted_less_is_read_as_far_as_it_goes() -> None:
    """As agp 0.3 journalled: no splits, no scores of candidates, no count of evaluations."""
    old = [
        (key, kind, {n: v for n, v in payload.items() if n not in ("scores", "evaluations")})
        for key, kind, payload in search()
        if key not in ("plan", "holdout")
    ]
    kept = next(payload for key, _, payload in old if key == "assessment/r1c2")
    kept["verdict"]["numbers"] = {"candidate": 0.75, "n": 4}
    run = stored(old)
    assert {c.part: c.spend.evaluations for c in costs(run) if c.role == "agent"} == {
        "baseline": 6,
        "round 1": 7,
        "round 2": 1,
        "holdout": 6,
    }
    assert [(p.evaluations, p.best.mean) for p in progress(run)] == [
        (6, 0.25),
        (12, 0.75),
        (14, 0.75),
    ]
    assert holdout(run) == ({}, {})


def test_holdout_scores_are_those_before_and_after() -> None:
    before, after = holdout(stored())
    assert before == {"x": 0.0, "y": 0.0, "z": 1.0}
    assert after == {"x": 1.0, "y": 1.0, "z": None}
    found = steps(("sample/1", "sample", sample("x", 1.0)))
    assert holdout(stored(until("holdout"))) == ({}, {})
    bench = StoredRun("bench-1", "bench", "finished", {"benchmark": "echo"}, BEGUN, None, found)
    assert holdout(bench) == ({"x": 1.0}, {"x": 1.0})


@pytest.mark.parametrize("cut", range(len(search())))
def test_a_run_cut_off_anywhere_can_be_read(cut: int) -> None:
    run = stored(search()[:cut])
    counted = sum(step.type == "sample" for step in run.steps)
    assert sum(cost.spend.evaluations for cost in costs(run)) == counted
    assert len(candidates(run)) >= len(progress(run)) - 1
    assert set(holdout(run)[1]) in (set(), set("xyz"))


def test_means_outside_the_unit_interval_have_no_bounds() -> None:
    assert mean_of([None]) is None
    odd = mean_of([-3.0, 5.0, None])
    assert odd is not None
    assert (odd.mean, odd.low, odd.high, odd.n) == (1.0, None, None, 2)
    even = mean_of([1.0, 0.0])
    assert even is not None
    assert even.low is not None
    assert even.high is not None
    assert 0 < even.low < 0.5 < even.high < 1
