"""The pool: nobody's best is lost, and what was not run is taken from the parent."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.evaluation.results import SampleResult
from agp.rspl.entities import ResourceId
from agp.rspl.view import View
from agp.sepl.pool import Member, Pool

PROMPT = ResourceId.parse("prompt/x")


def view(digest: str) -> View:
    return View({PROMPT: digest}, lambda _: None)  # type: ignore[arg-type, return-value]


def result(sample: str, score: float | None) -> SampleResult:
    return SampleResult(sample=sample, sample_digest=sample, key=sample, score=score)


def pool(*rows: list[float]) -> Pool:
    """A member m0, m1, … for each row of scores."""
    made = Pool()
    for number, row in enumerate(rows):
        scores = {str(place): score for place, score in enumerate(row)}
        made.members.append(Member(f"m{number}", view(str(number)), scores))
    return made


TABLES = st.integers(1, 6).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=width, max_size=width),
        min_size=1,
        max_size=8,
    )
)


@given(TABLES)
def test_the_frontier_keeps_the_best_of_every_sample(rows: list[list[float]]) -> None:
    made = pool(*rows)
    frontier = made.frontier()
    for place in map(str, range(len(rows[0]))):
        top = max(member.scores[place] for member in made)
        assert any(made[id_].scores[place] == top for id_ in frontier)
    assert all(count >= 1 for count in frontier.values())


@given(TABLES)
def test_nobody_on_the_frontier_is_superfluous(rows: list[list[float]]) -> None:
    """Each is the only one left that is best at some sample."""
    made = pool(*rows)
    frontier = made.frontier()
    for id_ in frontier:
        assert any(
            all(
                made[other].scores[place] < max(m.scores[place] for m in made)
                for other in frontier
                if other != id_
            )
            for place in made.members[0].scores
        )


@given(TABLES, st.integers())
def test_parents_are_drawn_from_the_frontier(rows: list[list[float]], seed: int) -> None:
    made = pool(*rows)
    assert made.draw(random.Random(seed)).id in made.frontier()


def test_a_frontier_by_hand() -> None:
    """m2 is best nowhere; m3 is as good as m0 and m1 where it is best, and has the lowest mean."""
    made = pool([1, 1, 0, 0], [0, 0, 1, 0.5], [0.5, 0.5, 0.5, 0.25], [0, 0, 1, 0])
    assert made.frontier() == {"m0": 2, "m1": 2}
    assert made.best().id == "m0"


def test_of_equal_means_the_first_is_best() -> None:
    assert pool([0, 1], [1, 0]).best().id == "m0"


def test_what_was_not_run_counts_as_the_first_parents_did() -> None:
    made = Pool()
    made.add("a", view("a"), [result("1", 0.5), result("2", 1.0), result("3", None)])
    made.add("b", view("b"), [result("1", 1.0)], ["a"])
    made.add("c", view("c"), [result("3", 1.0)], ["b", "a"])
    assert made["a"].scores == {"1": 0.5, "2": 1.0, "3": 0.0}
    assert made["b"].scores == {"1": 1.0, "2": 1.0, "3": 0.0}
    assert made["c"].scores == {"1": 1.0, "2": 1.0, "3": 1.0}
    assert made.ancestors("c") == {"a", "b", "c"}
    assert made.of(view("b")) is made["b"]
    assert made.of(view("d")) is None


def test_spread_is_the_variance_over_members() -> None:
    assert pool([1, 0], [0, 0]).spread() == {"0": pytest.approx(0.25), "1": 0.0}
