"""Retrieval: what is live on a branch and answers a query best."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agp.errors import InputError, NotFoundError
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.search.candidates import Index, candidates, weigh
from agp.rspl.search.index import rebuild
from agp.rspl.search.query import Group, filters_of, groups_of, readable
from agp.rspl.search.ranking import Ranked, fuse, rank
from agp.rspl.search.vectors import Embedder, Progress, embed_missing, nearest
from agp.store.database import Database
from agp.store.tables import BranchRow, DocumentRow, ObjectRow, RefRow

LARGEST_LIMIT = 100
_DEPTH = 100  # of each ranking that is fused


@dataclass(frozen=True)
class Hit:
    """One resource that was found; scores compare within one search only."""

    resource: ResourceId
    digest: str
    score: float
    description: str

    def data(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "resource": str(self.resource),
            "digest": self.digest,
            "score": self.score,
            "description": self.description,
        }


def find(
    database: Database,
    query: str,
    *,
    branch: str = "main",
    types: Sequence[EntityType] = (),
    tags: Sequence[str] = (),
    limit: int = 5,
    embedder: Embedder | None = None,
    full_text: bool = True,
    progress: Progress | None = None,
) -> list[Hit]:
    """The resources live on ``branch`` that answer ``query`` best, best first.

    Parameters: ``query`` free text in any words; ``types`` of which a resource has one, ``tags``
    of which it has all; ``limit`` 1 to 100; ``embedder`` ranks by meaning as well (or alone,
    without ``full_text``), after embedding what has no vector yet, as ``progress`` is told.
    Raises InputError for a query without a word, NotFoundError for an unknown branch, and what
    the embedder raises.
    """
    if not 1 <= limit <= LARGEST_LIMIT:
        raise InputError(f"The limit must be 1 to {LARGEST_LIMIT}, not {limit}.")
    groups = groups_of(query)
    _prepare(database, branch)
    vector = None
    if embedder is not None:
        embed_missing(database, embedder, branch, progress)
        [vector] = embedder.embed([readable(query)])
    with database.read() as session:
        depth = limit if embedder is None else max(limit, _DEPTH)
        ranked: list[Ranked] = []
        if full_text:
            ranked = _by_words(Index(session, branch, filters_of(types, tags)), groups, depth)
        if embedder is not None:
            near = nearest(
                session,
                embedder.model,
                vector,
                branch=branch,
                types=types,
                tags=tags,
                limit=depth,
            )
            ranked = fuse(ranked, near) if full_text else near
        return _hits(session, ranked[:limit])


def _prepare(database: Database, branch: str) -> None:
    """Check the branch; index a store that comes from an agp without search."""
    with database.read() as session:
        if session.get(BranchRow, branch) is None:
            raise NotFoundError("branch", branch, session.scalars(select(BranchRow.name)))
        empty = session.scalar(select(DocumentRow.id).limit(1)) is None
        if not empty or session.scalar(select(RefRow.digest).limit(1)) is None:
            return
    rebuild(database)


def _by_words(index: Index, groups: Sequence[Group], limit: int) -> list[Ranked]:
    weighed = weigh(index, groups)
    return rank(weighed, candidates(index, weighed, limit))[:limit]


def _hits(session: Session, ranked: Sequence[Ranked]) -> list[Hit]:
    query = select(ObjectRow.digest, ObjectRow.body)
    rows = session.execute(query.where(ObjectRow.digest.in_([each.digest for each in ranked])))
    described = {digest: json.loads(body)["description"] for digest, body in rows}
    return [
        Hit(
            ResourceId(EntityType(each.type), each.name),
            each.digest,
            round(each.score, 4),
            described[each.digest],
        )
        for each in ranked
    ]
