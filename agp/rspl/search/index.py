"""Keeping the index: every version that is live on some branch is in it, and nothing else.

What is written here is rows of ``documents``. The inverted index over them (FTS5 on SQLite, a
tsvector on PostgreSQL) is kept by the database itself, in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from weakref import WeakSet

from sqlalchemy import Engine, exists, func, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from agp.rspl.entities import Record
from agp.rspl.search.documents import document
from agp.store.database import Database
from agp.store.tables import DocumentRow, ObjectRow, RefRow

_BATCH = 500

_ANY = text("SELECT 1 FROM documents LIMIT 1")
_INSERT = text(
    "INSERT INTO documents (digest, type, name, title, about, content, words) "
    "VALUES (:digest, :type, :name, :title, :about, :content, :words) ON CONFLICT DO NOTHING"
)
_DELETE = text(
    "DELETE FROM documents WHERE digest = :digest "
    "AND NOT EXISTS (SELECT 1 FROM refs WHERE refs.digest = :digest)"
)
_begun: WeakSet[Engine] = WeakSet()
"""Stores that are known to have an index."""


def add(session: Session, records: Iterable[Record]) -> None:
    """Index records that became live, in the transaction that makes them live.

    What is indexed already is left as it is. A store that comes from an agp without search is
    indexed as a whole here, with its first commit.
    """
    session.flush()
    connection = session.connection()
    if connection.engine not in _begun:
        if connection.execute(_ANY).first() is None:
            fill(session)  # may be rolled back: so look again next time
        else:
            _begun.add(connection.engine)
    if rows := [document(record) for record in records]:
        connection.execute(_INSERT, rows)


def fill(session: Session, branch: str | None = None) -> None:
    """Index what is live, on one branch or on any, and is not indexed yet.

    For branches that are made at an old commit, whose versions may be live nowhere else.
    """
    session.flush()
    live = select(RefRow.digest).where(RefRow.digest == ObjectRow.digest)
    if branch is not None:
        live = live.where(RefRow.branch == branch)
    indexed = exists().where(DocumentRow.digest == ObjectRow.digest)
    query = select(ObjectRow.body).where(live.exists(), ~indexed).order_by(ObjectRow.digest)
    bodies = session.scalars(query.execution_options(yield_per=_BATCH))
    for part in bodies.partitions():
        rows = [document(Record.model_validate(json.loads(body))) for body in part]
        session.execute(_INSERT, rows)


def drop(session: Session, digests: Iterable[str]) -> None:
    """Take out those of ``digests`` that no branch has live any more."""
    session.flush()
    if rows := [{"digest": digest} for digest in digests]:
        session.connection().execute(_DELETE, rows)


def rebuild(database: Database) -> int:
    """Make the index anew from what is live, in one transaction; how many documents it has."""
    with database.write() as session:
        database.one_at_a_time(session)
        if database.dialect == "sqlite":  # from a damaged index no document can be taken out
            session.execute(text("INSERT INTO search(search) VALUES ('rebuild')"))
        session.execute(text("DELETE FROM documents"))
        fill(session)
        return session.scalar(select(func.count()).select_from(DocumentRow)) or 0


def check(session: Session) -> list[str]:
    """What is wrong with the index, in words; nothing when it is what `rebuild` would make."""
    live = set(session.scalars(select(RefRow.digest).distinct()))
    indexed = set(session.scalars(select(DocumentRow.digest)))
    faults = [
        f"version {each[:12]} is live, but not in the search index" for each in live - indexed
    ]
    faults += [
        f"version {each[:12]} is in the search index, but not live" for each in indexed - live
    ]
    for row, body in session.execute(
        select(DocumentRow, ObjectRow.body).join(ObjectRow, ObjectRow.digest == DocumentRow.digest)
    ).yield_per(_BATCH):
        expected = document(Record.model_validate(json.loads(body)))
        if any(getattr(row, column) != value for column, value in expected.items()):
            faults.append(f"version {row.digest[:12]} is in the search index with other words")
    return sorted(faults) + _damage(session)


def _damage(session: Session) -> list[str]:
    """FTS5's own check of the inverted index against the documents; PostgreSQL has none."""
    if session.get_bind().dialect.name != "sqlite":
        return []
    try:
        session.execute(text("INSERT INTO search(search, rank) VALUES ('integrity-check', 1)"))
    except DatabaseError as error:
        return [f"the search index is damaged: {error.orig}"]
    return []
