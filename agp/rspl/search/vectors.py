"""Ranking by embeddings: vectors kept in the store by model and version, made when first needed.

Every vector of a branch is compared with the query's, so a search grows with the number of live
resources, unlike full text.
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from agp.rspl.entities import EntityType, Record
from agp.rspl.search.documents import content_of, tag_word, tags_of
from agp.rspl.search.ranking import Ranked
from agp.store.database import Database, insert_new
from agp.store.tables import DocumentRow, EmbeddingRow, ObjectRow, RefRow

TEXT_CHARS = 400
"""How much of a record is embedded."""
_BATCH = 16
_ROWS = 1_000

Progress = Callable[[int, int], object]
"""Is told how many of how many were embedded."""


class Embedder(Protocol):
    """A model that turns texts into vectors of length 1."""

    model: str

    def embed(self, texts: Sequence[str]) -> Any:
        """A float32 array of shape (texts, dimensions)."""
        ...


def embed_missing(
    database: Database, embedder: Embedder, branch: str, progress: Progress | None = None
) -> int:
    """Embed what is live on a branch and has no vector of this model yet; how many that were.

    Each batch is kept as soon as it is there: what was interrupted goes on where it stopped.
    """
    query = (
        select(RefRow.digest)
        .where(RefRow.branch == branch)
        .where(
            RefRow.digest.not_in(
                select(EmbeddingRow.digest).where(EmbeddingRow.model == embedder.model)
            )
        )
        .distinct()
    )
    with database.read() as session:
        missing = list(session.scalars(query.order_by(RefRow.digest)))
    for start in range(0, len(missing), _BATCH):
        _embed(database, embedder, missing[start : start + _BATCH])
        if progress is not None:
            progress(min(start + _BATCH, len(missing)), len(missing))
    return len(missing)


def nearest(
    session: Session,
    model: str,
    vector: Any,
    *,
    branch: str,
    types: Sequence[EntityType],
    tags: Sequence[str],
    limit: int,
) -> list[Ranked]:
    """What is live on a branch by cosine with a vector of length 1, nearest first."""
    import numpy as np

    found: list[Ranked] = []
    for rows in _stored(session, model, branch, types, tags):
        matrix = np.frombuffer(b"".join(row.vector for row in rows), dtype="<f4")
        cosines = (matrix.reshape(len(rows), -1) @ vector).tolist()
        scored = (
            Ranked(score, row.type, row.name, row.digest)
            for score, row in zip(cosines, rows, strict=True)
        )
        found = heapq.nsmallest(limit, [*found, *scored], key=Ranked.order)
    return found


def _stored(
    session: Session,
    model: str,
    branch: str,
    types: Sequence[EntityType],
    tags: Sequence[str],
) -> Iterator[Sequence[Any]]:
    """Rows of type, name, digest and vector, some at a time."""
    query = (
        select(RefRow.type, RefRow.name, RefRow.digest, EmbeddingRow.vector)
        .join(EmbeddingRow, EmbeddingRow.digest == RefRow.digest)
        .join(DocumentRow, DocumentRow.digest == RefRow.digest)
        .where(RefRow.branch == branch, EmbeddingRow.model == model)
        .where(*(DocumentRow.words.contains(tag_word(tag)) for tag in tags))
    )
    if types:
        query = query.where(RefRow.type.in_([type_.value for type_ in types]))
    return session.execute(query.execution_options(yield_per=_ROWS)).partitions()


def _embed(database: Database, embedder: Embedder, digests: Sequence[str]) -> None:
    with database.read() as session:
        query = select(ObjectRow.digest, ObjectRow.body).where(ObjectRow.digest.in_(digests))
        bodies = [(digest, body) for digest, body in session.execute(query)]
    texts = [text_of(Record.model_validate(json.loads(body))) for _, body in bodies]
    vectors = embedder.embed(texts)
    with database.write() as session:
        for (digest, _), vector in zip(bodies, vectors, strict=True):
            row = {
                "model": embedder.model,
                "digest": digest,
                "vector": vector.astype("<f4").tobytes(),
            }
            insert_new(session, EmbeddingRow, row)


def text_of(record: Record) -> str:
    """What of a record is embedded: its name and description first, then its content."""
    name = re.sub(r"[_.-]", " ", record.name)
    text = f"{name}: {record.description} {' '.join(tags_of(record))}. {content_of(record)}"
    return " ".join(text.split())[:TEXT_CHARS]
