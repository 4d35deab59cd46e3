"""Garbage: candidates that nothing mentions any more, old spans, old cached model calls.

Contract: what the history, names, lock files, files, journals, evidence or the audit log reach
stays for good, also where they only mention its digest in a text. One transaction; nothing else
is ever deleted from a store.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Text, cast, delete, exists, func, select, union
from sqlalchemy.orm import Session

from agp.audit import log as audit
from agp.store.database import Database
from agp.store.tables import (
    AliasRow,
    AuditRow,
    CallRow,
    ChangeRow,
    CommitRow,
    DocumentRow,
    EmbeddingRow,
    EventRow,
    ObjectRow,
    PinRow,
    RefRow,
    RunRow,
    SourceRow,
    SpanRow,
    UseRow,
    VersionRow,
)

_DIGEST = re.compile(r"[0-9a-f]{64}")
_BATCH = 500
GRACE = timedelta(hours=1)
"""A run keeps a candidate a moment before its journal mentions it: what was kept since stays."""


@dataclass(frozen=True)
class Collected:
    """What was removed, or would be: bodies and their characters, embeddings, spans, calls."""

    objects: int = 0
    characters: int = 0
    embeddings: int = 0
    spans: int = 0
    calls: int = 0


def collect(
    database: Database,
    *,
    dry_run: bool = False,
    spans_older_than: timedelta | None = None,
    calls_older_than: timedelta | None = None,
    grace: timedelta = GRACE,
    author: str = "user",
) -> Collected:
    """Remove what nothing reaches.

    Parameters: ``dry_run`` only counts; ``spans_older_than`` and ``calls_older_than`` also remove
    traces and cached replies of that age (None keeps them all); bodies that were kept, for the
    first time or again, within ``grace`` stay; ``author`` is named in the audit log. Raises
    StoreError; nothing is removed then.
    """
    moment = datetime.now(UTC)
    ages = (grace, spans_older_than, calls_older_than)
    if dry_run:
        with database.read() as session:
            return _collect(session, moment, *ages, remove=False)
    with database.write() as session:
        database.one_at_a_time(session)
        done = _collect(session, moment, *ages, remove=True)
        if done != Collected():
            audit.append(session, "gc", author, asdict(done))
    return done


def _collect(
    session: Session,
    moment: datetime,
    grace: timedelta,
    spans_age: timedelta | None,
    calls_age: timedelta | None,
    *,
    remove: bool,
) -> Collected:
    gone = _unreached(session, _iso(moment - grace))
    spans = calls = 0
    if spans_age is not None:
        oldest = int((moment - spans_age).timestamp() * 1e9)
        spans = _sweep(session, SpanRow, SpanRow.end_ns < oldest, remove=remove)
    if calls_age is not None:
        made = CallRow.created_at < _iso(moment - calls_age)
        calls = _sweep(session, CallRow, made, remove=remove)
    stale = _stale_embeddings(session, gone)
    if remove:
        _remove(session, list(gone), stale)
    return Collected(len(gone), sum(gone.values()), len(stale), spans, calls)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _unreached(session: Session, before: str) -> dict[str, int]:
    """Digest → size of the bodies, kept before a moment, that nothing reaches."""
    columns = (
        *(VersionRow.digest, RefRow.digest, AliasRow.digest, PinRow.digest, SourceRow.digest),
        *(ChangeRow.before, ChangeRow.after),
    )
    reached = union(*(select(column.label("digest")) for column in columns)).subquery()
    query = (
        select(ObjectRow.digest, func.length(ObjectRow.body))
        .outerjoin(reached, reached.c.digest == ObjectRow.digest)
        .where(reached.c.digest.is_(None), ObjectRow.created_at <= before)
    )
    gone = {row[0]: row[1] for row in session.execute(query)}
    if gone:
        for written in _texts(session):
            for digest in _DIGEST.findall(written):
                gone.pop(digest, None)
    return gone


def _texts(session: Session) -> Iterator[str]:
    """Everything written in the store that may name a version by its digest."""
    columns: Iterable[Any] = (
        cast(RunRow.config, Text),
        cast(EventRow.payload, Text),
        cast(CommitRow.evidence, Text),
        CommitRow.message,
        CommitRow.objective,
        AuditRow.body,
    )
    for column in columns:
        found = session.scalars(select(column).execution_options(yield_per=_BATCH))
        yield from (written for written in found if written)


def _stale_embeddings(session: Session, gone: dict[str, int]) -> list[str]:
    """Digests with embeddings whose version is gone, or going."""
    present = exists().where(ObjectRow.digest == EmbeddingRow.digest)
    lost = set(session.scalars(select(EmbeddingRow.digest).where(~present)))
    embedded = set(session.scalars(select(EmbeddingRow.digest).distinct()))
    return sorted(lost | (embedded & gone.keys()))


def _sweep(session: Session, table: Any, condition: Any, *, remove: bool) -> int:
    count = session.scalar(select(func.count()).select_from(table).where(condition)) or 0
    if remove and count:
        session.execute(delete(table).where(condition))
    return count


def _remove(session: Session, digests: list[str], embeddings: list[str]) -> None:
    for part in _parts(embeddings):
        session.execute(delete(EmbeddingRow).where(EmbeddingRow.digest.in_(part)))
    for part in _parts(digests):
        for table in (DocumentRow, UseRow, ObjectRow):
            session.execute(delete(table).where(table.digest.in_(part)))


def _parts(items: list[str]) -> Iterator[list[str]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))
