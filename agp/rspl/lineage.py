"""Lineage: the graphs of commits and versions, as networkx directed graphs (older → newer)."""

from __future__ import annotations

from typing import Any

import networkx as nx

from agp.rspl.entities import ResourceId
from agp.rspl.history import MAIN, History

Graph = Any


def commit_graph(history: History) -> Graph:
    """All commits of all branches; each node has the commit as its attribute ``commit``."""
    graph: Any = nx.DiGraph()
    for branch in history.branches():
        for commit in history.log(branch):
            graph.add_node(commit.id, commit=commit)
            graph.add_edges_from((p, commit.id) for p in (commit.parent, commit.merged) if p)
    return graph


def version_graph(history: History, rid: ResourceId, branch: str = MAIN) -> Graph:
    """The versions of a resource by digest; an edge holds the ``commit`` that led across.

    A restore leads back to an older version, so this graph may have cycles.
    """
    graph: Any = nx.DiGraph()
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
    shared = set.intersection(*({each, *nx.ancestors(graph, each)} for each in ids))
    return max(shared, key=lambda each: graph.nodes[each]["commit"].seq, default=None)
