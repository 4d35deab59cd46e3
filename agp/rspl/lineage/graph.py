"""Lineage: which commit builds on which, over both parents, and what moved a resource when.

Ancestry is walked inside the database over ids and parents alone, so that a long history costs
little. For whoever wants to look at the whole, the graphs of commits and of versions are networkx
directed graphs (older → newer).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import networkx
from sqlalchemy import Select, intersect, or_, select

from agp.rspl.commits import Commit
from agp.rspl.entities import ResourceId
from agp.rspl.history import History
from agp.store.tables import ChangeRow, CommitRow

nx: Any = networkx  # its type hints are partial: strict checking sees mostly unknowns

_CHUNK = 400


class Node(NamedTuple):
    """A commit as far as ancestry goes. A commit's ``seq`` is greater than its parents'."""

    id: str
    seq: int
    parent: str | None
    merged: str | None


class Moved(NamedTuple):
    """One commit that moved a resource, by digests; None for absent."""

    commit: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Provenance:
    """Where something comes from: a commit, and the numbers it was decided on."""

    commit: str
    created_at: str
    author: str
    operator: str
    message: str
    evidence: dict[str, Any]


def ancestry(history: History, head: str) -> dict[str, Node]:
    """A commit and all it builds on, through both parents, newest first.

    Parameters: ``head`` a full commit id.
    """
    walked = _walk(head).subquery()
    query = select(walked.c.id, walked.c.seq, walked.c.parent, walked.c.merged)
    with history.database.read() as session:
        rows = session.execute(query.order_by(walked.c.seq.desc()))
        return {row[0]: Node(*row) for row in rows}


def ancestors(history: History, commit: str) -> set[str]:
    """The ids of all commits a commit builds on. Raises NotFoundError for an unknown one."""
    head = history.find_commit(commit).id
    return set(ancestry(history, head)) - {head}


def is_ancestor(history: History, older: str, newer: str) -> bool:
    """Whether a commit contains another, which may be itself. Raises NotFoundError."""
    wanted, head = (history.find_commit(each).id for each in (older, newer))
    walked = _walk(head).subquery()
    with history.database.read() as session:
        return session.scalar(select(walked.c.id).where(walked.c.id == wanted)) is not None


def merge_base(history: History, left: str, right: str) -> str | None:
    """The newest commit that both contain; None for unrelated histories.

    It is an ancestor of no other commit that both contain. After criss-cross merges there may be
    others like it: the newest counts, as in git's strategy ``resolve``. Raises NotFoundError.
    """
    walks = [_walk(history.find_commit(each).id).subquery() for each in (left, right)]
    shared = intersect(*(select(walk.c.seq, walk.c.id) for walk in walks)).subquery()
    query = select(shared.c.id).order_by(shared.c.seq.desc()).limit(1)
    with history.database.read() as session:
        return session.scalar(query)


def commit_graph(history: History) -> Any:
    """All commits of the store; nodes say ``branch``, ``author``, ``operator``, ``message``."""
    attributes = ("seq", "branch", "author", "operator", "message", "created_at")
    columns = [getattr(CommitRow, name) for name in ("id", "parent", "merged", *attributes)]
    graph = nx.DiGraph()
    with history.database.read() as session:
        for id_, parent, merged, *values in session.execute(
            select(*columns).order_by(CommitRow.seq)
        ):
            graph.add_node(id_, **dict(zip(attributes, values, strict=True)))
            graph.add_edges_from((each, id_) for each in (parent, merged) if each)
    return graph


def version_graph(history: History, rid: ResourceId) -> Any:
    """The versions of a resource by digest, on all branches; an edge names its ``commit``.

    A restore leads back to an older version, so this graph may have cycles.
    """
    graph = nx.DiGraph()
    for semver, found in history.versions(rid):
        graph.add_node(found, semver=semver)
    for moved in moves(history, rid).values():
        if moved.before and moved.after:
            graph.add_edge(moved.before, moved.after, commit=moved.commit)
    return graph


def moves(history: History, rid: ResourceId) -> dict[str, Moved]:
    """Every commit that moved a resource, on any branch, by id, oldest first."""
    query = (
        select(ChangeRow.commit, ChangeRow.before, ChangeRow.after)
        .join(CommitRow, CommitRow.id == ChangeRow.commit)
        .where(ChangeRow.type == rid.type.value, ChangeRow.name == rid.name)
        .order_by(CommitRow.seq)
    )
    with history.database.read() as session:
        return {row[0]: Moved(*row) for row in session.execute(query)}


def new_since(history: History, base: str, head: str) -> set[str]:
    """The ids of the commits that ``head`` contains and ``base`` does not, both by full id."""
    return ancestry(history, head).keys() - ancestry(history, base).keys()


def provenance(history: History, commits: Iterable[str]) -> dict[str, Provenance]:
    """What commits say of themselves, by full id, oldest first."""
    ids = list(dict.fromkeys(commits))
    found: list[tuple[int, Provenance]] = []
    with history.database.read() as session:
        for start in range(0, len(ids), _CHUNK):
            query = select(CommitRow).where(CommitRow.id.in_(ids[start : start + _CHUNK]))
            found += [(row.seq, provenance_of(row)) for row in session.scalars(query)]
    return {each.commit: each for _, each in sorted(found, key=lambda pair: pair[0])}


def provenance_of(commit: Commit | CommitRow) -> Provenance:
    """A commit with the figures of its evidence alone."""
    return Provenance(
        commit=commit.id,
        created_at=commit.created_at,
        author=commit.author,
        operator=commit.operator,
        message=commit.message,
        evidence=_figures(commit.evidence),
    )


def _figures(evidence: dict[str, Any]) -> dict[str, Any]:
    """What decided: n, difference, interval and p of the gate, and the ids evidence refers to."""
    numbers = cast("dict[str, Any]", evidence.get("numbers") or {})
    named = ("n", "difference", "low", "high", "p")
    figures = {key: numbers[key] for key in named if key in numbers}
    refers = ("run", "rolled_back", "merged", "base")
    return {**figures, **{key: evidence[key] for key in refers if key in evidence}}


def _walk(head: str) -> Select[Any]:
    """A commit and all it builds on, each once."""
    columns = (CommitRow.id, CommitRow.seq, CommitRow.parent, CommitRow.merged)
    walk = select(*columns).where(CommitRow.id == head).cte(recursive=True)
    builds_on = or_(CommitRow.id == walk.c.parent, CommitRow.id == walk.c.merged)
    walk = walk.union(select(*columns).join(walk, builds_on))
    return select(walk)
