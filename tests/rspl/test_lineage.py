"""Lineage: ancestry over both parents, inside the database, as plain graph search finds it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import networkx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from agp.errors import NotFoundError
from agp.rspl.history import History
from agp.rspl.lineage.graph import (
    ancestors,
    ancestry,
    commit_graph,
    is_ancestor,
    merge_base,
    moves,
    new_since,
    version_graph,
)
from agp.rspl.lineage.merge import merge_branch
from agp.store.tables import CommitRow

from .branching import SPELLING, forked, spell, take_in_strangers


def test_a_merge_contains_both_sides(history: History) -> None:
    main, trial = forked(history)
    fork = main.view().commit or ""
    ours, theirs = spell(main, "one", "ONE"), spell(trial, "five", "FIVE")
    assert merge_base(history, "main", "trial") == fork
    assert new_since(history, ours, theirs) == {theirs}
    done = merge_branch(main, "trial")
    assert ancestors(history, "main") == {fork, ours, theirs}
    assert list(ancestry(history, done.commit or "")) == [done.commit, theirs, ours, fork]
    assert merge_base(history, "main", "trial") == theirs
    assert is_ancestor(history, "trial", "main")
    assert is_ancestor(history, "main", "main")
    assert not is_ancestor(history, "main", "trial")


def test_unrelated_histories_have_no_base(history: History, tmp_path: Path) -> None:
    forked(history)
    take_in_strangers(history, tmp_path, "alien")
    assert merge_base(history, "main", "alien") is None
    with pytest.raises(NotFoundError, match="nowhere"):
        merge_base(history, "main", "nowhere")


def test_graphs_show_commits_and_versions_of_all_branches(history: History) -> None:
    main, trial = forked(history)
    spell(main, "one", "ONE")
    theirs = spell(trial, "five", "FIVE")
    done = merge_branch(main, "trial")
    main.restore(SPELLING, "1.0.0")
    graph = commit_graph(history)
    assert networkx.is_directed_acyclic_graph(graph)
    assert graph.has_edge(theirs, done.commit)
    assert graph.nodes[theirs]["branch"] == "trial"
    assert len(graph) == 5
    versions = version_graph(history, SPELLING)
    assert {versions.nodes[each]["semver"] for each in versions} == {f"1.0.{n}" for n in range(4)}
    first, *_, last = [digest for _, digest in history.versions(SPELLING)]
    assert versions.edges[last, first]["commit"] == history.log()[0].id
    assert [moved.after for moved in moves(history, SPELLING).values()][-1] == first


def _id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


PARENTS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12)


@given(parents=PARENTS)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_ancestry_is_what_graph_search_finds(
    history: History, parents: list[tuple[int, int]]
) -> None:
    graph: Any = networkx.DiGraph()
    rows: list[dict[str, Any]] = []
    for number, given_ in enumerate(parents):
        older = [each for each in given_ if each < number]
        graph.add_node(number)
        graph.add_edges_from((each, number) for each in older)
        names = [_id(each) for each in older] + [None, None]
        rows.append({"id": _id(number), "seq": number + 1, "parent": names[0], "merged": names[1]})
    said = {"branch": "b", "author": "a", "operator": "o", "message": "m"}
    rest = {**said, "evidence": {}, "objective": None, "created_at": "2026"}
    with history.database.write() as session:
        session.execute(delete(CommitRow))
        session.execute(insert(CommitRow), [{**row, **rest} for row in rows])
    contained = {n: {n, *networkx.ancestors(graph, n)} for n in graph}
    last = len(parents) - 1
    for number in {0, last // 2, last}:
        found = ancestry(history, _id(number))
        assert found.keys() == {_id(each) for each in contained[number]}
        assert [node.seq for node in found.values()] == sorted(
            (each + 1 for each in contained[number]), reverse=True
        )
        shared = max(contained[number] & contained[last], default=None)
        expected = None if shared is None else _id(shared)
        assert merge_base(history, _id(number), _id(last)) == expected
        assert merge_base(history, _id(last), _id(number)) == expected
        assert is_ancestor(history, _id(number), _id(last)) == (number in contained[last])
