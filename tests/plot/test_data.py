"""The rows of figures, by hand and by property; plotly is not needed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.errors import InputError
from agp.plot.data import Bar, bars, frontier, label, pareto, tree
from agp.runs.facts import CandidateFacts
from agp.runs.listing import StoredRun
from tests.runs.stored import assessed, average, sample, search, stored, until

JsonObject = dict[str, Any]


def candidate(name: str, **scores: float | None) -> CandidateFacts:
    return CandidateFacts(name, 1, "rewrite", ("seed",), accepted=True, scores=scores)


def test_the_front_is_what_nothing_beats_at_its_cost() -> None:
    points = {p.candidate.id: p for p in pareto(stored(), "tokens")}
    assert set(points) == {"seed", "r1c2"}  # the others met no selection sample
    assert (points["seed"].cost, points["seed"].score) == (10.0, 0.25)
    assert (points["r1c2"].cost, points["r1c2"].score) == (36.0, 0.75)
    assert points["seed"].front
    assert points["r1c2"].front
    assert (points["seed"].best_on, points["r1c2"].best_on) == (2, 4)


def test_a_candidate_of_equal_score_and_higher_cost_is_not_on_the_front() -> None:
    scores = {"a": 1, "b": 1, "c": 1, "d": 0}
    dear = assessed("r2c9", 2, scores=scores, a_sample=average(90))
    worse = [("assessment/r2c9", "assessment", dear)]
    points = {p.candidate.id: p for p in pareto(stored([*search(), *worse]), "tokens")}
    assert points["r2c9"].score == points["r1c2"].score == 0.75
    assert (points["r2c9"].front, points["r1c2"].front) == (False, True)


def test_what_a_front_lacks_is_said_with_what_there_is() -> None:
    with pytest.raises(InputError, match="none was scored"):
        pareto(stored(until("round/0")), "tokens")
    with pytest.raises(InputError, match="cost in US dollars is not known") as error:
        pareto(stored(), "cost_usd")
    assert error.value.hint == "Known is: tokens, seconds"


def test_the_frontier_counts_samples_on_which_nothing_is_better() -> None:
    found = [candidate("p", a=1.0, b=0.0, c=None), candidate("q", a=1.0, b=0.5, d=0.0)]
    assert frontier(found) == {"p": 1, "q": 3}


def test_a_tree_puts_parents_amid_their_children() -> None:
    nodes = {n.candidate.id: (n.depth, n.row) for n in tree(stored())}
    assert nodes == {"seed": (0, 0.5), "r1c1": (1, 0.0), "r1c2": (1, 1.0), "r2c1": (2, 1.0)}


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=30))
def test_any_lineage_is_drawn_without_two_in_one_place(edges: list[tuple[int, bool]]) -> None:
    """Parents may be unknown, later, or the candidate itself: it is still a tree from the start."""
    steps: list[tuple[str, str, JsonObject]] = [
        (
            f"assessment/c{number}",
            "assessment",
            assessed(f"c{number}", number + 1, accepted=kept, parents=[f"c{parent}"]),
        )
        for number, (parent, kept) in enumerate(edges)
    ]
    nodes = tree(stored(steps))
    assert [node.candidate.id for node in nodes] == ["seed", *(f"c{n}" for n in range(len(edges)))]
    assert len({(node.depth, node.row) for node in nodes}) == len(nodes)
    assert all(node.depth >= 1 for node in nodes[1:])


def test_a_chain_of_thousands_is_laid_out() -> None:
    steps: list[tuple[str, str, JsonObject]] = [
        (f"assessment/{n}", "assessment", assessed(f"c{n}", n, accepted=True))
        for n in range(1, 3000)
    ]
    assert tree(stored(steps))[-1].depth == 2999


def test_nothing_proposed_is_no_lineage() -> None:
    with pytest.raises(InputError, match="no candidate was assessed"):
        tree(stored(until("assessment/r1c1")))


def test_bars_are_by_part_and_role_and_many_rounds_are_one() -> None:
    assert bars(stored(), "tokens")[:3] == [
        Bar("baseline", "agent", 60.0),
        Bar("round 1", "reflector", 100.0),
        Bar("round 1", "agent", 200.0),
    ]
    many: list[tuple[str, str, JsonObject]] = []
    for number in range(20):
        many += [
            (f"sample/{number}", "sample", sample("a", 1.0)),
            (f"round/{number}", "round", {"round": number, "feedback": [], "selection": [1.0]}),
        ]
    assert bars(stored(many), "evaluations") == [
        Bar("baseline", "agent", 1.0),
        Bar("search", "agent", 19.0),
    ]


def test_an_unknown_price_is_not_drawn_as_nothing() -> None:
    with pytest.raises(InputError, match="no known price"):
        bars(stored([("sample/1", "sample", sample("a", 1.0, unpriced=1))]), "cost_usd")
    with pytest.raises(InputError, match="spent no US dollars"):
        bars(stored(), "cost_usd")


def test_a_run_is_labelled_by_what_it_was() -> None:
    assert label(stored(name="evolve-20260101-120000-ab12")) == "reflection (ab12)"
    bench = StoredRun("bench-20260101-120000-cd34", "bench", "finished", {}, "", None)
    assert label(bench) == "bench (cd34)"
