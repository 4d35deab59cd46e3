"""Lineage: the graphs of commits and versions, as networkx directed graphs (older → newer)."""

from __future__ import annotations

from typing import Any

import networkx

from agp.rspl.entities import ResourceId
from agp.rspl.history import MAIN, History

nx: Any = networkx  # its type hints are partial: strict checking sees mostly unknowns


def commit_graph(history: History) -> Any:
    """All commits of all branches; each node has the commit as its attribute ``commit``."""
    graph = nx.DiGraph()
    for branch in history.branches():
        for commit in history.log(branch):
            graph.add_node(commit.id, commit=commit)
            graph.add_edges_from((p, commit.id) for p in (commit.parent, commit.merged) if p)
    return graph


def version_graph(history: History, rid: ResourceId, branch: str = MAIN) -> Any:
    """The versions of a resource by digest; an edge holds the ``commit`` that led across.

    A restore leads back to an older version, so this graph may have cycles.
    """
    graph = nx.DiGraph()
    for semver, found in history.versions(rid):
        graph.add_node(found, semver=semver)
    for commit in history.log(branch, rid):
        for change in commit.changes:
            if change.resource == rid and change.before and change.after:
                graph.add_edge(change.before, change.after, commit=commit)
    return graph


def ancestors(history: History, commit_id: str) -> set[str]:
    """The ids of all commits a commit builds on."""
    return set(nx.ancestors(commit_graph(history), history.find_commit(commit_id).id))


def merge_base(history: History, left: str, right: str) -> str | None:
    """The newest commit that both build on; None for unrelated histories."""
    graph = commit_graph(history)
    ids = [history.find_commit(each).id for each in (left, right)]
    built_on: list[set[str]] = [{each, *nx.ancestors(graph, each)} for each in ids]
    shared = built_on[0] & built_on[1]

    def age(each: str) -> int:
        return graph.nodes[each]["commit"].seq

    return max(shared, key=age, default=None)
